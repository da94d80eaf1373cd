"""Each attempt is a request of its own with a fresh token; trouble is waited out, for a while."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kore_campaigns.api.transport import Counters, Endpoint, RetryPolicy, Timeouts
from kore_campaigns.errors import AnswerBreaksContract, ServerUnavailable
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


class TestRequest:
    def test_is_a_get_with_the_ids_where_the_api_wants_them(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        reply = wired(kore, clock, user_agent="kore-campaigns/1.2").detail(asked_id(kore))
        assert reply.status == 200
        assert reply.content_type.startswith("application/json")
        (request,) = kore.requests
        assert request.method == "GET"
        assert request.path == f"/campaign/api/v2/public/{kore.stream_id}/campaign/{asked_id(kore)}"
        assert request.query == {"accountId": kore.account_id}
        assert request.headers["iid"] == kore.stream_id
        assert request.headers["accountid"] == kore.account_id
        assert request.headers["user-agent"] == "kore-campaigns/1.2"

    def test_is_a_put_only_where_that_was_set(self, clock: FakeClock) -> None:
        with Emulator(campaigns=sample_campaigns(1), detail_method="PUT") as kore:
            assert wired(kore, clock, detail_method="PUT").detail(asked_id(kore)).status == 200
            assert [request.method for request in kore.requests] == ["PUT"]
            assert kore.writes == []

    def test_of_the_other_reads_carries_its_body(self, kore: Emulator, clock: FakeClock) -> None:
        transport = wired(kore, clock)
        listing = transport.send(Endpoint.LISTING, body=b'{"type": "voice"}')
        status = transport.send(Endpoint.STATUS, campaign_id=asked_id(kore), body=b"{}")
        lists = transport.send(Endpoint.CONTACT_LISTS)
        assert [listing.status, status.status, lists.status] == [200, 200, 200]

    def test_has_a_token_of_its_own_each_time(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("server_error", times=2, status=503)
        wired(kore, clock).detail(asked_id(kore))
        assert len({request.jti for request in kore.requests}) == 3

    def test_many_at_once_keep_to_as_many_connections(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        transport = wired(kore, clock, workers=4)
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(transport.detail, kore.campaign_ids() * 20))
        assert {reply.status for reply in replies} == {200}
        assert transport.counters == Counters(requests=60, retries=0, rate_limited=0)
        transport.close()


class TestTrouble:
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_of_the_server_is_waited_out_with_growing_pauses(
        self, kore: Emulator, clock: FakeClock, status: int
    ) -> None:
        kore.fault("server_error", times=4, status=status)
        transport = wired(kore, clock)
        assert transport.detail(asked_id(kore)).status == 200
        assert clock.sleeps == [1, 2, 4, 8]
        assert transport.counters == Counters(requests=5, retries=4, rate_limited=0)

    @pytest.mark.parametrize("fault", ["reset", "cut_body"])
    def test_of_the_connection_is_too(self, kore: Emulator, clock: FakeClock, fault: str) -> None:
        kore.fault(fault, times=2)
        assert wired(kore, clock).detail(asked_id(kore)).status == 200
        assert clock.sleeps == [1, 2]

    def test_that_lasts_ends_with_the_reason(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("server_error", status=503)
        failed = failure(kore, clock, retry=RetryPolicy(attempts=3))
        assert isinstance(failed, ServerUnavailable)
        assert failed.http_status == 503
        assert failed.message.startswith(
            "HTTP 503 (no message; 52 bytes text/html) after 3 attempts."
        )
        assert kore.counters.requests == 3

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [("reset", "the connection broke"), ("cut_body", "the answer was cut off")],
    )
    def test_without_an_answer_is_named(
        self, kore: Emulator, clock: FakeClock, fault: str, reason: str
    ) -> None:
        kore.fault(fault)
        failed = failure(kore, clock, retry=RetryPolicy(attempts=2))
        assert isinstance(failed, ServerUnavailable)
        assert failed.message.startswith(reason)
        assert "after 2 attempts" in failed.message

    def test_of_a_host_that_nobody_listens_on_is_named(self, clock: FakeClock) -> None:
        kore = Emulator(campaigns=sample_campaigns(1)).start()
        kore.stop()
        failed = failure(kore, clock)
        assert failed.message.startswith("the connection was refused after 5 attempts")

    def test_of_a_kept_connection_that_the_server_closed_is_mended(self, clock: FakeClock) -> None:
        kore = Emulator(campaigns=sample_campaigns(1), requests_per_minute=None).start()
        transport = wired(kore, clock)
        transport.detail(asked_id(kore))
        kore.stop()
        with kore:
            assert transport.detail(asked_id(kore)).status == 200

    def test_of_a_silent_server_ends_with_the_read_timeout(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("slow", seconds=5)
        limits = Timeouts(read_seconds=0.1)
        failed = failure(kore, clock, timeouts=limits, retry=RetryPolicy(attempts=2))
        assert failed.message.startswith("no answer in time after 2 attempts")

    def test_of_a_body_in_drops_ends_with_the_time_for_a_campaign(self, kore: Emulator) -> None:
        kore.fault("slow_body", seconds=5)
        started = time.monotonic()
        limits = Timeouts(campaign_seconds=0.6)
        failed = failure(kore, FakeClock(), timeouts=limits, now=time.monotonic)
        assert isinstance(failed, ServerUnavailable)
        assert "still coming in" in failed.message
        assert time.monotonic() - started < 2

    def test_that_takes_longer_than_a_campaign_may_is_given_up(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("server_error", status=500)
        failed = failure(kore, clock, timeouts=Timeouts(campaign_seconds=5))
        assert isinstance(failed, ServerUnavailable)
        assert clock.sleeps == [1, 2]  # the third, of 4 s, would end after 7

    def test_counts_the_time_of_the_attempts_themselves(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("server_error", status=500)
        ticking = itertools.count(0, 100)  # a hundred seconds between any two looks at the clock
        failed = failure(kore, clock, now=lambda: next(ticking))
        assert isinstance(failed, ServerUnavailable)
        assert kore.counters.requests == 2

    def test_of_a_server_that_asks_for_time_is_given_it(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("server_error", times=1, status=503, retry_after=17)
        wired(kore, clock).detail(asked_id(kore))
        assert clock.sleeps == [17]

    def test_of_a_server_that_asks_for_too_much_is_given_up_at_once(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("server_error", status=503, retry_after=3600)
        failed = failure(kore, clock)
        assert isinstance(failed, ServerUnavailable)
        assert "asking to wait 3600 s" in failed.message
        assert clock.sleeps == []

    def test_of_an_answer_without_end_is_refused(self, clock: FakeClock) -> None:
        campaign = {**sample_campaigns(1)[0], "description": "x" * 10_000_001}
        with Emulator(campaigns=[campaign]) as kore:
            failed = failure(kore, clock)
        assert isinstance(failed, AnswerBreaksContract)
        assert "larger than 10,000,000 bytes" in failed.message
