"""What settings never do: show a secret, or pass a file by that cannot be read."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from kore_campaigns.config.settings import KoreCredentials, KoreSettings, resolve
from kore_campaigns.errors import FixSetting
from support.project import Project
from support.recorder import Ended
from support.secret_search import traces_of

SECRET = "KEEP+THIS/TO-YOURSELF_0123456789abcdef"
GIVEN = {
    "stream_id": "st-1",
    "account_id": "a-1",
    "credentials__client_id": "cs-1",
    "credentials__client_secret": SECRET,
    "credentials__private_key": SECRET,
}
SETTINGS = [field.name for field in dataclasses.fields(KoreSettings)]
CREDENTIALS = [f"credentials__{field.name}" for field in dataclasses.fields(KoreCredentials)]
PUBLIC = [name for name in SETTINGS + CREDENTIALS if name.islower() and not name.startswith("__")]


@pytest.fixture
def given(project: Project) -> Project:
    for name, value in GIVEN.items():
        project.set(name, value)
    return project


def with_file(project: Project, name: str, text: str, *arguments: str) -> Ended:
    """A command in a project that has this file in `.dlt/`."""
    folder = project.folder / ".dlt"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "kore_campaigns", *arguments],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def test_no_secret_is_in_what_settings_look_like(given: Project) -> None:
    found = resolve()

    assert found.credentials.signing_key() == SECRET
    for shown in (repr(found), str(found), repr(found.credentials), f"{found.credentials}"):
        assert traces_of(SECRET, shown) == []
    assert repr(found.credentials) == "KoreCredentials(client_id='cs-1', algorithm='HS256')"


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("value", ["", "wrong value", "-1", "nan", "{"])
def test_no_secret_is_in_what_is_said_of_any_wrong_value(
    given: Project, name: str, value: str
) -> None:
    given.set(name, value)
    try:
        shown = repr(resolve())
    except FixSetting as error:
        shown = f"{error} {error!r} {vars(error)} {error.__cause__!r}"

    assert traces_of(SECRET, shown) == []


@pytest.mark.parametrize("text", [SECRET, '{"client_id": "cs-1", "client_secret": "' + SECRET])
def test_credentials_written_as_one_text_are_not_taken_and_not_shown(
    project: Project, text: str
) -> None:
    project.set("stream_id", "st-1")
    project.set("credentials", text)

    ended = project.cli("run")

    assert ended.code == 2
    assert "missing setting `account_id`, `credentials.client_id`, `credentials.c" in ended.err
    assert traces_of(SECRET, ended.err) == []


def test_a_secret_in_the_public_file_is_refused(project: Project) -> None:
    toml = f'[sources.kore_campaigns.credentials]\nclient_secret = "{SECRET}"\n'

    ended = with_file(project, "config.toml", toml, "run")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert (
        "credentials` is `(not shown)`; expected to be in secrets.toml, not in config" in ended.err
    )
    assert traces_of(SECRET, ended.err) == []


@pytest.mark.parametrize("command", ["run", "check", "status"])
def test_a_file_that_is_not_toml_is_named_with_the_line(project: Project, command: str) -> None:
    toml = f'[sources.kore_campaigns.credentials]\nclient_secret = "{SECRET}" # fine\noh no\n'

    ended = with_file(project, "secrets.toml", toml, command)

    assert (ended.code, ended.err.count("\n"), ended.out) == (2, 1, "")
    assert "setting `.dlt/secrets.toml` is `(not shown)`; expected TOML; " in ended.err
    assert "at line 3" in ended.err
    assert traces_of(SECRET, ended.err) == []


@pytest.mark.parametrize(
    "value", ["{ nested = '" + SECRET + "' }", "['" + SECRET + "']", "12345678"]
)
def test_a_secret_of_another_type_is_not_shown_either(project: Project, value: str) -> None:
    for name in ("stream_id", "account_id", "credentials__client_id"):
        project.set(name, GIVEN[name])
    toml = f"[sources.kore_campaigns.credentials]\nclient_secret = {value}\n"

    ended = with_file(project, "secrets.toml", toml, "run", "--debug")

    assert ended.code == 2
    assert traces_of(SECRET, ended.err) == []
    assert "12345678" not in ended.err
