"""The command: help, exit codes, what goes to stdout and what to stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.cli.main import cli
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project

pytestmark = pytest.mark.slow

COMMANDS = [*cli.commands]
# what each command needs besides its name
NEEDED = {
    "report": ("--html", "page.html"),
    "export": ("--parquet", "parquet"),
    "views": ("--dialect", "duckdb"),
    "copy": ("--destination", "postgres"),
    "restore": ("--generation", "1"),
}
KEYS = [
    *("run_id", "sweep", "sweep_reason", "listed"),
    *("planned", "fetched", "new_versions", "unchanged", "vanished", "failed"),
    *("requests", "retries", "rate_limited", "drift", "seconds", "database", "is_complete"),
]
HEAVY = ("dlt", "duckdb", "pandas", "requests", "pyarrow", "numpy", "sqlglot", "jwt", "rich")


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    return kore


def python(code: str) -> str:
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_help_names_every_command_and_every_exit_code(project: Project) -> None:
    ended = project.command("--help")

    assert (ended.code, ended.err) == (0, "")
    for command in COMMANDS:
        assert f"\n  {command} " in ended.out
    for code in ("0 ok", "1 unexpected", "2 usage or settings", "3 authentication", "4 partial"):
        assert code in ended.out
    for code in ("5 the answer breaks the contract", "6 database locked", "75 temporary"):
        assert code in ended.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(project: Project, command: str) -> None:
    ended = project.command(command, "--help")

    assert (ended.code, ended.err) == (0, "")
    assert f"Usage: kore-campaigns {command} " in ended.out
    flags = ("--json", "-q, --quiet", "-v, --verbose", "--log-format", "--project-dir DIR")
    for option in (*flags, "--debug"):
        assert option in ended.out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["run", "--no-such-option"],
        ["run", "--sweep", "weekly"],
        ["run", "--requests-per-minute", "many"],
        ["run", "--deadline", "5x"],
        ["run", "--data", "x"],
        ["status", "--sweep", "full"],
        ["check", "extra"],
    ],
)
def test_wrong_usage_is_exit_2(project: Project, arguments: list[str]) -> None:
    ended = project.command(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert "Usage: kore-campaigns" in ended.err


def test_flags_of_every_command_stand_before_or_after_it(kore: Emulator, project: Project) -> None:
    project.run()
    for arguments in (["--json", "status"], ["status", "--json"]):
        assert project.cli(*arguments).json["state"] == "ok"
    for arguments in (["-q", "run"], ["run", "-q"], ["run", "--quiet"]):
        assert project.cli(*arguments).out == ""
    for arguments in (["-v", "run"], ["run", "--verbose"]):
        assert "kore-campaigns: run_finished: run " in project.cli(*arguments).err
    for arguments in (["--log-format", "json", "verify"], ["verify", "--log-format", "json"]):
        assert project.cli(*arguments).err == ""
    elsewhere = ("--project-dir", "/no/such")
    for arguments in ([*elsewhere, "status"], ["status", *elsewhere]):
        assert "expected a folder that exists" in project.cli(*arguments).err


def test_quiet_check_and_plan_write_only_what_failed(kore: Emulator, project: Project) -> None:
    assert project.cli("check", "-q").out == project.cli("plan", "-q").out == ""
    kore.fault(Fault.FORBIDDEN, endpoint="listing")

    ended = project.cli("check", "-q")

    assert ended.code == 0
    assert ended.out == ""
    project.set("credentials__client_secret", "revoked")
    (line,) = project.cli("check", "-q").out.splitlines()
    assert line.startswith("failed  token")


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["statu"], "'status'"),
        (["run", "--quite"], "'--quiet'"),
        (["--verbos", "run"], "'--verbose'"),
        (["run", "--sweep", "ful"], "'full'"),
        (["views", "--dialect", "postgress"], "'postgres'"),
    ],
)
def test_a_typing_error_gets_a_suggestion(
    project: Project, arguments: list[str], suggestion: str
) -> None:
    ended = project.cli(*arguments)

    assert ended.code == 2
    assert "Did you mean " in ended.err
    assert suggestion in ended.err.partition("Did you mean ")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_for_completion(shell: str) -> None:
    script = completed({"_KORE_CAMPAIGNS_COMPLETE": f"{shell}_source"})

    assert "kore-campaigns" in script
    assert f"_KORE_CAMPAIGNS_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("kore-campaigns sta", "status"),
        ("kore-campaigns run --accept", "--accept-vanished"),
        ("kore-campaigns run --sweep ful", "full"),
        ("kore-campaigns --verb", "--verbose"),
    ],
)
def test_bash_completes_commands_options_and_choices(typed: str, found: str) -> None:
    script = (
        'eval "$(_KORE_CAMPAIGNS_COMPLETE=bash_source kore-campaigns)"; '
        f"COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        "$(complete -p kore-campaigns | sed 's/.*-F \\([^ ]*\\).*/\\1/') kore-campaigns; "
        'echo "${COMPREPLY[@]}"'
    )

    ended = subprocess.run(
        ["bash", "--norc", "-c", script], env=in_path(), capture_output=True, text=True, check=True
    )

    assert (ended.stdout.strip(), ended.stderr) == (found, "")


def in_path() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def completed(environment: dict[str, str]) -> str:
    command = [str(Path(sys.executable).with_name("kore-campaigns"))]
    return subprocess.run(
        command, env=in_path() | environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--destination", "filesystem"],
            "flag `--destination` is `filesystem`; expected a SQL database",
        ),
        (["--requests-per-minute", "-1"], "flag `--requests-per-minute` is `-1`; expected 0"),
        (["--campaign-ids", "no.csv"], "no.csv: expected a readable csv file"),
        (["--project-dir", "/no/such"], "flag `--project-dir` is `/no/such`; expected a folder"),
        (["--connection", "uk"], "flag `--connection` is `uk`; expected a connection"),
        (["--database", "kore.duckdb"], "expected a file name other than its schemas"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_before_anything_is_asked(
    kore: Emulator, project: Project, arguments: list[str], said: str
) -> None:
    ended = project.cli("run", *arguments)

    assert (ended.code, ended.out, kore.counters.requests) == (2, "", 0)
    assert ended.err.startswith("kore-campaigns: ")
    assert ended.err.count("\n") == 1
    assert said in ended.err


def test_the_summary_is_on_stdout_and_messages_are_on_stderr(
    kore: Emulator, project: Project
) -> None:
    kore.fault(Fault.HTML, kore.campaign_ids()[0])

    ended = project.cli("run")

    assert ended.code == 4
    assert ended.out.splitlines()[2] == (
        "  campaigns  3 planned: 2 new versions, 0 unchanged, 0 vanished, 1 failed"
    )
    assert all(line.startswith("kore-campaigns: ") for line in ended.err.splitlines())
    assert kore.campaign_ids()[0] in ended.err


def test_json_is_one_object_with_the_promised_keys_and_the_same_exit_code(
    kore: Emulator, project: Project
) -> None:
    good = project.cli("run", "--json")
    kore.fault(Fault.HTML, kore.campaign_ids()[0])
    bad = project.cli("run", "--json")

    for ended in (good, bad):
        assert list(ended.json) == KEYS
        assert ended.out.count("\n") == 1
    assert (good.code, good.err) == (0, "")
    assert (bad.code, bad.json["failed"]) == (4, 1)


OF_A_DATABASE = {*COMMANDS} - {"demo", "init", "views", "check", "restore"}


@pytest.mark.parametrize(
    ("command", "flags", "code", "error"),
    [
        *((each, ["--project-dir", "/no/such"], 2, "setting_invalid") for each in COMMANDS),
        *((each, ["--no-such-flag"], 2, "usage_invalid") for each in COMMANDS),
        *(
            (each, ["--database", "a.csv"], 6, "destination_unavailable")
            for each in sorted(OF_A_DATABASE)
        ),
        ("restore", [], 2, "setting_invalid"),  # none is kept
    ],
)
def test_with_json_an_error_is_one_object_too(
    kore: Emulator, project: Project, command: str, flags: list[str], code: int, error: str
) -> None:
    (project.folder / "a.csv").write_text("campaign_id\n")
    arguments = [command, *NEEDED.get(command, ()), *flags]

    read, shown = project.cli(*arguments, "--json"), project.cli(*arguments)

    assert (read.code, shown.code, shown.out) == (code, code, "")
    assert read.err == shown.err != ""
    assert list(read.json) == ["exit_code", "error_code", "message"]
    assert (read.json["exit_code"], read.json["error_code"]) == (code, error)
    assert read.out.count("\n") == 1
    if error != "usage_invalid":
        assert read.err == f"kore-campaigns: {read.json['message']}\n"
    assert kore.counters.requests == 0


def test_quiet_is_silent_unless_something_failed(kore: Emulator, project: Project) -> None:
    good = project.command("run", "--quiet")
    kore.fault(Fault.HTML, kore.campaign_ids()[0])
    bad = project.command("run", "--quiet")

    assert good == type(good)(0, "", "")
    assert (bad.code, bad.out, bad.err.count("\n")) == (4, "", 1)
    assert kore.campaign_ids()[0] in bad.err


def test_flags_name_files_from_the_current_folder_settings_from_the_project(
    kore: Emulator, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "one.csv").write_text(f"campaign_id\n{kore.campaign_ids()[0]}\n", encoding="utf-8")
    monkeypatch.chdir(here)

    flagged = project.cli("run", "--json", "--database", "x.duckdb", "--campaign-ids", "one.csv")
    plain = project.cli("run", "--json")

    assert (flagged.json["database"], flagged.json["planned"]) == (str(here / "x.duckdb"), 1)
    assert (plain.json["database"], plain.json["planned"]) == (str(project.database), 3)


def test_the_limit_of_requests_may_be_a_flag(kore: Emulator, project: Project) -> None:
    ended = project.cli(
        "run", "--json", "--requests-per-minute", "2", "--campaign-ids", _two(project)
    )

    assert (ended.code, ended.json["requests"]) == (0, 2)
    assert list(Path(os.environ["XDG_STATE_HOME"]).rglob("*.*"))  # the count of calls is kept


def _two(project: Project) -> str:
    lines = (project.folder / "campaign_ids.csv").read_text(encoding="utf-8").splitlines()
    path = project.folder / "two.csv"
    path.write_text("\n".join(lines[:3]) + "\n", encoding="utf-8")
    return str(path)


def test_something_nobody_thought_of_is_one_line_and_exit_1(
    kore: Emulator, project: Project
) -> None:
    project.run()
    with duckdb.connect(str(project.database)) as connection:
        connection.execute(
            "update kore_raw.extraction_runs set confirmed_through = 'x', unsettled = '7'"
        )

    short, long = project.command("run"), project.command("run", "--debug")

    assert (short.code, short.out, short.err.count("\n")) == (1, "", 1)
    assert "--debug" in short.err
    assert project.command("run", "--json").json["error_code"] == "unexpected_error"
    assert (long.code, "Traceback" in long.err) == (1, True)


@pytest.mark.parametrize("arguments", [["check"], ["run"], ["run", "--json"], ["status"]])
def test_a_reader_that_has_seen_enough_changes_no_exit_code(
    kore: Emulator, project: Project, arguments: list[str]
) -> None:
    kore.fault(Fault.HTML, kore.campaign_ids()[0])
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as nobody_reads:
        ended = subprocess.run(
            [sys.executable, "-m", "kore_campaigns", *arguments],
            stdout=nobody_reads,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert ended.returncode == (4 if arguments[0] == "run" else 0)
    assert "BrokenPipe" not in ended.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    found = python(
        "import sys, kore_campaigns\n"
        "from kore_campaigns.cli.main import main\n"
        f"assert main({arguments}) == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert found.splitlines()[-1] == "[]"


def test_the_version_is_that_of_the_package(project: Project) -> None:
    ended = project.cli("--version")

    assert (ended.code, ended.out) == (0, f"kore-campaigns, version {version('kore-campaigns')}\n")


def test_a_duration_that_cannot_be_read_is_named_with_examples(project: Project) -> None:
    ended = project.cli("run", "--deadline", "5x")

    assert "invalid duration '5x'; use for example 90s, 10m or 2h" in ended.err


def test_what_the_package_offers_can_be_imported_from_it() -> None:
    found = python(
        "from kore_campaigns import RunReport, kore_campaigns, read_view, run_pipeline\n"
        "print(RunReport.__name__, kore_campaigns.name, read_view.__name__, run_pipeline.__name__)"
    )
    assert found == "RunReport kore_campaigns read_view run_pipeline"
    import kore_campaigns

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kore_campaigns.nothing


STREAMS = ["2>&-", ">&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"]


@pytest.mark.parametrize("streams", STREAMS)
def test_a_run_does_its_work_whatever_its_standard_streams_are(
    kore: Emulator, project: Project, streams: str
) -> None:
    ended = in_shell(project, f"run {streams}")

    assert (ended.returncode, len(project.sql("from kore.campaigns"))) == (0, 3)
    if streams == ">/dev/full":
        assert ended.stderr == (
            "kore-campaigns: stdout could not be written: No space left on device. Nothing else "
            "is affected.\n"
        )


def test_its_exit_code_is_that_of_the_work(kore: Emulator, project: Project) -> None:
    kore.fault(Fault.HTML, kore.campaign_ids()[0])

    assert in_shell(project, "run --json >/dev/full").returncode == 4
    assert in_shell(project, "run 2>&-").returncode == 4
    assert in_shell(project, "--help >/dev/full").returncode == 0


def test_signs_that_a_terminal_lacks_are_written_in_another_way(
    kore: Emulator, project: Project
) -> None:
    project.run()
    project.alter("update campaign_versions set name = 'क'")

    ended = in_shell(project, "export --parquet क 2>&1; kore-campaigns report --html क.html")

    assert ended.returncode == 0
    assert r"\u0915" in ended.stdout


def in_shell(project: Project, command: str) -> subprocess.CompletedProcess[str]:
    """The installed command in a shell, whose streams are ASCII."""
    folder = Path(sys.executable).parent
    return subprocess.run(
        f"kore-campaigns {command}",
        shell=True,
        cwd=project.folder,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
