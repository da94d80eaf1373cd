"""`check` trusts the certificates that a run trusts, and says what is wrong with others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Emulate
from kore_campaigns.maintenance.check import NAMES
from kore_emulator import Emulator, sample_campaigns
from support.check_output import UNREACHED, failing, said, states
from support.project import Project
from support.tls import TlsEntrance, self_signed


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    return kore


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path / "both.pem")


@pytest.fixture
def entrance(
    kore: Emulator, project: Project, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TlsEntrance]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with TlsEntrance(kore, certificate) as entrance:
        project.set("host", entrance.url)
        yield entrance


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_certificate_in_the_ca_bundle_is_trusted_as_a_run_trusts_it(
    entrance: TlsEntrance,
    project: Project,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setenv(name, str(certificate))

    ended = project.cli("check", "--json")

    assert (ended.code, states(ended)) == (0, dict.fromkeys(NAMES, "ok"))
    port = entrance.url.rpartition(":")[2]
    assert said(ended, "tls") == f"connected to port {port}, TLSv1.3"
    assert project.run().is_complete


def test_a_certificate_that_nobody_here_trusts(
    entrance: TlsEntrance, kore: Emulator, project: Project
) -> None:
    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended), kore.counters.requests) == (75, {"tls"}, 0)
    told = said(ended, "tls")
    assert told.startswith("the certificate of `127.0.0.1` is not trusted here (self")
    assert told.endswith("set `REQUESTS_CA_BUNDLE` to its certificates")
    assert {states(ended)[name] for name in UNREACHED} == {"skipped"}


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_bundle_that_cannot_be_used_is_the_setting_to_mend(
    entrance: TlsEntrance,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | None,
) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (2, {"tls"})
    assert said(ended, "tls").startswith(f"setting `REQUESTS_CA_BUNDLE` is `{bundle}`")
