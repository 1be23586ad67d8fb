"""Where the time goes, and what lost, as the pages show it."""

from __future__ import annotations

from pathlib import Path

from race import reasons
from race.machine import this_machine
from race.results import Profile, Ran, Results, read_results


def values() -> Results:
    results = Results(this_machine())
    kinds = {"products": 0.9, "gelu": 0.1}
    results.profiles["base"] = Profile("4 rows, 1 thread", kinds, [0.8, 0.9, 1.0], "abc", "today")
    rounds = [
        {reasons.CURRENT: 1.0, "a slower way": 2.0},
        {reasons.CURRENT: 1.2, "a slower way": 2.0},
    ]
    alone = [{reasons.CURRENT: 3.0, "a faster way": 2.0}]
    results.tried["base"] = [
        Ran("32 texts", 1, 32, 900, rounds, commit="abc"),
        Ran("one text", 1, 1, 9, alone, commit="abc"),
    ]
    return results


def test_a_profile_is_shares_of_a_call_and_of_the_ceiling() -> None:
    shown = reasons.profiles(values()).splitlines()
    assert shown[2:5] == [
        "| products | 90.0% |",
        "| gelu | 10.0% |",
        "| the products alone over the whole call | 90% (80%–100%) |",
    ]
    assert shown[-1] == "base: 4 rows, 1 thread, at abc."


def test_a_way_is_held_against_the_current_graph_in_its_own_job() -> None:
    shown = reasons.table_of_variants(values()).splitlines()
    assert shown[2:4] == ["| a slower way | x0.55 (0.50–0.60) |", "| a faster way | x1.50† |"]
    assert shown[-1] == "base: 32 texts (2 rounds), one text (1 round), at abc."


def test_what_was_not_measured_says_so() -> None:
    nothing = Results(this_machine())
    assert reasons.profiles(nothing) == reasons.table_of_variants(nothing) == "*Not measured yet.*"


def test_profiles_and_ways_come_back_from_their_file(tmp_path: Path) -> None:
    values().save(tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == values()
