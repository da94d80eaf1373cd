"""Generated answers of Kore: plausible ones, and ones of every shape that JSON allows."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

CLOCKS = st.sampled_from(
    ["9:00 AM", "09:30 am", "6:00 PM", "12:00 AM", "12:00 PM", "11:59 PM", "21:00", "24:00"]
)
DAYS = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU", "monday", "Feiertag"])

# everything json.loads can hand out: NUL, half surrogate pairs, NaN and integers of any size too
any_text = st.text(st.characters(exclude_categories=()), max_size=12)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**70)
    | st.integers(min_value=10**11, max_value=10**15)  # epoch milliseconds, and beyond the calendar
    | st.floats()
    | any_text
)
json_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(any_text, json_values, max_size=5)

plain_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
calling_windows = st.fixed_dictionaries(
    {}, optional={"day": DAYS, "start": CLOCKS | json_values, "end": CLOCKS | json_values}
)
list_entries = (
    plain_text
    | st.fixed_dictionaries({}, optional={"id": plain_text, "_id": plain_text, "name": plain_text})
    | json_values
)


def one_or_many(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list, a single one of its entries, or nothing."""
    return st.lists(entries, max_size=5) | entries | st.none()


name_lists = one_or_many(list_entries)
window_lists = one_or_many(calling_windows | json_values) | st.dictionaries(
    DAYS, one_or_many(calling_windows), max_size=3
)


def _or_odd(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return usual | json_values


_dialing_strategies = st.fixed_dictionaries(
    {},
    optional={
        "callerId": _or_odd(st.fixed_dictionaries({"phoneNumber": _or_odd(plain_text)})),
        "callingHours": _or_odd(
            st.fixed_dictionaries(
                {},
                optional={"frequency": json_values, "timezone": json_values, "days": window_lists},
            )
        ),
        "dialingOrder": json_values,
        "maxAttemptsPerRecord": json_values,
        "defaultRetryPeriod": _or_odd(st.integers(1, 1440).map(str)),
        "maxRingTime": json_values,
        "useSystemMappings": json_values,
    },
)
# documented names with values of any type, mixed with names that nobody documented
campaigns: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda known, unknown: {**unknown, **known},
    st.fixed_dictionaries(
        {},
        optional={
            "_id": plain_text,
            "name": _or_odd(plain_text),
            "status": json_values,
            "priority": _or_odd(st.sampled_from(["5", " 5 ", 5, 5.0, "five", 2**63])),
            "dialingMode": json_values,
            "dialingStrategy": _or_odd(_dialing_strategies),
            "dncLists": name_lists,
            "contactLists": name_lists,
            "enableMachineDetect": _or_odd(st.sampled_from([True, False, "no", "detect"])),
            "isFiltersEnabled": json_values,
            "schedule": json_values,
            "format": json_values,
            "direction": json_values,
            "createdAt": _or_odd(st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")),
            "updatedAt": _or_odd(st.datetimes().map(str)),
        },
    ),
    json_objects,
)


@st.composite
def edits(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A campaign before and after an edit: most fields alike, as differences are found there."""
    before, other = draw(campaigns), draw(campaigns)
    kept = {key: value for key, value in before.items() if draw(st.booleans())}
    return before, {**other, **kept}
