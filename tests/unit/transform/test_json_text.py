from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kore_campaigns.transform.values import canonical, settled, text_hash
from support.strategies import json_values


def test_the_canonical_text_sorts_keys_and_keeps_letters() -> None:
    assert (
        canonical({"b": [1, 2.50, None, True], "a": "ü 中"}) == '{"a":"ü 中","b":[1,2.5,null,true]}'
    )


def test_the_hash_is_the_sha_256_of_the_canonical_text() -> None:
    expected = hashlib.sha256('{"a":"ü"}'.encode()).hexdigest()
    assert text_hash(canonical({"a": "ü"})) == expected


@given(st.dictionaries(st.text(), json_values), st.randoms())
def test_the_hash_is_blind_to_the_order_of_keys(data: dict[str, Any], random: Any) -> None:
    keys = list(data)
    random.shuffle(keys)
    assert text_hash(canonical({key: data[key] for key in keys})) == text_hash(canonical(data))


def test_the_hash_sees_the_order_of_a_list_and_the_type_of_a_number() -> None:
    different = [[1, 2], [2, 1], [1.0, 2], ["1", 2], [True, 2]]
    assert len({text_hash(canonical(data)) for data in different}) == len(different)


def nested(levels: int) -> Any:
    value: Any = "core"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        ("a\0b", "a\\u0000b"),
        ({"\0": 1}, {"\\u0000": 1}),
        ("\ud83d", "\\ud83d"),
        (["\uf02612", "\uf02e"], ["\\uf02612", "\\uf02e"]),
        ([float("nan"), float("inf"), float("-inf")], ["NaN", "Infinity", "-Infinity"]),
        ([2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
        ([2**63, -(2**63) - 1], ["9223372036854775808", "-9223372036854775809"]),
        (2**63, "9223372036854775808"),
        ({"a": 2**70, "b": [True, 1.5, None]}, {"a": str(2**70), "b": [True, 1.5, None]}),
    ],
)
def test_what_a_database_refuses_is_held_as_text(sent: Any, held: Any) -> None:
    assert settled(sent) == (held, canonical(held))


def test_levels_too_deep_are_held_as_their_text() -> None:
    held = settled(nested(120))[0]
    for _ in range(100):
        (held,) = held
    assert json.loads(held) == nested(20)


@pytest.mark.parametrize(
    "sent",
    [
        {"a": 1},
        ["NaN", "Infinity and beyond"],
        "\\u0000",
        "😀",
        ["a\uf026", "\uf025", "\uf02f"],
        "1234567890123456789012",
        nested(100),
    ],
)
def test_what_a_database_can_hold_is_left_as_it_is(sent: Any) -> None:
    assert settled(sent)[0] == sent


@given(json_values)
def test_what_is_held_can_be_written_and_read_again(sent: Any) -> None:
    held, text = settled(sent)
    assert "\0" not in text
    assert json.loads(text.encode()) == held
    assert canonical(held) == canonical(sent) == text
