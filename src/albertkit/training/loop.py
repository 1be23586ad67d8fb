"""The one training loop. It knows neither model nor data: a step gives it a loss and metrics.

Input: a step function from a batch to its loss, and a source of batches by epoch and block.
Output: trained parameters, a metrics log, and checkpoints from which an interrupted run goes on
to the same result: a batch is a function of its epoch, block and number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from albertkit.errors import InputError, ResourceError
from albertkit.errors.exceptions import take_first_line
from albertkit.training.devices import TrainingDevice
from albertkit.training.interrupts import StopSignals
from albertkit.training.metrics_log import MetricsLog
from albertkit.training.optimizers import MixedOptimizer, make_optimizer
from albertkit.training.recipe import TrainingConfig
from albertkit.training.state import (
    Progress,
    Settings,
    list_checkpoints,
    load_checkpoint,
    load_parameters,
    remove_unfinished,
    save_checkpoint,
)

Batch = TypeVar("Batch")
Batch_co = TypeVar("Batch_co", covariant=True)
Metrics = Mapping[str, float | int]
CPU_ALLOCATOR = "DefaultCPUAllocator"  # how torch's message begins if there is no memory
STEP_BATCHES = "gradient_accumulation_steps × ranks"  # a setting that a resumed run must keep


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of one batch."""

    loss: Tensor  # scalar, with its graph
    tokens: int  # slots that are not empty
    metrics: Mapping[str, Tensor]  # scalars for the log


class BatchSource(Protocol[Batch_co]):
    """Training data: epochs of blocks of batches. The same arguments give the same batches."""

    @property
    def blocks(self) -> int:
        """Blocks of an epoch."""

    def block(self, epoch: int, number: int, fraction: float) -> Sequence[Batch_co]:
        """The batches of a block; `fraction` of the run is done when it begins."""


@dataclass(frozen=True, slots=True)
class Trainer(Generic[Batch]):
    """A training run.

    Attributes:
        parameters: by canonical names, on its device.
        decaying: names of those with weight decay.
        step: from a batch, and the fraction of the run that was done when its block began, to its
            loss and metrics.
        source: of the batches.
        config: how to optimize, and how long.
        directory: where checkpoints and the metrics log are kept, and found again.
        training_device: device, precision and rank.
        matrices: names of the parameters that Muon takes, if the config asks for it.
        settings: of the whole recipe; a resumed run must have the same, and as many batches a step.
        evaluate: metrics of held-out data, computed at each checkpoint; the lowest "valid_loss"
            makes the best checkpoint.
        report: is called with each line of the metrics log.
        patience: evaluations without a lower "valid_loss" after which the run ends; 0: never.
    """

    parameters: Mapping[str, nn.Parameter]
    decaying: Container[str]
    step: Callable[[Batch, float], StepResult]
    source: BatchSource[Batch]
    config: TrainingConfig
    directory: Path
    training_device: TrainingDevice = field(
        default_factory=lambda: TrainingDevice(torch.device("cpu"))
    )
    matrices: Container[str] = ()
    settings: Settings = field(default_factory=dict)
    evaluate: Callable[[], Mapping[str, float]] | None = None
    report: Callable[[Metrics], None] = lambda metrics: None
    patience: int = 0

    def train(self) -> Progress:
        """Train to the end of the run, from its last checkpoint if there is one.

        Raises:
            InputError: [corpus-too-small], [run-settings-changed], [run-not-shared].
            ResourceError: [training-diverged], [training-out-of-memory].
            KeyboardInterrupt: after a checkpoint, on Ctrl-C or SIGTERM.
        """
        optimizer = make_optimizer(self.parameters, self.decaying, self.matrices, self.config)
        progress = load_checkpoint(self.directory, self.parameters, optimizer, self.kept_settings)
        progress = progress or Progress()
        self.check_step(progress.step)
        window = MetricWindow(MetricsLog(self.directory), progress, self.report)
        if self.training_device.is_main:
            remove_unfinished(self.directory)
            window.log.remove_after(progress.step)
        saved_step = progress.step
        with StopSignals() as signals:
            clock = time.monotonic()
            for batches in self.steps(progress):
                with explain_lack_of_memory(f"step {progress.step + 1}", self.directory):
                    self.advance(batches, optimizer, progress, window)
                progress.seconds += self.training_device.largest(time.monotonic() - clock)
                fraction = self.fraction(progress)
                is_logged = progress.step % self.config.logging_steps == 0 or fraction >= 1
                if is_logged and self.training_device.is_main:
                    window.write(progress, fraction, optimizer.learning_rate)
                is_done = fraction >= 1 or self.training_device.largest(signals.received) > 0
                if is_done or progress.step % self.config.save_steps == 0:
                    self.save(optimizer, progress, window)
                    saved_step = progress.step
                if is_done or self.is_stale(progress):
                    break
                clock = time.monotonic()
            if saved_step != progress.step:
                self.save(optimizer, progress, window)
            is_stopped = self.training_device.largest(signals.received) > 0  # all ranks, or none
        if is_stopped:
            raise KeyboardInterrupt
        return progress

    def load_best(self, progress: Progress) -> None:
        """Take the parameters of the best checkpoint, if there is one; all ranks get the same."""
        if self.training_device.is_main and progress.best_step:
            load_parameters(self.directory, progress.best_step, self.parameters)
        self.training_device.copy_from_main(self.parameters.values())

    @property
    def step_batches(self) -> int:
        """Batches of one step, of all ranks."""
        return self.config.gradient_accumulation_steps * self.training_device.world_size

    @property
    def kept_settings(self) -> Settings:
        """What a resumed run must have too: two ranks may become one with twice the batches."""
        return {**self.settings, STEP_BATCHES: self.step_batches}

    def check_step(self, step: int) -> None:
        """Refuse to go on if other ranks are at other steps: they have other weights."""
        least = int(-self.training_device.largest(-step))
        most = int(self.training_device.largest(step))
        if least < most:
            raise InputError(
                "run-not-shared",
                f"{str(self.directory)!r} holds step {step:,}; other processes of torchrun are at"
                f" steps {least:,} to {most:,}",
                why="each process reads the checkpoints, and the first one writes them",
                fix="Give a directory that all machines share, or copy it to each of them",
            )

    def is_stale(self, progress: Progress) -> bool:
        """Whether `patience` checkpoints in a row were no better; all ranks answer alike."""
        if not self.patience:
            return False
        return progress.step - progress.best_step >= self.patience * self.config.save_steps

    def fraction(self, progress: Progress) -> float:
        """The fraction of the run that is done, 0 to 1: the largest of its three limits."""
        config = self.config
        limits = (
            (progress.step, config.max_steps),
            (progress.tokens, config.max_tokens),
            (progress.seconds, config.max_hours * 3600),
        )
        return min(1.0, max(done / limit for done, limit in limits if limit))

    def steps(self, progress: Progress) -> Iterator[list[Batch]]:
        """The batches of this rank for each step; keeps the data's position in `progress`."""
        if self.is_stale(progress):  # patience has ended the run
            return
        rank, world_size = self.training_device.rank, self.training_device.world_size
        count = self.step_batches
        resumes_inside = progress.block > 0 or progress.batch > 0  # an epoch, maybe at its end
        step = -1 if resumes_inside else progress.step
        while self.fraction(progress) < 1:
            block = self.source.block(progress.epoch, progress.block, progress.fraction)
            last = len(block) - len(block) % count
            numbers = [
                range(first + rank, first + count, world_size)
                for first in range(progress.batch, last, count)
            ]
            for batches in _prefetch(block, numbers):
                progress.batch += count
                yield batches
            progress.block, progress.batch = progress.block + 1, 0
            progress.fraction = self.fraction(progress)
            if progress.block == self.source.blocks:
                progress.epoch, progress.block = progress.epoch + 1, 0
                if progress.step == step:
                    raise _corpus_too_small_error(count)
                step = progress.step

    def advance(
        self,
        batches: Sequence[Batch],
        optimizer: MixedOptimizer,
        progress: Progress,
        window: MetricWindow,
    ) -> None:
        """Take one step of the optimizer."""
        # Dropout depends on seed, step and rank alone, so no random state has to be saved.
        seed = (self.config.seed << 40) + (progress.step << 10) + self.training_device.rank
        torch.manual_seed(seed % (1 << 63))
        optimizer.learning_rate = self.config.learning_rate_at(self.fraction(progress))
        tokens = 0
        for batch in batches:
            with self.training_device.autocast():
                result = self.step(batch, progress.fraction)
            (result.loss / len(batches)).backward()  # type: ignore[no-untyped-call]  # torch's own
            window.add(result)
            tokens += result.tokens
        self.training_device.average(p.grad for p in self.parameters.values() if p.grad is not None)
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.max_grad_norm)
        if not torch.isfinite(norm):
            raise _divergence_error(progress.step, self.directory)
        with self.training_device.autocast():  # Muon's products; weights stay float32
            optimizer.step()
        optimizer.zero_grad()
        progress.step += 1
        progress.tokens += int(self.training_device.total(tokens))  # those of a batch vary
        window.add_step(norm)

    def save(self, optimizer: MixedOptimizer, progress: Progress, window: MetricWindow) -> None:
        """Let the first rank evaluate and write a checkpoint, and the others wait for the best."""
        if self.training_device.is_main:
            self._evaluate(progress, window)
            save_checkpoint(
                self.directory,
                progress,
                self.parameters,
                optimizer,
                self.kept_settings,
                keep=self.config.keep_checkpoints,
            )
        progress.best_step = int(self.training_device.largest(progress.best_step))
        progress.best_value = -self.training_device.largest(-progress.best_value)

    def _evaluate(self, progress: Progress, window: MetricWindow) -> None:
        if self.evaluate is None:
            return
        with explain_lack_of_memory(f"the evaluation after step {progress.step}", self.directory):
            metrics = self.evaluate()
        if metrics["valid_loss"] < progress.best_value:
            progress.best_step, progress.best_value = progress.step, metrics["valid_loss"]
        window.emit({"step": progress.step, "tokens": progress.tokens, **metrics})


def _prefetch(block: Sequence[Batch], numbers: Sequence[range]) -> Iterator[list[Batch]]:
    """The batches of each range, made in a thread while the last ones are computed."""

    def make(own: range) -> list[Batch]:
        return [block[number] for number in own]

    with ThreadPoolExecutor(1) as executor:
        waiting = [executor.submit(make, own) for own in numbers[:1]]
        for own in [*numbers[1:], None]:
            if not waiting:
                return
            batches = waiting.pop().result()
            if own is not None:
                waiting.append(executor.submit(make, own))
            yield batches


class MetricWindow:
    """The metrics since the last line of the log, and their means in it.

    Args:
        log: gets the lines.
        progress: of the run at the first step of the window.
        report: is called with each line.
    """

    def __init__(
        self, log: MetricsLog, progress: Progress, report: Callable[[Metrics], None]
    ) -> None:
        self.log, self.report = log, report
        self.sums: dict[str, Tensor] = {}  # on the device, so that adding does not wait for it
        self.counts: dict[str, int] = {}  # of the summed values: not each batch has each metric
        self.tokens, self.seconds = progress.tokens, progress.seconds

    def add(self, result: StepResult) -> None:
        """Add the metrics of one batch."""
        for name, value in {"loss": result.loss, **result.metrics}.items():
            self._add(name, value)

    def add_step(self, norm: Tensor) -> None:
        """Add the gradient norm of one step."""
        self._add("gradient_norm", norm)

    def _add(self, name: str, value: Tensor) -> None:
        value = value.detach().float()
        self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.counts[name] = self.counts.get(name, 0) + 1

    def write(self, progress: Progress, fraction: float, rate: float) -> None:
        """Write the means as one line, and begin a new window."""
        seconds = progress.seconds - self.seconds
        self.emit(
            {
                "step": progress.step,
                "tokens": progress.tokens,
                "fraction": round(fraction, 5),
                "seconds": round(progress.seconds, 1),
                "learning_rate": rate,
                "tokens_per_second": round((progress.tokens - self.tokens) / max(seconds, 1e-9)),
                **{
                    name: round(float(total) / self.counts[name], 4)
                    for name, total in self.sums.items()
                },
            }
        )
        self.sums, self.counts = {}, {}
        self.tokens, self.seconds = progress.tokens, progress.seconds

    def emit(self, metrics: Metrics) -> None:
        """Write one line, and report it."""
        self.log.write(metrics)
        self.report(metrics)


def _corpus_too_small_error(count: int) -> InputError:
    return InputError(
        "corpus-too-small",
        f"an epoch has fewer than {count} batch{'es' if count > 1 else ''}",
        why="it has fewer tokens than batch_size × max_seq_length, for each rank and accumulation",
        fix="Give more text, or a smaller batch_size or max_seq_length",
    )


@contextmanager
def explain_lack_of_memory(what: str, directory: Path) -> Iterator[None]:
    """Say in one line what does not fit into the memory of a GPU or of this machine.

    Args:
        what: is computed: "step 1".
        directory: of the run; its settings can change while it has no checkpoint.

    Raises:
        ResourceError: [training-out-of-memory].
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # of torch, of numpy
        is_gpu = isinstance(error, torch.OutOfMemoryError)
        if isinstance(error, RuntimeError) and not is_gpu and CPU_ALLOCATOR not in str(error):
            raise
        has_checkpoint = bool(list_checkpoints(directory))
        raise ResourceError(
            "training-out-of-memory",
            f"{what} does not fit into the memory of the {'GPU' if is_gpu else 'machine'}",
            why=take_first_line(error),
            fix="Lower batch_size and raise gradient_accumulation_steps, or lower max_seq_length"
            + ("; a run with a checkpoint keeps both, so begin another" if has_checkpoint else ""),
        ) from error


def _divergence_error(step: int, directory: Path) -> ResourceError:
    saved = list_checkpoints(directory)
    return ResourceError(
        "training-diverged",
        f"the gradients of step {step + 1} are not finite",
        why="the learning rate is too high, or a bfloat16 value overflowed",
        fix="Lower learning_rate"
        + (
            f"; {str(saved[-1])!r} is whole, but a run with a checkpoint keeps its rate, so begin"
            " another"
            if saved
            else ""
        ),
    )
