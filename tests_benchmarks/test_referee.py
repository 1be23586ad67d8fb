"""Contestants are real processes: they are asked in turn, and one that is lost says why."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
from tests.support.tiny_models import save_tiny

from albertkit import TextEmbedder
from race.field import BY_NAME, FIELD
from race.referee import start_contestants
from race.results import Part, Ran
from race.rounds import compare, one_round

TEXTS = ["the river", "a longer text of the sea", "x"]


def test_the_field_has_no_name_twice() -> None:
    assert len(BY_NAME) == len(FIELD)
    assert len({each.shown for each in FIELD}) == len(FIELD)


def test_contestants_answer_each_job_with_seconds_and_one_without_its_file_is_lost(
    tmp_path: Path,
) -> None:
    directory = save_tiny(tmp_path / "model")
    cards = tmp_path / "jobs.json"
    jobs = {
        "requests": {"calls": [TEXTS], "tokens": 20},
        "one-8": {"calls": [["a"]] * 3, "tokens": 9},
    }
    cards.write_text(json.dumps({"jobs": jobs, "proof": TEXTS}))
    field = [BY_NAME["ours-numpy"], BY_NAME["openvino-float32"]]
    here = dict.fromkeys(("ours", "peers"), Path(sys.executable))
    cores = sorted(os.sched_getaffinity(0))[:1]
    part = Part("tiny", 1)
    rans = {"requests": Ran("", 1, 3, 20), "one-8": Ran("", 3, 3, 9)}
    with start_contestants(field, here, directory, cards, cores) as running:
        compare(part, running)
        for job in ("requests", "one-8", "requests"):
            one_round(part, job, rans[job], running)
        vectors = running[0].vectors()
        assert vectors is not None
        np.testing.assert_allclose(vectors, TextEmbedder(directory).encode(TEXTS), atol=1e-6)
    ours, peer = part.runners["ours-numpy"], part.runners["openvino-float32"]
    assert (ours.difference, ours.reference) == (0.0, "ours-numpy")
    assert part.peak("ours-numpy") > 10
    assert "albertkit" in ours.libraries
    assert "model_ov.xml" in peer.absent
    assert [len(ran.rounds) for ran in part.jobs.values()] == [2, 1]
    assert all(list(each) == ["ours-numpy"] for each in part.jobs["requests"].rounds)
    assert all(each["ours-numpy"] > 0 for each in part.jobs["requests"].rounds)
