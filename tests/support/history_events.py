"""What may happen in a course: how often each act is drawn, and with what."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from kore_emulator import Fault, sample_campaigns

POOL = sample_campaigns(12)
# at the beginning: so many exist in Kore, so many of these are configured
EXIST, CONFIGURED = 8, 6
DAYS = [{"day": day, "start": "9:00 AM", "end": "5:00 PM"} for day in ("MO", "TU", "WE")]
CHANGES: list[dict[str, Any]] = [
    {"status": "Paused"},
    {"status": "Active"},
    {"contactLists": []},
    {"contactLists": ["List 1", "List 2"]},
    {"dncLists": {"id": "cl-1", "name": "one"}},
    {"dncLists": None},
    {"dialingStrategy.callingHours.days": DAYS},
    {"dialingStrategy.callingHours.days": DAYS[:1]},
    {"dialingStrategy.maxAttemptsPerRecord": 3},
    {"dialingStrategy.maxAttemptsPerRecord": 7},
    {"name": "Renamed, to the end of the listing"},
]
FAULTS: list[tuple[Fault, dict[str, Any]]] = [
    (Fault.RATE_LIMIT, {}),
    (Fault.RATE_LIMIT_RETRY_AFTER, {"retry_after": 0}),
    (Fault.SERVER_ERROR, {}),
    (Fault.RESET, {}),
    (Fault.TRUNCATED_JSON, {}),
    (Fault.CUT_BODY, {}),
    (Fault.HTML, {}),
    (Fault.STATUS_FAILURE, {}),
    (Fault.WRONG_ID, {}),
    (Fault.NO_DATA, {}),
    (Fault.NOT_FOUND, {}),
    (Fault.REDIRECT, {}),
    (Fault.UNAUTHORIZED, {}),
    (Fault.FORBIDDEN, {}),
    (Fault.PARTIAL_LISTING, {}),
    (Fault.LYING_LISTING, {"duplicate": True}),
    (Fault.LYING_LISTING, {"total_results": 3}),
]
_SWEEP = {"sweep": st.sampled_from(["full", "auto", "listing"])}
_LOOKS = {"looks": st.integers(1, 15)}
_PLACE = {"place": st.integers(0, len(POOL) - 1)}
_EXISTING = {"place": st.integers(0, EXIST - 1)}
_EDIT = _PLACE | {"change": st.sampled_from(CHANGES)}
_SILENT = {"silent": st.booleans()}
_BREAK = _SWEEP | {"kind": st.sampled_from(["writes", "database"]), "at": st.integers(1, 400)}
Act = tuple[str, dict[str, Any]]
# in a hundred steps, about
ACTS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "edit": (20, _EDIT),
    "silent_edit": (12, _EDIT),
    "deletion": (6, _EXISTING),
    "resurrection": (6, _EXISTING),
    "change_of_ids": (8, _PLACE | {"front": st.booleans()}),
    "fault": (
        8,
        {
            "fault": st.sampled_from(FAULTS),
            "place": st.none() | st.integers(0, EXIST - 1),
            "times": st.integers(1, 3),
        },
    ),
    "run": (10, _SWEEP | {"accept": st.booleans()}),
    "clean_run": (6, _SWEEP),
    "run_asked_to_stop": (5, _SWEEP | _LOOKS),
    "run_while_kore_changes": (6, _SWEEP | _LOOKS | _EDIT | _SILENT),
    "run_that_breaks": (4, _BREAK | {"how": st.sampled_from(["once", "on"])}),
    "run_that_is_killed": (5, _BREAK),
    "lost_working_directory": (2, {}),
    "backup_taken": (1, {}),
    "backup_put_back": (1, {}),
}


@st.composite
def acts(draw: st.DrawFn) -> Act:
    """Not a rule for each: of those hypothesis switches many off, in each course others, and
    without edits and runs no course is worth its time.
    """
    name = draw(
        st.sampled_from([name for name, (weight, _) in ACTS.items() for _ in range(weight)])
    )
    return name, draw(st.fixed_dictionaries(ACTS[name][1]))
