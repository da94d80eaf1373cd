"""Check the JWT in header `auth` by Kore's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jwt

from .answers import INVALID_CREDENTIALS, INVALID_JWT, JTI_REPLAYED, JTI_TOO_LONG, Answer

if TYPE_CHECKING:
    from .settings import Settings

JTI_MAX_SECONDS = 3600
FORGET_AT = 100_000
HMAC_KEY_BYTES = 64


class TokenRefusedError(Exception):
    """A refused token, with Kore's answer to it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.body.decode())


class TokenCheck:
    """Check tokens and store the used ones; expired ones are removed at `forget_at` tokens."""

    def __init__(self, settings: Settings, *, forget_at: int = FORGET_AT) -> None:
        self._settings = settings
        self._forget_at = forget_at
        self._key: Any = None  # the type of a key differs between PyJWT's algorithms
        self._key_made_of: tuple[str, str, str | None] | None = None
        self._expiry_of_used: dict[str, float] = {}

    def claims(self, token: str | None, now: float) -> Mapping[str, Any]:
        """Read the claims of a token that Kore accepts; `now` is Unix time."""
        if not token:
            raise TokenRefusedError(INVALID_CREDENTIALS)
        claims = self._verified(token)
        # exactly this spelling: Kore also refuses `appid` and `App ID`
        if claims.get("appId") != self._settings.client_id:
            raise TokenRefusedError(INVALID_CREDENTIALS)
        jti = claims.get("jti", claims.get("kore_jti"))
        if jti is None and self._settings.enforce_jti:
            raise TokenRefusedError(INVALID_CREDENTIALS)
        if jti is not None:
            self._use_once(str(jti), claims, now)
        return claims

    def _verified(self, token: str) -> Mapping[str, Any]:
        try:
            return jwt.decode(
                token,
                self._signing_key(),
                algorithms=[self._settings.algorithm],
                options={"verify_aud": False, "verify_sub": False, "verify_jti": False},
            )
        except jwt.InvalidTokenError as error:
            answer = INVALID_CREDENTIALS if _looks_like_a_jwt(token) else INVALID_JWT
            raise TokenRefusedError(answer) from error

    def _signing_key(self) -> Any:
        # parsed once per change of the settings: a PEM takes longer than a signature
        settings = self._settings
        made_of = (settings.algorithm, settings.client_secret, settings.public_key)
        if made_of != self._key_made_of:
            self._key, self._key_made_of = _key(*made_of), made_of
        return self._key

    def _use_once(self, jti: str, claims: Mapping[str, Any], now: float) -> None:
        # a jti is for one use and short-lived, also if the app does not enforce it
        expires = claims.get("exp")
        if expires is None or expires - claims.get("iat", now) > JTI_MAX_SECONDS:
            raise TokenRefusedError(JTI_TOO_LONG)
        if len(self._expiry_of_used) >= self._forget_at:
            self._forget_expired(now)
        if jti in self._expiry_of_used:
            raise TokenRefusedError(JTI_REPLAYED)
        self._expiry_of_used[jti] = expires

    def _forget_expired(self, now: float) -> None:
        # an expired token is refused anyway, so its jti is not needed
        self._expiry_of_used = {k: v for k, v in self._expiry_of_used.items() if v > now}
        # doubling keeps the cost per token constant while most are still valid
        self._forget_at = max(self._forget_at, 2 * len(self._expiry_of_used))


def _key(algorithm: str, secret: str, public_key: str | None) -> Any:
    # HMAC pads a short key with zeros itself; this only avoids PyJWT's warning
    filled = secret.encode().ljust(HMAC_KEY_BYTES, b"\0")
    return jwt.get_algorithm_by_name(algorithm).prepare_key(public_key or filled)


def _looks_like_a_jwt(token: str) -> bool:
    # in Base64, a JSON object with a quoted key begins with `eyJ`
    return token.startswith("eyJ") and token.count(".") == 2
