"""A clock that stands still until somebody sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field

START = 1_700_000_000.0


@dataclass
class FakeClock:
    """`clock()` tells the time, `clock.sleep` passes it at once and writes down how long."""

    time: float = START
    sleeps: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds
