"""The image, built once for all tests of a session, and containers of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from support.clean_root import Mount, require_namespaces
from support.image_build import Image, build
from support.recorder import Ended

ROOT = Path(__file__).parents[2]
_USED_BY = "used_by.json"


@contextmanager
def built_image(shared: Path) -> Iterator[Image]:
    """Shared by the workers of a test run, as it takes half a minute; the last removes it."""
    require_namespaces()
    folder = shared / "image"
    lock = FileLock(shared / "image.lock")
    with lock:
        users = _users(folder)
        if users == 0:
            shutil.rmtree(folder, ignore_errors=True)
        image = build(ROOT / "Dockerfile", folder, is_built=users > 0)
        _set_users(folder, users + 1)
    try:
        yield image
    finally:
        with lock:
            users = _users(folder) - 1
            _set_users(folder, users)
            if users == 0:
                shutil.rmtree(folder)


def _users(folder: Path) -> int:
    path = folder / _USED_BY
    return int(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else 0


def _set_users(folder: Path, count: int) -> None:
    (folder / _USED_BY).write_text(json.dumps(count), encoding="utf-8")


@dataclass
class Containers:
    """Containers of one image on the same two volumes, on a read-only tree."""

    image: Image
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    mounts: list[Mount] = field(default_factory=list)

    def __post_init__(self) -> None:
        for volume in self.image.volumes:
            place = self.volume(volume)
            place.mkdir(parents=True)
            # as an engine makes a volume that is new
            place.chmod(self.inside(volume).stat().st_mode & 0o7777)

    def volume(self, name: str) -> Path:
        return self.folder / "volumes" / name.lstrip("/")

    def inside(self, path: str) -> Path:
        """Where the image has it."""
        return self.image.root.folder / path.lstrip("/")

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        volumes = [Mount(self.volume(name), name) for name in self.image.volumes]
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        scratch.chmod(0o1777)
        entered = self.image.root.entering(
            command,
            environment=self.image.environment | self.environment,
            folder=self.image.folder,
            mounts=[*volumes, Mount(scratch, "/tmp"), *self.mounts],
            user=self.image.user,
            is_read_only=True,
        )
        return subprocess.Popen(
            entered, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        )

    def execute(self, *command: str) -> Ended:
        """Any command, to its end."""
        process = self.start(command)
        out, err = process.communicate(timeout=120)
        return Ended(process.returncode, out, err)

    def run(self, *arguments: str) -> Ended:
        """The image's own program; without arguments what it does by default."""
        return self.execute(*self.image.entrypoint, *(arguments or self.image.arguments))

    def is_healthy(self) -> bool:
        return self.execute(*self.image.healthcheck).code == 0


def ask_to_stop(process: subprocess.Popen[str]) -> None:
    """SIGTERM to process 1 inside, as an engine sends it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8")
    os.kill(int(children.split()[0]), signal.SIGTERM)


def tree(folder: Path) -> Mapping[str, tuple[int, int, int]]:
    """Every file and folder with its size, mode and the moment of its last change."""
    found = {}
    for path in folder.rglob("*"):
        seen = path.lstat()
        found[str(path.relative_to(folder))] = (seen.st_size, seen.st_mode, seen.st_mtime_ns)
    return found
