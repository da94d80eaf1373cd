"""The emulator in a process of its own, so that what it takes is not counted."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

HOST = "SOURCES__KORE_CAMPAIGNS__HOST"
_SETTING = re.compile(r"export (\w+)='(.*)'")


class Service(AbstractContextManager["Service"]):
    """Kore with `campaigns` made-up campaigns and no call limit; their ids are in `ids_file`."""

    def __init__(
        self, *, campaigns: int, latency_ms: int, ids_file: Path, environment: Mapping[str, str]
    ) -> None:
        command: list[str | Path] = [sys.executable, "-m", "kore_emulator"]
        command += ["--port", "0", "--requests-per-minute", "0", "--campaigns", str(campaigns)]
        command += ["--latency-ms", str(latency_ms), "--ids-file", ids_file]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.settings = self._read_settings()

    def _read_settings(self) -> dict[str, str]:
        """What a client needs, as environment variables; printed once the service listens."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        settings = {}
        for line in self._process.stdout:
            if found := _SETTING.match(line):
                settings[found[1]] = found[2]
            if len(settings) == 5:
                return settings
        msg = f"the emulator returned {self._process.wait()} before it listened"
        raise RuntimeError(msg)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def requests(self) -> int:
        """How many arrived so far."""
        count: int = self._steer("counters", None)["requests"]
        return count

    def change(self, campaign_id: str, changes: Mapping[str, Any]) -> None:
        self._steer("edit", {"campaign_id": campaign_id, "changes": changes})

    def _steer(self, action: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.settings[HOST]}/_emulator/{action}", data)  # noqa: S310 - ours
        with urlopen(request) as answer:  # noqa: S310
            answered: dict[str, Any] = json.load(answer)
        return answered
