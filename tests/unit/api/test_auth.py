"""Every token is fresh, short-lived, carries what Kore asks for, and never shows its key."""

from __future__ import annotations

import logging
import traceback
import warnings

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.errors import SettingInvalid
from support.clock import START, FakeClock

SECRET = "a-client-secret-as-kore-issues-them-0123456789-and-long-enough-for-sha512"


def pem(key: PrivateKeyTypes, encryption: KeySerializationEncryption | None = None) -> str:
    protection = encryption or NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def minter(key: str = SECRET, algorithm: str = "HS256", *, send_jti: bool = False) -> TokenAuth:
    return TokenAuth(
        client_id="cs-1",
        key=key,
        algorithm=algorithm,
        send_jti=send_jti,
        now=FakeClock(),
    )


def claims(token: str) -> dict[str, object]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def test_the_claims_are_those_of_the_api_guide_and_no_others() -> None:
    assert claims(minter().mint()) == {
        "sub": "kore-campaigns",
        "appId": "cs-1",
        "iat": START - 30,
        "exp": START + 300,
    }


def test_the_header_names_the_algorithm_alone() -> None:
    assert jwt.get_unverified_header(minter().mint()) == {"alg": "HS256", "typ": "JWT"}


def test_a_jti_is_sent_on_demand_and_never_twice() -> None:
    single_use = minter(send_jti=True)
    first, second = claims(single_use.mint()), claims(single_use.mint())
    assert set(first) == {"sub", "appId", "iat", "exp", "jti"}
    assert first["jti"] != second["jti"]


def test_a_token_with_a_jti_lives_less_than_the_hour_that_kore_allows() -> None:
    token = claims(minter(send_jti=True).mint())
    assert int(str(token["exp"])) - int(str(token["iat"])) < 3600


def test_time_moves_on_between_tokens() -> None:
    clock = FakeClock()
    moving = TokenAuth(client_id="cs-1", key=SECRET, now=clock)
    first = claims(moving.mint())
    clock.sleep(61)
    assert claims(moving.mint())["iat"] == int(str(first["iat"])) + 61


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_the_client_secret_signs(algorithm: str) -> None:
    token = minter(algorithm=algorithm).mint()
    checked = jwt.decode(token, SECRET, algorithms=[algorithm], options={"verify_exp": False})
    assert checked["appId"] == "cs-1"


@pytest.mark.parametrize("algorithm", ["RS256", "RS512"])
def test_the_private_key_signs(algorithm: str, rsa_key: rsa.RSAPrivateKey) -> None:
    token = minter(pem(rsa_key), algorithm).mint()
    checked = jwt.decode(
        token, rsa_key.public_key(), algorithms=[algorithm], options={"verify_exp": False}
    )
    assert checked["appId"] == "cs-1"


def test_a_pem_may_come_with_written_line_breaks_as_from_an_environment_variable(
    rsa_key: rsa.RSAPrivateKey,
) -> None:
    token = minter(pem(rsa_key).replace("\n", "\\n"), "RS256").mint()
    assert jwt.get_unverified_header(token)["alg"] == "RS256"


def test_a_short_secret_is_no_cause_for_a_warning_at_each_call() -> None:
    """Kore issues the secret; the operator cannot make it longer."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        minter("short").mint()
    assert not seen


@pytest.mark.parametrize("algorithm", ["none", "hs256", "ES256", "HS384", ""])
def test_other_algorithms_are_refused(algorithm: str) -> None:
    with pytest.raises(SettingInvalid, match="one of HS256, HS512, RS256, RS512"):
        minter(algorithm=algorithm)


def unusable_keys(key: rsa.RSAPrivateKey) -> dict[str, tuple[str, str]]:
    """By name: an algorithm and a key that cannot sign with it."""
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "no secret": ("HS256", ""),
        "a PEM as secret": ("HS256", pem(key)),
        "no key": ("RS256", ""),
        "a secret as key": ("RS256", SECRET),
        "a broken PEM": ("RS256", pem(key)[:200]),
        "a public key": ("RS256", public.decode()),
        "a key of another kind": ("RS256", pem(ec.generate_private_key(ec.SECP256R1()))),
        "a key with a passphrase": ("RS512", pem(key, BestAvailableEncryption(b"passphrase"))),
    }


def test_an_unusable_key_is_refused_at_construction_without_being_shown(
    rsa_key: rsa.RSAPrivateKey,
) -> None:
    for name, (algorithm, key) in unusable_keys(rsa_key).items():
        with pytest.raises(SettingInvalid) as raised:
            minter(key, algorithm)
        told = "".join(traceback.format_exception(raised.value))
        assert "(not shown)" in told, name
        assert all(line not in told for line in key.splitlines() if len(line) > 5), name


def test_neither_repr_nor_attributes_nor_logs_show_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = minter()
        token = made.mint()
    shown = f"{made} {made!r} {vars(made)} {caplog.text}"
    assert SECRET not in shown
    assert token not in shown
