"""A root file system entered as a container is: its own mounts, process ids and user, no engine."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# stands for the operating system of the base image
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "usr", "etc")
_DEVICES = ("null", "zero", "random", "urandom")
# where the base image has its Python
_PYTHON_PREFIX = "usr/local"
BASE_PATH = "/base/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoNamespacesError(Exception):
    """This user may not make a root file system of its own."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"the kernel refuses namespaces of one's own: {said.strip()}. Next: run the tests as "
            "root, or allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )


@dataclass(frozen=True, slots=True)
class Mount:
    """`source` of this machine, seen as `target`."""

    source: Path
    target: str
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class CleanRoot:
    """A folder that becomes `/`, on this machine's system and Python, both read-only."""

    folder: Path

    def prepare(self) -> None:
        """Makes what the base image has."""
        for name in (*_SYSTEM, "proc", "dev", "tmp", "base/bin"):
            source = Path("/", name)
            if source.is_symlink():
                (self.folder / name).symlink_to(source.readlink())
            elif source.is_dir() or name == "base/bin":
                (self.folder / name).mkdir(parents=True)
        for name in _DEVICES:
            (self.folder / "dev" / name).touch()
        # a Python may be installed without the plain name, which the image's Python has
        python = f"/{_PYTHON_PREFIX}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        shim = self.folder / "base" / "bin" / "python"
        shim.write_text(f'#!/bin/sh\nexec {python} "$@"\n', encoding="utf-8")
        shim.chmod(0o755)

    def entering(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: str = "/",
        mounts: Iterable[Mount] = (),
        user: int | None = None,
        is_read_only: bool = False,
    ) -> list[str]:
        """The command line that runs `command` inside, as process 1 of its own process ids.

        As `root` of that root file system, or as the user id given.  Works for root, and for any
        user where the kernel allows user namespaces.
        """
        inside = ["/usr/bin/env", "-i", f"--chdir={folder}"]
        inside += [f"{name}={value}" for name, value in environment.items()]
        inside += command
        root = str(self.folder)
        steps = ["set -e", shlex.join(["mount", "--bind", root, root])]
        for mount in (*_base_mounts(), *mounts):
            steps += self._mounting(mount)
        steps.append(shlex.join(["mount", "-t", "proc", "proc", f"{root}/proc"]))
        if is_read_only:
            steps.append(shlex.join(["mount", "-o", "remount,bind,ro,nosuid,nodev", root]))
        steps += ["cd /", shlex.join(["exec", *self._as_user(user), *inside])]
        return [*_APART, "sh", "-c", "\n".join(steps)]

    def _mounting(self, mount: Mount) -> list[str]:
        target = str(self.folder / mount.target.lstrip("/"))
        # made when the mounts before it are there: it may lie in one of them
        make = ["mkdir", "-p", target]
        if not mount.source.is_dir():
            make = ["install", "-D", "/dev/null", target]
        steps = [f"test -e {shlex.quote(target)} || {shlex.join(make)}"]
        steps.append(shlex.join(["mount", "--rbind", str(mount.source), target]))
        if mount.is_read_only:
            steps.append(shlex.join(["mount", "-o", "remount,bind,ro,nosuid,nodev", target]))
        return steps

    def _as_user(self, user: int | None) -> list[str]:
        root = str(self.folder)
        if user is None:
            return ["chroot", root]
        if os.geteuid() == 0:
            return ["chroot", f"--userspec={user}:{user}", "--groups=", root]
        ids = [f"--map-user={user}", f"--map-group={user}"]
        return ["unshare", "--user", *ids, f"--root={root}"]


def require_namespaces() -> None:
    """Raises `NoNamespacesError` where a root cannot be entered, with what would help."""
    tried = subprocess.run(
        [*_APART, "mount", "--bind", "/usr", "/usr"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        raise NoNamespacesError(tried.stderr)


def _base_mounts() -> Iterable[Mount]:
    for name in _SYSTEM:
        source = Path("/", name)
        if source.is_dir() and not source.is_symlink():
            yield Mount(source, name, is_read_only=True)
    prefix = Path(sys.base_prefix).resolve()
    # where it was built for, too: a shared library is looked for there
    for target in (_PYTHON_PREFIX, str(prefix)):
        if target != "/usr":
            yield Mount(prefix, target, is_read_only=True)
    resolver = Path("/etc/resolv.conf").resolve()
    if resolver.is_file() and not resolver.is_relative_to("/etc"):
        yield Mount(resolver, str(resolver), is_read_only=True)
    for name in _DEVICES:
        yield Mount(Path("/dev", name), f"dev/{name}")


_APART = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
if os.geteuid() != 0:
    _APART += ["--user", "--map-root-user"]
