"""`check` tests what a run needs and names the leg that fails, each made to fail for real."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_campaigns.maintenance.check import NAMES
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.recorder import Ended
from support.tls import TlsEntrance, self_signed

DESTINATIONS = BOTH

UNREACHED = {"token", "scope", "stream", "account", "listing"}


def states(ended: Ended) -> dict[str, str]:
    legs: list[dict[str, Any]] = ended.json["legs"]
    assert [leg["name"] for leg in legs] == list(NAMES)
    assert ended.json["ok"] is (ended.code == 0)
    return {leg["name"]: leg["state"] for leg in legs}


def said(ended: Ended, name: str) -> str:
    return next(str(leg["message"]) for leg in ended.json["legs"] if leg["name"] == name)


def failing(ended: Ended) -> set[str]:
    return {name for name, state in states(ended).items() if state == "failed"}


OTHER_SECRET = "somebody else's secret, of thirty-two signs at least"


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    return kore


@pytest.fixture
def plain_port() -> Iterator[int]:
    """Something listens and answers a TLS greeting with plain text."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            try:
                line, _ = server.accept()
            except OSError:  # closed before anybody came
                return
            with line:
                line.recv(4096)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        socket.create_connection(server.getsockname()).close()
        thread.join()


def named(project: Project) -> str:
    """What messages call the destination."""
    is_file = project.destination == "duckdb"
    return str(project.database) if is_file else "postgres, schema kore_raw"


@pytest.mark.empty_database
def test_where_all_is_well_every_leg_says_what_it_found(kore: Emulator, project: Project) -> None:
    ended = project.cli("check", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert states(ended) == dict.fromkeys(NAMES, "ok")
    assert said(ended, "settings").startswith("3 campaign ids, stream `st-")
    assert said(ended, "dns") == "127.0.0.1 is 127.0.0.1"
    assert said(ended, "listing").endswith("sms campaigns in this app")
    assert said(ended, "destination") == f"{named(project)}, made by the first run"
    assert (kore.counters.requests, kore.writes) == (2, [])  # the voice listing, the sms listing
    assert not project.database.exists()
    for ids, wanted in (
        (["*"], "every campaign of the listing"),
        (kore.campaign_ids()[:1], "1 campaign id"),
    ):
        project.configure(ids)
        assert said(project.cli("check", "--json"), "settings").startswith(f"{wanted}, stream `st-")


def test_without_json_each_leg_is_a_line(kore: Emulator, project: Project) -> None:
    project.run()
    lines = project.cli("check").out.splitlines()

    assert [line.split()[:2] for line in lines] == [["ok", name] for name in NAMES]
    assert lines[-1] == f"ok      destination  {named(project)}"


def test_missing_settings_are_the_first_leg_and_the_database_is_still_looked_at(
    project: Project,
) -> None:
    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (2, {"settings"})
    assert "missing setting `stream_id`, `account_id`, `credentials.c" in said(ended, "settings")
    assert states(ended)["destination"] == "ok"
    assert {states(ended)[name] for name in UNREACHED | {"dns", "tls"}} == {"skipped"}


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("host", "http://platform.kore.ai", "setting `host` is `http://platform.kore.ai`"),
        ("campaign_ids", "no.csv", "it does not exist"),
        ("workers", "0", "setting `workers` is `0`"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_asked(
    kore: Emulator, project: Project, setting: str, value: str, message: str
) -> None:
    project.set(setting, value)

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended), kore.counters.requests) == (2, {"settings"}, 0)
    assert message in said(ended, "settings")


def test_a_wrong_line_of_the_policies_is_named_before_a_run_meets_it(
    kore: Emulator, project: Project
) -> None:
    (project.folder / "policies.csv").write_text("name,earliest\nUS,tomorrow\n")

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended), kore.counters.requests) == (2, {"settings"}, 0)
    assert "policies.csv, line 2: found `earliest = tomorrow`" in said(ended, "settings")


def test_a_host_that_nobody_knows(kore: Emulator, project: Project) -> None:
    project.set("host", "https://nonexistent.invalid")

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (75, {"dns"})
    assert said(ended, "dns").startswith("`nonexistent.invalid` is not found (")
    assert "Errno" not in ended.out
    assert {states(ended)[name] for name in UNREACHED | {"tls"}} == {"skipped"}


@pytest.mark.parametrize(
    ("variable", "proxy"),
    [
        ("https_proxy", "http://somebody:hidden@127.0.0.1:9"),
        ("ALL_PROXY", "http://somebody:hidden@127.0.0.1:9"),
        ("HTTPS_PROXY", "somebody:hidden@127.0.0.1:9"),
    ],
)
def test_a_proxy_looks_the_host_up_itself(
    kore: Emulator, project: Project, monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str
) -> None:
    project.set("host", "https://nonexistent.invalid")
    project.set("connect_timeout_seconds", 2)
    monkeypatch.setenv(variable, proxy)

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (75, {"listing"})
    assert said(ended, "dns") == "the proxy 127.0.0.1 resolves nonexistent.invalid"
    assert states(ended)["tls"] == "skipped"
    assert "hidden" not in ended.out


def test_nothing_listens(kore: Emulator, project: Project) -> None:
    kore.stop()

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (75, {"tls"})
    said_of_tls = said(ended, "tls")
    assert said_of_tls.startswith("no connection to `127.0.0.1` port ")
    assert "(Connection refused)" in said_of_tls
    assert {states(ended)[name] for name in UNREACHED} == {"skipped"}


def test_a_port_that_does_not_speak_tls(kore: Emulator, project: Project, plain_port: int) -> None:
    project.set("host", f"https://127.0.0.1:{plain_port}")

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (75, {"tls"})
    assert said(ended, "tls").startswith(f"port {plain_port} of `127.0.0.1` agrees on no TLS")


def test_a_wrong_secret(kore: Emulator, project: Project) -> None:
    project.set("credentials__client_secret", OTHER_SECRET)

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (3, {"token"})
    assert "Kore.ai refused the credentials" in said(ended, "token")
    assert OTHER_SECRET not in ended.out


def test_a_scope_that_was_not_granted(kore: Emulator, project: Project) -> None:
    kore.scope_granted = False

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended), states(ended)["token"]) == (3, {"scope"}, "ok")
    assert "grant the scope `Campaign Management`" in said(ended, "scope")


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.SCOPE, Fault.HTML, Fault.SERVER_ERROR])
def test_a_refused_listing_stops_no_full_sweep(
    kore: Emulator, project: Project, fault: Fault
) -> None:
    kore.fault(fault, endpoint="listing")

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (0, {"listing"})
    assert said(ended, "listing").endswith("A full sweep does not need it")
    assert kore.counters.detail_requests == 1
    assert project.cli("run").code == 0


def test_a_service_that_answers_nonsense_is_not_taken_for_the_credentials(
    kore: Emulator, project: Project
) -> None:
    kore.fault(Fault.HTML)

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (5, {"listing"})
    assert states(ended)["token"] == "skipped"


@pytest.mark.duckdb_only
def test_a_database_that_is_held_or_cannot_be_used(kore: Emulator, project: Project) -> None:
    with DuckDBFile(project.database).locked():
        held = project.cli("check", "--json")
    project.database.write_text("no database")
    broken = project.cli("check", "--json")
    refused = project.cli("check", "--json", "--database", "kore.duckdb")

    assert [(one.code, failing(one)) for one in (held, broken, refused)] == [
        (6, {"destination"}),
        (6, {"destination"}),
        (2, {"destination"}),
    ]
    assert "another run holds it" in said(held, "destination")


@pytest.mark.duckdb_only
def test_the_exit_code_is_that_of_the_first_leg_that_fails(
    kore: Emulator, project: Project
) -> None:
    kore.scope_granted = False
    project.database.write_text("no database")

    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended)) == (3, {"scope", "destination"})


def test_json_is_one_object(kore: Emulator, project: Project) -> None:
    out = project.cli("check", "--json").out

    assert out.count("\n") == 1
    assert set(json.loads(out)) == {"ok", "legs"}


def test_ids_that_are_not_listed_and_campaigns_that_nobody_loads_are_named(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(30))
    ids = kore.campaign_ids()
    project.use(kore, ids=["cd-slip", *ids[:28]])

    ended = project.cli("check", "--json")

    assert ended.code == 0
    assert said(ended, "listing") == (
        "25 voice and 5 sms campaigns in this app; 1 configured, but not listed: cd-slip; "
        f"2 listed, but not configured: {', '.join(sorted(ids[28:]))}"
    )
    project.configure(["*"])
    assert (
        said(project.cli("check", "--json"), "listing")
        == "25 voice and 5 sms campaigns in this app"
    )


def test_a_long_listing_is_not_read_to_its_end(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(1300))
    project.use(kore, ids=kore.campaign_ids()[:2])

    assert "`kore-campaigns plan`" in said(project.cli("check", "--json"), "listing")
    assert kore.counters.requests == 1


def test_where_every_campaign_is_configured_a_refused_listing_fails_the_check(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore, ids=["*"])
    kore.fault(Fault.STATUS_FAILURE, endpoint="listing")

    assert project.cli("check").code == 5
    assert kore.counters.detail_requests == 0


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


@pytest.mark.duckdb_only
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


@pytest.mark.duckdb_only
def test_a_certificate_that_nobody_here_trusts(
    entrance: TlsEntrance, kore: Emulator, project: Project
) -> None:
    ended = project.cli("check", "--json")

    assert (ended.code, failing(ended), kore.counters.requests) == (75, {"tls"}, 0)
    told = said(ended, "tls")
    assert told.startswith("`127.0.0.1`: the server's certificate is not trusted here (self")
    assert told.endswith("set `REQUESTS_CA_BUNDLE` to its certificates)")
    assert {states(ended)[name] for name in UNREACHED} == {"skipped"}


@pytest.mark.duckdb_only
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
    assert said(ended, "tls").startswith(f"variable `REQUESTS_CA_BUNDLE` is `{bundle}`")
