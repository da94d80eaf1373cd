"""Init: the files of a new project, or files for another program that uses it."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

import kore_templates
from kore_campaigns.api.endpoints import base_url
from kore_campaigns.cli.console import say
from kore_campaigns.config.settings import KoreSettings, refuse_invalid
from kore_campaigns.errors import SettingInvalid, first_line

TEMPLATES: Final = Path(kore_templates.__file__).parent
CONFIG: Final = ".dlt/config.toml"
SECRETS: Final = ".dlt/secrets.toml"
# each file of a project, and its template
PROJECT: Final = {
    CONFIG: "config.toml",
    SECRETS: "secrets.toml",
    "campaign_ids.csv": "campaign_ids.csv",
    "policies.csv": "policies.csv",
    ".gitignore": "gitignore",
}
# each other program: its folder in the project, and the next command
PARTS: Final = {
    "airflow": ("dags", "pip install -r dags/requirements.txt"),
    "dbt": ("dbt", "cd dbt && dbt build --profiles-dir ."),
    "superset": ("superset", "python3 -m zipfile -c superset.zip superset/kore_campaigns"),
    "systemd": ("systemd", "sudo cp systemd/kore-campaigns.* /etc/systemd/system/"),
    "cron": ("cron", "(crontab -l; cat cron/kore-campaigns.cron) | crontab -"),
}


_OF_UVX: Final = "/archive-v0/"  # in the path of a program that uvx runs


@dataclass(frozen=True, slots=True)
class Question:
    """A setting that init fills in: its full name, its file, and the text of its prompt."""

    setting: str
    file: str
    text: str
    default: str = ""

    @property
    def key(self) -> str:
        return self.setting.rpartition(".")[2]

    @property
    def variable(self) -> str:
        return "SOURCES__KORE_CAMPAIGNS__" + self.setting.replace(".", "__").upper()

    def checked(self, value: str) -> str:
        """The value to write; raises `SettingInvalid` as every command does."""
        value = value.strip()
        if value.encode(errors="ignore").decode() != value:
            raise SettingInvalid(self.setting, value="(not shown)", expected="text in UTF-8")
        if value:
            refuse_invalid(self.setting, value)
        return base_url(value) if self.setting == "host" else value

    def answered(self) -> str:
        """The answer of a person on a terminal; empty to leave it for later."""
        while True:
            answer = click.prompt(
                self.text,
                default=self.default,
                show_default=bool(self.default),
                hide_input=self.key == "client_secret",
                err=True,
            )
            try:
                return self.checked(answer)
            except SettingInvalid as wrong:
                say(str(wrong))


QUESTIONS: Final = (
    Question("host", CONFIG, "Address of your Kore.ai region", KoreSettings.host),
    Question("stream_id", CONFIG, "Stream id of the app (st-...)"),
    Question("account_id", CONFIG, "Account id"),
    Question("credentials.client_id", SECRETS, "Client id of the JWT app (cs-...)"),
    Question("credentials.client_secret", SECRETS, "Client secret (not shown)"),
)


@dataclass
class Made:
    """Files that init wrote or found, and what is left to do."""

    folder: str
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    next: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        yield f"project  {self.folder}"
        yield from (f"written  {name}" for name in self.written)
        yield from (f"kept     {name}: it existed, and is as it was" for name in self.kept)
        yield from (f"note     {note}" for note in self.notes)
        yield from (f"next     {command}" for command in self.next)


def make_project(
    folder: Path, given: Mapping[str, str | None], parts: Sequence[str], *, prompt: bool
) -> Made:
    """Write the files of a project, or of `parts` alone, that do not exist or are still templates.

    Values come from `given`, from the environment or, with `prompt`, from a person on a terminal.
    """
    made = Made(str(folder))
    if parts:
        texts = {name: text for part in parts for name, text in _part(part, folder)}
        made.next = [PARTS[part][1] for part in parts]
        if any(_OF_UVX in text for text in texts.values()):
            made.notes.append("uvx deletes this program again. Next: install it, then init again")
    else:
        templates = TEMPLATES / "project"
        texts = {name: (templates / each).read_text("utf-8") for name, each in PROJECT.items()}
        made.next = [f"kore-campaigns {command}" for command in ("check", "plan", "run")]
    if folder != Path.cwd():
        made.next.insert(0, f"cd {shlex.quote(str(folder))}")
    try:
        for name, text in texts.items():
            is_open = name in (CONFIG, SECRETS) and _is_template(folder / name, text)
            (made.kept if _exists(folder / name) and not is_open else made.written).append(name)
        if not parts:
            _fill_in(texts, given, made, prompt=prompt)
            made.notes += _git_notes(folder, made)
        _write(folder, {name: texts[name] for name in made.written})
    except OSError as failed:
        expected = f"a folder that can be written; {first_line(failed)}"
        raise SettingInvalid(key="directory", value=folder, expected=expected) from None
    return made


def _part(part: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each file for another program."""
    top = TEMPLATES / part
    for path in sorted(top.rglob("*")):
        if path.is_file() and path.parent.name != "__pycache__":
            text = path.read_text(encoding="utf-8")
            if part in ("systemd", "cron"):
                text = text.format(project=_plain(folder), command=_command(), user=os.getuid())
            yield f"{PARTS[part][0]}/{path.relative_to(top)}", text


def _command() -> str:
    """The command of this installation, for a program that has another PATH."""
    script = Path(sys.executable).with_name("kore-campaigns")
    return _plain(script) if script.exists() else f"{_plain(sys.executable)} -m kore_campaigns"


def _plain(path: str | Path) -> str:
    """The path, if it has the same meaning for systemd, cron and a shell."""
    if not re.fullmatch(r"[\w/.+@,-]+", str(path)):
        expected = "for systemd and cron a path of letters, digits and `/ . _ - + @ ,` alone"
        raise SettingInvalid(key="directory", value=path, expected=expected)
    return str(path)


def _exists(path: Path) -> bool:
    """True for a file, which is kept; raises `SettingInvalid` if the name is taken otherwise."""
    for parent in path.parents:
        if os.path.lexists(parent) and not parent.is_dir():
            expected = "a folder; a file or a broken link has this name"
            raise SettingInvalid(key="directory", value=parent, expected=expected)
    if os.path.lexists(path) and not path.is_file():
        expected = "a file, or nothing; a folder or a broken link has this name"
        raise SettingInvalid(key="directory", value=path, expected=expected)
    return path.is_file()


def _is_template(path: Path, text: str) -> bool:
    """True for a file in which nothing is filled in yet, as in a clone of this project."""
    return path.is_file() and not path.is_symlink() and path.read_bytes() == text.encode()


def _fill_in(
    texts: dict[str, str], given: Mapping[str, str | None], made: Made, *, prompt: bool
) -> None:
    """Write the values into the texts of the files that will be written."""
    values: dict[str, str] = {}
    for each in QUESTIONS:
        value = given.get(each.key) or os.environ.get(each.variable) or ""
        values[each.key] = each.checked(value) if value else ""
    for file in (CONFIG, SECRETS):
        lost = [f"`{q.key}`" for q in QUESTIONS if q.file == file and given.get(q.key)]
        if lost and file in made.kept:
            made.notes.append(f"not written: {', '.join(lost)}. Next: edit {file}, which existed")
    for each in QUESTIONS:
        if each.file in made.kept:
            continue
        value = values[each.key] or (each.answered() if prompt else "")
        if value:
            commented = re.compile(rf'^# {each.key} = ".*?"', re.MULTILINE)
            parts = commented.split(texts[each.file])
            texts[each.file] = f"{each.key} = {_toml(value)}".join(parts)
        elif not each.default:
            made.missing.append(each.setting)
    for file in (CONFIG, SECRETS):
        names = [f"`{q.key}`" for q in QUESTIONS if q.file == file and q.setting in made.missing]
        if names:
            made.notes.append(f"fill in {', '.join(names)} in {file}")


def _toml(value: str) -> str:
    """The text as a TOML string, which is one of JSON but for the sign DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _git_notes(folder: Path, made: Made) -> Iterator[str]:
    if ".gitignore" in made.kept and b"secrets.toml" not in (folder / ".gitignore").read_bytes():
        yield f"add the line `{SECRETS}` to .gitignore, or git takes your secrets"


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write all files or none: under another name first, with their mode from the start."""
    drafts: dict[Path, Path] = {}
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            mode = 0o600 if name == SECRETS else 0o666  # less what the umask takes
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            drafts[draft] = path
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123  # of an open file
                file.write(text)
        for draft, path in drafts.items():
            draft.rename(path)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
