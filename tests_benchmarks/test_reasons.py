"""Where the time goes, and what lost, as the pages show it."""

from __future__ import annotations

from pathlib import Path

from race import reasons
from race.machine import this_machine
from race.results import Profile, Ran, Results, read_results
from where_time_goes import KINDS, OTHER, shares_of_kinds


def values() -> Results:
    results = Results(this_machine())
    results.profiles["base, int8"] = Profile(
        "16 texts", {"products": 0.9, "norms": 0.1}, "abc", "today"
    )
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


def test_a_profile_is_shares_of_a_call() -> None:
    shown = reasons.profiles(values()).splitlines()
    assert shown[0] == "|  | base, int8 |"
    assert shown[2:4] == ["| products | 90% |", "| norms | 10% |"]
    assert shown[-1] == "16 texts, today."


def test_samples_are_of_the_kind_of_their_function() -> None:
    printed = """
    60.00%  [.] (anonymous namespace)::multiply_block<(anonymous namespace)::Float32, 6, 4>
    20.00%  [.] (anonymous namespace)::multiply_block<(anonymous namespace)::Float32, 5, 4>
    15.00%  [.] (anonymous namespace)::activate<(anonymous namespace)::Avx512>
     5.00%  [.] (anonymous namespace)::multiply<(anonymous namespace)::Float32>
# a comment
"""
    shares = shares_of_kinds(printed.splitlines())
    assert [round(share, 9) for share in shares.values()] == [0.8, 0.15, 0.05]
    assert list(shares) == [KINDS["multiply_block"], "activation", OTHER]


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
