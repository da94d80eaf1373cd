from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from kore_campaigns.transform.changes import Change, difference, member
from kore_campaigns.transform.values import canonical
from support.strategies import campaigns, edits, json_objects, name_lists, window_lists


def hours(*days: Any) -> dict[str, Any]:
    return {"dialingStrategy": {"callingHours": {"days": list(days)}}}


def window(day: str, start: str, end: str) -> dict[str, str]:
    return {"day": day, "start": start, "end": end}


MORNING, LATER = window("MO", "9:00 AM", "12:00 PM"), window("MO", "2:00 PM", "6:00 PM")
TUESDAY = window("TU", "9:00 AM", "6:00 PM")
DAYS = "dialingStrategy.callingHours.days"


def test_one_field_is_one_row_with_its_whole_path() -> None:
    new = hours(MORNING | {"start": "8:00 AM"}, TUESDAY)
    assert difference(hours(MORNING, TUESDAY), new) == [
        Change(f"{DAYS}[MO].start", "9:00 AM", "8:00 AM")
    ]


def test_a_second_window_of_a_day_has_its_own_path() -> None:
    assert difference(hours(MORNING, TUESDAY), hours(MORNING, TUESDAY, LATER)) == [
        Change(f"{DAYS}[MO#2].day", None, "MO"),
        Change(f"{DAYS}[MO#2].start", None, "2:00 PM"),
        Change(f"{DAYS}[MO#2].end", None, "6:00 PM"),
    ]


def test_a_day_that_is_gone_is_told_field_by_field() -> None:
    assert difference(hours(MORNING, TUESDAY), hours(MORNING)) == [
        Change(f"{DAYS}[TU].day", "TU", None),
        Change(f"{DAYS}[TU].start", "9:00 AM", None),
        Change(f"{DAYS}[TU].end", "6:00 PM", None),
    ]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({"a": 1}, {"a": 2}, [("a", "1", "2")]),
        ({"a": "x"}, {}, [("a", "x", None)]),
        ({}, {"a": None}, [("a", None, "null")]),
        ({}, {"a": {}}, [("a", None, "{}")]),
        ({"a": []}, {}, [("a", "[]", None)]),
        ({"a": {}}, {"a": []}, [("a", "{}", "[]")]),
        ({"a": {}}, {"a": {"b": 1}}, [("a.b", None, "1")]),
        ({"a": {"b": {"c": "x"}}}, {}, [("a.b.c", "x", None)]),
        ({"a": "5"}, {"a": 5}, [("a", '"5"', "5")]),
        ({"a": None}, {"a": "null"}, [("a", "null", '"null"')]),
        ({"a": True}, {"a": 1}, [("a", "true", "1")]),
        ({"a": 5}, {"a": 5.0}, [("a", "5", "5.0")]),
        ({"a": {"b": 1}}, {"a": '{"b":1}'}, [("a", '{"b":1}', '"{\\"b\\":1}"')]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("a[1]", "2", "3"), ("a[2]", None, "4")]),
        ({"a": [1, [2]]}, {"a": [1]}, [("a[1][0]", "2", None)]),
        ({"a": 1, "b": 1}, {"c": 1, "b": 2}, [("c", None, "1"), ("b", "1", "2"), ("a", "1", None)]),
        ({"a.b": 1, "a": {"b": 1}}, {}, [('["a.b"]', "1", None), ("a.b", "1", None)]),
        ({"x": {"[0]": 1, "": 1}}, {}, [('x["[0]"]', "1", None), ('x[""]', "1", None)]),
        ({"ü": 1, "a\n": 1}, {}, [("ü", "1", None), ('["a\\n"]', "1", None)]),
    ],
)
def test_values_and_paths_read_plainly(old: Any, new: Any, changes: list[Any]) -> None:
    assert difference(old, new) == [Change(*change) for change in changes]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (["A"], ["B", "A"], [("[B]", None, "B")]),
        (["A", "B"], ["B", "A"], [("", "A, B", "B, A")]),
        (["A", "B", "C"], ["C", "A"], [("[B]", "B", None), ("", "A, C", "C, A")]),
        (["A", "A"], ["A"], [("[A#2]", "A", None)]),
        (["A", "B", "A"], ["A", "A", "B"], [("", "A, B, A#2", "A, A#2, B")]),
        (["A, B", "A#2"], [], [('["A, B"]', "A, B", None), ('["A#2"]', "A#2", None)]),
        (["v3.41"], [], [("[v3.41]", "v3.41", None)]),
        ([{"id": "1", "name": "A"}], [{"id": "1", "name": "B"}], [("[1].name", "A", "B")]),
        ([{"_id": "1"}], [{"id": "1"}], [("[1].id", None, "1"), ("[1]._id", "1", None)]),
        ([{"name": "A"}], ["A"], [("[A]", '{"name":"A"}', "A")]),
        ([7, None, "?"], [7], [("[?#2]", "null", None), ('["?"]', "?", None)]),
    ],
)
@pytest.mark.parametrize("field", ["contactLists", "dncLists"])
def test_lists_are_compared_by_name(field: str, old: Any, new: Any, changes: list[Any]) -> None:
    expected = [Change(f"{field}{label}", before, after) for label, before, after in changes]
    # an emptied list leaves the list itself
    assert difference({field: old}, {field: new}) == expected


def test_windows_without_a_day_are_told_apart_by_their_order() -> None:
    odd: list[Any] = ["always", {"day": 1}, {"start": "9:00 AM"}]
    assert difference(hours(*odd), hours(*odd[:2], {"start": "8:00 AM"})) == [
        Change(f"{DAYS}[?#3].start", "9:00 AM", "8:00 AM")
    ]


def test_nothing_to_compare_with_is_no_change() -> None:
    assert difference(None, {"a": 1}) == []


def test_the_order_of_keys_is_no_change() -> None:
    assert difference({"a": {"b": 1, "c": 2}, "d": 3}, {"d": 3, "a": {"c": 2, "b": 1}}) == []


def check(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = difference(old, new)
    assert (found == []) == (canonical(old) == canonical(new))
    assert len({change.path for change in found}) == len(found)
    assert all(change.old_value != change.new_value for change in found)
    assert difference(old, new) == found


@given(edits())
def test_no_edit_of_a_campaign_goes_unseen(edit: tuple[dict[str, Any], dict[str, Any]]) -> None:
    check(*edit)


@given(name_lists, name_lists)
def test_no_edit_of_a_list_goes_unseen(old: Any, new: Any) -> None:
    check({"contactLists": old}, {"contactLists": new})


@given(window_lists, window_lists)
def test_no_edit_of_a_window_goes_unseen(old: Any, new: Any) -> None:
    outer: dict[str, Any] = {"dialingStrategy": {"callingHours": {"days": old}}}
    check(outer, {"dialingStrategy": {"callingHours": {"days": new}}})


@given(json_objects, json_objects)
def test_no_difference_of_two_objects_goes_unseen(old: Any, new: Any) -> None:
    check(old, new)


@given(campaigns)
def test_a_campaign_does_not_differ_from_itself(campaign: dict[str, Any]) -> None:
    assert difference(campaign, campaign) == []


@given(edits())
def test_the_way_back_undoes_each_change(edit: tuple[dict[str, Any], dict[str, Any]]) -> None:
    there = {(c.path, c.old_value, c.new_value) for c in difference(*edit)}
    back = {(c.path, c.new_value, c.old_value) for c in difference(edit[1], edit[0])}
    assert there == back


def test_members_of_the_root_have_no_leading_dot() -> None:
    assert (member("", "a"), member("a", "b"), member("a", "b c")) == ("a", "a.b", "a.b c")
