"""The benchmark runs, prints every row and target, and keeps the page around its table."""

from __future__ import annotations

from pathlib import Path

import pytest

import bench
from cases import LISTING, PROGRAMS, RUNS, Case
from measure import Cost, RunFailedError, clean_environment, run
from targets import LARGE, SLOW_NETWORK, run_targets

pytestmark = pytest.mark.slow


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_run_and_target_has_its_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    begin, end = "<!-- measured: begin -->", "<!-- measured: end -->"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
    arguments = ["--sizes", "20", "--budget-minutes", "0", "--only", "measured", "--quick"]

    bench.main([*arguments, "--markdown", str(page)])

    printed = capsys.readouterr().out
    found = rows(printed)
    *of_all, by_listing = [row for row in found if row[0] == "20"]
    assert [row[:3] for row in of_all] == [["20", "0 ms", run] for run in RUNS]
    requests = [[int(cell) for cell in row[-len(PROGRAMS) :]] for row in of_all]
    assert requests[0][0] == 20 + 2 + 3  # a page of each listing, three DNC lists
    assert set(requests[0][1:]) == {20}
    assert all(ours < 20 and set(others) == {20} for ours, *others in requests[1:])
    assert by_listing[2] == LISTING
    a_day = found[-1]
    ours = [int(row[-len(PROGRAMS)]) for row in (of_all[0], by_listing, of_all[2])]
    assert a_day[0] == "20 campaigns"
    assert int(a_day[1]) == ours[0] + 23 * ours[1] + 72 * ours[2]
    targets = found[-6:-3]
    assert {row[1] for row in targets} <= {"met", "NOT met"}
    assert [row[0] for row in targets] == [
        "`kore-campaigns --help`",
        "`kore-campaigns status`, small database: CPU",
        "`import kore_campaigns`",
    ]
    text = page.read_text(encoding="utf-8")
    assert text == f"before\n{begin}\n{printed}{end}\nafter\n"


def test_a_place_in_the_budget_is_measured_in_both_places(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench.main(["--only", "grants"])

    head, _, *found = rows(capsys.readouterr().out)
    assert head[1:] == ["file", "Postgres"]
    assert len(found) == 4
    assert all(float(cell) > 0 for row in found for cell in row[1:])


def test_a_target_is_missed_by_what_is_above_it() -> None:
    ours, script, with_dlt = Cost(21.0, 9.0, 351.0), Cost(100.0, 9.0, 200.0), Cost(1.0, 17.0, 1.0)
    measured = {
        (case, name, run): [cost]
        for case in (SLOW_NETWORK, LARGE)
        for run in RUNS
        for name, cost in (("kore-campaigns", ours), ("script", script), ("dlt, jsonl", with_dlt))
    }
    assert [target.row()[1] for target in run_targets(measured)] == [
        "NOT met",
        "met",
        "NOT met",
        "NOT met",
        "NOT met",
    ]


def test_sizes_may_name_a_latency() -> None:
    assert bench.read_cases("100,1000@50") == [Case(100), Case(1000, latency_ms=50)]


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match="returned 3:\nno\n"):
        run(
            ("sh", "-c", "echo no >&2; exit 3"),
            folder=tmp_path,
            environment=clean_environment(tmp_path),
        )
