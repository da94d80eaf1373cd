"""Why no answer came, in words: what `requests` and `urllib3` raise, told apart by type.

Their own texts are not used, as they may hold an address with a proxy's password.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final

from requests.exceptions import ConnectTimeout, ProxyError, ReadTimeout, RequestException
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    NameResolutionError,
    ReadTimeoutError,
)

NO_ANSWER: Final = (RequestException, HTTPError, OSError)


class SlowBodyError(OSError):
    """The body was still coming in when the time for this campaign was up."""


def reason_of(error: BaseException) -> str:
    """One clause for a message, such as `no connection in time`."""
    chain = list(_chain(error))
    for kinds, reason in _REASONS:
        if any(isinstance(one, kinds) for one in chain):
            return reason
    return f"the connection broke ({type(chain[-1]).__name__})"


def is_untrusted(error: BaseException) -> bool:
    """Whether the server's certificate was refused: asking again cannot change that."""
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in _chain(error))


_REASONS: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    (
        (ssl.SSLCertVerificationError,),
        "the server's certificate is not trusted here (behind a proxy that inspects traffic, set "
        "`REQUESTS_CA_BUNDLE` to its certificates)",
    ),
    ((ssl.SSLError,), "no TLS connection could be agreed on"),
    ((ProxyError,), "the proxy gave no connection"),
    ((NameResolutionError,), "the host name could not be resolved"),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((ConnectTimeout, ConnectTimeoutError), "no connection in time"),
    ((SlowBodyError,), "the answer was still coming in when the time for one campaign was up"),
    ((ReadTimeout, ReadTimeoutError), "no answer in time"),
    ((IncompleteRead,), "the answer was cut off"),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and, from the outside in, those it was made from."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        one = pending.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            inner = (getattr(one, "reason", None), *one.args, one.__cause__, one.__context__)
            pending += [each for each in inner if isinstance(each, BaseException)]
