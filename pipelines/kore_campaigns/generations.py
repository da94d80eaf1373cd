"""Earlier states of the published database: what each run replaced, kept to go back to.

    <folder>/.kore_campaigns/<stem>/generations/20260304T021507.123456Z.duckdb

Named by the moment it was replaced, so the last name is what the newest run found; each is a whole
database that may be opened or copied.  Where the disk can, it is a second name of the file that was
published, so to keep it copies nothing and at no instant is there no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from kore_campaigns.disk import RequireRoom, link_or_copy, to_disk

_NAME: Final = "%Y%m%dT%H%M%S.%fZ.duckdb"
_IS_NAME: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z\.duckdb")


@dataclass(frozen=True, slots=True)
class Generations:
    """The kept files of one database."""

    published: Path
    folder: Path
    require_room: RequireRoom

    def files(self) -> list[Path]:
        """Newest first; other files in the folder are not ours."""
        return [path for path in self._all() if not self._is_published(path)]

    def keep(self) -> Path | None:
        """Keep what is published, which is about to be replaced; nothing, if nothing is."""
        self.tidy()
        if not self.published.exists():
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.folder / self._next_name()
        link_or_copy(self.published, self._unfinished, self.require_room)
        self._unfinished.rename(kept)
        to_disk(self.folder)
        return kept

    def prune(self, keep: int) -> None:
        """Remove all but the newest `keep`."""
        for path in self.files()[keep:]:
            path.unlink()

    def tidy(self) -> None:
        """Remove what a killed run left: half a copy, or a second name of what is published."""
        self._unfinished.unlink(missing_ok=True)
        for path in self._all():
            if self._is_published(path):
                path.unlink()

    @property
    def _unfinished(self) -> Path:
        return self.folder / ".unfinished.tmp"

    def _all(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        ours = [path for path in self.folder.iterdir() if _IS_NAME.fullmatch(path.name)]
        return sorted(ours, key=lambda path: path.name, reverse=True)

    def _is_published(self, path: Path) -> bool:
        try:
            return self.published.samefile(path)
        except FileNotFoundError:
            return False

    def _next_name(self) -> str:
        """Later than all names there are, also where the clock was set back."""
        moment = datetime.now(UTC)
        for newest in self._all()[:1]:
            last = datetime.strptime(newest.name, _NAME).replace(tzinfo=UTC)
            moment = max(moment, last + timedelta(microseconds=1))
        return moment.strftime(_NAME)
