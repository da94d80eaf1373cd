"""All exceptions, with their messages, exit codes and error codes.

docs/how-to/runbook.md says what to do, by exit code and by error code.

A message says what failed, why, and what to do. No message contains a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

UNEXPECTED: Final = "unexpected_error"


class KoreCampaignsError(Exception):
    """Root of the tree. `exit_code` is for the scheduler, `code` for tables and logs."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = UNEXPECTED
    template: ClassVar[str] = ""

    def __str__(self) -> str:
        return self.template.format(self=self)


class FixSetting(KoreCampaignsError):
    exit_code = 2


@dataclass(eq=False)
class UsageInvalid(FixSetting):
    """The command line names no command, or gives one what it does not take."""

    code = "usage_invalid"
    template = "{self.reason} Next: `{self.next_command}` shows what it takes."
    reason: str
    next_command: str


@dataclass(eq=False)
class SettingMissing(FixSetting):
    code = "setting_missing"
    template = (
        "missing setting {self.names}. Looked in the environment ({self.variables}) and in "
        "{self.looked_in}. Next: `kore-campaigns init` writes these files; fill in what is "
        "missing, and run `kore-campaigns check`."
    )
    keys: list[str]
    looked_in: str

    @property
    def names(self) -> str:
        return ", ".join(f"`{key}`" for key in self.keys)

    @property
    def variables(self) -> str:
        """Environment variables of these settings: ours, or those of a destination."""
        names = [key.upper().replace(".", "__") for key in self.keys]
        ours = "SOURCES__KORE_CAMPAIGNS__"
        return ", ".join(f"`{'' if n.startswith('DESTINATION__') else ours}{n}`" for n in names)


@dataclass(eq=False)
class SettingInvalid(FixSetting):
    code = "setting_invalid"
    template = (
        "{self.kind} `{self.key}` is `{self.value}`; expected {self.expected}. Next: correct it "
        "and run again."
    )
    key: str
    """The full name of a setting, `--flag`, `[ARGUMENT]` or `VARIABLE`."""
    value: object
    expected: str

    def __post_init__(self) -> None:
        if re.search("://.*@", str(self.value)):  # an address with a login, where it is none
            self.value = "(not shown)"

    @property
    def kind(self) -> str:
        if self.key.startswith(("-", "[")):
            return "flag" if self.key.startswith("-") else "argument"
        return "variable" if self.key.partition(" ")[0].isupper() else "setting"


@dataclass(eq=False)
class ExtraMissing(FixSetting):
    """A command needs a package that is not installed."""

    code = "extra_missing"
    template = (
        "`{self.package}` is not installed. Next: `pip install 'kore-campaigns[{self.part}]'`, "
        "then run the command again."
    )
    package: str
    part: str
    """The extra of kore-campaigns that installs it."""


@dataclass(eq=False)
class FileInvalid(FixSetting):
    """A file that a person maintains has an error; the message has the line."""

    template = (
        "{self.place}:{self.found} expected {self.expected}. Next: correct the file and run "
        "again. No request was sent."
    )
    file: object
    expected: str
    line: int | None = None
    value: str | None = None

    @property
    def place(self) -> str:
        return str(self.file) if self.line is None else f"{self.file}, line {self.line}"

    @property
    def found(self) -> str:
        return "" if self.value is None else f" found `{self.value}`;"


class CampaignIdsInvalid(FileInvalid):
    code = "campaign_ids_invalid"


class PoliciesInvalid(FileInvalid):
    code = "policies_invalid"


@dataclass(eq=False)
class BudgetUnusable(FixSetting):
    """The file that counts calls is unusable, so no request may be sent."""

    code = "budget_unusable"
    template = (
        "the file that counts this account's calls, `{self.path}`, cannot be used: {self.reason}. "
        "Nothing was sent. Next: if it is damaged, delete it (it only has the calls of the last "
        "hour); if its folder cannot be written, set `XDG_STATE_HOME` to a writable folder on a "
        "local disk."
    )
    path: str
    reason: str


@dataclass(eq=False)
class RequestNotAllowed(FixSetting):
    """A request is not on the allow-list; raised before a socket opens.

    The same URLs with other verbs edit, delete or start a campaign.
    """

    code = "request_not_allowed"
    template = (
        "`{self.method} {self.path}` is not one of Kore's read endpoints: {self.reason}. "
        "Nothing was sent."
    )
    method: str
    path: str
    reason: str


@dataclass(eq=False, kw_only=True)
class AccessRefused(KoreCampaignsError):
    """The service refused the token, and fresh ones too."""

    exit_code = 3
    code = "access_refused"
    template = "Kore.ai refused {self.what} (HTTP {self.http_status}, `{self.reply}`){self.about}"
    wrong: ClassVar[str] = (
        ". It does not "
        "say which of these is wrong: the client secret; the client id `{self.client_id}`; the "
        "stream id `{self.stream_id}` (it must be the app the client id belongs to); the scope "
        "`Campaign Management` not granted to the client; the app not published since the scope "
        "was granted; the algorithm or the jti setting not as in the JWT app. "
        "Next: compare each with the JWT app in Kore.ai, then `kore-campaigns check`."
    )
    http_status: int
    reply: str
    client_id: str
    stream_id: str
    attempts: int = 0
    """After the credentials had been accepted; 0 if they were not."""

    @property
    def what(self) -> str:
        """Credentials that were accepted before are not at fault."""
        return "requests" if self.attempts else "the credentials"

    @property
    def about(self) -> str:
        """What may be wrong."""
        if not self.attempts:
            return self.wrong.format(self=self)
        return (
            f" {counted(self.attempts, 'time')} in a row, after it had accepted them in this run. "
            "The service is unwell, or access was withdrawn meanwhile. Next: run again; if it "
            "stays, `kore-campaigns check`."
        )


@dataclass(eq=False)
class CampaignFailed(KoreCampaignsError):
    """One campaign could not be read; the others are not affected."""

    exit_code = 4
    campaign_id: str = ""
    http_status: int | None = None

    @property
    def message(self) -> str:
        """The message without the campaign's id, which tables have in a column of its own."""
        return self.template.format(self=self)

    def __str__(self) -> str:
        return (
            f"campaign `{self.campaign_id}`: {self.message}" if self.campaign_id else self.message
        )


@dataclass(eq=False, kw_only=True)
class CampaignNotFound(CampaignFailed):
    code = "not_found"
    template = (
        "HTTP {self.http_status}: no campaign with this id in this app. Likely a typing error, a "
        "campaign deleted before it was ever loaded, or the id of another app. Next: run again; if "
        "it stays, compare the id with the campaign's page in Kore.ai, and correct the file of "
        "campaign ids."
    )
    http_status: int | None = 404


@dataclass(eq=False, kw_only=True)
class CampaignRefused(CampaignFailed):
    """The token was refused for this campaign, but accepted for others."""

    code = "access_refused"
    template = (
        "HTTP {self.http_status}, `{self.reply}`, though other campaigns were answered in this "
        "run. Next: run again; if it stays, the id is likely that of another app's campaign: move "
        "it to that app's connection."
    )
    reply: str


@dataclass(eq=False, kw_only=True)
class VanishNotBelieved(CampaignFailed):
    """The service answered 404 for more campaigns than `max_vanished` allows to mark deleted."""

    code = "vanish_not_believed"
    template = (
        "answered 404, as did {self.missing} of {self.known} known campaigns; at most "
        "{self.allowed} are believed in one run (setting `max_vanished`), and none while no "
        "campaign answers. Nothing was marked deleted. Likely the service was unwell, or the "
        "stream id or the scope is wrong. Next: run again; if it stays, `kore-campaigns check`; if "
        "they really were deleted, run again with `--accept-vanished`."
    )
    http_status: int | None = 404
    missing: int
    known: int
    allowed: int


@dataclass(eq=False, kw_only=True)
class RequestRefused(CampaignFailed):
    code = "request_refused"
    template = (
        "HTTP {self.http_status}, `{self.reply}`: the service rejects this request, so it was not "
        "retried. Next: `kore-campaigns check`, then compare host, stream id and account id with "
        "the app's settings."
    )
    reply: str


@dataclass(eq=False, kw_only=True)
class IdNotUsable(CampaignFailed):
    """An id of the listing from which no safe request can be made."""

    code = "id_not_usable"
    template = (
        "no request can be made for this id of the account listing: {self.reason}. Nothing was "
        "sent. Next: report the id to Kore.ai support; the other campaigns are not affected."
    )
    reason: str


@dataclass(eq=False, kw_only=True)
class RedirectRefused(CampaignFailed):
    exit_code = 5
    code = "redirect_refused"
    template = (
        "HTTP {self.http_status} redirects to `{self.location}`; not followed, as the token would "
        "go with it. Likely a wrong host or a proxy that requires a login. Next: correct the "
        "setting `host`."
    )
    location: str


@dataclass(eq=False, kw_only=True)
class AnswerBreaksContract(CampaignFailed):
    """A response differs from what the API page promises: an error with a reason, never data."""

    exit_code = 5
    code = "answer_breaks_contract"
    template = (
        "HTTP {self.http_status}, but {self.found}. Nothing was stored. Next: run again; if it "
        "stays, send this line to Kore.ai support with the campaign id."
    )
    http_status: int | None = 200
    found: str


@dataclass(eq=False, kw_only=True)
class ListingDoubtful(CampaignFailed):
    """`*` is configured, and the listing that names all campaigns is in doubt."""

    code = "listing_doubtful"
    template = "the {self.kind} listing {self.doubt}."
    kind: str
    doubt: str


class TryLater(CampaignFailed):
    exit_code = 75


@dataclass(eq=False, kw_only=True)
class RateLimited(TryLater):
    code = "rate_limited"
    template = (
        "the account's call limit was reached ({self.sent}; the service requests a wait "
        "of {self.wait_seconds:.0f} s). Other integrations share the same 60 calls a minute. "
        "Next: run again later, or lower `requests_per_minute`."
    )
    attempts: int
    wait_seconds: float

    @property
    def sent(self) -> str:
        """The response; none if the wait comes from another call of the account."""
        if not self.attempts:
            return "nothing was sent"
        return f"HTTP {self.http_status}, {counted(self.attempts, 'attempt')}"


@dataclass(eq=False, kw_only=True)
class NotFoundInDoubt(TryLater):
    """A 404 while the service was unwell is no evidence: not of a deletion, not of a wrong id."""

    code = "not_found_in_doubt"
    template = (
        "HTTP {self.http_status}, but the service was unwell at that time (server errors, refusals "
        "or no answers), so the campaign may exist. Nothing was marked deleted. Next: run again."
    )
    http_status: int | None = 404


@dataclass(eq=False, kw_only=True)
class ServerUnavailable(TryLater):
    code = "server_unavailable"
    template = (
        "{self.reason} after {self.tries}. Next: run again later; `kore-campaigns check` names "
        "the failing part."
    )
    reason: str
    attempts: int

    @property
    def tries(self) -> str:
        return counted(self.attempts, "attempt")


class Interrupted(TryLater):
    """A wait ended early because the run was stopped."""

    code = "interrupted"
    template = "not reached: the run was stopped. Next: run again."


@dataclass(eq=False, kw_only=True)
class NotAsked(CampaignFailed):
    """The run stopped before it requested this campaign; the next run does."""

    code = "not_asked"
    template = "not requested: {self.reason}"
    reason: str


NOT_REACHED = (NotAsked.code, Interrupted.code)
"""Error codes of campaigns that a run did not get to: the reason is the run, not the campaign."""


@dataclass(eq=False)
class DestinationUnavailable(KoreCampaignsError):
    exit_code = 6
    code = "destination_unavailable"
    template = (
        "the database `{self.database}` cannot be used: {self.reason}. Nothing was lost. "
        "Next: {self.next_step}."
    )
    database: str
    reason: str = ""
    next_step: str = "fix this and run the command again"


class ForeignTables(DestinationUnavailable):
    """Another program writes into the published file, which a run would replace."""

    code = "foreign_tables"

    def __init__(self, database: str, found: str, recipe: str) -> None:
        super().__init__(
            database,
            f"{found}, and `protect_foreign_tables` is true, so it was not replaced",
            next_step=f"{recipe}. Move these tables, or set `protect_foreign_tables` = false; "
            "then run the command again",
        )


class BudgetUnavailable(DestinationUnavailable):
    """The table that counts calls is unavailable, so no request may be sent."""

    code = "budget_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "postgres, schema kore_calls",
            f"{reason}. It counts the account's calls (`call_budget`), so no request is sent "
            "without it",
            next_step="fix this, or set `call_budget` to `machine` if no other machine calls for "
            "this account; then run the command again",
        )


@dataclass(eq=False, kw_only=True)
class NoRoom(DestinationUnavailable):
    """The disk is too full, before or while something is written; the published file is intact."""

    code = "no_room"
    folder: str
    free: int
    needed: int
    said: str
    generations: str
    kept: int

    def __post_init__(self) -> None:
        why = f"`{self.said}` (a full disk, a quota or a limit for file sizes); "
        self.reason = (
            f"{why if self.said else ''}the disk of `{self.folder}` has {in_bytes(self.free)} "
            f"free, {in_bytes(self.needed)} are needed. What is published is as it was"
        )
        spare = (
            f"; the earlier states in `{self.generations}`, {in_bytes(self.kept)}, may be deleted, "
            "only `kore-campaigns restore` needs them"
        )
        self.next_step = (
            f"make room on this disk{spare if self.kept else ''}. Then run the same command again"
        )


@dataclass(eq=False, kw_only=True)
class WorkingCopyDamaged(DestinationUnavailable):
    """The working copy is damaged, for example by a full disk.

    DuckDB does not report a checkpoint that fails while a connection is closed. It leaves half a
    block, which the next connection finds.
    """

    code = "working_copy_damaged"
    next_step: str = "check the disk, then run the same command again; it makes a new copy"
    folder: str
    free: int

    def __post_init__(self) -> None:
        self.reason = (
            f"the copy of it that this run was writing is damaged: {self.reason}. Likely a full "
            f"disk, a limit for file sizes or a failing disk; the disk of `{self.folder}` has "
            f"{in_bytes(self.free)} free. What is published is as it was"
        )


@dataclass(eq=False, kw_only=True)
class DatabaseLocked(DestinationUnavailable):
    """Another run writes: into this file, or for this account. A file knows its process."""

    code = "database_locked"
    pid: int | None = None
    since: str | None = None


@dataclass(eq=False)
class CopyRefused(KoreCampaignsError):
    """A copy would be incomplete, or mixed with another history."""

    exit_code = 6
    code = "copy_refused"
    template = (
        "nothing was copied into `{self.database}`: {self.reason}. The DuckDB file is as it was. "
        "Next: {self.next_step}."
    )
    database: str
    reason: str
    next_step: str


@dataclass(eq=False)
class HistoryDamaged(KoreCampaignsError):
    """A stored version differs from the loaded one, so no columns are derived from it."""

    exit_code = 6
    code = "history_damaged"
    template = (
        "the history in `{self.database}` cannot be rebuilt without loss: {self.found}. Nothing "
        "was published, the database is as it was. Likely rows were altered by hand or damaged on "
        "disk since they were loaded. Next: {self.way_back}; if that brings the same line, report "
        "it."
    )
    database: str
    found: str
    way_back: str


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """What a command reports of an exception."""

    exit_code: int
    code: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """The object of a command that has no result."""
        return {"exit_code": self.exit_code, "error_code": self.code, "message": self.message}


def error_summary(error: BaseException) -> ErrorSummary:
    """Map an exception to an exit code, an error code and a message."""
    # Ctrl-C within a query of DuckDB is the cause of a RuntimeError
    if any(isinstance(each, KeyboardInterrupt) for each in causes(error)):
        message = "stopped at once; all that is stored stays. Next: run the same command again."
        return ErrorSummary(75, "interrupted", message)
    if isinstance(error, KoreCampaignsError):
        return ErrorSummary(error.exit_code, error.code, str(error))
    what = type(error).__name__
    message = (
        f"unexpected: {what}: {first_line(error)}. "
        "Next: run the same command with --debug and report what it prints."
    )
    return ErrorSummary(1, UNEXPECTED, message)


def reason_of(refused: AccessRefused | CampaignFailed) -> str:
    """Why a request failed, in a clause."""
    if isinstance(refused, AccessRefused):
        return f"HTTP {refused.http_status}, `{refused.reply}`"
    return refused.message.partition(". ")[0].rstrip(".")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, then what it was raised from, down to the first cause."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def combined(exit_codes: Iterable[int]) -> int:
    """Combine the exit codes of several runs: the common one; 75 if the others succeeded; 1 if one
    was unexpected; otherwise 4, since part of the campaigns is loaded.
    """
    found = set(exit_codes)
    if len(found) <= 1:
        return next(iter(found), 0)
    if found == {0, 75}:
        return 75
    return 1 if 1 in found else 4


def first_line(error: BaseException) -> str:
    """First line of an exception's message, without the final dot; its class if it has none.

    Of an error of the system, its words and the file, without its number.
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
    return (text.splitlines() or [""])[0].rstrip("!. ") or type(error).__name__


def first_line_of_driver(error: BaseException) -> str:
    """First line of a database driver's message, without what may be part of a password.

    An `@` or `/` in a password that is not written `%40` or `%2F` ends it early: the rest is taken
    for the host, the port or the database.
    """
    hidden = r'(?<=")[^"]*(?=@|" for connection option)'
    return re.sub(hidden, "(not shown)", first_line(error))


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 campaign`, `2 campaigns`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def shorten(names: Sequence[str], shown: int = 10, *, separator: str = ", ") -> str:
    """The first names, and how many more there are."""
    more = len(names) - shown
    return separator.join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


def in_bytes(count: int) -> str:
    """A size for people, such as `6.0 MB`."""
    from humanize import naturalsize  # its import takes longer than most commands

    return naturalsize(count)
