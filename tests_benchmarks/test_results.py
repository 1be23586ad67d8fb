"""Figures are kept part by part, and shown as the rounds gave them."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import figures
from race import processes, tables
from race.command import QUICK, arguments, resume_rounds
from race.field import ABSENT
from race.jobs import Job
from race.machine import this_machine
from race.picture import bars
from race.results import (
    OF_PAGES,
    Part,
    Ran,
    Ratio,
    Results,
    Runner,
    commit,
    read_results,
    results_here,
)

OURS, PEER = "ours-float32", "sentence-transformers"
ROUNDS = [{OURS: 1.0, PEER: 4.0}, {OURS: 2.0, PEER: 6.0}, {OURS: 1.0, PEER: 5.0}]


def ran(rounds: list[dict[str, float]] = ROUNDS) -> Ran:
    peaks = {OURS: 200.0, PEER: 1300.0}
    return Ran("one call", 1, 160, 7000, [*rounds], peaks, 0.02, "abc", "2026-01-01")


def values() -> Results:
    runners = {
        OURS: Runner("albertkit 1", difference=2e-6, cosine=1.0, reference=PEER),
        PEER: Runner("sentence-transformers 6", difference=0.0, reference=PEER),
        "ours-int8": Runner(absent=ABSENT),
        "onnxruntime-int8": Runner(difference=0.4, cosine=0.95, reference=PEER),
    }
    part = Part("base", 2, "a model", "invented words", runners, {"list": ran()})
    return Results(this_machine(), {"base/2": part}, None)


def test_a_ratio_is_made_within_its_round() -> None:
    assert ran().ratio(OURS, PEER) == Ratio(4.0, 3.0, 5.0, 3)  # medians alone would say 5
    assert ran().middle(OURS) == 1.0


def test_figures_are_of_the_rounds_in_which_one_was_asked() -> None:
    once = ran([*ROUNDS, {PEER: 50.0}])
    assert once.middle(OURS) == 1.0
    assert once.ratio(OURS, PEER) == Ratio(4.0, 3.0, 5.0, 3)
    assert once.middle("pipeline") is None
    assert once.ratio("pipeline", PEER) is None


def test_results_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "below" / "results.json"
    values().save(path)
    assert read_results(path) == values()
    assert results_here(path).parts == values().parts


def test_another_machines_figures_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results = values()
    results.machine["processor"] = "an abacus"
    results.save(path)
    with pytest.raises(SystemExit, match="holds figures of an abacus"):
        results_here(path)


def test_a_commit_is_marked_where_what_is_measured_differs_from_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:  # as a hook has them
        monkeypatch.delenv(name)
    settings = ["user.name=a", "user.email=a@b.c", "commit.gpgsign=false"]
    git = ["git", "-C", str(tmp_path), *(word for each in settings for word in ("-c", each))]
    for name in ("src/one.py", "benchmarks/two.py", "benchmarks/results.json", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    clean = commit(tmp_path)
    assert re.fullmatch("[0-9a-f]{7,}", clean)
    for name in ("benchmarks/results.json", "README.md"):  # which runs and figures.py write
        (tmp_path / name).write_text("figures")
    assert commit(tmp_path) == clean
    (tmp_path / "src" / "new.py").touch()
    assert commit(tmp_path) == f"{clean}-dirty"


def test_the_pages_figures_are_not_measured_of_what_is_in_no_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("race.results.commit", lambda: "abc-dirty")
    with pytest.raises(SystemExit, match=r"files differ from abc; .*Commit first"):
        results_here(OF_PAGES)
    assert results_here(tmp_path / "mine.json").parts == {}


@pytest.mark.parametrize(
    ("resume", "tokens", "kept"),
    [
        (True, 7000, 3),
        (False, 7000, 0),
        (True, 7001, 0),
    ],
)
def test_a_job_is_taken_up_where_it_ended_if_it_is_the_same(
    resume: bool, tokens: int, kept: int
) -> None:
    asked = argparse.Namespace(resume=resume)
    job = Job([["a text"]], tokens, "one call")
    assert len(resume_rounds(ran(), job, asked).rounds) == kept
    assert resume_rounds(None, job, asked).tokens == tokens


def test_a_table_says_speed_ratio_range_memory_and_list() -> None:
    shown = tables.lists(values().parts["base/2"])
    first = shown.splitlines()[2]
    assert "7,000 tok/s · x4.00 (3.00–5.00) | 200 | to 2e-06, cosine ≥ 1.00000" in first
    assert "One short list: 160 texts, 7,000 tokens, one call (3 rounds)." in shown
    assert shown.endswith("Not measured, for the processor lacks it: albertkit int8.")


def test_those_that_ended_with_an_error_have_a_sentence_and_no_row() -> None:
    part = values().parts["base/2"]
    error = "ended: albertkit.errors.exceptions.ResourceError: openvino is missing; the plain"
    part.runners["ours-openvino-float32"] = Runner(absent=error)
    shown = tables.lists(part)
    assert shown.endswith("Not measured: albertkit float32 by OpenVINO (openvino is missing).")
    assert "| **albertkit** float32 by OpenVINO" not in shown


def test_the_fastest_peer_is_the_one_that_ours_is_least_ahead_of() -> None:
    part = values().parts["base/2"]
    part.runners["pipeline"] = Runner()
    part.jobs["list"].rounds = [{OURS: 1.0, PEER: 4.0, "pipeline": 2.0}, {OURS: 1.0, PEER: 3.0}]
    rows = tables.against(part).splitlines()
    assert "| sentence-transformers | x3.50 (3.00–4.00) | 1,300 |" in rows
    assert "| the fastest of these | x2.00† |  |" in rows
    assert rows[-1] == "† of one round, which has no range."


def test_a_figure_of_one_round_is_marked_and_one_that_was_the_same_twice_is_not() -> None:
    part = values().parts["base/2"]
    part.jobs["list"].rounds = [{OURS: 1.0, PEER: 4.0}]
    assert "| 1,750 tok/s† |" in tables.lists(part)
    assert "7,000 tok/s · x4.00† | 200 |" in tables.lists(part)
    part.jobs["one-8"] = ran([{OURS: 0.01}])
    assert "| 10.00† |" in tables.singles(part)
    part.jobs["list"].rounds = [{OURS: 1.0, PEER: 4.0}] * 2
    assert "7,000 tok/s · x4.00 (4.00–4.00) | 200 |" in tables.lists(part)


def test_the_header_has_the_unit_of_memory() -> None:
    part = values().parts["base/2"]
    assert "| peak memory, MB | vectors |" in tables.lists(part)
    assert "| peak memory, MB (albertkit: 200) |" in tables.against(part)


def test_vectors_that_differ_are_marked() -> None:
    shown = tables.lists(values().parts["base/2"])
    assert "**differ**: to 4e-01, cosine ≥ 0.95000" in shown
    assert shown.count("differ**") == 1


def test_the_ceiling_is_a_share() -> None:
    part = values().parts["base/2"]
    part.runners["products-openvino-float32"] = Runner("openvino 1")
    for each in part.jobs["list"].rounds:
        each["products-openvino-float32"] = 0.9 * each[OURS]
    assert "| 90% (90%–90%) |" in tables.against(part)


def test_a_whole_process_is_a_part_of_importing_torch() -> None:
    results = values()
    torch = processes.IMPORT_TORCH
    taken = {'albertkit embed "text"': 0.3, torch: 1.5}
    results.processes = Ran("", 1, 1, 0, [taken, {name: 2 * s for name, s in taken.items()}])
    row = processes.table(results).splitlines()[2]
    assert row == '| `albertkit embed "text"` | 0.450 | 0.300–0.600 | 0.20 |'
    message = (
        f'`albertkit embed "text"` takes 0.45 s as a whole process, 0.20 of the time of `{torch}`.'
    )
    assert processes.sentence(results) == message


def test_the_picture_has_a_bar_for_each_that_ran() -> None:
    drawn = bars(values().parts["base/2"])
    assert drawn.count("<rect") == 2
    assert drawn.index("albertkit float32") < drawn.index("sentence-transformers</text>")
    assert ">7,000</text>" in drawn
    assert "prefers-color-scheme: dark" in drawn


def test_a_page_gets_its_figures_and_keeps_the_rest() -> None:
    page = "before\n<!-- figures: lists of base/2 -->\nold\n<!-- /figures -->\nafter\n"
    new = figures.fill_page(page, values())
    assert "old" not in new
    assert tables.lists(values().parts["base/2"]) in new
    assert new.startswith("before\n<!-- figures: lists of base/2 -->\n| base, 2 threads |")
    assert new.endswith(".\n<!-- /figures -->\nafter\n")
    assert figures.fill_page(new, values()) == new


@pytest.mark.parametrize(
    "directory", [page for page, _ in figures.make_pages(Results({}))], ids=str
)
def test_our_pages_show_the_figures_that_are_committed(directory: Path) -> None:
    """`python benchmarks/figures.py` rewrites them."""
    wanted = dict(figures.make_pages(figures.results_of(OF_PAGES)))
    assert directory.read_text(encoding="utf-8") == wanted[directory]
    assert "<!-- figures: " in wanted[directory]


def test_the_picture_is_drawn_from_what_is_committed() -> None:
    wanted = dict(figures.make_pages(figures.results_of(OF_PAGES)))
    assert figures.PICTURE.exists() == (figures.PICTURE in wanted)
    if figures.PICTURE in wanted:
        assert figures.holds(figures.PICTURE, wanted[figures.PICTURE])


def test_rounding_keeps_what_tables_show(tmp_path: Path) -> None:
    results = values()
    results.parts["base/2"].jobs["list"].rounds = [{OURS: np.pi, PEER: 1e-6 / 3}]
    results.save(tmp_path / "r.json")
    kept = read_results(tmp_path / "r.json").parts["base/2"].jobs["list"].rounds[0]
    assert kept == {OURS: 3.142, PEER: 3.333e-07}


def test_each_precision_is_held_against_its_own_peers() -> None:
    part = values().parts["base/2"]
    part.jobs["list"].rounds = [
        {OURS: 3.0, PEER: 6.0, "ours-int8": 1.0, "ctranslate2-int8": 2.0, "onnxruntime-int8": 4.0}
    ]
    fastest = tables.fastest_peer(part.jobs["list"], "int8")
    assert fastest is not None
    assert (fastest[0].name, fastest[1].middle) == ("ctranslate2-int8", 2.0)
    assert tables.fastest_peer(part.jobs["list"], "bfloat16") is None
    shown = tables.against(part)
    assert shown.index("albertkit float32, base") < shown.index("albertkit int8, base")
    assert "| CTranslate2 int8, sorted and padded | x2.00† |" in shown


def test_what_is_asked_for_goes_before_the_choices_of_quick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["against_peers.py", "--quick", "--shapes", "base"])
    asked = arguments()
    assert (asked.shapes, asked.rounds) == (["base"], QUICK["rounds"])
    assert "ours-int8" in asked.only
    assert "pipeline" not in asked.only
