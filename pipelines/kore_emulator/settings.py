"""Settings of the emulator: its account, and the checks of its gateway."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

MADE_UP_SECRET = base64.b64encode(
    b"a made-up secret of the kore-campaigns emulator, known to all"
).decode()


@dataclass(kw_only=True, eq=False)
class Settings:
    """Settings that are read at every request, so that a change has an effect at once.

    Only the last two are read when the emulator is created and when it starts.
    """

    stream_id: str = "st-0603182c-7ffb-53c3-b307-47ca14b00000"
    account_id: str = "67777ce93e25326494e00000"
    client_id: str = "cs-5a1d2c3e-8f4b-5c6d-9e7f-1a2b3c4d5e6f"
    client_secret: str = field(default=MADE_UP_SECRET, repr=False)
    algorithm: str = "HS256"
    public_key: str | None = None
    """PEM; needed for RS256 and RS512."""
    enforce_jti: bool = False
    scope_granted: bool = True

    requests_per_minute: int | None = 60
    """Per `window_seconds`; None lifts the limit."""
    window_seconds: float = 60.0
    requests_per_hour: int | None = None
    latency: float | tuple[float, float] = 0.0
    """Seconds of a round trip; half of it passes before the request counts as received."""
    detail_method: str = "GET"
    listing_cap: int = 50
    """Maximum rows of a page, also if `limit` is higher."""
    record_last: int = 20_000
    """Number of requests that are recorded one by one."""
    port: int = 0
    """0 picks a free one."""
