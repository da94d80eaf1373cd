"""Dashboard: Streamlit with the app of `kore_dashboard`, instead of this process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from kore_campaigns.config.project import postgres_address, project_folder
from kore_campaigns.errors import ExtraMissing, SettingInvalid
from kore_campaigns.load import DUCKDB, destination_for

DEFAULT_PORT: Final = 8501
# Ctrl-C while Streamlit starts ends it at once; later Streamlit listens to it
START = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "runpy.run_module('streamlit', run_name='__main__', alter_sys=True)"
)


def serve_dashboard(
    *,
    destination: str,
    database: str | None,
    port: int | None,
    no_browser: bool,
    announce: Callable[[Mapping[str, str]], object] | None,
) -> None:
    """Replace this process by the server of the dashboard, so that signals reach it directly.

    `announce` gets its address and its database instead of the text that Streamlit writes. The
    address of a Postgres is in the environment: other users can read arguments.
    """
    app = find_spec("kore_dashboard")
    if find_spec("streamlit") is None or app is None or app.origin is None:
        raise ExtraMissing(package="streamlit", part="dashboard")
    found = destination_for(destination, database=database, folder=project_folder())
    if destination not in (DUCKDB, "postgres"):
        expected = "`duckdb` or `postgres`: the dashboard reads no other database"
        raise SettingInvalid(key="destination", value=destination, expected=expected)
    with found.read():  # raises an error that names the next command
        pass
    address = found.name if destination == DUCKDB else _url(postgres_address())
    script = Path(app.origin).with_name("app.py")
    # without the current folder: a file in it may have the name of a module
    command = [sys.executable, "-P", "-c", START, "run", str(script)]
    if announce is not None:
        port = port or DEFAULT_PORT  # Streamlit would take the next one if it is in use
        announce({"url": f"http://localhost:{port}", "database": found.name})
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        command.append("--logger.level=error")
    command += [f"--server.port={port}"] * (port is not None)
    command += ["--server.headless=true"] * no_browser
    # until START runs: Python would show where its start was interrupted
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.execve(sys.executable, command, {**os.environ, "KORE_CAMPAIGNS_DATABASE": address})  # noqa: S606  # ours


def _url(address: str) -> str:
    """An address of libpq as the app recognizes it, whatever parts it has."""
    from psycopg2.extensions import parse_dsn

    return "postgresql:///?" + urlencode(parse_dsn(address), quote_via=quote)
