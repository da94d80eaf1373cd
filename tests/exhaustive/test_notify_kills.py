"""Messages under random kills and a receiver that fails: no change is lost once the receiver is
well again, and none is in two messages.

A message may arrive twice under its id: the receiver has taken it, and the run was killed before it
could store that. So messages are counted by their id.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Timer
from typing import Any

import pytest

from conftest import Emulate
from kore_emulator import Emulator, sample_campaigns
from support.project import Project
from support.proof_share import FULL, SEED, parts
from support.receiver import Message, Receiver, receiver
from support.running import Running

pytestmark = pytest.mark.slow

PARTS = 4
RUNS = 50 if FULL else 25
CAMPAIGNS = 5
ANSWERS = (200, 200, 200, 500, 429, 404, 503, "elsewhere", "cut", "cut after")
RISKY = (
    "select distinct campaign_id, version from kore.campaign_changes where is_risky order by all"
)
OPEN = "select count(*) from kore.findings"


@pytest.fixture
def webhook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@dataclass
class Course:
    """Runs one after the other, and what may have doubled a message."""

    kore: Emulator
    project: Project
    webhook: Receiver
    draw: random.Random
    lists: dict[str, Any]
    kills: int = 0
    may_double: int = 0
    running: list[Running] = field(default_factory=list)

    def step(self) -> None:
        """Change some campaigns, then run: maybe against a receiver that fails, maybe killed."""
        for campaign_id in self.draw.sample(self.kore.campaign_ids(), self.draw.randint(0, 2)):
            has_lists = self.kore.campaign(campaign_id)["dncLists"]
            self.kore.edit(campaign_id, {"dncLists": [] if has_lists else self.lists[campaign_id]})
        answers = [self.draw.choice(ANSWERS) for _ in range(4)]
        self.webhook.will(*answers)
        kill = self.draw.choice(("no", "no", "some time", "some time", "once accepted"))
        self.webhook.before = self.kill if kill == "once accepted" else lambda: None
        accepted = len(self.webhook.accepted)
        self.running = [self.project.start("run", "--quiet")]
        timer = Timer(self.draw.uniform(0.1, 1.3), self.kill)
        if kill == "some time":
            timer.start()
        process = self.running[0]
        process.communicate(timeout=60)
        timer.cancel()
        was_killed = process.wait() < 0
        self.kills += was_killed
        # accepted, and perhaps not known to be
        is_open = was_killed or "cut after" in answers
        self.may_double += is_open * (len(self.webhook.accepted) - accepted)

    def kill(self) -> None:
        for process in self.running:
            process.kill()


@pytest.mark.exhaustive
@pytest.mark.timeout(2 * 3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(PARTS))
def test_no_change_is_lost_and_none_is_in_two_messages(
    emulate: Emulate, project: Project, webhook: Receiver, record_property: Any, part: int
) -> None:
    record_property("proof", "messages under `kill -9` at random instants and a failing receiver")
    kore = emulate(sample_campaigns(CAMPAIGNS))
    lists = {each: [{"_id": "dnc-1", "name": "List"}] for each in kore.campaign_ids()}
    for campaign_id, some in lists.items():
        kore.edit(campaign_id, {"dncLists": some})
    project.use(kore, notify_url=webhook.url, notify_severity="info", sweep="auto")
    webhook.retry_after = "0"
    course = Course(kore, project, webhook, random.Random(f"{SEED} notify {part}"), lists)

    for _ in range(RUNS):
        course.step()
        judge(project, webhook, course, is_well=False)
    webhook.will()
    webhook.before = lambda: None
    for _ in range(2):
        assert project.run().exit_code == 0
    judge(project, webhook, course, is_well=True)
    assert course.kills > RUNS / 10

    record_property("tried", RUNS)


def judge(project: Project, webhook: Receiver, course: Course, *, is_well: bool) -> None:
    messages: dict[str, Message] = {}
    for message in webhook.accepted:
        first = messages.setdefault(message.key, message)
        parts = ("risky_changes", "opened", "closed")
        assert [message.body[each] for each in parts] == [first.body[each] for each in parts]
    times = Counter(webhook.keys)
    assert sum(times.values()) - len(times) <= course.may_double
    bodies = [message.body for message in messages.values()]
    found = [
        (row["campaign_id"], row["version"])
        for body in bodies
        for row in body["risky_changes"]["rows"]
    ]
    assert len(found) == len(set(found)), "a change is in two messages"
    counts = sum(body["risky_changes"]["count"] for body in bodies)
    opened = sum(body["opened"]["count"] - body["closed"]["count"] for body in bodies)
    if is_well:
        risky = project.sql(RISKY)
        assert set(found) <= set(risky)
        assert counts == len(risky), "a change is in no message"
        assert [(opened,)] == project.sql(OPEN)
