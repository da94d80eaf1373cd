"""Builds the layout that the Dockerfile describes, by its own instructions, in clean roots."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from support.build_context import in_context
from support.clean_root import BASE_PATH, CleanRoot, Mount


class BuildFailedError(Exception):
    """An instruction that failed, or that nobody taught this module."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """`RUN`, its flags (`--from=build`), and the rest of the line."""

    name: str
    flags: dict[str, str]
    rest: str

    @property
    def words(self) -> list[str]:
        """The JSON form, or the shell's words."""
        found: list[str] = json.loads(self.rest) if self._is_json else shlex.split(self.rest)
        return found

    @property
    def command(self) -> list[str]:
        """What is executed: the JSON form as it is, the other by a shell."""
        return self.words if self._is_json else ["/bin/sh", "-c", self.rest]

    @property
    def _is_json(self) -> bool:
        return self.rest.startswith("[")


@dataclass
class Image:
    """A stage: its files, and how it is run."""

    root: CleanRoot
    base: str
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH})
    folder: str = "/"
    user: int | None = None
    volumes: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)


def read_dockerfile(path: Path) -> list[Instruction]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [_instruction(line) for line in text.splitlines() if line.strip()]


def _instruction(line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    flags = {}
    while found := re.match(r"--([\w-]+)=(\S+)\s+", rest := rest.strip()):
        flags[found[1]] = found[2]
        rest = rest[found.end() :]
    return Instruction(name, flags, rest)


def build(dockerfile: Path, scratch: Path, *, is_built: bool = False) -> Image:
    """The last stage; the context is the Dockerfile's folder, stages are made in `scratch`.

    With `is_built` their files are there already. Raises `BuildFailedError` with what the
    instruction said.
    """
    builder = _Described(scratch) if is_built else _Builder(scratch, dockerfile.parent)
    for instruction in read_dockerfile(dockerfile):
        builder.execute(instruction)
    return builder.image


class _Described:
    """Stages as the instructions describe them; no file is touched."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._stages: dict[str, Image] = {}

    @property
    def image(self) -> Image:
        return list(self._stages.values())[-1]

    def execute(self, instruction: Instruction) -> None:
        step = getattr(self, f"_{instruction.name.lower()}", None)
        if step is None:
            message = f"{instruction.name}: no test knows what this instruction does"
            raise BuildFailedError(message)
        step(instruction)

    def _from(self, instruction: Instruction) -> None:
        base, *named = instruction.words
        name = named[-1] if named else str(len(self._stages))
        self._stages[name] = Image(CleanRoot(self._scratch / name), base)

    def _workdir(self, instruction: Instruction) -> None:
        self.image.folder = instruction.rest

    def _env(self, instruction: Instruction) -> None:
        environment = self.image.environment
        for setting in instruction.words:
            name, _, value = setting.partition("=")
            environment[name] = re.sub(r"\$(\w+)", lambda used: environment[used[1]], value)

    def _run(self, instruction: Instruction) -> None:
        """Its files are there."""

    def _copy(self, instruction: Instruction) -> None:
        """Its files are there."""

    def _user(self, instruction: Instruction) -> None:
        self.image.user = int(instruction.rest.partition(":")[0])

    def _volume(self, instruction: Instruction) -> None:
        self.image.volumes += instruction.words

    def _entrypoint(self, instruction: Instruction) -> None:
        self.image.entrypoint = instruction.command

    def _cmd(self, instruction: Instruction) -> None:
        self.image.arguments = instruction.command

    def _healthcheck(self, instruction: Instruction) -> None:
        kind, _, rest = instruction.rest.partition(" ")
        assert kind == "CMD", instruction
        self.image.healthcheck = Instruction("CMD", {}, rest.strip()).command


class _Builder(_Described):
    """Makes the files, too."""

    def __init__(self, scratch: Path, context: Path) -> None:
        super().__init__(scratch)
        self._context = context

    def _from(self, instruction: Instruction) -> None:
        super()._from(instruction)
        self.image.root.folder.mkdir(parents=True)
        self.image.root.prepare()

    def _workdir(self, instruction: Instruction) -> None:
        super()._workdir(instruction)
        self._here("").mkdir(parents=True, exist_ok=True)

    def _run(self, instruction: Instruction) -> None:
        image, packages = self.image, _way_to_packages()
        entered = image.root.entering(
            instruction.command,
            environment=packages.environment | image.environment,
            folder=image.folder,
            mounts=packages.mounts,
        )
        ended = subprocess.run(entered, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            message = f"RUN {instruction.rest}\n{ended.stdout}{ended.stderr}"
            raise BuildFailedError(message)

    def _copy(self, instruction: Instruction) -> None:
        *sources, target = instruction.words
        stage = instruction.flags.get("from")
        for source in sources:
            if stage is not None:
                self._copy_of_stage(self._stages[stage], source, target)
            else:
                self._copy_of_context(source, target, into=len(sources) > 1 or target[-1] == "/")

    def _copy_of_stage(self, stage: Image, source: str, target: str) -> None:
        self._here(target).parent.mkdir(parents=True, exist_ok=True)
        # moved: no stage is looked at again, and half a gigabyte is not written twice
        shutil.move(stage.root.folder / source.lstrip("/"), self._here(target))

    def _copy_of_context(self, source: str, target: str, *, into: bool) -> None:
        place = self._here(target)
        found = list(in_context(self._context, source))
        if not found:
            message = f"COPY {source}: not in the context, see .dockerignore"
            raise BuildFailedError(message)
        for path in found:
            below = path.relative_to(source)
            copy = place / (Path(source) / below if into else below)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._context / path, copy)

    def _here(self, path: str) -> Path:
        return self.image.root.folder / os.path.join(self.image.folder, path).lstrip("/")  # noqa: PTH118 - an absolute path wins


@dataclass(frozen=True)
class _Packages:
    environment: dict[str, str]
    mounts: list[Mount]


def _way_to_packages() -> _Packages:
    """This machine's settings and cache of pip: where packages come from is not the image's."""
    environment = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    environment["HOME"] = "/root"
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    cache = Path(_pip("cache", "dir").strip())
    cache.mkdir(parents=True, exist_ok=True)
    mounts = [Mount(cache, "/root/.cache/pip")]
    settings = Path.home() / ".config" / "pip"
    if settings.is_dir():
        mounts.append(Mount(settings, "/root/.config/pip", is_read_only=True))
    named = re.findall(r"(?:file://|['\s,])(/[^'\s,]+)", _pip("config", "list"))
    # an index on a disk names files beside it
    folders = {Path(*Path(found).parts[:3]) for found in named}
    mounts += [
        Mount(folder, str(folder), is_read_only=True)
        for folder in sorted(folders)
        if folder.is_dir() and folder.parts[1] not in ("etc", "usr")
    ]
    return _Packages(environment, mounts)


def _pip(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
