"""What the service refuses is not asked again; only a token gets a second try, with another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kore_campaigns.api.rate_limit import Unlimited
from kore_campaigns.api.transport import Endpoint
from kore_campaigns.errors import (
    AccessRefused,
    CampaignNotFound,
    Interrupted,
    RedirectRefused,
    RequestRefused,
)
from kore_emulator import Emulator, sample_campaigns
from support.clock import FakeClock
from support.transport import asked_id, failure, wired


@pytest.fixture
def kore() -> Iterator[Emulator]:
    with Emulator(campaigns=sample_campaigns(3), requests_per_minute=None) as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class TestRefusal:
    def test_of_a_token_is_answered_with_exactly_one_fresh_one(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("unauthorized", times=1)
        transport = wired(kore, clock)
        assert transport.detail(asked_id(kore)).status == 200
        first, second = kore.requests
        assert first.jti != second.jti
        assert clock.sleeps == []

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ("unauthorized", "HTTP 401, `Invalid SDK credentials`"),
            ("scope", "HTTP 401, `Permission denied. Scope is incorrect!`"),
        ],
    )
    def test_of_two_tokens_is_the_accounts(
        self, kore: Emulator, clock: FakeClock, fault: str, said: str
    ) -> None:
        kore.fault(fault)
        transport = wired(kore, clock)
        with pytest.raises(AccessRefused) as raised:
            transport.detail(asked_id(kore))
        assert said in str(raised.value)
        assert kore.counters.requests == 2
        assert len({request.jti for request in kore.requests}) == 2
        assert not transport.answered.is_set()

    def test_403_is_not_asked_again(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("forbidden")
        with pytest.raises(AccessRefused, match="HTTP 403, `Forbidden`"):
            wired(kore, clock).detail(asked_id(kore))
        assert kore.counters.requests == 1

    def test_404_is_a_campaign_that_is_not_there(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("not_found")
        failed = failure(kore, clock)
        assert isinstance(failed, CampaignNotFound)
        assert kore.counters.requests == 1

    def test_404_of_another_question_is_not_about_a_campaign(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        with pytest.raises(RequestRefused, match="HTTP 404"):
            wired(kore, clock).send(Endpoint.CONTACT_LIST, campaign_id="cl-unknown")

    def test_other_4xx_carry_the_services_words(self, kore: Emulator, clock: FakeClock) -> None:
        with pytest.raises(RequestRefused, match="HTTP 412, `Validation errors"):
            wired(kore, clock).send(Endpoint.LISTING, body=b"{}")
        assert kore.counters.requests == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_of_a_redirect_sends_nothing_there(
        self, kore: Emulator, clock: FakeClock, status: int
    ) -> None:
        with Emulator(campaigns=sample_campaigns(3)) as elsewhere:
            kore.fault("redirect", status=status, location=f"{elsewhere.url}/in?next=secret")
            failed = failure(kore, clock)
            assert elsewhere.counters.requests == 0
        assert isinstance(failed, RedirectRefused)
        assert f"HTTP {status} redirects to `{elsewhere.url}/in`" in failed.message
        assert kore.counters.requests == 1


def test_credentials_count_as_accepted_with_the_first_answer_that_is_no_401(
    kore: Emulator, clock: FakeClock
) -> None:
    kore.fault("not_found", times=1)
    transport = wired(kore, clock)
    assert not transport.answered.is_set()
    with pytest.raises(CampaignNotFound):
        transport.detail(asked_id(kore))
    assert transport.answered.is_set()


def test_a_wait_that_is_interrupted_names_the_campaign(kore: Emulator, clock: FakeClock) -> None:
    def stopped(_: float) -> None:
        raise Interrupted

    kore.fault("server_error")
    failed = failure(kore, clock, sleep=stopped)
    assert isinstance(failed, Interrupted)
    assert kore.counters.requests == 1


def test_an_interrupted_pause_names_the_campaign_too(kore: Emulator, clock: FakeClock) -> None:
    def stopped(_: float) -> None:
        raise Interrupted

    kore.fault("rate_limit")
    failed = failure(kore, clock, budget=Unlimited(now=clock, sleep=stopped))
    assert isinstance(failed, Interrupted)
