"""Why one campaign could not be read: the branch of `errors` below `CampaignFailed`."""

from __future__ import annotations

from kore_campaigns.errors import KoreCampaignsError


class CampaignFailed(KoreCampaignsError):
    """This campaign could not be read; the others are not concerned."""

    exit_code = 4
    code = "campaign_failed"

    def __init__(self, campaign_id: str, message: str, *, http_status: int | None = None) -> None:
        self.campaign_id, self.message, self.http_status = campaign_id, message, http_status
        super().__init__(f"campaign `{campaign_id}`: {message}" if campaign_id else message)


class CampaignNotFound(CampaignFailed):
    code = "not_found"

    def __init__(self, campaign_id: str, *, http_status: int = 404) -> None:
        super().__init__(
            campaign_id,
            f"HTTP {http_status}: no campaign with this id in this app. Likely a typing "
            "error, a campaign "
            "deleted before it was ever loaded, or the id of another app. Next: compare "
            "it with the campaign's "
            "page in Kore.ai, then correct or remove the line in the file of campaign ids.",
            http_status=http_status,
        )


class CampaignRefused(CampaignFailed):
    """The token was refused for this campaign, while others were answered with tokens like it."""

    code = "access_refused"

    def __init__(self, campaign_id: str, *, http_status: int, reply: str) -> None:
        super().__init__(
            campaign_id,
            f"HTTP {http_status}, `{reply}`, though other campaigns were answered in this "
            "run. Likely the "
            "id of another app's campaign. Next: move it to that app's connection, or "
            "remove the line.",
            http_status=http_status,
        )


class VanishNotBelieved(CampaignFailed):
    """Gone, says the service; but of so many at once that it is not believed without being told
    to.
    """

    code = "vanish_not_believed"

    def __init__(self, campaign_id: str, *, missing: int, known: int, allowed: int) -> None:
        self.missing, self.known, self.allowed = missing, known, allowed
        super().__init__(
            campaign_id,
            f"answered 404, as did {missing} of {known} known campaigns; at most "
            f"{allowed} are believed in one "
            "run (setting `max_vanished`), and none while no campaign answers. Nothing "
            "was marked deleted. "
            "Likely a wrong stream id or a revoked scope. Next: `kore-campaigns check`; "
            "if they really "
            "were deleted, run again with `--accept-vanished`.",
            http_status=404,
        )


class RequestRefused(CampaignFailed):
    code = "request_refused"

    def __init__(self, campaign_id: str, *, http_status: int, reply: str) -> None:
        super().__init__(
            campaign_id,
            f"HTTP {http_status}, `{reply}`: the service will not answer this request, so "
            "it was not repeated. "
            "Next: `kore-campaigns check`, then compare host, stream id and account id "
            "with the app's settings.",
            http_status=http_status,
        )


class RedirectRefused(CampaignFailed):
    exit_code = 5
    code = "redirect_refused"

    def __init__(self, campaign_id: str, *, http_status: int, location: str) -> None:
        super().__init__(
            campaign_id,
            f"HTTP {http_status} redirects to `{location}`; not followed, as the token "
            "would go with it. "
            "Likely a wrong host or a proxy that asks for a login. Next: correct the "
            "setting `host`.",
            http_status=http_status,
        )


class AnswerBreaksContract(CampaignFailed):
    """An answer that is not what the API page promises: an error with a reason, never data."""

    exit_code = 5
    code = "answer_breaks_contract"

    def __init__(self, campaign_id: str, *, found: str, http_status: int | None = 200) -> None:
        super().__init__(
            campaign_id,
            f"HTTP {http_status}, but {found}. Nothing was stored. Next: run again; if it "
            "stays, send this "
            "line to Kore.ai support with the campaign id.",
            http_status=http_status,
        )


class TryLater(CampaignFailed):
    exit_code = 75
    code = "try_later"


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


class RateLimited(TryLater):
    code = "rate_limited"

    def __init__(
        self, campaign_id: str, *, http_status: int | None, attempts: int, wait_seconds: float
    ) -> None:
        self.wait_seconds = wait_seconds
        # no attempt of its own: an answer to another call of the account asked everybody to wait
        seen = f"HTTP {http_status}, {_attempts(attempts)}; " if attempts else "nothing was sent; "
        super().__init__(
            campaign_id,
            f"the account's call limit was reached ({seen}the service asks to wait "
            f"{wait_seconds:.0f} s). "
            "Other integrations share the same 60 calls a minute. Next: run again later, or lower "
            "`requests_per_minute`.",
            http_status=http_status,
        )


class ServerUnavailable(TryLater):
    code = "server_unavailable"

    def __init__(
        self, campaign_id: str, *, http_status: int | None, reason: str, attempts: int
    ) -> None:
        super().__init__(
            campaign_id,
            f"{reason} after {_attempts(attempts)}. Next: run again later; `kore-campaigns "
            "check` names the "
            "failing leg.",
            http_status=http_status,
        )


class Interrupted(TryLater):
    """A wait was cut short because the run was asked to stop."""

    code = "interrupted"

    def __init__(self, campaign_id: str = "") -> None:
        super().__init__(campaign_id, "not reached: the run was asked to stop. Next: run again.")


class NotAsked(CampaignFailed):
    """The run stopped before it was this campaign's turn; the next run asks for it."""

    code = "not_asked"

    def __init__(self, campaign_id: str, *, reason: str) -> None:
        super().__init__(campaign_id, f"not asked: {reason}")
