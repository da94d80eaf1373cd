"""Words for a message: one line, no token, no HTML page, and never a limit that is only quoted."""

from __future__ import annotations

import json

import pytest

from kore_campaigns.api.responses import (
    ApiResponse,
    exceeded_window,
    json_object,
    one_line,
    retry_after_seconds,
    shown_location,
    vendor_message,
)

NOON = 1_783_000_800.0  # Thu, 02 Jul 2026 14:00:00 GMT
MINUTE = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."
HOUR = "You've exceeded the hourly rate limit. Please wait for sometime before retrying."


def reply(status: int, body: object, content_type: str = "application/json") -> ApiResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return ApiResponse(status, text.encode(), content_type)


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500, 503])
def test_the_documented_texts_count_under_any_code(status: int) -> None:
    assert exceeded_window(reply(status, {"errors": [{"msg": MINUTE}]})) == "minute"
    assert exceeded_window(reply(status, {"status": "failure", "message": HOUR})) == "hour"
    assert exceeded_window(reply(status, MINUTE.upper(), "text/plain")) == "minute"


@pytest.mark.parametrize(
    "text",
    [
        *("Rate limit exceeded", "rate_limit_exceeded", "Too many requests", "API quota exceeded"),
        *("Request was throttled", "API rate-limit reached", "request limit of the account"),
    ],
)
def test_other_texts_do_so_too(text: str) -> None:
    for status in (200, 403, 412, 503):
        assert exceeded_window(reply(status, {"status": "failure", "message": text})) == "minute"
    assert exceeded_window(reply(403, {"message": f"{text} (per hour)"})) == "hour"


@pytest.mark.parametrize("text", ["limit exceeds the maximum of 50", "Forbidden", "limit is wrong"])
def test_a_limit_of_anything_else_does_not(text: str) -> None:
    assert exceeded_window(reply(412, {"errors": [{"msg": text}]})) is None


def test_429_counts_without_a_text() -> None:
    assert exceeded_window(reply(429, "")) == "minute"


def test_a_campaign_that_quotes_the_text_is_a_campaign() -> None:
    quoting = {"status": "success", "data": {"_id": "cd-1", "description": MINUTE}}
    assert exceeded_window(reply(200, quoting)) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": [{"msg": "Invalid JWT token", "code": 4002}]}, "Invalid JWT token"),
        ({"errors": [{"code": 1}, {"msg": "second"}]}, "second"),
        ({"errors": "odd", "message": "from the service"}, "from the service"),
        ({"errors": [], "message": "line one\nline\ttwo\x1b[31m"}, "line one line two [31m"),
        ({"message": " "}, "no message; 16 bytes application/json"),
        ([], "no message; 2 bytes application/json"),
    ],
)
def test_the_vendors_own_words_come_first(body: object, said: str) -> None:
    assert vendor_message(reply(400, body)) == said


def test_a_page_of_html_is_named_and_not_shown() -> None:
    page = reply(502, "<html><body>upstream error</body></html>", "text/html; charset=utf-8")
    assert vendor_message(page) == "no message; 40 bytes text/html"
    assert vendor_message(reply(502, "", "")) == "no message; 0 bytes of no stated type"


def test_long_words_are_cut() -> None:
    assert one_line("x" * 500) == "x" * 199 + "…"


def test_a_token_is_blotted_out_whole_or_cut() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    assert one_line(f"bad `{token}`, {token[:40]} {token[:15]}") == "bad `[token]`, [token] [token]"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://login.example.com/in?token=x#y", "https://login.example.com/in"),
        ("https://user:pass@login.example.com/", "https://login.example.com/"),
        ("/relative", "/relative"),
        ("", "nowhere"),
        ("https://[", "an unreadable address"),
    ],
)
def test_a_location_is_shown_without_what_may_be_secret(location: str, shown: str) -> None:
    assert shown_location(location) == shown


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'"x"'])
def test_what_is_no_json_object_is_none(body: bytes) -> None:
    assert json_object(body) is None


def test_a_reply_is_shown_without_its_body() -> None:
    assert "secret" not in repr(ApiResponse(200, b"secret"))


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 120 ", 120),
        ("3600", 3600),
        ("Thu, 02 Jul 2026 14:01:30 GMT", 90),
        ("Thu, 02 Jul 2026 14:01:30 -0000", 90),
        ("Thursday, 02-Jul-26 14:01:30 GMT", 90),
        ("Thu Jul  2 14:01:30 2026", 90),
        ("Thu, 02 Jul 2026 13:00:00 GMT", 0),
    ],
)
def test_seconds_and_dates_are_understood(asked: str, seconds: float) -> None:
    assert retry_after_seconds({"Retry-After": asked}, now=NOON) == seconds


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "-5",
        "soon",
        "1.5e3",
        "١٢",
        "12345678901234567890",
        "Thu, 99 Jul 2026 14:01:30 GMT",
        "NaN",
    ],
)
def test_garbage_is_as_good_as_nothing(asked: str) -> None:
    assert retry_after_seconds({"Retry-After": asked}, now=NOON) is None


def test_no_header_asks_for_nothing() -> None:
    assert retry_after_seconds({}, now=NOON) is None


def test_a_date_is_measured_by_the_servers_own_clock_where_it_tells_it() -> None:
    headers = {
        "Retry-After": "Thu, 02 Jul 2026 15:01:30 GMT",
        "Date": "Thu, 02 Jul 2026 15:00:00 GMT",
    }
    assert retry_after_seconds(headers, now=NOON) == 90
