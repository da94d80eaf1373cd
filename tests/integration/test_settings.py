"""Settings: where they are looked up, what wins, and what is said of a wrong or a missing one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from kore_campaigns.config.settings import KoreCredentials, resolve
from kore_campaigns.errors import SettingInvalid, SettingMissing
from support.project import Project

SECRET = "a secret of thirty-two signs, as HS256 wants"
GIVEN = {
    "stream_id": "st-1",
    "account_id": "a-1",
    "credentials__client_id": "cs-1",
    "credentials__client_secret": SECRET,
}
TOML = f"""
[sources.kore_campaigns]
stream_id = "st-toml"
account_id = "a-toml"
workers = 3
[sources.kore_campaigns.credentials]
client_id = "cs-toml"
client_secret = "{SECRET}"
"""
CONNECTIONS = f"""{TOML}
[sources.kore_campaigns.connections.uk]
stream_id = "st-uk"
requests_per_minute = "45"
[sources.kore_campaigns.connections.uk.credentials]
client_secret = "the secret of the uk"
[sources.kore_campaigns.connections.empty]
"""


@pytest.fixture
def given(project: Project) -> Project:
    """A project with the least that must be set, in the environment."""
    for name, value in GIVEN.items():
        project.set(name, value)
    return project


def in_folder(
    project: Project, toml: str, overrides: Mapping[str, Any] | None = None, connection: str = ""
) -> list[Any]:
    """What is found in a project folder with these settings."""
    folder = project.folder / ".dlt"
    folder.mkdir(exist_ok=True)
    (folder / "secrets.toml").write_text(toml, encoding="utf-8")
    files = Container()[PluggableRunContext]
    files.reload_providers()  # dlt reads them once in a process
    try:
        found = resolve(overrides, connection=connection or None)
    finally:
        (folder / "secrets.toml").unlink()
        files.reload_providers()
    keys = found.credentials
    limits = [found.workers, found.requests_per_minute]
    return [found.stream_id, *limits, keys.client_id, keys.signing_key()]


def invalid(**overrides: Any) -> SettingInvalid:
    with pytest.raises(SettingInvalid) as raised:
        resolve(overrides)
    assert raised.value.exit_code == 2
    return raised.value


def test_the_defaults_are_those_that_are_documented(given: Project) -> None:
    found = resolve()

    assert (found.host, found.campaign_ids) == ("https://platform.kore.ai", "campaign_ids.csv")
    assert (found.requests_per_minute, found.requests_per_hour, found.workers) == (60, 0, 8)
    assert found.call_budget == "machine"
    assert (found.chunk_seconds, found.chunk_size, found.sweep) == (60, 10_000, "auto")
    assert (found.error_budget, found.max_vanished, found.detail_method) == (0.2, 0.2, "GET")
    keys = found.credentials
    assert (keys.algorithm, keys.send_jti, keys.signing_key()) == ("HS256", False, SECRET)


def test_flags_win_over_the_environment_over_files_over_defaults(project: Project) -> None:
    assert in_folder(project, TOML) == ["st-toml", 3, 60, "cs-toml", SECRET]

    project.set("workers", 5)
    project.set("credentials__client_id", "cs-env")
    assert in_folder(project, TOML) == ["st-toml", 5, 60, "cs-env", SECRET]

    flags = {"workers": 7, "credentials": {"client_id": "cs-flag"}, "requests_per_minute": None}
    assert in_folder(project, TOML, flags) == ["st-toml", 7, 60, "cs-flag", SECRET]


def test_a_named_connection_has_its_own_settings_and_inherits_the_others(project: Project) -> None:
    secret = "the secret of the uk"

    assert in_folder(project, CONNECTIONS) == ["st-toml", 3, 60, "cs-toml", SECRET]
    assert in_folder(project, CONNECTIONS, connection="uk") == ["st-uk", 3, 45, "cs-toml", secret]
    project.set("requests_per_minute", 30)
    assert in_folder(project, CONNECTIONS) == ["st-toml", 3, 30, "cs-toml", SECRET]
    assert in_folder(project, CONNECTIONS, connection="uk") == ["st-uk", 3, 30, "cs-toml", secret]
    project.set("connections__uk__workers", "4")
    project.set("workers", 9)
    flags = {"requests_per_minute": 2}
    assert in_folder(project, CONNECTIONS, flags, "uk") == ["st-uk", 4, 2, "cs-toml", secret]
    project.set("credentials__client_secret", "the secret for all")
    found = in_folder(project, CONNECTIONS, flags, "uk")
    assert found == ["st-uk", 4, 2, "cs-toml", "the secret for all"]


@pytest.mark.parametrize("name", ["de", "empty", "", "uk.credentials", "a b"])
def test_a_connection_that_has_no_settings_is_not_taken_for_another(
    given: Project, name: str
) -> None:
    with pytest.raises(SettingInvalid, match=r"below `\[sources.kore_campaigns.connections.") as no:
        resolve(connection=name)
    assert (no.value.key, no.value.value) == ("connection", name)


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_the_project_folder_may_be_another_than_the_current_one(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    (project.folder / ".dlt").mkdir()
    toml = TOML.replace("workers = 3", "workers = -3")
    (project.folder / ".dlt" / "secrets.toml").write_text(toml, encoding="utf-8")
    arguments = ["--project-dir", str(project.folder)] if how == "flag" else []
    if how == "flag":
        monkeypatch.delenv("DLT_PROJECT_DIR")

    ended = subprocess.run(
        [sys.executable, "-m", "kore_campaigns", "run", *arguments],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "setting `workers` is `-3`; expected a number above 0" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("workers", "many", "a value of type `int`"),
        ("workers", "1.5", "a value of type `int`"),
        ("workers", "0", "a number above 0"),
        ("chunk_size", "-1", "a number above 0"),
        ("chunk_seconds", "inf", "a number above 0"),
        ("connect_timeout_seconds", "nan", "a number above 0"),
        ("read_timeout_seconds", "0.0", "a number above 0"),
        ("campaign_timeout_seconds", "-1.5", "a number above 0"),
        ("max_attempts", "0", "a number above 0"),
        ("full_sweep_every_hours", "0.0", "a number above 0"),
        ("requests_per_minute", "-1", "0 (no limit) or more"),
        ("requests_per_hour", "-60", "0 (no limit) or more"),
        ("keep_generations", "-1", "0 (none) or more"),
        ("error_budget", "20.0", "a share from 0 to 1"),
        ("max_vanished", "nan", "a share from 0 to 1"),
        ("sweep", "weekly", "`auto`, `full` or `listing`"),
        ("detail_method", "POST", "`GET` or `PUT`"),
        ("call_budget", "redis", "`machine` or `postgres`"),
        ("stream_id", "", "an id as Kore.ai shows it"),
        ("stream_id", "st 1", "an id as Kore.ai shows it"),
        ("account_id", "a/1", "an id as Kore.ai shows it"),
        ("account_id", "'a-1'", "an id as Kore.ai shows it"),
        ("account_id", "a<1>", "an id as Kore.ai shows it"),
        ("credentials.client_id", " cs-1", "an id as Kore.ai shows it"),
        ("credentials.algorithm", "none", "one of HS256, HS512, RS256, RS512"),
    ],
)
def test_a_wrong_value_is_named_with_its_setting_and_what_is_expected(
    given: Project, name: str, value: str, expected: str
) -> None:
    given.set(name.replace(".", "__"), value)

    error = invalid()

    assert error.key == name
    assert expected in error.expected
    assert str(error).startswith(f"setting `{name}` is `{value}`; expected {error.expected}")


def test_what_is_given_in_code_is_held_to_the_same(given: Project) -> None:
    assert resolve({"workers": "5", "stream_id": 5}).workers == 5
    assert invalid(workers="many").expected == "a value of type `int`"
    assert invalid(worker=5).expected.startswith("one of host, stream_id, account_id, ")
    assert invalid(credentials={"clientid": "x"}).expected.startswith("one of client_id, ")
    assert "a mapping" in invalid(credentials=SECRET).expected
    credentials = KoreCredentials(client_id="cs-2")
    assert resolve({"credentials": credentials}).credentials.client_id == "cs-2"


@pytest.mark.parametrize(
    "missing",
    [
        ["stream_id"],
        ["account_id"],
        ["credentials.client_id"],
        ["credentials.client_secret"],
        ["credentials.client_id", "credentials.client_secret"],
        ["stream_id", "account_id", "credentials.client_id", "credentials.client_secret"],
    ],
)
def test_all_that_is_missing_is_named_at_once_with_every_place_that_was_looked_in(
    project: Project, missing: list[str]
) -> None:
    for name, value in GIVEN.items():
        if name.replace("__", ".") not in missing:
            project.set(name, value)

    with pytest.raises(SettingMissing) as raised:
        resolve()

    assert raised.value.keys == missing
    for key in missing:
        variable = f"SOURCES__KORE_CAMPAIGNS__{key.upper().replace('.', '__')}"
        assert f"`{variable}`" in str(raised.value)
    assert "`.dlt/secrets.toml` and `.dlt/config.toml`, section `[sources.kore_" in str(
        raised.value
    )


@pytest.mark.parametrize(("algorithm", "key"), [("RS512", "private_key"), ("HS512", "client_s")])
def test_the_key_that_the_algorithm_signs_with_must_be_there(
    given: Project, algorithm: str, key: str
) -> None:
    given.set("credentials__algorithm", algorithm)
    given.set("credentials__client_secret", "")

    with pytest.raises(SettingMissing, match=f"missing setting `credentials.{key}"):
        resolve()


@pytest.mark.parametrize("sign", ["ü", "\u202a", "\u00a0", "\u0441"])
def test_a_sign_of_an_id_that_cannot_be_sent_is_named_by_its_code_point(
    given: Project, sign: str
) -> None:
    given.set("stream_id", f"st-{sign}1")

    assert invalid().value == f"st-<U+{ord(sign):04X}>1"


def test_a_line_break_after_a_secret_is_no_part_of_it(given: Project) -> None:
    given.set("credentials__client_secret", f"{SECRET}\r\n")

    assert resolve().credentials.signing_key() == SECRET


QUOTED = [f'"{SECRET}"', f"'{SECRET}'", f"\u201c{SECRET}\u201d", f"a\n{SECRET}"]


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_secret_in_quotes_is_named_and_not_shown(given: Project, quoted: str) -> None:
    given.set("credentials__client_secret", quoted)

    error = invalid()

    assert (error.key, error.value) == ("credentials.client_secret", "(not shown)")
    assert "without quotes around it" in error.expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_named_by_check(project: Project, encoding: str) -> None:
    (project.folder / ".dlt").mkdir()
    (project.folder / ".dlt" / "secrets.toml").write_text(TOML, encoding=encoding)

    ended = project.command("check")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "starts with a byte-order mark; save it as `UTF-8` without one" in ended.err


MINUTES = "requests_per_minute"
UK = "connections.uk.credentials"


@pytest.mark.parametrize(
    ("section", "key", "nearest"),
    [
        ("", "requests_per_minutes", MINUTES),
        ("", "request_per_minute", MINUTES),
        ("", "Host", "host"),
        ("", "full_sweep_hours", "full_sweep_every_hours"),
        (".credentials", "clientid", "credentials.client_id"),
        (".credential", "client_id", "credentials.client_id"),
        (".connection.uk", "workers", "connections.uk.workers"),
        (".connections.uk", "worker", "workers"),
        (f".{UK}", "clientSecret", "credentials.client_secret"),
    ],
)
def test_a_key_that_is_unknown_is_named_with_the_nearest_known_one(
    given: Project, section: str, key: str, nearest: str
) -> None:
    (given.folder / ".dlt").mkdir()
    toml = f"[sources.kore_campaigns{section}]\n{key} = 5\n"
    (given.folder / ".dlt" / "config.toml").write_text(toml, encoding="utf-8")
    given.configure(["cd-1"])

    ended = given.command("run", *(["--connection", "uk"] if "connections" in section else []))

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    name = f"sources.kore_campaigns{section}.{key}"
    known = f"setting `{name}` is `(unknown)`; expected a known setting: `{nearest}`"
    assert known in ended.err


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("SOURCES__KORE_CAMPAIGNS__REQUESTS_PER_MINUTES", MINUTES),
        ("SOURCES__KORE_CAMPAIGNS__CREDENTIALS__CLIENTID", "credentials.client_id"),
        ("SOURCES__KORE_CAMPAIGNS__CREDENTIAL__CLIENT_ID", "credentials.client_id"),
        ("sources__kore_campaigns__workers", "SOURCES__KORE_CAMPAIGNS__WORKERS"),
    ],
)
def test_so_is_a_variable(
    given: Project, monkeypatch: pytest.MonkeyPatch, variable: str, nearest: str
) -> None:
    monkeypatch.setenv(variable, "5")

    error = invalid()

    assert (error.key, f"`{nearest}`" in error.expected) == (variable, True)


def test_what_dlt_or_another_connection_owns_is_left_to_it(given: Project) -> None:
    given.set("data_writer__buffer_max_items", 100)
    given.set("campaign_versions__max_table_nesting", 1)
    given.set("schema_contract", "evolve")
    given.set("connections__other__misspelt", 1)
    given.set("connections__uk__stream_id", "st-uk")

    assert resolve().stream_id == "st-1"
    assert resolve(connection="uk").stream_id == "st-uk"


def test_a_connection_inherits_every_key_that_it_does_not_set(project: Project) -> None:
    of_all = f"""
    [sources.kore_campaigns.credentials]
    client_id = "cs-of-all"
    client_secret = "{SECRET}"
    """
    two = """
    [sources.kore_campaigns.connections.uk]
    stream_id = "st-uk"
    account_id = "a-uk"
    [sources.kore_campaigns.connections.india]
    stream_id = "st-india"
    account_id = "a-india"
    [sources.kore_campaigns.connections.india.credentials]
    client_id = "cs-india"
    """

    def signed_as(toml: str, connection: str) -> list[Any]:
        return in_folder(project, toml, connection=connection)[3:]

    assert signed_as(of_all + two, "uk") == ["cs-of-all", SECRET]
    assert signed_as(of_all + two, "india") == ["cs-india", SECRET]
    project.set("credentials__client_secret", SECRET)
    project.set("credentials__client_id", "cs-of-environment")
    assert signed_as(two, "uk") == ["cs-of-environment", SECRET]
    project.set("connections__india__credentials__client_secret", "s" * 32)
    assert signed_as(two, "india")[1] == "s" * 32
