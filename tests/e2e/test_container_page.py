"""The Dockerfile and docs/how-to/containers.md, compared with each other and the program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from kore_campaigns.api.transport import Timeouts
from kore_campaigns.cli.main import cli
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import Interrupted
from support.build_context import in_context, is_ignored, read_ignored
from support.container import ROOT
from support.image_build import Image, build, read_dockerfile
from support.project import SETTINGS

PAGE = (ROOT / "docs" / "how-to" / "containers.md").read_text(encoding="utf-8")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """As the Dockerfile describes it; nothing is built."""
    return build(ROOT / "Dockerfile", tmp_path, is_built=True)


def test_the_dockerfile_ends_as_a_user_with_a_number_on_named_volumes(image: Image) -> None:
    assert image.base == "python:3.11-slim"
    assert image.user is not None
    assert image.user > 0
    # process 1 is the program: a shell there would not hand on SIGTERM
    assert image.entrypoint == ["kore-campaigns"]
    assert set(image.volumes) == {image.environment["DLT_PROJECT_DIR"], "/state"}
    assert image.environment["XDG_STATE_HOME"] == "/state"
    copied = [step for step in read_dockerfile(ROOT / "Dockerfile") if step.name == "COPY"]
    assert copied[-1].flags == {"from": "build"}


def test_no_secret_and_no_database_reaches_whoever_builds_the_image(tmp_path: Path) -> None:
    patterns = read_ignored(ROOT / ".dockerignore")
    for kept_out in (
        *(".dlt/secrets.toml", "kore_campaigns.duckdb", ".kore_campaigns/x/x.duckdb", ".env"),
        *(".git/config", ".venv/bin/python", "pipelines/kore_campaigns/__pycache__/errors.pyc"),
    ):
        assert is_ignored(Path(kept_out), patterns), kept_out
    assert not is_ignored(Path("constraints.txt"), patterns)
    assert Path("pipelines/kore_campaigns/cli/main.py") in set(in_context(ROOT, "pipelines"))


@pytest.mark.parametrize("line", re.findall(r" kore-campaigns ((?:run|status)\b[^\n]*)", PAGE))
def test_every_line_of_the_page_is_one_that_the_program_takes(line: str) -> None:
    assert parsed(line.split())["destination"]


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The options of a command line, by name."""
    name, command, rest = cli.resolve_command(click.Context(cli), arguments)
    assert command is not None
    return command.make_context(name, rest).params


class Pod(NamedTuple):
    """What the manifest says, from the job to its one container."""

    job: dict[str, Any]
    spec: dict[str, Any]
    container: dict[str, Any]


@pytest.fixture
def pod() -> Pod:
    found = re.search(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found
    manifest = yaml.safe_load(found[1])
    assert (manifest["apiVersion"], manifest["kind"]) == ("batch/v1", "CronJob")
    assert manifest["spec"]["concurrencyPolicy"] == "Forbid"
    job = manifest["spec"]["jobTemplate"]["spec"]
    spec = job["template"]["spec"]
    (container,) = spec["containers"]
    return Pod(job, spec, container)


def test_the_job_of_the_page_tries_again_after_75_alone_and_ends_in_good_order(pod: Pod) -> None:
    *_, on_exit = pod.job["podFailurePolicy"]["rules"]
    options = parsed(pod.container["args"])

    # a policy for failed pods is only taken where none is started again in place
    assert pod.spec["restartPolicy"] == "Never"
    assert on_exit["action"] == "FailJob"
    assert on_exit["onExitCodes"] == {
        "containerName": pod.container["name"],
        "operator": "NotIn",
        "values": [Interrupted.exit_code],
    }
    assert pod.job["backoffLimit"] > 0
    assert options["deadline_seconds"] < pod.job["activeDeadlineSeconds"] < 3600
    assert pod.spec["terminationGracePeriodSeconds"] > Timeouts().read_seconds


def test_the_job_of_the_page_runs_as_the_image_does(pod: Pod, image: Image) -> None:
    mounted = {mount["mountPath"]: mount["name"] for mount in pod.container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
    access, rights = pod.spec["securityContext"], pod.container["securityContext"]

    assert (access["runAsNonRoot"], access["runAsUser"]) == (True, image.user)
    assert rights == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {*image.volumes, "/tmp"} <= set(mounted)
    assert set(mounted.values()) == set(volumes)
    assert "persistentVolumeClaim" in volumes[mounted["/state"]]
    for name in (entry["name"] for entry in pod.container["env"]):
        assert name.removeprefix(SETTINGS).lower() in KoreSettings.__dataclass_fields__, name
