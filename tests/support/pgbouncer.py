"""A real pgbouncer before the Postgres of the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Debian puts it where only root looks
_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
_SETTINGS = """
[databases]
* = host={folder} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {pool_size}
ignore_startup_parameters = extra_float_digits, options
"""


@contextmanager
def pooled(address: str, mode: str, *, pool_size: int = 20) -> Iterator[str]:
    """The address of the same database through a pooler; `make test` installs the program."""
    assert _PROGRAM, "no pgbouncer on this machine. Next: make pgbouncer"
    database, _, server = address.partition("?host=")
    name = database.rpartition("/")[2]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = _SETTINGS.format(folder=server, port=port, mode=mode, pool_size=pool_size)
    settings = Path(server).parent / f"pgbouncer-{port}.ini"  # where its user may read
    settings.write_text(text, encoding="utf-8")
    settings.chmod(0o644)
    process = subprocess.Popen(
        [_PROGRAM, "-q", str(settings)],
        user=Path(server).owner() if os.getuid() == 0 else None,  # it does not run as root
    )
    try:
        _wait_for(process, port)
        yield f"postgresql://postgres:none@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait()
        settings.unlink()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    while True:
        assert process.poll() is None, "pgbouncer did not start"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
