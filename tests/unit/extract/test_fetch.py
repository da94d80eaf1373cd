"""Many campaigns at once: bounded memory, a stop that is heard, refusals told apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from kore_campaigns.api.client import KoreClient
from kore_campaigns.errors import AccessRefused, AnswerBreaksContract, CampaignRefused, Interrupted
from kore_campaigns.extract.fetch import BUFFERED, Fetched, fetch_campaigns, stoppable_sleep

NOW = datetime(2026, 3, 4, tzinfo=UTC)
REFUSED = AccessRefused(http_status=401, reply="no", client_id="cs-1", stream_id="st-1")
SOON = 5.0


class Answering(KoreClient):
    """A client that answers with what `reply` makes of the id, and remembers who was asked for."""

    def __init__(
        self, reply: Callable[[str], dict[str, Any]] = lambda asked: {"_id": asked}
    ) -> None:
        self.answered = threading.Event()
        self.asked: list[str] = []
        self._reply = reply

    def campaign(self, campaign_id: str) -> dict[str, Any]:
        self.asked.append(campaign_id)
        data = self._reply(campaign_id)
        self.answered.set()
        return data


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if "fetch" in thread.name] == []


def fetch(
    ids: list[str], client: Answering, stop: threading.Event, *, workers: int = 1
) -> Generator[Fetched, None, None]:
    return fetch_campaigns(ids, client=client, workers=workers, stop=stop, now=lambda: NOW)


def numbered(count: int) -> list[str]:
    return [f"cd-{number}" for number in range(count)]


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(500):
        if is_so():
            return
        time.sleep(0.01)
    pytest.fail("it did not come to that")


@pytest.mark.parametrize("workers", [1, 8, 100])
def test_each_campaign_comes_out_once_however_many_threads_ask(
    stop: threading.Event, workers: int
) -> None:
    client = Answering()

    found = list(fetch(numbered(50), client, stop, workers=workers))

    assert sorted(client.asked) == sorted(numbered(50))
    assert sorted(one.campaign_id for one in found) == sorted(numbered(50))
    assert all(one.data == {"_id": one.campaign_id} and one.error is None for one in found)
    assert {one.observed_at for one in found} == {NOW}


def test_of_no_campaigns_nothing_comes(stop: threading.Event) -> None:
    assert list(fetch([], Answering(), stop, workers=8)) == []


def test_answers_that_nobody_takes_are_bounded(stop: threading.Event) -> None:
    client, workers = Answering(), 4
    with closing(fetch(numbered(1000), client, stop, workers=workers)) as answers:
        next(answers)
        assert len(client.asked) == 1  # who takes only this one has caused no other request
        next(answers)
        full = BUFFERED + workers + 1  # those waiting, one in each thread's hand, the first one
        until(lambda: len(client.asked) >= full)
        time.sleep(0.1)
        assert len(client.asked) == full


def test_the_first_campaign_is_asked_for_alone_until_it_is_answered(stop: threading.Event) -> None:
    go_on = threading.Event()

    def reply(campaign_id: str) -> dict[str, Any]:
        assert go_on.wait(SOON)
        return {}

    client = Answering(reply)
    found: list[Fetched] = []
    consumer = threading.Thread(
        target=lambda: found.extend(fetch(numbered(20), client, stop, workers=8))
    )
    consumer.start()
    until(lambda: len(client.asked) == 1)
    time.sleep(0.2)
    asked_while_waiting = list(client.asked)
    go_on.set()
    consumer.join()

    assert asked_while_waiting == ["cd-0"]
    assert len(found) == 20


def test_a_campaign_that_fails_comes_out_with_its_reason_and_the_others_with_theirs(
    stop: threading.Event,
) -> None:
    broken = AnswerBreaksContract("cd-1", found="it is HTML")

    def reply(campaign_id: str) -> dict[str, Any]:
        if campaign_id == "cd-1":
            raise broken
        return {}

    assert list(fetch(numbered(3), Answering(reply), stop)) == [
        Fetched("cd-0", NOW, data={}),
        Fetched("cd-1", NOW, error=broken),
        Fetched("cd-2", NOW, data={}),
    ]


def test_credentials_refused_at_once_are_raised_after_one_campaign(stop: threading.Event) -> None:
    client = Answering(refusing("cd-0"))

    with pytest.raises(AccessRefused) as raised:
        list(fetch(numbered(20), client, stop, workers=8))

    assert raised.value is REFUSED
    assert client.asked == ["cd-0"]


def test_a_refusal_after_successes_is_that_campaigns_alone(stop: threading.Event) -> None:
    client = Answering(refusing("cd-1", "cd-2", "cd-4", "cd-5", "cd-7"))

    found = list(fetch(numbered(8), client, stop))

    errors = {one.campaign_id: one.error for one in found if one.error}
    assert set(errors) == {"cd-1", "cd-2", "cd-4", "cd-5", "cd-7"}
    assert all(isinstance(error, CampaignRefused) for error in errors.values())
    assert str(errors["cd-1"]).startswith("campaign `cd-1`: HTTP 401, `no`, though other")


def test_three_refusals_in_a_row_are_everybodys_and_come_after_what_was_there(
    stop: threading.Event,
) -> None:
    client = Answering(refusing("cd-2", "cd-3", "cd-4"))
    found: list[Fetched] = []

    with pytest.raises(AccessRefused):
        found.extend(fetch(numbered(20), client, stop))

    assert [one.campaign_id for one in found] == ["cd-0", "cd-1"]
    assert client.asked == numbered(5)


def refusing(*refused: str) -> Callable[[str], dict[str, Any]]:
    def reply(campaign_id: str) -> dict[str, Any]:
        if campaign_id in refused:
            raise REFUSED
        return {}

    return reply


def test_a_stop_begins_nothing_new_and_gives_out_what_is_there(stop: threading.Event) -> None:
    client, found = Answering(), []

    for one in fetch(numbered(1000), client, stop, workers=4):
        found.append(one)
        stop.set()

    assert sorted(one.campaign_id for one in found) == sorted(client.asked)
    assert len(found) <= BUFFERED + 4 + 1


def test_a_stop_ends_waits_and_the_campaign_that_waited_does_not_come_out(
    stop: threading.Event,
) -> None:
    sleep = stoppable_sleep(stop)

    def reply(campaign_id: str) -> dict[str, Any]:
        if campaign_id != "cd-0":
            sleep(60)
        return {}

    began = time.monotonic()
    found = []
    for one in fetch(numbered(20), Answering(reply), stop, workers=4):
        found.append(one.campaign_id)
        stop.set()

    assert found == ["cd-0"]
    assert time.monotonic() - began < SOON


def test_a_stop_before_the_first_answer_ends_every_thread(stop: threading.Event) -> None:
    sleep = stoppable_sleep(stop)

    def reply(campaign_id: str) -> dict[str, Any]:
        stop.set()
        sleep(60)
        return {}

    assert list(fetch(numbered(20), Answering(reply), stop, workers=8)) == []


def test_a_sleep_that_is_not_stopped_is_a_sleep(stop: threading.Event) -> None:
    sleep = stoppable_sleep(stop)

    sleep(0.001)
    sleep(-1)
    stop.set()
    with pytest.raises(Interrupted):
        sleep(60)


def test_leaving_early_ends_all_threads(stop: threading.Event) -> None:
    client = Answering()
    with closing(fetch(numbered(5000), client, stop, workers=8)) as answers:
        next(answers)

    assert len(client.asked) < 5000  # and `no_thread_is_left` sees to the rest
    assert not stop.is_set()


def test_a_mistake_of_ours_is_not_swallowed(stop: threading.Event) -> None:
    def reply(campaign_id: str) -> dict[str, Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(fetch(numbered(20), Answering(reply), stop, workers=4))
