"""Paths that users name: no address is one, every sign is data, owners keep their files."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from conftest import Emulate
from kore_campaigns import read_view
from kore_campaigns.config.paths import local_path, replace, replace_text
from kore_campaigns.errors import DestinationUnavailable, SettingInvalid
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_emulator import sample_campaigns
from support.project import Project
from support.published_file import another_disk, numbers, write
from support.warehouse import Warehouse

pytestmark = pytest.mark.empty_database

SECRET = "geheim"
ADDRESSES = [
    "postgresql://kore:geheim@wh/warehouse",
    "postgresql+psycopg2://kore:geheim@wh:5432/warehouse",
    " 'POSTGRES://geheim'",
    "postgresql:/kore:geheim@wh",  # as `Path` leaves it
    "/cwd/postgresql:/geheim@wh/warehouse",
    "postgresql%3A%2F%2Fkore%3Ageheim%40wh%2Fx",
    "kore:geheim@wh/warehouse",
    "//kore:geheim@wh/warehouse",
    "kore@geheim:/data/x.duckdb",
    "jdbc:postgresql://wh/x?password=geheim",
    "host=wh dbname=x user=kore password=geheim",
    "host=/var/run/postgresql dbname=geheim",
    "service=geheim",
    "Server=wh;Database=x;Uid=kore;Pwd=geheim",
    "duckdb:///geheim.duckdb",
    "md:geheim",
    "s3://geheim/x.duckdb",
    "file:///geheim",
    ":memory:geheim",
    "kore/geheim@wh:1521/xe",
    "./postgresql://kore:geheim@wh/x",
]
PATHS = [
    *("x.duckdb", "env=prod/x.duckdb", "./it's", "a b/%d/x", "10:30.duckdb", "user@host.duckdb"),
    *("host=web1/data/x.duckdb", "[1]*", "kampagnen-ä/कोरे.duckdb"),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_no_path_and_nothing_of_it_is_repeated(
    project: Project, address: str
) -> None:
    ended = project.cli("run", "--database", address)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("kore-campaigns: flag `--database` is `(not shown)`; expected the")
    assert "`--destination postgres`" in ended.err
    assert ended.err.count("\n") == 1
    assert SECRET not in ended.err
    assert list(project.folder.iterdir()) == []


@pytest.mark.parametrize("path", PATHS)
def test_a_path_with_odd_signs_is_one(path: str) -> None:
    assert local_path(path, key="database") == Path.cwd() / path


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--campaign-ids"],
        ["run", "--metrics-file"],
        ["run", "--project-dir"],
        ["run", "--destination"],
        ["status", "--destination", "postgres", "--database"],
        ["restore", "--database"],
        ["copy", "--destination", "postgres", "--database"],
        ["report", "--html"],
        ["export", "--parquet"],
        ["demo", "--directory"],
        ["init"],
        ["init", "--stream-id"],
        ["dashboard", "--destination"],
        ["dashboard", "--database"],
        ["findings", "--destination"],
        ["changes", "--database"],
    ],
)
def test_every_flag_for_a_path_refuses_addresses(project: Project, arguments: list[str]) -> None:
    ended = project.cli(*arguments, ADDRESSES[0])

    assert (ended.code, SECRET in ended.err + ended.out) == (2, False)
    assert list(project.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["campaign_ids", "policies"])
def test_every_setting_for_a_path_refuses_addresses(
    emulate: Emulate, project: Project, name: str
) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore, **{name: ADDRESSES[0]})

    ended = project.cli("run")

    assert (ended.code, SECRET in ended.err, kore.counters.requests) == (2, False, 0)
    assert f"setting `{name}` is `(not shown)`" in ended.err


def test_the_variable_of_the_project_folder_refuses_addresses(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLT_PROJECT_DIR", ADDRESSES[0])

    ended = project.cli("status")

    assert (ended.code, SECRET in ended.err) == (2, False)


def test_so_does_python() -> None:
    with pytest.raises(SettingInvalid) as raised:
        read_view("campaigns", database=ADDRESSES[0])

    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("arguments", [["--database=~/x.duckdb"], ["--database", "~/x.duckdb"]])
def test_a_tilde_is_the_home_directory(
    emulate: Emulate,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    project.use(emulate(sample_campaigns(1)), campaign_ids="~/ids.csv")
    (project.folder / "campaign_ids.csv").rename(tmp_path / "ids.csv")

    assert project.cli("run", *arguments).code == 0

    assert (tmp_path / "x.duckdb").is_file()
    assert list(project.folder.iterdir()) == []


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "", " ", "a\0b", "a\udcffb"])
def test_what_cannot_be_a_path_is_refused_by_name(path: str) -> None:
    with pytest.raises(SettingInvalid) as raised:
        local_path(path, key="database")

    str(raised.value).encode()
    assert raised.value.value == ascii(path)


# each once seen to fail: a hive partition, a quote, a format, a wildcard that matches a neighbour
ODD_FOLDERS = ["env=prod", "it's", "100%s %d", "a*c", "[1]", 'a"b;c{d}\\e', "a\nb", "user:x@y"]


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("name", ODD_FOLDERS)
def test_a_run_works_in_a_folder_of_any_name(emulate: Emulate, project: Project, name: str) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    (project.folder / "abc").mkdir()
    folder = in_folder(project, name)
    file = str(folder / "kore_campaigns.duckdb")
    for _ in range(2):
        kore.edit(kore.campaign_ids()[0], {"name": f"Edit {kore.counters.requests}"})
        assert project.cli("run").code == 0
    for arguments in (
        ["export", "--parquet", "out"],
        ["report", "--html", "page.html"],
        ["rebuild"],
        ["verify"],
        ["restore", "--generation", "1"],
        ["status", "--database", file],
    ):
        ended = project.cli(*arguments)
        assert (ended.code, ended.err) == (0, ""), arguments
    assert len(read_view("campaigns", database=file)) == 3


@pytest.mark.parametrize("name", ["env=prod", "it's %s"])
def test_so_does_one_into_postgres(
    emulate: Emulate, project: Project, warehouse: Warehouse, name: str
) -> None:
    project.use(emulate(sample_campaigns(2)))
    in_folder(project, name)

    assert project.cli("run", "--destination", "postgres").code == 0


def in_folder(project: Project, name: str) -> Path:
    """Move the project into a folder of this name."""
    folder = project.folder / name
    folder.mkdir()
    (project.folder / "campaign_ids.csv").rename(folder / "campaign_ids.csv")
    project.monkeypatch.chdir(folder)
    project.monkeypatch.setenv("DLT_PROJECT_DIR", str(folder))
    return folder


def test_what_duckdb_cannot_open_is_refused_by_name(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore)

    ended = project.cli("run", "--database", "a?b.duckdb")

    assert (ended.code, kore.counters.requests) == (2, 0)
    assert "a?b.duckdb`; expected a path without `?`" in ended.err


@pytest.fixture
def workspace(tmp_path: Path) -> DuckDBFile:
    found = DuckDBFile(tmp_path / "work" / "calls.duckdb")
    write(found, 1)
    return found


def test_a_published_file_keeps_mode_owner_and_group(workspace: DuckDBFile) -> None:
    workspace.published.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(workspace.published, 12345, 54321)
    before = access(workspace.published)

    write(workspace, 2)
    assert access(workspace.published) == before
    workspace.restore(workspace.generations.files()[0])
    assert (access(workspace.published), numbers(workspace.published)) == (before, [1])


def test_its_copies_are_readable_for_nobody_else(workspace: DuckDBFile) -> None:
    workspace.published.chmod(0o400)

    write(workspace, 2)

    modes = {
        stat.S_IMODE(each.stat().st_mode) & 0o077
        for each in workspace.published.parent.rglob("*.duckdb")
    }
    assert modes == {0}
    assert access(workspace.published)[0] == 0o400


def test_a_symlink_that_leads_nowhere_is_found_before_the_first_call(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore)
    project.database.symlink_to(project.folder / "not mounted" / "x.duckdb")

    ended = project.cli("run")

    assert (ended.code, kore.counters.requests) == (6, 0)
    assert f"No such file or directory ({project.folder}/not mounted)" in ended.err


def access(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def test_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(DuckDBFile(tmp_path / "new.duckdb"), 1)
        replace_text(tmp_path / "new.html", "x")
    finally:
        os.umask(before)

    modes = [access(tmp_path / name)[0] for name in ("new.duckdb", "new.html")]
    assert modes == [0o640, 0o640]


# version 2; owner rw, user 1234 r, group r, mask r, others none: as setfacl writes it
ACL = bytes.fromhex(
    "0200000001000600ffffffff02000400d204000004000400ffffffff10000400ffffffff20000000ffffffff"
)


def test_an_acl_stays(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("old", encoding="utf-8")
    os.setxattr(file, "system.posix_acl_access", ACL)

    replace_text(file, "new")

    assert file.read_text(encoding="utf-8") == "new"
    assert os.getxattr(file, "system.posix_acl_access") == ACL
    assert access(file)[0] == 0o640


def test_a_symlink_stays_and_what_it_leads_to_is_replaced_also_on_another_disk(
    workspace: DuckDBFile,
) -> None:
    with another_disk() as folder:
        target = folder / "warehouse.duckdb"
        target.write_bytes(workspace.published.read_bytes())
        workspace.published.unlink()
        workspace.published.symlink_to(target)

        write(workspace, 2)

        assert workspace.published.readlink() == target
        assert numbers(target) == [1, 2]
        assert [path.name for path in folder.iterdir()] == [target.name]


@pytest.mark.slow
@pytest.mark.parametrize("command", [["report", "--html", "x"], ["export", "--parquet", "."]])
def test_symlinks_among_other_files_stay(
    project: Project, played: Path, command: list[str]
) -> None:
    database = str(played / "kore_campaigns.duckdb")
    names = ("x", "campaigns.parquet")
    with another_disk() as folder:
        for name in names:
            (folder / name).write_text("old", encoding="utf-8")
            (project.folder / name).symlink_to(folder / name)

        assert project.cli(*command, "--database", database).code == 0

        assert all((project.folder / name).is_symlink() for name in names)
        assert sum((folder / name).stat().st_size > 3 for name in names) == 1


@pytest.mark.root
def test_a_file_that_is_mounted_alone_is_found_before_the_first_call(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(2))
    project.use(kore)
    project.run()
    asked = kore.counters.requests
    project.database.rename(project.folder / "elsewhere")
    project.database.touch()

    ended = mounted("run", project)
    assert (ended.returncode, kore.counters.requests) == (6, asked)
    assert "mount its folder instead" in ended.stderr
    checked = mounted("check", project)
    assert "mount its folder instead" in checked.stdout


def mounted(command: str, project: Project) -> subprocess.CompletedProcess[str]:
    """A command that sees one file in place of another."""
    mount = f"mount --bind elsewhere {project.database.name}"
    script = f"{mount} && exec {sys.executable} -m kore_campaigns {command}"
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_is_not_replaced(workspace: DuckDBFile, tmp_path: Path) -> None:
    folder = tmp_path / "folder.duckdb"
    folder.mkdir()

    with pytest.raises(DestinationUnavailable, match="Is a directory"):
        DuckDBFile(folder).prepare()
    with pytest.raises(OSError, match="Is a directory"):
        replace(folder, workspace.published)


@pytest.mark.parametrize(
    "command",
    [
        *(["export", "--parquet", "out"], ["rebuild"], ["report", "--html", "x.html"], ["status"]),
        *(["check"], ["restore"], ["copy", "--destination", "postgres"]),
    ],
)
def test_a_command_that_finds_no_database_leaves_nothing_behind(
    project: Project, command: list[str]
) -> None:
    assert project.cli(*command).code == {"status": 0, "restore": 0, "check": 2}.get(command[0], 6)
    assert list(project.folder.iterdir()) == []


@pytest.mark.root
def test_without_a_home_directory_it_is_said_what_to_set(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore)
    project.set("requests_per_minute", 60)
    settings = {name: value for name, value in os.environ.items() if name.startswith("SOURCES__")}
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        shutil.copy("campaign_ids.csv", folder)

        def told(command: str, **more: str) -> tuple[int, str]:
            user = ("setpriv", "--reuid", "54321", "--clear-groups")
            ended = subprocess.run(
                [*user, sys.executable, "-m", "kore_campaigns", command],
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", **settings, **more},
                capture_output=True,
                text=True,
                check=False,
            )
            return ended.returncode, ended.stdout + ended.stderr

        for command in ("run", "plan", "check"):
            code, said = told(command)
            assert (code, kore.counters.requests) == (2, 0)
            assert "this user has no home directory" in said
            assert "set `XDG_STATE_HOME` to a writable folder" in said
        assert told("run", XDG_STATE_HOME=folder)[0] == 0
