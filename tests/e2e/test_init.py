"""`init` makes a project that works, overwrites nothing, and leaves nothing half-written."""

from __future__ import annotations

import os
import pty
import resource
import select
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import kore_templates
from conftest import Emulate
from kore_campaigns.config.csv_files import read_policies
from kore_emulator import Emulator, sample_campaigns
from support.project import Project

SECRET = 'a "quoted" \\ secret'
PROJECT = {".dlt", ".gitignore", "campaign_ids.csv", "policies.csv"}
TEMPLATES = Path(kore_templates.__file__).parent
VALUES = {
    "--stream-id": "st-1",
    "--account-id": "abc",
    "--client-id": "cs-1",
    "--client-secret": SECRET,
}
FLAGS = [text for pair in VALUES.items() for text in pair]


def toml(folder: Path, name: str) -> dict[str, Any]:
    found = tomllib.loads((folder / ".dlt" / name).read_text(encoding="utf-8"))
    of_source: dict[str, Any] = found["sources"]["kore_campaigns"]
    return of_source


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def of_emulator(kore: Emulator) -> list[str]:
    values = {"--host": kore.url, "--stream-id": kore.stream_id, "--account-id": kore.account_id}
    values |= {"--client-id": kore.client_id, "--client-secret": kore.client_secret}
    return [text for pair in values.items() for text in pair]


def test_flags_make_a_project_in_which_the_next_commands_work(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.monkeypatch.delenv("SOURCES__KORE_CAMPAIGNS__VANISH_CONFIRM_SECONDS")

    ended = project.cli("init", *of_emulator(kore))

    assert (ended.code, ended.err) == (0, "")
    assert {path.name for path in project.folder.iterdir()} == PROJECT
    assert "fill in" not in ended.out
    assert kore.client_secret not in ended.out
    next_ones = [line.split() for line in ended.out.splitlines() if line.startswith("next")]
    assert next_ones == [["next", "kore-campaigns", name] for name in ("check", "plan", "run")]
    for _, _, name in next_ones:
        assert project.command(name).code == 0
    assert project.sql("select count(*) from kore.campaigns") == [(3,)]


def test_secrets_are_readable_by_their_owner_alone_and_ignored_by_git(project: Project) -> None:
    before = os.umask(0)
    try:
        project.cli("init", *FLAGS)
    finally:
        os.umask(before)

    secrets = project.folder / ".dlt" / "secrets.toml"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert toml(project.folder, "secrets.toml")["credentials"]["client_secret"] == SECRET
    assert SECRET not in (project.folder / ".dlt" / "config.toml").read_text(encoding="utf-8")
    git = ["git", "-C", str(project.folder)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    others = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=all"],
        check=True,
        capture_output=True,
        text=True,
    )
    names = {line.split()[1] for line in others.stdout.splitlines()}
    assert names == {".dlt/config.toml", ".gitignore", "campaign_ids.csv", "policies.csv"}


def test_values_come_from_the_environment_where_no_flag_gives_them(project: Project) -> None:
    for name, value in {"stream_id": "st-9", "credentials__client_id": "cs-9"}.items():
        project.set(name, value)

    project.cli("init", "--stream-id", "st-1")

    assert toml(project.folder, "config.toml") == {"stream_id": "st-1"}
    assert toml(project.folder, "secrets.toml") == {"credentials": {"client_id": "cs-9"}}


def test_what_is_missing_is_a_comment_that_the_output_names(project: Project) -> None:
    ended = project.cli("init", "--json")

    assert ended.json["missing"] == [
        *("stream_id", "account_id"),
        *("credentials.client_id", "credentials.client_secret"),
    ]
    for name in ("config.toml", "secrets.toml"):
        written = (project.folder / ".dlt" / name).read_text(encoding="utf-8")
        assert written == (TEMPLATES / "project" / name).read_text(encoding="utf-8")
    checked = project.command("check")
    assert checked.code == 2
    assert "Next: `kore-campaigns init` writes these files" in checked.out


def test_the_examples_in_the_policies_are_valid(project: Project) -> None:
    project.cli("init")
    file = project.folder / "policies.csv"
    assert read_policies(file) == []

    lines = file.read_text(encoding="utf-8").splitlines()
    examples = [line.removeprefix("# ") for line in lines[4:]]
    file.write_text("\n".join([lines[0], *examples]), encoding="utf-8")

    assert {row["policy_name"] for row in read_policies(file)} == {
        *("US federal", "Alabama on Sundays", "India", "Christmas")
    }


def test_a_second_init_overwrites_nothing_and_names_what_it_kept(project: Project) -> None:
    project.cli("init", *FLAGS)
    (project.folder / "policies.csv").unlink()
    before = contents(project.folder)

    ended = project.cli("init", "--client-secret", "another", "--json")

    assert ended.code == 0
    assert ended.json["written"] == ["policies.csv"]
    assert set(ended.json["kept"]) == before.keys()
    assert contents(project.folder).items() >= before.items()
    (note,) = ended.json["notes"]
    assert note == "not written: `client_secret`. Next: edit .dlt/secrets.toml, which existed"
    assert "another" not in ended.out


def test_a_gitignore_that_lacks_the_secrets_is_named(project: Project) -> None:
    (project.folder / ".gitignore").write_text("*.pyc\n", encoding="utf-8")

    assert "add the line `.dlt/secrets.toml` to .gitignore" in project.cli("init").out


@pytest.mark.parametrize(
    ("flag", "value", "shown"),
    [
        ("--stream-id", "st 1", "flag `--stream-id` is `st 1`; expected an id as Kore.ai shows"),
        ("--client-secret", "'x'", "setting `credentials.client_secret` is `(not shown)`"),
        ("--host", "http://kore.ai", "flag `--host` is `http://kore.ai`; expected the address"),
        ("--client-secret", "\udcff", "expected text in UTF-8"),
    ],
)
def test_a_value_that_no_run_would_take_is_refused_before_anything_is_written(
    project: Project, flag: str, value: str, shown: str
) -> None:
    ended = project.cli("init", flag, value)

    assert ended.code == 2
    assert shown in ended.err
    assert list(project.folder.iterdir()) == []


def refused(project: Project, *arguments: str) -> str:
    """The error of an init that must leave everything as it was."""
    before = contents(project.folder)
    ended = project.cli("init", *FLAGS, *arguments)
    assert ended.code == 2
    assert contents(project.folder) == before
    return ended.err


def test_a_name_that_is_taken_by_something_else_is_an_error(project: Project) -> None:
    (project.folder / "taken").write_text("", encoding="utf-8")
    assert "taken`; expected a folder; a file or a broken link" in refused(project, "taken")
    assert "a file or a broken link has this name" in refused(project, "taken/below")

    (project.folder / ".dlt").write_text("", encoding="utf-8")
    assert ".dlt`; expected a folder" in refused(project)

    (project.folder / ".dlt").unlink()
    (project.folder / "policies.csv").mkdir()
    assert "policies.csv`; expected a file, or nothing" in refused(project)


def test_files_that_are_still_templates_are_filled_in(project: Project) -> None:
    """As in a clone, which has them: nothing of anybody's is lost."""
    assert project.cli("init").code == 0

    ended = project.cli("init", "--json", "--stream-id", "st-1", "--client-secret", "s3cret")

    assert ended.json["written"] == [".dlt/config.toml", ".dlt/secrets.toml"]
    assert 'stream_id = "st-1"' in (project.folder / ".dlt/config.toml").read_text()
    secrets = project.folder / ".dlt/secrets.toml"
    assert 'client_secret = "s3cret"' in secrets.read_text()
    assert secrets.stat().st_mode & 0o777 == 0o600


def test_the_files_of_a_clone_are_the_templates() -> None:
    root = Path(__file__).parents[2]
    for name, template in (
        (".dlt/config.toml", "config.toml"),
        (".dlt/example.secrets.toml", "secrets.toml"),
        ("campaign_ids.csv", "campaign_ids.csv"),
    ):
        assert (root / name).read_text() == (TEMPLATES / "project" / template).read_text()


def test_a_link_to_a_secret_elsewhere_is_kept_and_a_broken_one_is_an_error(
    project: Project, tmp_path: Path
) -> None:
    link = project.folder / ".dlt" / "secrets.toml"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "vault.toml")
    assert "secrets.toml`; expected a file, or nothing" in refused(project)

    (tmp_path / "vault.toml").write_text("# mine\n", encoding="utf-8")
    ended = project.cli("init", "--json")

    assert ended.json["kept"] == [".dlt/secrets.toml"]
    assert link.read_text(encoding="utf-8") == "# mine\n"


def test_a_folder_that_cannot_be_written_is_named_with_the_reason(project: Project) -> None:
    ended = project.cli("init", "/proc/nowhere")

    assert ended.code == 2
    assert "argument `[DIR]` is `/proc/nowhere`; expected a folder that can be" in ended.err


def test_a_full_disk_leaves_none_of_the_files(project: Project) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (800, 800))

    process = project.spawn("init", *FLAGS, preexec_fn=limit)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 2, err
    assert "File too large" in err
    assert contents(project.folder) == {}


@pytest.mark.parametrize(
    ("part", "folder"),
    [
        *(("airflow", "dags"), ("dbt", "dbt"), ("superset", "superset")),
        *(("systemd", "systemd"), ("cron", "cron")),
    ],
)
def test_a_part_is_written_alone(project: Project, part: str, folder: str) -> None:
    ended = project.cli("init", f"--{part}", "--json")

    assert ended.code == 0
    assert [path.name for path in project.folder.iterdir()] == [folder]
    written = contents(project.folder / folder)
    templates = contents(TEMPLATES / part)
    assert written.keys() == {name for name in templates if "__pycache__" not in name}
    if part not in ("systemd", "cron"):
        assert written.items() <= templates.items()


def test_schedules_have_absolute_paths_of_the_project_and_the_command(project: Project) -> None:
    project.cli("init", "--systemd", "--cron")

    command = shutil.which("kore-campaigns", path=str(Path(sys.executable).parent))
    service = (project.folder / "systemd" / "kore-campaigns.service").read_text(encoding="utf-8")
    assert f"\nWorkingDirectory={project.folder}\n" in service
    assert f"\nExecStart={command} run " in service
    assert f"\nUser={os.getuid()}\n" in service
    line = (project.folder / "cron" / "kore-campaigns.cron").read_text(encoding="utf-8")
    assert f"cd {project.folder} && {command} run --quiet" in line


def test_a_path_that_a_schedule_would_misread_is_refused(project: Project) -> None:
    ended = project.cli("init", "50% done", "--cron")

    assert ended.code == 2
    assert "for systemd and cron a path of letters" in ended.err


class Terminal:
    """A command whose stdin, stdout and stderr are a terminal, with a person at it."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.side, child_side = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kore_campaigns", *arguments],
            cwd=project.folder,
            stdin=child_side,
            stdout=child_side,
            stderr=child_side,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(child_side), os.O_RDWR)),
        )
        os.close(child_side)
        self.seen = ""
        self._answered = 0

    def wait_for(self, text: str) -> None:
        while text not in self.seen[self._answered :]:
            some = self._read()
            assert some, f"`{text}` never came: {self.seen}"
            self.seen += some
        self._answered = self.seen.index(text, self._answered) + len(text)

    def type(self, text: str) -> None:
        os.write(self.side, text.encode())

    def end(self, again: str = "") -> int:
        """Exit code; types `again` until there is one: readline misses a signal now and then."""
        while True:
            while again and not select.select([self.side], [], [], 1)[0]:
                self.type(again)
            some = self._read()
            if not some:
                break
            self.seen += some
        os.close(self.side)
        return self.process.wait(60)

    def _read(self) -> str:
        try:
            return os.read(self.side, 65536).decode()
        except OSError:  # Linux says that the other side is closed in this way
            return ""


def test_a_person_is_asked_and_the_secret_is_not_shown(project: Project) -> None:
    terminal = Terminal(project, "init", "--account-id", "abc")
    terminal.wait_for("region [https://platform.kore.ai]: ")
    terminal.type("eu-platform.kore.ai\n")
    terminal.wait_for("Stream id of the app (st-...): ")
    terminal.type("st 1\n")  # refused with a reason, and asked again
    terminal.wait_for("Stream id of the app (st-...): ")
    assert "setting `stream_id` is `st 1`; expected an id" in terminal.seen
    terminal.type("st-1\n")
    terminal.wait_for("(cs-...): ")
    terminal.type("\n")  # left for later
    terminal.wait_for("Client secret (not shown): ")
    terminal.type(f"{SECRET}\n")

    assert terminal.end() == 0, terminal.seen
    assert SECRET not in terminal.seen
    assert "Account id:" not in terminal.seen
    assert "fill in `client_id` in .dlt/secrets.toml" in terminal.seen
    assert toml(project.folder, "config.toml") == {
        "host": "https://eu-platform.kore.ai",
        "stream_id": "st-1",
        "account_id": "abc",
    }
    assert toml(project.folder, "secrets.toml") == {"credentials": {"client_secret": SECRET}}


@pytest.mark.parametrize("sign", ["\x03", "\x04"])
@pytest.mark.parametrize("prompt", ["region", "Client secret"])
def test_ctrl_c_and_the_end_of_the_input_write_nothing(
    project: Project, prompt: str, sign: str
) -> None:
    others = FLAGS[:6] if prompt == "Client secret" else []
    host = ["--host", "platform.kore.ai"] if prompt == "Client secret" else []
    terminal = Terminal(project, "init", *others, *host)
    terminal.wait_for(prompt)
    terminal.wait_for(": ")

    terminal.type(sign)

    assert terminal.end(again=sign) == 75, terminal.seen
    assert "stopped: nothing was written" in terminal.seen
    assert "Traceback" not in terminal.seen
    assert list(project.folder.iterdir()) == []
