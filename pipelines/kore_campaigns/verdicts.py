"""What an answer, or none, means for a campaign: done, ask again, or give up and why."""

from __future__ import annotations

from dataclasses import dataclass

from kore_campaigns.answers import (
    RateWindow,
    Reply,
    exceeded_window,
    json_object,
    one_line,
    shown_location,
    vendor_message,
)
from kore_campaigns.campaign_errors import (
    AnswerBreaksContract,
    CampaignNotFound,
    RedirectRefused,
    RequestRefused,
)
from kore_campaigns.endpoints import Endpoint
from kore_campaigns.errors import AccessRefused, KoreCampaignsError
from kore_campaigns.failures import is_untrusted, reason_of


@dataclass(frozen=True, slots=True)
class Setback:
    """Something that another attempt may mend, unless `is_final`."""

    reason: str
    http_status: int | None = None
    asked_wait_seconds: float | None = None
    window: RateWindow | None = None
    """Which call limit was reached, if it was one."""
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and who asked: what an error message has to name."""

    endpoint: Endpoint
    campaign_id: str
    client_id: str
    stream_id: str


def setback_of_failure(error: BaseException) -> Setback:
    """No answer, or only part of one."""
    return Setback(reason_of(error), is_final=is_untrusted(error))


def setback_of_reply(reply: Reply) -> Setback | None:
    """A reached call limit, under whatever code, or a server in trouble; None for all else."""
    window = exceeded_window(reply)
    if window is None and reply.status < 500:
        return None
    reason = f"HTTP {reply.status} ({vendor_message(reply)})"
    return Setback(reason, reply.status, reply.asked_wait_seconds, window)


def accepted(reply: Reply, question: Question) -> Reply:
    """The reply, if it is a 2xx; else raises the error that ends this campaign, or the run."""
    if reply.status < 300:
        return reply
    raise _refusal(reply, question)


def starts_with(body: bytes) -> str:
    """How a body begins, for a message that says it is not what was promised."""
    if not body:
        return "is empty"
    return f"starts with `{one_line(body[:200].decode(errors='replace'), 60)}`"


def _refusal(reply: Reply, question: Question) -> KoreCampaignsError:
    status, campaign_id = reply.status, question.campaign_id
    if status < 400:
        where = shown_location(reply.location)
        return RedirectRefused(campaign_id, http_status=status, location=where)
    if status in (401, 403):
        return AccessRefused(
            http_status=status,
            reply=vendor_message(reply),
            client_id=question.client_id,
            stream_id=question.stream_id,
        )
    if status == 404 and question.endpoint in (Endpoint.DETAIL, Endpoint.STATUS):
        return _not_found(reply, campaign_id)
    return RequestRefused(campaign_id, http_status=status, reply=vendor_message(reply))


def _not_found(reply: Reply, campaign_id: str) -> KoreCampaignsError:
    # A campaign that is gone is marked deleted, so the 404 page of a proxy, or of another web
    # server under a wrong host name, must not pass for Kore's own.
    if not reply.body.strip() or json_object(reply.body) is not None:
        return CampaignNotFound(campaign_id)
    found = f"not as Kore.ai says it: the body {starts_with(reply.body)}"
    return AnswerBreaksContract(campaign_id, found=found, http_status=404)
