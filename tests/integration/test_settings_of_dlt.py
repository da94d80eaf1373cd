"""Settings are found without dlt as dlt finds them: drawn files and variables, read by both."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigValueCannotBeCoercedException,
    ValueNotSecretException,
)
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kore_campaigns.config.settings import SECTION, KoreSettings, of_the_project, resolve
from kore_campaigns.errors import FixSetting
from kore_campaigns.source import SettingsSpec
from support.project import Project

PLACES = ("sources.kore_campaigns", "sources.kore_campaigns.kore_campaigns", SECTION, "sources", "")
VALUES: dict[str, list[Any]] = {
    "host": ["http://localhost:1", ""],
    "stream_id": ["st-1", 5, True],
    "account_id": ["a-1", "", 1.5],
    "workers": [3, "4", " 5", "1_0", "6.0", 7.0, "x", True, "-2", "1e3", "٣"],
    "chunk_seconds": [5, "6", "7.5", "1e2", ".5", "nan", "inf", True, "x"],
    "contact_lists": [True, "false", "No", "y", 0, 1.0, "off", ""],
    "send_jti": [True, "TRUE", "f", 1],
    "client_id": ["cs-1", 7],
    "client_secret": ["s" * 40, 12345678, ["a"], {"b": 1}, ""],
    "algorithm": ["HS512", "none"],
    "credentials": ["a text"],
}
OF_CREDENTIALS = ("send_jti", "client_id", "client_secret", "algorithm")
REFUSED = (
    FixSetting,
    ConfigFieldMissingException,
    ConfigValueCannotBeCoercedException,
    ValueNotSecretException,
)
SHOWN = ("host", "stream_id", "account_id", "workers", "chunk_seconds", "contact_lists")


@st.composite
def setting(draw: st.DrawFn, likely: bool = True) -> tuple[str, Any]:
    name = draw(st.sampled_from(list(VALUES)))
    place = PLACES[0] if likely and draw(st.integers(0, 3)) else draw(st.sampled_from(PLACES))
    section = ".credentials" if name in OF_CREDENTIALS else ""
    return f"{place}{section}.{name}".lstrip("."), draw(st.sampled_from(VALUES[name]))


SETTINGS = st.lists(setting(), max_size=6)
LEAST = [
    ("sources.kore_campaigns.stream_id", "st-1"),
    ("sources.kore_campaigns.account_id", "a-1"),
    ("sources.kore_campaigns.credentials.client_id", "cs-1"),
    ("sources.kore_campaigns.credentials.client_secret", "s" * 40),
]


def toml(pairs: list[tuple[str, Any]]) -> str:
    """The last value of each key; a table where a key has others below it."""
    found: dict[str, Any] = {}
    for path, value in pairs:
        *sections, key = path.split(".")
        table = found
        for section in sections:
            if not isinstance(table.get(section), dict):
                table[section] = {}
            table = table[section]
        table[key] = value

    def inline(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {inline(one)}" for key, one in value.items()) + "}"
        return json.dumps(value, ensure_ascii=False)

    return "".join(f"{key} = {inline(value)}\n" for key, value in found.items())


def shown(find: Callable[[], KoreSettings]) -> Any:
    try:
        found = find()
    except REFUSED:  # which of several errors is named first is another matter
        return "refused"
    of_credentials = [getattr(found.credentials, name) for name in OF_CREDENTIALS]
    return repr([getattr(found, name) for name in SHOWN] + of_credentials)


def of_dlt() -> KoreSettings:
    spec = SettingsSpec()
    return resolve_configuration(spec, sections=("sources", SECTION), explicit_value={})


@pytest.fixture
def providers(project: Project) -> Iterator[PluggableRunContext]:
    """dlt's, which read a project's files once."""
    found = Container()[PluggableRunContext]
    (project.folder / ".dlt").mkdir()
    yield found
    shutil.rmtree(project.folder / ".dlt")
    found.reload_providers()


@settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(variables=SETTINGS, secrets=SETTINGS, public=SETTINGS, where=st.integers(0, 2))
@example(variables=[], secrets=LEAST, public=[], where=0)
@example(variables=[], secrets=[], public=LEAST, where=0)
def test_what_is_found_is_what_dlt_finds(
    project: Project,
    providers: PluggableRunContext,
    variables: list[tuple[str, Any]],
    secrets: list[tuple[str, Any]],
    public: list[tuple[str, Any]],
    where: int,
) -> None:
    drawn = [variables, secrets, public]
    if where < 2:  # most cases have all that is needed
        drawn[where] = LEAST + drawn[where]
    folder = project.folder / ".dlt"
    for name, pairs in zip(("secrets.toml", "config.toml"), drawn[1:], strict=True):
        (folder / name).write_text(toml(pairs), encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        for path, value in drawn[0]:
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(path.replace(".", "__").upper(), text)
        providers.reload_providers()

        expected = shown(of_dlt)

        assert shown(resolve) == expected
        assert shown(lambda: resolve(providers=of_the_project())) == expected
    assert not any(name.endswith("CLIENT_SECRET") for name in os.environ)
