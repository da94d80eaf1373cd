"""Each attempt is a request of its own with a fresh token; retries end in time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.endpoints import Endpoint
from kore_campaigns.api.rate_limit import Limit
from kore_campaigns.api.responses import ApiResponse, is_final, reason_of
from kore_campaigns.api.transport import Counters, RetryPolicy, Timeouts, Transport
from kore_campaigns.errors import (
    AccessRefused,
    AnswerBreaksContract,
    CampaignNotFound,
    Interrupted,
    RateLimited,
    RedirectRefused,
    RequestRefused,
    ServerUnavailable,
)
from kore_emulator import Emulator, sample_campaigns
from support.budgets import InFile, budget, in_memory, paused_for
from support.clock import START, FakeClock
from support.scripted_server import ScriptedAnswer
from support.tls import self_signed, serving
from support.transport import asked_id, failure, wired

HOURLY = "You've exceeded the hourly rate limit. Please wait for sometime before retrying."


@pytest.fixture
def kore() -> Iterator[Emulator]:
    with Emulator(campaigns=sample_campaigns(3), requests_per_minute=None) as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls") / "both.pem")


def stopped(_: float) -> None:
    raise Interrupted


class TestRequest:
    def test_is_a_get_with_the_ids_where_the_api_wants_them(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        reply = wired(kore, clock, user_agent="kore-campaigns/1.2").send(
            Endpoint.DETAIL, campaign_id=asked_id(kore)
        )
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
            assert (
                wired(kore, clock, detail_method="PUT")
                .send(Endpoint.DETAIL, campaign_id=asked_id(kore))
                .status
                == 200
            )
            assert [request.method for request in kore.requests] == ["PUT"]
            assert kore.writes == []

    def test_of_the_other_reads_carries_its_body(self, kore: Emulator, clock: FakeClock) -> None:
        transport = wired(kore, clock)
        listing = transport.send(Endpoint.LISTING, json={"type": "voice"})
        lists = transport.send(Endpoint.CONTACT_LISTS)
        assert [listing.status, lists.status] == [200, 200]

    def test_has_a_token_of_its_own_each_time(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("server_error", times=2, status=503)
        wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore))
        assert len({request.jti for request in kore.requests}) == 3

    def test_many_at_once_keep_to_as_many_connections(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        transport = wired(kore, clock, workers=4)

        def ask(campaign_id: str) -> ApiResponse:
            return transport.send(Endpoint.DETAIL, campaign_id=campaign_id)

        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(ask, kore.campaign_ids() * 20))
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
        assert transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [1, 2, 4, 8]
        assert transport.counters == Counters(requests=5, retries=4, rate_limited=0)

    @pytest.mark.parametrize("status", [408, 409, 421, 423, 425])
    def test_that_a_4xx_calls_temporary_is_waited_out_too(
        self, kore: Emulator, clock: FakeClock, status: int
    ) -> None:
        kore.fault("server_error", times=2, status=status)
        assert wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [1, 2]

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 412, 418, 500])
    def test_that_names_a_time_to_retry_is_retried_then(
        self, kore: Emulator, clock: FakeClock, status: int
    ) -> None:
        # a 401 is first tried again with a fresh token
        kore.fault("server_error", times=1 + (status == 401), status=status, retry_after=7)
        assert wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [7]

    @pytest.mark.parametrize("fault", ["reset", "cut_body"])
    def test_of_the_connection_is_too(self, kore: Emulator, clock: FakeClock, fault: str) -> None:
        kore.fault(fault, times=2)
        assert wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
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
        transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore))
        kore.stop()
        with kore:
            assert transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200

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
        ticking = itertools.count(0, 60)  # a minute between any two looks at the clock
        failed = failure(kore, clock, now=lambda: next(ticking))
        assert isinstance(failed, ServerUnavailable)
        assert kore.counters.requests == 2

    def test_of_a_server_that_asks_for_time_is_given_it(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("server_error", times=1, status=503, retry_after=17)
        wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore))
        assert clock.sleeps == [17]

    def test_of_a_server_that_asks_for_too_much_is_given_up_at_once(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("server_error", status=503, retry_after=3600)
        failed = failure(kore, clock)
        assert isinstance(failed, ServerUnavailable)
        assert "with a requested wait of 3600 s" in failed.message
        assert clock.sleeps == []

    def test_of_an_answer_without_end_is_refused(self, clock: FakeClock) -> None:
        campaign = {**sample_campaigns(1)[0], "description": "x" * 10_000_001}
        with Emulator(campaigns=[campaign]) as kore:
            failed = failure(kore, clock)
        assert isinstance(failed, AnswerBreaksContract)
        assert "larger than 10,000,000 bytes" in failed.message


class TestBackoff:
    def test_a_backoff_doubles_up_to_the_cap(self) -> None:
        policy = RetryPolicy(base_seconds=1, cap_seconds=30)
        longest = [policy.backoff_seconds(attempt, 1.0) for attempt in range(1, 8)]
        assert longest == [1, 2, 4, 8, 16, 30, 30]

    def test_a_backoff_is_any_share_of_that(self) -> None:
        policy = RetryPolicy(base_seconds=1, cap_seconds=30)
        assert [policy.backoff_seconds(3, chance) for chance in (0.0, 0.25, 0.999)] == [0, 1, 3.996]


class TestRateLimit:
    def test_the_window_is_waited_for_and_not_a_backoff(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("rate_limit", times=3)
        transport = wired(kore, clock)
        assert transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [60, 60, 60]
        assert transport.counters == Counters(requests=4, retries=3, rate_limited=3)

    @pytest.mark.parametrize("status", [200, 400, 403, 503])
    def test_its_text_counts_under_any_code(
        self, kore: Emulator, clock: FakeClock, status: int
    ) -> None:
        kore.fault("rate_limit_text", times=1, status=status)
        assert wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [60]

    @pytest.mark.parametrize("text", ["Rate limit exceeded", "Too Many Requests"])
    def test_other_words_for_it_and_a_time_to_retry_count_too(
        self, kore: Emulator, clock: FakeClock, text: str
    ) -> None:
        kore.fault("rate_limit_text", times=1, status=403, text=text, retry_after=2)
        transport = wired(kore, clock)
        assert transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [2]
        assert transport.counters.rate_limited == 1

    def test_it_pauses_all_who_share_the_budget(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("rate_limit", times=1)
        limiter = in_memory(clock, sleep=stopped)
        failed = failure(kore, clock, rate_limiter=limiter, sleep=stopped)
        assert isinstance(failed, Interrupted)
        assert paused_for(limiter) == 60

    @pytest.mark.parametrize(
        ("asked", "waited"),
        [
            (17, 17),
            (0, 1),  # at once, says the service: a small backoff all the same
            ("Thu, 01 Jan 1998 00:00:00 GMT", 1),
            (-5, 60),
            ("soon", 60),
            (10**12, 60),
        ],
    )
    def test_the_wait_is_what_the_service_asks_for(
        self, kore: Emulator, clock: FakeClock, asked: object, waited: float
    ) -> None:
        kore.fault("rate_limit_retry_after", times=1, retry_after=asked)
        assert wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [waited]

    def test_its_text_counts_with_a_wait_too(self, clock: FakeClock, kore: Emulator) -> None:
        """Under 200, where no client looks for `Retry-After`."""
        answer = {"status": "failure", "message": HOURLY}
        with ScriptedAnswer(answer, headers={"Retry-After": "1200"}) as scripted:
            failed = failure(kore, clock, host=scripted.url)
        assert isinstance(failed, RateLimited)
        assert failed.wait_seconds == 1200

    def test_a_date_is_waited_for(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("rate_limit_retry_after", times=1, retry_after=formatdate(time.time() + 30))
        assert wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [pytest.approx(30, abs=2)]

    def test_a_hint_that_proved_too_short_is_not_believed_again(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("rate_limit_retry_after", times=3, retry_after=1)
        assert wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert clock.sleeps == [1, 60, 60]

    def test_a_wait_beyond_the_time_for_a_campaign_is_given_up_at_once(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("rate_limit_retry_after", retry_after=3600)
        failed = failure(kore, clock)
        assert isinstance(failed, RateLimited)
        assert failed.http_status == 429
        assert failed.wait_seconds == 3600
        assert "(HTTP 429, 1 attempt; the service requests a wait of 3600 s)" in str(failed)
        assert clock.sleeps == []

    def test_the_hourly_limit_is_given_up_at_once(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("status_failure", message=HOURLY)
        failed = failure(kore, clock)
        assert isinstance(failed, RateLimited)
        assert failed.wait_seconds == 3600
        assert clock.sleeps == []

    def test_after_a_long_one_other_campaigns_fail_without_a_request(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        """Else each campaign of a run would ask once, only to hear the same."""
        kore.fault("status_failure", message=HOURLY)
        limiter = in_memory(clock)
        failure(kore, clock, rate_limiter=limiter)
        failed = failure(kore, clock, rate_limiter=limiter)
        assert isinstance(failed, RateLimited)
        assert "nothing was sent" in failed.message
        assert kore.counters.requests == 1

    def test_a_limit_that_stays_reached_ends_within_the_time_for_a_campaign(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("rate_limit")
        start = clock()
        failed = failure(kore, clock, retry=RetryPolicy(attempts=50))
        assert isinstance(failed, RateLimited)
        assert clock() - start == 240  # a fifth minute would leave no time to ask
        assert kore.counters.requests == 5

    def test_attempts_are_limited_too(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("rate_limit")
        failed = failure(kore, clock, retry=RetryPolicy(attempts=2))
        assert isinstance(failed, RateLimited)
        assert kore.counters.requests == 2

    def test_waiting_for_our_own_budget_is_not_counted(
        self, kore: Emulator, clock: FakeClock, tmp_path: Path
    ) -> None:
        limiter = budget(InFile(tmp_path / "calls.sqlite", clock), Limit(1, 1000))
        transport = wired(kore, clock, rate_limiter=limiter, timeouts=Timeouts(campaign_seconds=10))
        for _ in range(3):
            assert transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
        assert sum(clock.sleeps) > 2000

    def test_each_attempt_takes_a_slot_of_the_budget(
        self, kore: Emulator, clock: FakeClock, tmp_path: Path
    ) -> None:
        kore.fault("server_error", times=2, status=502)
        limiter = budget(InFile(tmp_path / "calls.sqlite", clock), Limit(1, 60))
        assert (
            wired(kore, clock, rate_limiter=limiter)
            .send(Endpoint.DETAIL, campaign_id=asked_id(kore))
            .status
            == 200
        )
        assert clock() - START >= 120


class TestRefusal:
    def test_of_a_token_is_answered_with_exactly_one_fresh_one(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        kore.fault("unauthorized", times=1)
        transport = wired(kore, clock)
        assert transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
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
            transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore))
        assert said in str(raised.value)
        assert kore.counters.requests == 2
        assert len({request.jti for request in kore.requests}) == 2
        assert not transport.answered.is_set()

    def test_403_is_not_asked_again(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("forbidden")
        with pytest.raises(AccessRefused, match="HTTP 403, `Forbidden`"):
            wired(kore, clock).send(Endpoint.DETAIL, campaign_id=asked_id(kore))
        assert kore.counters.requests == 1

    def test_404_is_a_campaign_that_is_not_there(self, kore: Emulator, clock: FakeClock) -> None:
        kore.fault("not_found")
        failed = failure(kore, clock)
        assert isinstance(failed, CampaignNotFound)
        assert kore.counters.requests == 1

    def test_404_of_another_question_is_not_about_a_campaign(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        answer = {"errors": [{"msg": "Not Found"}]}
        with (
            ScriptedAnswer(answer, status=404) as scripted,
            pytest.raises(RequestRefused, match="HTTP 404"),
        ):
            wired(kore, clock, host=scripted.url).send(Endpoint.CONTACT_LISTS)

    def test_other_4xx_carry_the_services_words(self, kore: Emulator, clock: FakeClock) -> None:
        with pytest.raises(RequestRefused, match="HTTP 412, `Validation errors"):
            wired(kore, clock).send(Endpoint.LISTING, json={})
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

    def test_of_a_redirect_to_an_unreadable_address_is_named(
        self, kore: Emulator, clock: FakeClock
    ) -> None:
        with ScriptedAnswer({}, status=302, headers={"Location": "https://["}) as scripted:
            failed = failure(kore, clock, host=scripted.url)
        assert isinstance(failed, RedirectRefused)
        assert "HTTP 302 redirects to `an unreadable address`" in failed.message


@pytest.mark.parametrize("fault", ["unauthorized", "forbidden", "scope"])
def test_a_refusal_after_data_is_waited_out_and_believed_if_it_stays(
    kore: Emulator, clock: FakeClock, fault: str
) -> None:
    transport = wired(kore, clock)
    transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore))
    kore.fault(fault, times=3)
    assert transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore)).status == 200
    assert clock.sleeps[:2] == [1, 2]
    assert len({request.jti for request in kore.requests}) == len(kore.requests)
    unwell_at = transport.unwell_at
    assert unwell_at > float("-inf")
    clock.sleep(100)
    kore.fault(fault)
    with pytest.raises(AccessRefused, match="in a row, after it had accepted them") as raised:
        transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore))
    assert "client secret" not in str(raised.value)
    assert transport.unwell_at >= unwell_at + 100


def test_a_refusal_of_the_contact_lists_is_not_waited_for(kore: Emulator, clock: FakeClock) -> None:
    transport = wired(kore, clock)
    transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore))
    kore.fault("scope", endpoint="contact_lists")
    with pytest.raises(AccessRefused):
        transport.send(Endpoint.CONTACT_LISTS)
    assert clock.sleeps == []


def test_credentials_count_as_accepted_with_the_first_answer_that_is_no_401(
    kore: Emulator, clock: FakeClock
) -> None:
    kore.fault("not_found", times=1)
    transport = wired(kore, clock)
    assert not transport.answered.is_set()
    with pytest.raises(CampaignNotFound):
        transport.send(Endpoint.DETAIL, campaign_id=asked_id(kore))
    assert transport.answered.is_set()


def test_a_wait_that_is_interrupted_names_the_campaign(kore: Emulator, clock: FakeClock) -> None:
    kore.fault("server_error")
    failed = failure(kore, clock, sleep=stopped)
    assert isinstance(failed, Interrupted)
    assert kore.counters.requests == 1


def test_an_interrupted_pause_names_the_campaign_too(kore: Emulator, clock: FakeClock) -> None:
    kore.fault("rate_limit")
    failed = failure(kore, clock, rate_limiter=in_memory(clock, sleep=stopped), sleep=stopped)
    assert isinstance(failed, Interrupted)


def transport(host: str, *, attempts: int = 2) -> Transport:
    clock = FakeClock()
    return Transport(
        host=host,
        stream_id="st-1",
        account_id="acc",
        auth=TokenAuth(client_id="cs-1", key="k" * 44),
        rate_limiter=in_memory(clock),
        timeouts=Timeouts(connect_seconds=2, read_seconds=2),
        retry=RetryPolicy(attempts=attempts),
        now=clock,
        sleep=clock.sleep,
    )


def reason_for(host: str) -> str:
    with pytest.raises(ServerUnavailable) as raised:
        transport(host).send(Endpoint.DETAIL, campaign_id="cd-1")
    return raised.value.message


class TestConnection:
    @pytest.fixture(autouse=True)
    def plain_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in (
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
        ):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)

    @pytest.fixture
    def tls_server(self, certificate: Path) -> Iterator[ScriptedAnswer]:
        with ScriptedAnswer({"status": "success"}, tls=serving(certificate)) as running:
            yield running

    def test_an_untrusted_certificate_is_refused_and_not_tried_again(
        self,
        tls_server: ScriptedAnswer,
    ) -> None:
        told = reason_for(tls_server.url)
        assert told.startswith("the server's certificate is not trusted here")
        assert "`REQUESTS_CA_BUNDLE`" in told
        assert "after 1 attempt." in told

    def test_a_certificate_in_the_ca_bundle_is_trusted(
        self, tls_server: ScriptedAnswer, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        trusting = transport(tls_server.url)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        assert [trusting.send(Endpoint.DETAIL, campaign_id="cd-1").status for _ in range(3)] == [
            200,
            200,
            200,
        ]

    def test_a_certificate_for_another_name_is_refused(
        self, tls_server: ScriptedAnswer, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        told = reason_for(tls_server.url.replace("127.0.0.1", "localhost"))
        assert told.startswith("the server's certificate is for another name (correct `host`")
        assert "after 1 attempt." in told

    def test_a_certificate_that_is_over_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = self_signed(tmp_path / "over.pem", days=-1)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
        with ScriptedAnswer({}, tls=serving(file)) as server:
            told = reason_for(server.url)
        assert told.startswith("the server's certificate is not valid at this time (check this")

    def test_a_server_without_tls_is_named(self) -> None:
        with ScriptedAnswer({}) as plain:
            told = reason_for(plain.url.replace("http:", "https:"))
        assert told.startswith("no TLS connection could be agreed on after 2 attempts")

    def test_a_name_that_does_not_exist_is_named(self) -> None:
        assert reason_for("kore.invalid").startswith("the host name could not be resolved")

    def test_a_proxy_that_is_down_is_named_without_its_password(
        self,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://user:proxy-password@127.0.0.1:9")
        told = reason_for("kore.invalid")
        assert told.startswith(
            "the proxy gave no connection (through the proxy `http://127.0.0.1:9`)"
        )
        assert "proxy-password" not in told

    @pytest.mark.parametrize(
        ("status", "reason", "attempts"),
        [
            (407, "the proxy requires a login (HTTP 407; write it as `http://user:", "1 attempt"),
            (403, "the proxy answered HTTP 403 (through the proxy `http://127", "2 attempts"),
        ],
    )
    def test_what_a_proxy_answers_is_named(
        self, monkeypatch: pytest.MonkeyPatch, status: int, reason: str, attempts: str
    ) -> None:
        with ScriptedAnswer(b"", status=status) as proxy:
            # without a scheme, and for all kinds of addresses
            monkeypatch.setenv("ALL_PROXY", proxy.url.removeprefix("http://"))
            told = reason_for("kore.invalid")
        assert told.startswith(reason)
        assert f"after {attempts}" in told

    @pytest.mark.parametrize("encoding", ["br", "GZIP, br", "compress"])
    def test_a_body_in_a_compression_that_nobody_asked_for_is_named(self, encoding: str) -> None:
        headers = {"Content-Encoding": encoding}
        with (
            ScriptedAnswer(b"\x8b\x02\x80", headers=headers) as server,
            pytest.raises(AnswerBreaksContract) as raised,
        ):
            transport(server.url).send(Endpoint.DETAIL, campaign_id="cd-1")
        assert f"compressed with `{encoding.lower()}`, which was not requested" in str(raised.value)

    def test_what_is_unknown_is_named_by_its_kind(self) -> None:
        assert reason_of(ConnectionResetError()) == "the connection broke (ConnectionResetError)"

    def test_errors_that_caused_one_another_in_a_circle_are_walked_once(self) -> None:
        one, other = OSError(), OSError()
        one.__cause__, other.__cause__ = other, one
        assert not is_final(one)
