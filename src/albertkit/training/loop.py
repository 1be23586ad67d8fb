"""The one training loop. It knows neither model nor data: a step gives it a loss and figures.

In: a step function from a batch to its loss and figures, and a source of batches by epoch.
Out: trained parameters, a journal, and a state from which an interrupted run goes on: batches of
an epoch are a function of its number, so those already seen are skipped and the rest is the same.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from albertkit.errors import InputError
from albertkit.training.metrics_log import MetricsLog
from albertkit.training.optimizers import optimiser_of
from albertkit.training.recipe import Schedule
from albertkit.training.state import Progress, open_state, save_state

Batch = TypeVar("Batch")


def set_threads(count: int) -> None:
    """Let torch compute on so many threads, in this process, from now on."""
    torch.set_num_threads(count)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one batch gave."""

    loss: Tensor  # scalar, with its graph
    tokens: int  # real ones
    figures: Mapping[str, Tensor]  # scalars for the journal


@dataclass(frozen=True, slots=True)
class Run(Generic[Batch]):
    """A training run: what is trained, on what, how, and where it is kept."""

    parameters: Mapping[str, nn.Parameter]
    decays: Container[str]  # names of the parameters that decay
    step: Callable[[Batch], StepResult]
    batches: Callable[[int], Iterator[Batch]]  # epoch → its batches, always the same
    schedule: Schedule
    place: Path
    matrices: Container[str] = ()  # names of those that Muon takes, where the schedule asks for it

    def train(self) -> Progress:
        """Train to the schedule's last step, from the saved state where there is one."""
        torch.manual_seed(self.schedule.seed)
        optimiser = optimiser_of(self.parameters, self.decays, self.matrices, self.schedule)
        progress = open_state(self.place, self.parameters, optimiser) or Progress()
        window = Window(MetricsLog(self.place), progress.tokens)
        while progress.step < self.schedule.steps:
            before = progress.step
            for batch in itertools.islice(self.batches(progress.epoch), progress.batch, None):
                self.advance(batch, optimiser, progress, window)
                if progress.step % self.schedule.save_every == 0:
                    save_state(self.place, progress, self.parameters, optimiser)
                if progress.step == self.schedule.steps:
                    break
            else:
                if progress.batch == 0 and progress.step == before:
                    raise _too_little()
                progress.epoch, progress.batch = progress.epoch + 1, 0
        save_state(self.place, progress, self.parameters, optimiser)
        return progress

    def advance(self, batch: Batch, optimiser: AdamW, progress: Progress, window: Window) -> None:
        """One step of the optimiser."""
        rate = self.schedule.rate_at(progress.step)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
        result = self.step(batch)
        result.loss.backward()  # type: ignore[no-untyped-call]  # torch's own signature
        norm = nn.utils.clip_grad_norm_(list(self.parameters.values()), self.schedule.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        progress.step += 1
        progress.batch += 1
        progress.tokens += result.tokens
        window.add(result, norm)
        if progress.step % self.schedule.report_every == 0:
            window.report(progress, rate)


def _too_little() -> InputError:
    return InputError(
        "corpus-too-small",
        "an epoch holds less than one batch",
        why="there are fewer tokens than rows × width",
        fix="Give more text, or lower rows or width in the recipe",
    )


class Window:
    """The figures since the last report, and their mean in the journal."""

    def __init__(self, journal: MetricsLog, tokens: int) -> None:
        self.journal = journal
        self.sums: dict[str, float] = {}
        self.count, self.tokens, self.began = 0, tokens, time.monotonic()

    def add(self, result: StepResult, norm: Tensor) -> None:
        figures = {"loss": result.loss, "gradient": norm, **result.figures}
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        self.count += 1

    def report(self, progress: Progress, rate: float) -> None:
        now = time.monotonic()
        means = {name: round(value / self.count, 4) for name, value in self.sums.items()}
        speed = round((progress.tokens - self.tokens) / (now - self.began))
        self.journal.write(
            {
                "step": progress.step,
                "tokens": progress.tokens,
                "rate": rate,
                "tokens_a_second": speed,
                **means,
            }
        )
        self.sums, self.count, self.tokens, self.began = {}, 0, progress.tokens, now
