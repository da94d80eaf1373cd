"""Messages of errors: words of the system, and what a wrong value is of."""

from __future__ import annotations

import pytest

from kore_campaigns.errors import SettingInvalid, error_summary, first_line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (FileNotFoundError(2, "No such file", "a/b.csv"), "No such file: a/b.csv"),
        (PermissionError(13, "Permission denied", b"a"), "Permission denied: b'a'"),
        (TimeoutError("timed out"), "timed out"),
        (OSError(), "OSError"),
        (ValueError("first!\nsecond"), "first"),
    ],
)
def test_an_error_of_the_system_is_its_words_without_a_number(error: Exception, said: str) -> None:
    assert first_line(error) == said


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("host", "setting `host`"),
        ("credentials.client_id", "setting `credentials.client_id`"),
        ("--only", "flag `--only`"),
        ("[DIR]", "argument `[DIR]`"),
        ("HTTPS_PROXY or ALL_PROXY", "variable `HTTPS_PROXY or ALL_PROXY`"),
    ],
)
def test_a_wrong_value_is_named_as_what_it_is(key: str, kind: str) -> None:
    wrong = SettingInvalid(key, value=1, expected="two")

    assert str(wrong) == f"{kind} is `1`; expected two. Next: correct it and run again."
    assert error_summary(wrong).as_json() == {
        "exit_code": 2,
        "error_code": "setting_invalid",
        "message": str(wrong),
    }
