"""A command about several connections: a part for each, and one that fails stops no other."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any

from kore_campaigns.endings import combined, ending_of
from kore_campaigns.errors import KoreCampaignsError
from kore_campaigns.terminal import from_here, say, show

Json = dict[str, Any]


class Parts:
    """Prints what each connection comes to; about one alone, as if there were no others."""

    def __init__(self, options: argparse.Namespace, *, despite_file: bool = False) -> None:
        self._options = options
        self._despite_file = despite_file
        self._found: list[Json] = []
        self._connections: list[str | None] = []

    def each(self, command: Callable[[str | None], int]) -> int:
        """The exit code of all of them. Raises what `command` raises if there is one only."""
        self._connections = connections_of(self._options, despite_file=self._despite_file)
        codes: list[int] = []
        for connection in self._connections:
            if self._are_several:
                self.show_now([f"connection {connection}"])
            try:
                codes.append(command(connection))
            except KoreCampaignsError as failed:
                if not self._are_several:
                    raise
                codes.append(self._failed(connection, failed))
        if self._options.json:
            named = zip(self._connections, self._found, strict=True)
            parts = [{"connection": name, **part} for name, part in named]
            show(
                json.dumps(
                    {"connections": parts} if self._are_several else self._found[0], default=str
                )
            )
        return combined(codes)

    def add(self, as_json: Json, lines: Sequence[str] = ()) -> None:
        """What one connection came to."""
        self._found.append(as_json)
        self.show_now(lines)

    def show_now(self, lines: Sequence[str]) -> None:
        """Lines for a person."""
        if lines and not self._options.json:
            show("\n".join(lines))

    def _failed(self, connection: str | None, failed: KoreCampaignsError) -> int:
        ending = ending_of(failed)
        say(f"{connection}: {ending.message}")
        self._found.append({"error_code": ending.code, "message": ending.message})
        return ending.exit_code

    @property
    def _are_several(self) -> bool:
        return len(self._connections) > 1


def connections_of(options: argparse.Namespace, *, despite_file: bool = False) -> list[str | None]:
    """Those that flags, csv and settings choose."""
    from kore_campaigns.connections import chosen_connections
    from kore_campaigns.project import project_folder

    folder, file = project_folder(), from_here(options.campaign_ids)
    return chosen_connections(
        options.connection, folder, campaign_ids=file, despite_file=despite_file
    )
