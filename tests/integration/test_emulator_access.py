"""The emulator refuses what Kore's gateway refuses, in the same words."""

from __future__ import annotations

import time
import warnings
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kore_emulator import Emulator, sample_campaigns
from kore_emulator.tokens import TokenCheck, TokenRefusedError
from support.emulator_client import Caller

NOT_A_JWT = {"errors": [{"msg": "Invalid JWT token", "code": 4002}]}
CREDENTIALS = {"errors": [{"msg": "Invalid SDK credentials", "code": 4002}]}
SCOPE = {"errors": [{"msg": "Permission denied. Scope is incorrect!", "code": 4002}]}
REPLAY = {"errors": [{"msg": "error verifying the jwt: possibly a replay", "code": 401}]}
TOO_LONG = {
    "errors": [
        {"msg": 'error verifying the jwt: if "jti" claim "exp" must be <= 1 hour(s)', "code": 401}
    ]
}


def ask(kore: Emulator, **headers: str) -> requests.Response:
    caller = Caller(kore)
    return caller.detail(kore.campaign_ids()[0], headers=caller.headers() | headers)


def ask_with(kore: Emulator, **claims: Any) -> requests.Response:
    return ask(kore, auth=Caller(kore).token(**claims))


def assert_refused(response: requests.Response, body: dict[str, Any]) -> None:
    assert (response.status_code, response.json()) == (401, body)


def test_the_secret_looks_like_kores() -> None:
    assert len(Emulator.client_secret) >= 64
    assert Emulator.client_secret not in repr(Emulator())


def test_the_documented_token_without_times_is_accepted() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        token = Caller(kore).token(iat=None, exp=None)
        assert [ask(kore, auth=token).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "Bearer x"])
def test_what_is_not_a_jwt_is_named_so(token: str) -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        assert_refused(ask(kore, auth=token), NOT_A_JWT)
        assert kore.counters.rejected_tokens == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"appId": "cs-another"},
        {"appId": None, "appid": Emulator.client_id},
        {"exp": 1_700_000_000},
        {"key": "another secret, which is long enough for all the hashes in use here"},
        {"algorithm": "HS512"},
    ],
)
def test_a_token_of_another_app_secret_algorithm_or_time_is_refused(claims: dict[str, Any]) -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        assert_refused(ask_with(kore, **claims), CREDENTIALS)


def test_a_tampered_token_is_refused() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        head, claims, signature = Caller(kore).token().split(".")
        assert_refused(ask(kore, auth=f"{head}.{claims}.{signature[::-1]}"), CREDENTIALS)
        unsigned = jwt.encode({"appId": kore.client_id}, "", algorithm="none")
        assert_refused(ask(kore, auth=unsigned), CREDENTIALS)


def test_a_call_without_token_is_refused() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        headers = {"iid": kore.stream_id, "accountId": kore.account_id}
        response = Caller(kore).detail(kore.campaign_ids()[0], headers=headers)
        assert_refused(response, CREDENTIALS)
        assert not kore.requests[0].has_token


@pytest.mark.parametrize("header", ["iid", "accountId"])
def test_the_header_must_name_the_stream_and_the_account(header: str) -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        assert_refused(ask(kore, **{header: "another"}), CREDENTIALS)


def test_the_query_must_name_the_account() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        response = Caller(kore).detail(kore.campaign_ids()[0], params={"accountId": "another"})
        assert_refused(response, CREDENTIALS)


def test_the_path_must_name_the_stream() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        caller = Caller(kore)
        caller.base = caller.base.replace(kore.stream_id, "st-another")
        assert_refused(caller.detail(kore.campaign_ids()[0]), CREDENTIALS)


def test_a_missing_scope_has_its_own_words() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        kore.scope_granted = False
        assert_refused(ask(kore), SCOPE)
        kore.scope_granted = True
        assert ask(kore).status_code == 200


def test_a_jti_is_single_use_even_where_it_is_not_enforced() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        token = Caller(kore).token(jti="once")
        assert ask(kore, auth=token).status_code == 200
        assert_refused(ask(kore, auth=token), REPLAY)


def test_a_jti_wants_a_life_of_an_hour_at_most() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        now = int(time.time())
        assert_refused(ask_with(kore, jti="for ever", exp=None), TOO_LONG)
        assert_refused(ask_with(kore, jti="long", iat=now, exp=now + 3601), TOO_LONG)
        assert ask_with(kore, jti="an hour", iat=now, exp=now + 3600).status_code == 200


def test_an_enforced_jti_must_be_there() -> None:
    with Emulator(campaigns=sample_campaigns(1), enforce_jti=True) as kore:
        assert_refused(ask_with(kore), CREDENTIALS)
        assert ask_with(kore, jti="here").status_code == 200
        assert ask_with(kore, kore_jti="here too").status_code == 200


@pytest.mark.parametrize("algorithm", ["RS256", "RS512"])
def test_rsa_tokens_are_checked_with_the_public_key(algorithm: str) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    with Emulator(
        campaigns=sample_campaigns(1), algorithm=algorithm, public_key=public.decode()
    ) as kore:
        assert ask_with(kore, key=pem, algorithm=algorithm).status_code == 200
        assert_refused(ask_with(kore), CREDENTIALS)


def test_hs512_is_accepted_where_it_is_chosen() -> None:
    with Emulator(campaigns=sample_campaigns(1), algorithm="HS512") as kore:
        assert ask_with(kore, algorithm="HS512").status_code == 200
        assert_refused(ask_with(kore), CREDENTIALS)


def test_another_secret_or_algorithm_counts_from_the_next_request() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        old, other = kore.client_secret, "another secret, long enough for all hashes" * 2
        assert ask_with(kore).status_code == 200
        kore.client_secret = other
        assert_refused(ask_with(kore, key=old), CREDENTIALS)
        assert ask_with(kore, key=other).status_code == 200
        kore.algorithm = "HS512"
        assert_refused(ask_with(kore), CREDENTIALS)
        assert ask_with(kore, algorithm="HS512").status_code == 200


def test_every_identity_can_be_ones_own() -> None:
    with Emulator(
        campaigns=sample_campaigns(1),
        stream_id="st-mine",
        account_id="0" * 24,
        client_id="cs-mine",
        client_secret="a secret of my own, which is long enough for HS256 and for HS512 too",
    ) as kore:
        assert ask(kore).status_code == 200


def test_a_short_secret_is_accepted_without_a_warning() -> None:
    kore = Emulator(campaigns=sample_campaigns(1), client_secret="short")
    claims = {"appId": kore.client_id}
    with warnings.catch_warnings(action="ignore"):
        token = jwt.encode(claims, "short", algorithm="HS256")
    assert TokenCheck(kore).claims(token, time.time()) == claims


def test_used_tokens_are_forgotten_only_once_they_expired() -> None:
    kore, now = Emulator(), time.time()
    check = TokenCheck(kore, forget_at=1)
    token = Caller(kore).token(jti="once", exp=int(now) + 60)
    check.claims(token, now)
    check.claims(token, now + 61)
    with pytest.raises(TokenRefusedError, match="replay"):
        check.claims(token, now)
