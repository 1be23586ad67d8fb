"""The loop goes on after an interruption as if there had been none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from albertkit.errors import FormatError, InputError
from albertkit.training.loop import Run, StepResult
from albertkit.training.recipe import Schedule

SCHEDULE = Schedule(
    steps=12, warmup_steps=2, decay_steps=4, peak_rate=0.05, save_every=5, report_every=3
)


def batches(epoch: int) -> Iterator[Tensor]:
    """Five batches an epoch."""
    source = torch.Generator().manual_seed(epoch)
    return (torch.randn(8, 3, generator=source) for _ in range(5))


def run(place: Path, schedule: Schedule = SCHEDULE, width: int = 1) -> nn.Linear:
    torch.manual_seed(3)
    model = nn.Linear(3, width)

    def step(batch: Tensor) -> StepResult:
        miss = (model(batch) - batch.sum(1, keepdim=True)).square().mean()
        return StepResult(miss, len(batch), {"miss": miss})

    names = {"weight"}
    Run(dict(model.named_parameters()), names, step, batches, schedule, place, names).train()
    return model


def test_two_halves_equal_the_whole_to_the_bit(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    first = replace(SCHEDULE, steps=7, decay_steps=0)  # stops before the rate falls
    run(tmp_path / "halves", first)
    halves = run(tmp_path / "halves")
    assert torch.equal(whole.weight, halves.weight)
    assert torch.equal(whole.bias, halves.bias)


def test_training_lowers_the_loss_and_says_so_in_the_journal(tmp_path: Path) -> None:
    run(tmp_path, replace(SCHEDULE, steps=60))
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(3, 61, 3))
    assert lines[-1]["miss"] < 0.5 * lines[0]["miss"]
    assert lines[-1]["tokens"] == 60 * 8


def test_a_run_of_another_model_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(FormatError, match="run-model-mismatch"):
        run(tmp_path, replace(SCHEDULE, steps=20), width=2)


def test_an_epoch_without_a_batch_ends_the_run(tmp_path: Path) -> None:
    model = nn.Linear(3, 1)

    def step(batch: Tensor) -> StepResult:
        raise AssertionError(f"there is no batch, yet {batch}")

    empty = Run(
        dict(model.named_parameters()), {"weight"}, step, lambda _: iter(()), SCHEDULE, tmp_path
    )
    with pytest.raises(InputError, match="corpus-too-small"):
        empty.train()


def test_only_what_is_named_decays(tmp_path: Path) -> None:
    """With no gradient to speak of, a decaying parameter shrinks and another stays."""
    model = nn.Linear(3, 1)
    nn.init.ones_(model.weight)
    nn.init.ones_(model.bias)

    def step(batch: Tensor) -> StepResult:
        return StepResult(0.0 * model(batch).sum(), len(batch), {})

    schedule = replace(SCHEDULE, weight_decay=0.5)
    Run(dict(model.named_parameters()), {"weight"}, step, batches, schedule, tmp_path).train()
    assert model.weight.max() < 0.9
    assert model.bias.item() == 1.0


def test_a_run_with_muon_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    schedule = replace(SCHEDULE, matrix_rate=0.02)
    whole = run(tmp_path / "whole", schedule)
    run(tmp_path / "halves", replace(schedule, steps=7, decay_steps=0))
    halves = run(tmp_path / "halves", schedule)
    assert torch.equal(whole.weight, halves.weight)
    assert not torch.equal(whole.weight, run(tmp_path / "adamw").weight)
