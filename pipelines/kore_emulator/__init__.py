"""Emulator of Kore's campaign API: a real HTTP server with its answers and its faults.

    with Emulator(campaigns=sample_campaigns(20)) as kore:
        kore.fault(Fault.SERVER_ERROR, times=3, status=503)
        ...  # point a client at kore.url

It is written from Kore's documentation and imports nothing of the pipeline, so that the two cannot
share a mistake.
"""

from __future__ import annotations

from .catalogue import REMOVED, UnknownCampaignError
from .demo_campaigns import demo_campaigns
from .faults import FAULTS, Fault, UnknownFaultError, UnknownOptionError
from .journal import Counters, RecordedRequest
from .samples import sample_campaigns
from .server import Emulator

__all__ = [
    "FAULTS",
    "REMOVED",
    "Counters",
    "Emulator",
    "Fault",
    "RecordedRequest",
    "UnknownCampaignError",
    "UnknownFaultError",
    "UnknownOptionError",
    "demo_campaigns",
    "sample_campaigns",
]
