"""How a command ended that raised: its exit code, a word for logs, a sentence for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar


class KoreCampaignsError(Exception):
    """Root of the tree. `exit_code` is for the scheduler, `code` for tables and logs."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "unexpected"


class FixSetting(KoreCampaignsError):
    exit_code = 2
    code = "setting"


class SettingMissing(FixSetting):
    code = "setting_missing"

    def __init__(self, keys: list[str], *, looked_in: str) -> None:
        self.keys = keys
        named = ", ".join(f"`{key}`" for key in keys)
        env = ", ".join(f"`{_variable(key)}`" for key in keys)
        super().__init__(
            f"missing setting {named}. Looked in the environment ({env}) and in {looked_in}. "
            "Next: copy .dlt/example.secrets.toml to .dlt/secrets.toml, fill it in, and run "
            "`kore-campaigns check`."
        )


def _variable(key: str) -> str:
    """The environment variable of a setting of ours, or of a destination's."""
    name = key.upper().replace(".", "__")
    return name if key.startswith("destination.") else f"SOURCES__KORE_CAMPAIGNS__{name}"


class SettingInvalid(FixSetting):
    code = "setting_invalid"

    def __init__(self, key: str, value: object, *, expected: str) -> None:
        self.key, self.value, self.expected = key, value, expected
        super().__init__(
            f"setting `{key}` is `{value}`; expected {expected}. Next: correct it and run again."
        )


class FileInvalid(FixSetting):
    """One unreadable place in a file that a person keeps, named to the line."""

    code = "file_invalid"

    def __init__(self, file: str, *, line: int | None, value: str | None, expected: str) -> None:
        self.file, self.line, self.value, self.expected = file, line, value, expected
        where = file if line is None else f"{file}, line {line}"
        found = "" if value is None else f" found `{value}`;"
        super().__init__(
            f"{where}:{found} expected {expected}. Next: correct the file and run again; "
            "nothing was asked."
        )


class CampaignIdsInvalid(FileInvalid):
    code = "campaign_ids_invalid"


class PoliciesInvalid(FileInvalid):
    code = "policies_invalid"


class BudgetUnusable(FixSetting):
    """Without the shared count of calls no request may leave, so nothing is sent."""

    code = "budget_unusable"

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"the file that counts this account's calls, `{path}`, cannot be used: "
            f"{reason}. Nothing was sent. "
            "Next: if it is damaged, delete it (it only remembers the calls of the last "
            "hour); if its folder "
            "cannot be written, set `XDG_STATE_HOME` to one on a local disk that can."
        )


class RequestNotAllowed(FixSetting):
    """Raised before a socket opens: the same URLs with other verbs edit, delete or start a
    campaign.
    """

    code = "request_not_allowed"

    def __init__(self, method: str, path: str, *, reason: str) -> None:
        self.method, self.path, self.reason = method, path, reason
        super().__init__(
            f"`{method} {path}` is not one of Kore's read endpoints: {reason}. Nothing was sent."
        )


class AccessRefused(KoreCampaignsError):
    """The service refused the token, twice, the second time with a fresh one."""

    exit_code = 3
    code = "access_refused"

    def __init__(self, *, http_status: int, reply: str, client_id: str, stream_id: str) -> None:
        self.http_status, self.reply = http_status, reply
        self.client_id, self.stream_id = client_id, stream_id
        super().__init__(
            f"Kore.ai refused the credentials (HTTP {http_status}, `{reply}`). It does "
            "not say which of these "
            f"is wrong: the client secret; the client id `{client_id}`; the stream id "
            f"`{stream_id}` (it must be "
            "the app the client id belongs to); the scope `Campaign Management` not "
            "granted to the client; the "
            "app not published since the scope was granted; the algorithm or the jti "
            "setting not as in the "
            "JWT app. Next: `kore-campaigns check`."
        )


def told_by_driver(error: Exception) -> str:
    """The first line of what a driver says; of the host's name, what may belong to a password is
    left out: an `@` in it that was not written `%40` ends it early.
    """
    line = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return re.sub(r'"[^"]*@', '"(not shown)@', line)


class DestinationUnavailable(KoreCampaignsError):
    exit_code = 6
    code = "destination_unavailable"

    def __init__(
        self,
        database: str,
        reason: str,
        *,
        next_step: str = "mend this, then run the same command again",
    ) -> None:
        self.database, self.reason = database, reason
        super().__init__(
            f"the database `{database}` cannot be used: {reason}. Nothing was lost. "
            f"Next: {next_step}."
        )


class BudgetUnavailable(DestinationUnavailable):
    """Without the shared count of calls no request may leave, so none does."""

    code = "budget_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "postgres, schema kore_calls",
            f"{reason}. It counts the account's calls (`call_budget`), so none leaves without it",
            next_step="mend this, or set `call_budget` to `machine` if no other machine calls for "
            "this account; then run the same command again",
        )


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


class CopyRefused(KoreCampaignsError):
    """A history is not copied where it would not be whole, or not alone."""

    exit_code = 6
    code = "copy_refused"

    def __init__(self, database: str, reason: str, *, next_step: str) -> None:
        self.database, self.reason = database, reason
        super().__init__(
            f"nothing was copied into `{database}`: {reason}. The DuckDB file is as it was. "
            f"Next: {next_step}."
        )


class HistoryDamaged(KoreCampaignsError):
    """A version is not what it was when it was loaded, so nothing is derived from it anew."""

    exit_code = 6
    code = "history_damaged"

    def __init__(
        self, database: str, found: Sequence[str], *, more: int = 0, way_back: str
    ) -> None:
        self.database, self.found = database, found
        others = f"; and {more} more" if more else ""
        super().__init__(
            f"the history in `{database}` cannot be rebuilt without loss: {'; '.join(found)}"
            f"{others}. Nothing was published, the database is as it was. Likely rows were altered "
            f"by hand or damaged on disk since they were loaded. Next: {way_back}; if that brings "
            "the same line, report it."
        )


class NoRoom(DestinationUnavailable):
    """Said before something is written, or by the disk itself in the middle; either way what is
    published is as it was.
    """

    code = "no_room"

    def __init__(
        self,
        database: str,
        *,
        folder: str,
        free: int,
        needed: int,
        said: str,
        generations: str,
        kept: int,
    ) -> None:
        self.folder, self.free, self.needed = folder, free, needed
        why = f"`{said}` (a full disk, a quota or a limit for file sizes); " if said else ""
        spare = (
            f"; the earlier states in `{generations}`, {in_bytes(kept)}, may be deleted, only "
            "`kore-campaigns restore` needs them"
            if kept
            else ""
        )
        super().__init__(
            database,
            f"{why}the disk of `{folder}` has {in_bytes(free)} free, {in_bytes(needed)} are "
            "needed. What is published is as it was",
            next_step=f"make room on this disk{spare}. Then run the same command again",
        )


class WorkingCopyDamaged(DestinationUnavailable):
    """DuckDB tells a full disk only where it asks: a checkpoint that fails while a connection is
    closed says nothing, and leaves half a block for the next one to find.
    """

    code = "working_copy_damaged"

    def __init__(self, database: str, reason: str, *, folder: str, free: int) -> None:
        self.folder, self.free = folder, free
        super().__init__(
            database,
            f"the copy of it that this run was writing is damaged: {reason}. A disk that is full, "
            f"a limit for file sizes or a failing disk does that; the disk of `{folder}` has "
            f"{in_bytes(free)} free. What is published is as it was",
            next_step="see to the disk, then run the same command again, it makes the copy anew",
        )


class DatabaseLocked(DestinationUnavailable):
    code = "database_locked"

    def __init__(self, database: str, *, pid: int | None, since: str | None) -> None:
        self.pid, self.since = pid, since
        holder = f"process {pid}, since {since}" if pid else "another process"
        super().__init__(
            database,
            f"another run holds it ({holder}); wait for it, or stop it with `kill {pid or 'PID'}`",
        )


def in_bytes(count: int) -> str:
    """`512 bytes`, `6.0 MB`, `1.2 GB`."""
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("KB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


UNEXPECTED = "unexpected_error"


@dataclass(frozen=True, slots=True)
class Ending:
    exit_code: int
    code: str
    message: str


def combined(exit_codes: Iterable[int]) -> int:
    """One exit code for several runs: theirs if they agree, 75 where the others are well, 1 if
    one was unexpected, else 4, some of it is loaded.
    """
    found = set(exit_codes)
    if len(found) <= 1:
        return next(iter(found), 0)
    if found == {0, 75}:
        return 75
    return 1 if 1 in found else 4


def ending_of(error: BaseException) -> Ending:
    """Whatever was raised, as the operator needs it."""
    if isinstance(error, KoreCampaignsError):
        return Ending(error.exit_code, error.code, str(error))
    if isinstance(error, KeyboardInterrupt):
        message = "stopped at once; the next run goes on from the last durable step."
        return Ending(75, "interrupted", message)
    first_line = (str(error).splitlines() or [""])[0]
    return Ending(
        1,
        UNEXPECTED,
        f"unexpected: {type(error).__name__}: {first_line}. "
        "Next: run the same command with --debug and report what it prints.",
    )
