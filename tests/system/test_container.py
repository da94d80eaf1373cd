"""The image that the Dockerfile describes, made by its instructions in a clean root, is run as a
cluster runs it: by another user, on a read-only tree, with two volumes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg2
import pytest

from conftest import Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.clean_root import Mount
from support.container import ROOT, Containers, ask_to_stop, built_image, tree
from support.image_build import Image
from support.loopback_postgres import on_loopback
from support.postgres import POSTGRES_ADDRESS as ADDRESS
from support.postgres import Postgres
from support.project import SETTINGS, app_of

pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Image]:
    base = tmp_path_factory.getbasetemp()
    with built_image(base if worker_id == "master" else base.parent) as made:
        yield made


@pytest.fixture
def containers(image: Image, tmp_path: Path) -> Containers:
    return Containers(image, tmp_path / "container")


def use(containers: Containers, kore: Emulator, **settings: object) -> None:
    """All settings by environment."""
    values = {**app_of(kore), "contact_lists": "false", "requests_per_minute": 0}
    values |= {"dnc_lists_every_hours": 0, **settings}
    for name, value in values.items():
        containers.environment[SETTINGS + name.upper()] = str(value)
    ids = "\n".join(["campaign_id", *kore.campaign_ids()]) + "\n"
    (containers.volume("/campaigns") / "campaign_ids.csv").write_text(ids, encoding="utf-8")


def rows(containers: Containers, sql: str) -> list[tuple[object, ...]]:
    database = containers.volume("/campaigns") / "kore_campaigns.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_two_runs_with_secrets_in_a_mounted_file_write_into_the_volumes_alone(
    emulate: Emulate, containers: Containers, tmp_path: Path
) -> None:
    kore = emulate(sample_campaigns(5), requests_per_minute=60)
    secrets, config = tmp_path / "secrets", tmp_path / "config"
    secrets.mkdir()
    config.mkdir()
    (secrets / "secrets.toml").write_text(
        f'[sources.kore_campaigns]\nhost = "{kore.url}"\nstream_id = "{kore.stream_id}"\n'
        f'account_id = "{kore.account_id}"\n[sources.kore_campaigns.credentials]\n'
        f'client_id = "{kore.client_id}"\nclient_secret = "{kore.client_secret}"\n',
        encoding="utf-8",
    )
    ids = "\n".join(["campaign_id", *kore.campaign_ids()]) + "\n"
    (config / "campaign_ids.csv").write_text(ids, encoding="utf-8")
    containers.mounts = [
        Mount(secrets, "/campaigns/.dlt", is_read_only=True),
        Mount(config, "/config", is_read_only=True),
    ]
    containers.environment[SETTINGS + "CAMPAIGN_IDS"] = "/config/campaign_ids.csv"
    assert containers.execute("true").code == 0  # makes the places to mount at
    before = tree(containers.image.root.folder)

    first = containers.run()
    second = containers.run()

    assert (first.code, first.err) == (0, "")
    assert "5 new versions" in first.out
    assert (second.code, second.err) == (0, "")
    assert "0 new versions, 5 unchanged" in second.out
    assert rows(containers, "select count(*) from kore.campaigns") == [(5,)]
    assert tree(containers.image.root.folder) == before
    # dlt's note of who it is; load files are gone
    assert {path.name for path in (containers.folder / "tmp").iterdir()} <= {".dlt"}
    assert sorted(path.name for path in containers.volume("/campaigns").iterdir()) == [
        ".dlt",  # where the secrets were mounted
        ".kore_campaigns",
        "kore_campaigns.duckdb",
    ]
    assert list(containers.volume("/state").glob("kore-campaigns/calls-v1-*.sqlite"))


def test_the_program_is_another_user_and_can_write_nowhere_else(containers: Containers) -> None:
    ended = containers.execute(
        "python",
        "-c",
        "import os, sys\n"
        "print(os.getuid(), os.getgid(), os.getgroups(), os.getpid())\n"
        "for place in sys.argv[1:]:\n"
        "    try: open(place + '/written', 'w')\n"
        "    except OSError as refused: print(place, type(refused).__name__, refused.errno)\n"
        "    else: print(place, 'written')",
        *("/", "/opt/kore-campaigns/bin", "/etc", "/usr/local", "/campaigns", "/state"),
    )
    who, *places = ended.out.splitlines()
    assert re.match(r"10001 10001 \[.*\] 1$", who), ended
    written = [place.split()[0] for place in places if place.endswith("written")]
    assert written == ["/campaigns", "/state"]
    assert len(places) == 6


def test_sigterm_ends_it_with_75_and_what_was_fetched_is_stored(
    emulate: Emulate, containers: Containers
) -> None:
    kore = emulate(sample_campaigns(12), requests_per_minute=5)
    use(containers, kore, requests_per_minute=5, sweep="full")

    process = containers.start([*containers.image.entrypoint, *containers.image.arguments])
    while kore.counters.requests < 5:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    healthy_meanwhile = containers.is_healthy()
    ask_to_stop(process)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, healthy_meanwhile) == (75, True), said
    assert rows(containers, "select count(*) from kore.campaigns") == [(5,)]
    # the calls are the account's: without the volume /state these seven would be asked for at once
    containers.environment[SETTINGS + "CAMPAIGN_TIMEOUT_SECONDS"] = "1"
    plan = containers.run("plan", "--json")
    assert (plan.code, kore.worst_window()) == (0, 5), plan


def test_the_healthcheck_says_well_and_not_well(emulate: Emulate, containers: Containers) -> None:
    kore = emulate(sample_campaigns(3))
    use(containers, kore)
    assert not containers.is_healthy()  # no run yet

    assert containers.run().code == 0
    assert containers.is_healthy()

    kore.fault(Fault.HTML, kore.campaign_ids()[0])
    assert containers.run("run", "--sweep", "full").code == 4
    assert not containers.is_healthy()

    kore.clear_faults()
    assert containers.run("run", "--sweep", "full").code == 0
    assert containers.is_healthy()


def test_it_loads_into_postgres_and_the_healthcheck_looks_there(
    emulate: Emulate, containers: Containers, postgres: Postgres
) -> None:
    kore = emulate(sample_campaigns(4))
    use(containers, kore)
    url = postgres.new_database()
    with on_loopback(url) as address:
        containers.environment[ADDRESS] = address
        containers.environment["STATUS_FLAGS"] = "--destination postgres"
        assert not containers.is_healthy()

        ended = [containers.run("run", "--destination", "postgres") for _ in range(2)]

        assert [one.code for one in ended] == [0, 0], ended
        assert "4 unchanged" in ended[1].out
        assert containers.is_healthy()
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from kore.campaigns")
        assert cursor.fetchall() == [(4,)]


def test_the_environment_is_the_pinned_one_without_anything_that_builds(image: Image) -> None:
    pinned = dict(
        line.lower().split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    packages = image.root.folder / "opt/kore-campaigns/lib"
    found = [
        path.name.removesuffix(".dist-info")
        for path in packages.glob("*/site-packages/*.dist-info")
    ]
    installed = {
        name.lower().replace("_", "-"): version for name, _, version in map(_parted, found)
    }

    assert installed.pop("kore-campaigns")
    assert not {"pip", "hatchling", "uv", "pytest", "pandas"} & set(installed)
    assert installed.items() <= {
        name.replace("_", "-"): version for name, version in pinned.items()
    }.items() | {("setuptools", installed.get("setuptools"))}
    assert {"dlt", "duckdb", "pyarrow", "psycopg2-binary"} <= set(installed)


def _parted(name: str) -> tuple[str, str, str]:
    return name.rpartition("-")
