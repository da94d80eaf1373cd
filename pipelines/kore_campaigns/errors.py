"""Everything that can go wrong, split by what the operator does next. `CampaignFailed` and what is
below it are in `campaign_errors`, those about a history in `history_errors`, those about the
DuckDB file in `file_errors`.

    KoreCampaignsError                 exit 1
    ├── FixSetting                     exit 2   change a setting or a file, then run again
    │   ├── SettingMissing
    │   ├── SettingInvalid
    │   ├── FileInvalid                         a csv file that a person keeps
    │   │   ├── CampaignIdsInvalid
    │   │   └── PoliciesInvalid
    │   ├── BudgetUnusable                      the file in which processes share the call budget
    │   └── RequestNotAllowed                   the program asked for something other than a read
    ├── AccessRefused                  exit 3   the account, not a campaign, is refused
    ├── CampaignFailed                 exit 4   this campaign only; the others load
    │   ├── CampaignNotFound
    │   ├── CampaignRefused                     401 for one campaign while others are answered
    │   ├── VanishNotBelieved                   too many known campaigns gone at once
    │   ├── RequestRefused                      any other 4xx
    │   ├── RedirectRefused            exit 5
    │   ├── AnswerBreaksContract       exit 5
    │   ├── TryLater                   exit 75  the same request may work later
    │   │   ├── RateLimited
    │   │   ├── ServerUnavailable
    │   │   └── Interrupted
    │   └── NotAsked                            the run stopped before its turn
    ├── HistoryDamaged                 exit 6   `rebuild` would not keep every version
    ├── CopyRefused                    exit 6   `copy` would not bring a history over whole
    └── DestinationUnavailable         exit 6
        ├── BudgetUnavailable                   the Postgres in which machines share the call budget
        ├── NoRoom                              the disk is too full for what is to be written
        ├── WorkingCopyDamaged                  the private file of a run, not what is published
        └── DatabaseLocked

The exit code of a `CampaignFailed` counts only where *every* planned campaign failed alike;
one failure among answers is exit 4.  Messages are built here from typed facts, and never from
what was sent: no header, no token, no secret can reach them.
"""

from __future__ import annotations

import re
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
