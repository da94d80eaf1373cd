"""A transport that talks to the emulator on a fake clock: no test waits for a real minute."""

from __future__ import annotations

from typing import Any

import pytest

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.endpoints import Endpoint
from kore_campaigns.api.transport import Transport
from kore_campaigns.errors import CampaignFailed
from kore_emulator import Emulator
from support.budgets import in_memory
from support.clock import FakeClock


def wired(kore: Emulator, clock: FakeClock, **options: Any) -> Transport:
    """Every backoff is the longest it may be."""
    arguments: dict[str, Any] = {
        "host": kore.url,
        "stream_id": kore.stream_id,
        "account_id": kore.account_id,
        "auth": TokenAuth(client_id=kore.client_id, key=kore.client_secret, send_jti=True),
        "rate_limiter": in_memory(clock),
        "now": clock,
        "unix_now": clock,
        "sleep": clock.sleep,
        "random": lambda: 1.0,
    }
    return Transport(**arguments | options)


def asked_id(kore: Emulator) -> str:
    """The campaign that the tests ask for."""
    return kore.campaign_ids()[0]


def failure(kore: Emulator, clock: FakeClock, **options: Any) -> CampaignFailed:
    """Why that campaign cannot be read; the error names it."""
    with pytest.raises(CampaignFailed) as raised:
        wired(kore, clock, **options).send(Endpoint.DETAIL, campaign_id=asked_id(kore))
    assert raised.value.campaign_id == asked_id(kore)
    return raised.value
