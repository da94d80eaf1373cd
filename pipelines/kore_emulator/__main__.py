"""`python -m kore_emulator`: run the emulator as a program, for a pipeline in another process."""

from __future__ import annotations

import argparse
import csv
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .demo_campaigns import demo_campaigns
from .faults import Fault
from .samples import sample_campaigns
from .server import Emulator

PREFIX = "SOURCES__KORE_CAMPAIGNS__"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; both end with exit code 0."""
    parser = _parser()
    given = parser.parse_args(arguments)
    emulator = Emulator(
        campaigns=sample_campaigns(given.campaigns, given.seed)
        if given.campaigns
        else demo_campaigns(),
        requests_per_minute=given.requests_per_minute or None,
        latency=given.latency_ms / 1000,
        enforce_jti=given.enforce_jti,
        port=given.port,
    )
    try:
        for wanted in given.fault:
            _switch_on(emulator, wanted)
        emulator.start()
    except (ValueError, OSError) as error:
        parser.error(str(error))
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    if given.ids_file:
        _write_ids(given.ids_file, emulator)
    sys.stdout.write(_settings(emulator))
    sys.stdout.flush()
    stopping.wait()
    emulator.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kore_emulator",
        description="Answers like Kore's campaign API on a loopback port.",
    )
    parser.add_argument("--port", type=int, default=8080, help="0 picks a free one")
    parser.add_argument(
        "--campaigns", type=int, default=0, metavar="N", help="made-up ones; 0 = the twelve of demo"
    )
    parser.add_argument("--seed", type=int, default=0, help="other made-up campaigns")
    parser.add_argument(
        "--requests-per-minute", type=int, default=60, metavar="N", help="0 = no limit"
    )
    parser.add_argument("--latency-ms", type=float, default=0.0, metavar="MS", help="round trip")
    parser.add_argument("--enforce-jti", action="store_true", help="refuse tokens without a jti")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:CAMPAIGN[:TIMES]]",
        help=f"repeatable; an empty CAMPAIGN means all; one of {', '.join(Fault)}",
    )
    parser.add_argument(
        "--ids-file", type=Path, metavar="CSV", help="write the campaigns' ids for a pipeline"
    )
    return parser


def _switch_on(emulator: Emulator, wanted: str) -> None:
    name, _, rest = wanted.partition(":")
    campaign_id, _, times = rest.partition(":")
    emulator.fault(name, campaign_id or None, int(times) if times else None)


def _write_ids(path: Path, emulator: Emulator) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("campaign_id", "note"))
        for campaign_id in emulator.campaign_ids():
            writer.writerow((campaign_id, emulator.campaign(campaign_id)["name"]))


def _settings(emulator: Emulator) -> str:
    """One line per setting, ready to paste into a shell."""
    settings = {
        "HOST": emulator.url,
        "STREAM_ID": emulator.stream_id,
        "ACCOUNT_ID": emulator.account_id,
        "CREDENTIALS__CLIENT_ID": emulator.client_id,
        "CREDENTIALS__CLIENT_SECRET": emulator.client_secret,
    }
    return "".join(f"export {PREFIX}{name}='{value}'\n" for name, value in settings.items())


if __name__ == "__main__":
    raise SystemExit(main())
