"""Token authentication of Kore.ai: a fresh JWT for each request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any, Final
from uuid import uuid4

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from requests import PreparedRequest
from requests.auth import AuthBase

from kore_campaigns.errors import SettingInvalid

ALGORITHMS: Final = ("HS256", "HS512", "RS256", "RS512")

# A server refuses a token "issued in the future". Kore documents no tolerance, and a clock that is
# a few seconds fast is common. With `life_seconds` this stays far below the hour that Kore allows
# a token with a jti.
BACKDATED_SECONDS: Final = 30


@dataclass(kw_only=True, eq=False)
class TokenAuth(AuthBase):
    """Sign each request with a fresh token in its header `auth`.

        session.auth = TokenAuth(client_id="cs-...", key=client_secret)

    `key` is the client secret for HS*, a PEM private key for RS*. It is parsed once; neither `repr`
    nor any attribute shows it. Raises `SettingInvalid` if the algorithm is unknown or the key
    cannot sign with it.
    """

    client_id: str
    key: InitVar[str]
    algorithm: str = "HS256"
    subject: str = "kore-campaigns"
    send_jti: bool = False
    life_seconds: int = 300
    now: Callable[[], float] = field(default=time.time, repr=False)

    def __post_init__(self, key: str) -> None:
        parsed = _parse_key(key, self.algorithm)
        # a closure, so that no attribute holds the key
        self._encode: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            claims, parsed, algorithm=self.algorithm
        )

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["auth"] = self.mint()
        return request

    def mint(self) -> str:
        """A signed token, valid for `life_seconds` from now and, with a jti, for one request."""
        now = int(self.now())
        claims: dict[str, Any] = {
            "sub": self.subject,
            "appId": self.client_id,
            "iat": now - BACKDATED_SECONDS,
            "exp": now + self.life_seconds,
        }
        if self.send_jti:
            claims["jti"] = str(uuid4())
        return self._encode(claims)


def _parse_key(key: str, algorithm: str) -> bytes | RSAPrivateKey:
    if algorithm not in ALGORITHMS:
        raise SettingInvalid(
            key="credentials.algorithm", value=algorithm, expected="one of " + ", ".join(ALGORITHMS)
        )
    is_rsa = algorithm.startswith("RS")
    # An environment variable often contains the line breaks of a PEM as `\n`, two characters.
    text = key.replace("\\n", "\n") if is_rsa else key
    try:
        parsed = jwt.get_algorithm_by_name(algorithm).prepare_key(text)
    except (jwt.InvalidKeyError, UnsupportedAlgorithm, TypeError, ValueError):
        parsed = None
    if is_rsa and isinstance(parsed, RSAPrivateKey):
        return parsed
    if parsed and not is_rsa:
        # PyJWT warns at each call about a secret shorter than the hash, but Kore issues it. HMAC
        # itself pads a key with zeros up to its block (RFC 2104), so the signature is the same.
        return bytes(parsed).ljust(64, b"\0")
    # Raised outside of `except`, as a library may quote the key in its error.
    if is_rsa:
        setting, expected = "private_key", "an RSA private key as {} wants it: PEM, no passphrase"
    else:
        setting = "client_secret"
        expected = "the client secret of the JWT app, as {} wants it: neither empty nor a PEM key"
    raise SettingInvalid(
        key=f"credentials.{setting}", value="(not shown)", expected=expected.format(algorithm)
    )
