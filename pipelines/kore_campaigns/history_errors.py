"""Errors about what a database holds of the past."""

from __future__ import annotations

from collections.abc import Sequence

from kore_campaigns.errors import KoreCampaignsError


class CopyRefused(KoreCampaignsError):
    """A history is not copied where it would not be whole, or not alone."""

    exit_code = 6
    code = "copy_refused"

    def __init__(self, database: str, reason: str, *, next_step: str) -> None:
        self.database, self.reason = database, reason
        super().__init__(
            f"nothing was copied into `{database}`: {reason}. The DuckDB file is as it was. "
            f"Next: {next_step}."
        )


class HistoryDamaged(KoreCampaignsError):
    """A version is not what it was when it was loaded, so nothing is derived from it anew."""

    exit_code = 6
    code = "history_damaged"

    def __init__(
        self, database: str, found: Sequence[str], *, more: int = 0, way_back: str
    ) -> None:
        self.database, self.found = database, found
        others = f"; and {more} more" if more else ""
        super().__init__(
            f"the history in `{database}` cannot be rebuilt without loss: {'; '.join(found)}"
            f"{others}. Nothing was published, the database is as it was. Likely rows were altered "
            f"by hand or damaged on disk since they were loaded. Next: {way_back}; if that brings "
            "the same line, report it."
        )
