"""Parts of the reference that come from the code: settings, commands, errors, events, metrics."""

from __future__ import annotations

import ast
import inspect
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import click

from kore_campaigns import events
from kore_campaigns.cli.main import cli
from kore_campaigns.config.settings import RULES, KoreCredentials, KoreSettings
from kore_campaigns.errors import KoreCampaignsError
from kore_campaigns.reports.monitoring import METRICS, PREFIX
from kore_emulator import FAULTS

RUNBOOK: Final = Path(__file__).parents[1] / "how-to" / "runbook.md"
PACKAGE: Final = Path(events.__file__).parent
UNITS: Final = {"_seconds": "seconds", "_minutes": "minutes", "_hours": "hours"}
# fields that the keywords of `log_event` do not show
FIELDS_OF: Final = {
    "drift_found": "`path`, `example_type`, `count`",
    "run_finished": "the keys of `--json` but `drift`; `exit_code`, `message`",
}


def settings(of: type[KoreSettings | KoreCredentials], place: str = "") -> str:
    """A section for each setting."""
    flags = {option.name: option.opts[-1] for option in cli.commands["run"].params}
    meanings = _texts_below_fields(of)
    parts = []
    for each in fields(of):
        if each.name == "credentials":
            continue
        name = place + each.name
        facts = {
            "Environment": "`SOURCES__KORE_CAMPAIGNS__" + name.replace(".", "__").upper() + "`",
            "Flag": f"`{flags[each.name]}`" if each.name in flags else "",
            "File": f"`.dlt/{'secrets' if place or not each.repr else 'config'}.toml`",
            "Type": _type(each.name, each.default),
            "Allowed": next((allowed for allowed, _, names in RULES if name in names), ""),
            "Default": _default(each.name, each.default),
        }
        lines = [f"- {label}: {text}" for label, text in facts.items() if text]
        parts.append(f"### {name}\n\n{meanings[each.name]}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _texts_below_fields(of: type) -> dict[str, str]:
    declared: Any = ast.parse(inspect.getsource(of)).body[0]
    return {
        ast.unparse(node.target): " ".join(ast.literal_eval(text.value).split())
        for node, text in pairwise(declared.body)
        if isinstance(node, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def _type(name: str, default: Any) -> str:
    kind = {bool: "true or false", int: "whole number", float: "number"}.get(type(default), "text")
    unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
    return f"{kind}, {unit}" if unit else kind


def _default(name: str, default: Any) -> str:
    if name == "notify_url" or default == "":
        return "none"
    if default is None:
        is_key = name in ("client_secret", "private_key")
        return "none; the algorithm decides which of the two is required" if is_key else "required"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def commands() -> str:
    """The list of commands, then a section for each."""
    by_name = cli.commands
    helps = {name: inspect.cleandoc(each.help or "") for name, each in by_name.items()}
    first = {name: text.partition("\n\n")[0] for name, text in helps.items()}
    rows = [f"| [`{name}`](#{name}) | {first[name]} |" for name in by_name]
    of_all = _options(cli.params, click.Context(cli))
    parts = [_table("command", "what it does", rows), f"## Options of every command\n\n{of_all}"]
    for name, command in by_name.items():
        context = click.Context(command)
        arguments = [
            a.make_metavar(context) for a in command.params if a.param_type_name != "option"
        ]
        usage = f"\n\nUsage: `kore-campaigns {name} {' '.join(arguments)}`" if arguments else ""
        parts.append(f"## {name}\n\n{helps[name]}{usage}")
        own = [option for option in command.params if option not in cli.params]
        parts += [_options(own, context)] if own else []
    return "\n\n".join(parts)


def _options(options: Iterable[click.Parameter], context: click.Context) -> str:
    rows = []
    for option in options:
        if not isinstance(option, click.Option):
            continue
        names = ", ".join(sorted([*option.opts, *option.secondary_opts], key=len))
        value = "" if option.is_flag else " " + option.make_metavar(context).replace("|", "\\|")
        has_default = isinstance(option.default, str) and "Default: " not in (option.help or "")
        default = f" Default: `{option.default}`." if has_default else ""
        rows.append(f"| `{names}{value}` | {option.help or ''}{default} |")
    return _table("option", "meaning", rows)


def _table(*lines: Any) -> str:
    *names, rows = lines
    head = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    return "\n".join([*head, *rows])


def errors() -> str:
    """A section for each error code: what the runbook says of it, and its messages."""
    found: dict[str, list[str]] = {}
    for error in sorted(error_classes(), key=lambda each: (each.exit_code, each.code)):
        text = re.sub(r"`\{self\.(\w+)\}`", r"*\1*", error.template)
        # in a command a value has capitals
        spans = [
            _with_values(span, "{}" if place % 2 else "*{}*")
            for place, span in enumerate(text.split("`"))
        ]
        text = "`".join(spans)
        what, then = runbook()[error.code, error.exit_code]
        what = what[0].upper() + what[1:]
        then = then if then.endswith("?") else f"{then}."
        lines = [f"Exit code {error.exit_code}. {what}.", f"Next: {then}", f"> {text}"]
        found.setdefault(error.code, []).extend(lines)
    return "\n\n".join(f"### {code}\n\n" + "\n\n".join(texts) for code, texts in found.items())


def _with_values(text: str, form: str) -> str:
    """The text of a template with the name of each value in this form."""

    def name(value: re.Match[str]) -> str:
        return form.format(value[1] if "*" in form else value[1].upper())

    return re.sub(r"\{self\.(\w+)[^}]*\}", name, text)


def runbook() -> Mapping[tuple[str, int], tuple[str, str]]:
    """What happened, and the next step, by error code and exit code."""
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for chapter in RUNBOOK.read_text(encoding="utf-8").split("### Exit code ")[1:]:
        exit_code = int(chapter.partition(":")[0])
        for codes, *cells in re.findall(
            r"^\| (`\w+`.*?) \| (.*) \| (.*) \|$", chapter, re.MULTILINE
        ):
            # the links of the page are relative to its folder
            what, then = (re.sub(r"\]\((?=\w)", "](../how-to/", cell) for cell in cells)
            found |= {(code, exit_code): (what, then) for code in re.findall(r"`(\w+)`", codes)}
    return found


def error_classes(
    below: type[KoreCampaignsError] = KoreCampaignsError,
) -> Iterator[type[KoreCampaignsError]]:
    """Every error that has a code of its own."""
    for each in below.__subclasses__():
        if "code" in vars(each):
            yield each
        yield from error_classes(each)


def events_table() -> str:
    """A row for each event, with its level and its fields."""
    source = Path(events.__file__).read_text(encoding="utf-8")
    when = dict(re.findall(r'^    "(\w+)": \w+,  # (.*)$', source, flags=re.MULTILINE))
    found = _fields_of_events()
    rows = []
    for name, level in events.EVENTS.items():
        listed = FIELDS_OF.get(name) or ", ".join(f"`{field}`" for field in found[name])
        shown = logging.getLevelName(level).lower()
        rows.append(f"| `{name}` | {shown} | {listed} | {when[name]} |")
    return _table("event", "level", "fields", "when", rows)


def _fields_of_events() -> Mapping[str, list[str]]:
    """Keywords of each `log_event(...)`; `message` where it has a sentence or is a `Problem`."""
    found: dict[str, list[str]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            place = {"log_event": 1, "Problem": 0}.get(node.func.id)
            name = None if place is None else node.args[place]
            if place is not None and isinstance(name, ast.Constant):
                named = [each.arg for each in node.keywords if each.arg not in (None, "run_id")]
                sentence = ["message"] if len(node.args) > place + 1 else []
                found.setdefault(str(name.value), [*map(str, named), *sentence])
    return found


def metrics() -> str:
    """A row for each metric."""
    rows = [f"| `{PREFIX}{name}` | {meaning} |" for name, meaning in METRICS.items()]
    return _table("metric", "meaning", rows)


SCREENS: Final = {
    "demo": "The demo",
    "check": "Check",
    "plan": "Plan before the first run",
    "run-1": "A run of 150 campaigns, after the first calls",
    "run-2": "The same, while it waits for the call budget",
    "run-3": "The same, near its end",
    "run": "The end of a run",
    "status": "Status",
    "error": "A run in which a campaign failed",
    "status-after-an-error": "Status after it",
    "suggestion": "A misspelt command",
}


def screens() -> str:
    """Each recorded screen, under its heading."""
    folder = Path(__file__).parents[1] / "screens"
    texts = {name: (folder / f"{name}-80.txt").read_text(encoding="utf-8") for name in SCREENS}
    return "\n\n".join(
        f"## {SCREENS[name]}\n\n```text\n{text.rstrip()}\n```" for name, text in texts.items()
    )


def faults() -> str:
    """A row for each fault of the emulator."""
    rows = []
    for fault, kind in FAULTS.items():
        options = ", ".join(f"`{name}={default!r}`" for name, default in kind.options.items())
        rows.append(f"| `{fault}` | {kind.effect} | {options} |")
    return _table("Fault", "What the client sees", "Options and defaults", rows)
