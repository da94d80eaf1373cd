"""One question on its way to an answer: how long to wait after a setback, and when to give up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kore_campaigns.campaign_errors import RateLimited, ServerUnavailable
from kore_campaigns.retry import RetryPolicy
from kore_campaigns.verdicts import Question, Setback

_HOUR_SECONDS: Final = 3600.0


@dataclass(slots=True)
class Course:
    """`left_seconds` is what is left of the time for this campaign."""

    question: Question
    left_seconds: float
    attempts: int = 0
    rate_answers: int = 0
    last_status: int | None = None
    owed_seconds: float = 0.0
    """A wait that the service asked for, which the budget carries out before the next slot."""
    has_fresh_token: bool = False

    def begin_attempt(self) -> None:
        """A slot was granted, so what the service asked to wait is over."""
        self.left_seconds -= self.owed_seconds
        self.owed_seconds = 0.0
        self.attempts += 1

    def deserves_fresh_token(self, status: int) -> bool:
        """Once after a 401: the token may have expired on its way, or its jti have been seen."""
        renew = status == 401 and not self.has_fresh_token and self.left_seconds > 0
        self.has_fresh_token = self.has_fresh_token or renew
        return renew

    def wait_seconds(self, setback: Setback, policy: RetryPolicy, chance: float) -> float:
        """How long this setback has to be waited out. `chance` is 0..1."""
        asked = setback.asked_wait_seconds
        if setback.window is None:
            return asked or policy.backoff_seconds(self.attempts, chance)
        self.rate_answers += 1
        usual = policy.rate_window_seconds if setback.window == "minute" else _HOUR_SECONDS
        if asked is None:
            return usual
        # A hint that proved too short is not believed again: others use the same account.
        if self.rate_answers > 1:
            return max(asked, usual)
        return asked or policy.backoff_seconds(self.attempts, chance)

    def give_up(self, setback: Setback, policy: RetryPolicy, wait_seconds: float) -> None:
        """Raises `RateLimited` or `ServerUnavailable` if another attempt is not worth that wait."""
        out_of_attempts = self.attempts >= policy.attempts or setback.is_final
        if not out_of_attempts and wait_seconds < self.left_seconds:
            return
        if setback.window is not None:
            raise self.rate_limited(wait_seconds)
        asked = setback.asked_wait_seconds
        raise ServerUnavailable(
            self.question.campaign_id,
            http_status=setback.http_status,
            reason=f"{setback.reason}, asking to wait {asked:.0f} s," if asked else setback.reason,
            attempts=self.attempts,
        )

    def rate_limited(self, wait_seconds: float) -> RateLimited:
        """The error for a wait that is longer than this campaign may take."""
        return RateLimited(
            self.question.campaign_id,
            http_status=self.last_status,
            attempts=self.attempts,
            wait_seconds=wait_seconds,
        )
