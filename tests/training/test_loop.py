"""A run goes on after an interruption as if there had been none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from albertkit.errors import FormatError, InputError, ResourceError
from albertkit.fileformats.atomic import make_temporary_name
from albertkit.training.devices import TrainingDevice, choose_training_device
from albertkit.training.loop import StepResult, Trainer
from albertkit.training.recipe import TrainingConfig
from albertkit.training.state import list_checkpoints

CONFIG = TrainingConfig(
    max_steps=12, learning_rate=0.05, save_steps=5, logging_steps=3, precision="float32"
)


class Numbers:
    """Two blocks of three batches an epoch."""

    blocks = 2

    def block(self, epoch: int, number: int, fraction: float) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(10 * epoch + number)
        return [torch.randn(8, 3, generator=source) for _ in range(3)]


class Model(nn.Module):
    """A linear model with dropout, so that the random state matters."""

    def __init__(self, width: int = 1) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.linear = nn.Linear(3, width)
        self.dropout = nn.Dropout(0.2)

    def forward(self, batch: Tensor, fraction: float) -> StepResult:
        error = self.linear(self.dropout(batch)) - batch.sum(1, keepdim=True)
        loss = error.square().mean()
        return StepResult(loss, len(batch), {"error": loss})


def train(
    directory: Path,
    config: TrainingConfig = CONFIG,
    model: Model | None = None,
    settings: dict[str, object] | None = None,
) -> Model:
    model = model or Model()
    trainer: Trainer[Tensor] = Trainer(
        dict(model.named_parameters()),
        {"linear.weight"},
        model,
        Numbers(),
        config,
        directory,
        matrices={"linear.weight"},
        settings=settings or {},
    )
    trainer.train()
    return model


class Interrupted(Model):
    """Fails at a step of the model, as a power cut would."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, batch: Tensor, fraction: float) -> StepResult:
        self.steps -= 1
        if self.steps < 0:
            raise InterruptedError
        return super().forward(batch, fraction)


def lines(directory: Path) -> list[dict[str, float]]:
    text = (directory / "metrics.jsonl").read_text()
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, logging_steps=5),
        replace(CONFIG, logging_steps=5, muon_learning_rate=0.02),
        replace(CONFIG, logging_steps=5, optimizer="lamb"),
        replace(CONFIG, logging_steps=5, gradient_accumulation_steps=2),
    ],
    ids=["adamw", "muon", "lamb", "accumulation"],
)
@pytest.mark.parametrize("steps", [7, 9, 11])
def test_a_resumed_run_equals_a_whole_one_to_the_bit(
    tmp_path: Path, config: TrainingConfig, steps: int
) -> None:
    whole = train(tmp_path / "whole", config)
    with pytest.raises(InterruptedError):
        train(tmp_path / "parts", config, Interrupted(steps * config.gradient_accumulation_steps))
    parts = train(tmp_path / "parts", config)
    assert torch.equal(whole.linear.weight, parts.linear.weight)
    assert torch.equal(whole.linear.bias, parts.linear.bias)
    timeless = [
        [{k: v for k, v in line.items() if "second" not in k} for line in lines(tmp_path / name)]
        for name in ("whole", "parts")
    ]
    assert [line["step"] for line in timeless[1]] == [5, 10, 12], "the last step is logged too"
    assert timeless[0] == timeless[1]


SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.training.test_loop import CONFIG, Model, train
import time

class Slow(Model):
    def forward(self, batch, fraction):
        time.sleep(0.002)
        return super().forward(batch, fraction)

train(Path(sys.argv[1]), replace(CONFIG, max_steps=150, save_steps=1), Slow())
"""


def test_a_run_killed_at_any_moment_goes_on_to_the_same_result(tmp_path: Path) -> None:
    config = replace(CONFIG, max_steps=150, save_steps=1)
    whole = train(tmp_path / "whole", config)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "parts")]
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
        deadline = time.monotonic() + 60
        last = _last_step(tmp_path / "parts")
        while process.poll() is None and time.monotonic() < deadline:
            if _last_step(tmp_path / "parts") > last + 5:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.001)
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 2
    left = tmp_path / "parts" / make_temporary_name("checkpoint-00000009")
    left.mkdir()  # a process may have been killed here
    parts = train(tmp_path / "parts", config)
    assert torch.equal(whole.linear.weight, parts.linear.weight)
    assert [line["step"] for line in lines(tmp_path / "parts")] == list(range(3, 151, 3))
    assert not list((tmp_path / "parts").glob(".checkpoint*"))


def _last_step(directory: Path) -> int:
    paths = list_checkpoints(directory)
    return int(paths[-1].name.split("-")[1]) if paths else 0


def test_ctrl_c_saves_the_state_before_it_ends_the_run(tmp_path: Path) -> None:
    class Stopping(Model):
        steps = 0

        def forward(self, batch: Tensor, fraction: float) -> StepResult:
            self.steps += 1
            if self.steps == 7:
                signal.raise_signal(signal.SIGINT)
            return super().forward(batch, fraction)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", model=Stopping())
    assert _last_step(tmp_path / "parts") == 7
    assert torch.equal(
        train(tmp_path / "whole").linear.weight, train(tmp_path / "parts").linear.weight
    )


def test_training_lowers_the_loss_and_the_log_says_so(tmp_path: Path) -> None:
    train(tmp_path, replace(CONFIG, max_steps=150))
    log = lines(tmp_path)
    assert [line["step"] for line in log] == list(range(3, 151, 3))
    assert log[-1]["error"] < 0.5 * log[0]["error"]
    assert log[-1]["tokens"] == 150 * 8
    assert log[-1]["fraction"] == 1


@pytest.mark.parametrize(
    ("limits", "steps"), [({"max_tokens": 80}, 10), ({"max_tokens": 80, "max_steps": 4}, 4)]
)
def test_the_first_limit_ends_the_run(tmp_path: Path, limits: dict[str, int], steps: int) -> None:
    train(tmp_path, replace(CONFIG, **{"max_steps": 0, **limits}))  # type: ignore[arg-type]
    assert _last_step(tmp_path) == steps


def test_hours_end_a_run_too(tmp_path: Path) -> None:
    train(tmp_path, replace(CONFIG, max_steps=0, max_hours=0.2 / 3600))
    *earlier, last = lines(tmp_path)
    assert (last["step"], last["fraction"]) == (_last_step(tmp_path), 1)
    assert last["seconds"] >= 0.2
    assert all(line["fraction"] < 1 for line in earlier)


def test_the_last_checkpoints_and_the_best_are_kept(tmp_path: Path) -> None:
    model = Model()
    losses = iter([3.0, 1.0, 2.0, 2.5, 1.5])
    trainer: Trainer[Tensor] = Trainer(
        dict(model.named_parameters()),
        {"linear.weight"},
        model,
        Numbers(),
        replace(CONFIG, max_steps=10, save_steps=2),
        tmp_path,
        evaluate=lambda: {"valid_loss": next(losses)},
    )
    progress = trainer.train()
    assert (progress.best_step, progress.best_value) == (4, 1.0)
    assert [path.name for path in list_checkpoints(tmp_path)] == [
        "checkpoint-00000004",
        "checkpoint-00000008",
        "checkpoint-00000010",
    ]


def test_a_run_that_patience_ended_takes_no_further_step(tmp_path: Path) -> None:
    model, losses = Model(), iter([1.0, 2.0, 2.0, 0.5])
    trainer: Trainer[Tensor] = Trainer(
        dict(model.named_parameters()),
        {"linear.weight"},
        model,
        Numbers(),
        replace(CONFIG, save_steps=2),
        tmp_path,
        evaluate=lambda: {"valid_loss": next(losses)},
        patience=2,
    )
    done = trainer.train()
    assert (done.step, done.best_step) == (6, 2)
    assert trainer.train() == done


def test_a_run_of_another_model_is_refused(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(FormatError, match=r"another directory \(--run.*run-model-mismatch"):
        train(tmp_path, replace(CONFIG, max_steps=20), Model(width=2))


def test_changed_settings_are_refused_by_name(tmp_path: Path) -> None:
    train(tmp_path, settings={"training.seed": 0, "training.max_steps": 12, "data.shard": "a"})
    free = {"training.seed": 0, "training.max_steps": 20, "data.shard": "a"}
    train(tmp_path, settings=free)
    with pytest.raises(InputError, match=r"data.shard was 'a' and is 'b'.*run-settings-changed"):
        train(tmp_path, settings={**free, "data.shard": "b"})


def test_an_epoch_without_a_batch_ends_the_run(tmp_path: Path) -> None:
    config = replace(CONFIG, gradient_accumulation_steps=4)  # a block has three batches
    with pytest.raises(InputError, match=r"fewer than 4 batches.*corpus-too-small"):
        train(tmp_path, config)


def test_gradients_that_are_not_finite_stop_the_run_and_spoil_nothing(tmp_path: Path) -> None:
    class Diverging(Model):
        steps = 0

        def forward(self, batch: Tensor, fraction: float) -> StepResult:
            result = super().forward(batch, fraction)
            self.steps += 1
            factor = float("nan") if self.steps == 8 else 1.0
            return StepResult(result.loss * factor, result.tokens, result.metrics)

    model = Diverging()
    whole = r"step 8.*rate; '.*checkpoint-00000005' is whole, .* begin another\. \[training-div"
    with pytest.raises(ResourceError, match=whole):
        train(tmp_path, model=model)
    assert torch.isfinite(model.linear.weight).all()
    early = Diverging()
    early.steps = 7
    with pytest.raises(ResourceError, match=r"step 1 .*Lower learning_rate\. \[training-diverged"):
        train(tmp_path / "early", model=early)
    assert _last_step(tmp_path) == 5
    assert torch.equal(train(tmp_path).linear.weight, train(tmp_path / "w").linear.weight)


def test_a_step_that_does_not_fit_into_memory_is_one_line(tmp_path: Path) -> None:
    class Huge(Model):
        def forward(self, batch: Tensor, fraction: float) -> StepResult:
            torch.empty(1 << 60)
            return super().forward(batch, fraction)

    with pytest.raises(
        ResourceError, match=r"step 1 does.*Lower batch_size.*training-out-of-memory"
    ) as e:
        train(tmp_path, model=Huge())
    assert "begin another" not in str(e.value)
    train(tmp_path, replace(CONFIG, max_steps=5))
    with pytest.raises(
        ResourceError, match=r"step 6 does not fit.* begin another\. \[training-out"
    ):
        train(tmp_path, model=Huge())


def test_only_what_is_named_decays(tmp_path: Path) -> None:
    """Without gradients a decaying parameter shrinks, and another stays."""

    class Idle(Model):
        def forward(self, batch: Tensor, fraction: float) -> StepResult:
            return StepResult(0.0 * self.linear(batch).sum(), len(batch), {})

    model = Idle()
    nn.init.ones_(model.linear.weight)
    nn.init.ones_(model.linear.bias)
    train(tmp_path, replace(CONFIG, weight_decay=0.5), model)
    assert model.linear.weight.max() < 0.95
    assert model.linear.bias.item() == 1.0


def test_a_gpu_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ResourceError, match="device-unavailable"):
        choose_training_device("cuda")


def test_bfloat16_is_used_for_products_alone(tmp_path: Path) -> None:
    model = Model()
    training_device = TrainingDevice(torch.device("cpu"), torch.bfloat16)
    dtypes = set()

    class Seen(Model):
        def forward(self, batch: Tensor, fraction: float) -> StepResult:
            dtypes.add(self.linear(batch).dtype)
            return super().forward(batch, fraction)

    model = Seen()
    trainer: Trainer[Tensor] = Trainer(
        dict(model.named_parameters()), (), model, Numbers(), CONFIG, tmp_path, training_device
    )
    trainer.train()
    assert dtypes == {torch.bfloat16}
    assert model.linear.weight.dtype == torch.float32


RANKS = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.training.test_loop import CONFIG, Model, Numbers
from albertkit.training.devices import choose_training_device
from albertkit.training.loop import Trainer

class Plain(Model):
    def __init__(self):
        super().__init__()
        self.dropout.p = 0.0

model = Plain()
accumulation = int(sys.argv[2])
class Four(Numbers):
    def block(self, *numbers):
        batches = [*super().block(*numbers), *super().block(*numbers)[:1]]
        return [batch[: 5 + n] for n, batch in enumerate(batches)]  # of 26 tokens

device = choose_training_device("cpu", "float32")
limits = {"steps": {}, "tokens": {"max_steps": 0, "max_tokens": 6 * 26}}[sys.argv[3]]
Trainer(
    dict(model.named_parameters()), {"linear.weight"}, model, Four(),
    replace(CONFIG, gradient_accumulation_steps=accumulation, **limits), Path(sys.argv[1]), device,
).train()
device.leave()  # else a thread of the group may end the process with "terminate called"
"""


def run_script(text: str, directory: Path, *arguments: str, launcher: Sequence[str] = ()) -> None:
    """Run a script in a process of its own; the directory is its first argument."""
    script, root = directory.with_suffix(".py"), Path(__file__).parents[2]
    script.write_text(text)
    subprocess.run(
        [sys.executable, *launcher, str(script), str(directory), *arguments],
        check=True,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        cwd=root,
        timeout=120,
    )


def run_two_ranks(text: str, directory: Path, *arguments: str) -> None:
    """Run a script in two processes of torchrun."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    run_script(text, directory, *arguments, launcher=launcher)


@pytest.mark.parametrize("limit", ["steps", "tokens"])
def test_two_ranks_compute_what_one_computes_in_two_batches(tmp_path: Path, limit: str) -> None:
    """Their batches have other numbers of tokens; rate and end follow those of both."""
    run_two_ranks(RANKS, tmp_path / "two", "1", limit)
    run_script(RANKS, tmp_path / "one", "2", limit)
    assert [(row["step"], row["tokens"]) for row in lines(tmp_path / "two")] == [
        (3, 37),
        (6, 78),
        (9, 115),
        (12, 156),
    ]
    models = []
    for name in ("one", "two"):
        model = Model()
        # the run is done, so that training it only loads its last checkpoint: that of two ranks too
        both = replace(CONFIG, gradient_accumulation_steps=2)
        models.append(train(tmp_path / name, both, model).linear.weight)
        with pytest.raises(InputError, match=r"steps × ranks was 2 and is 1\b.*-settings-changed"):
            train(tmp_path / name)
        assert _last_step(tmp_path / name) == 12
    torch.testing.assert_close(models[0], models[1], atol=1e-6, rtol=0)


EVALUATED_RANKS = """
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from tests.training.test_loop import CONFIG, Model, Numbers
from albertkit.training.devices import choose_training_device
from albertkit.training.loop import Trainer

model, losses = Model(), [3.0, 1.0, 2.0]
device = choose_training_device("cpu", "float32")
directory = Path(sys.argv[1])
parameters = dict(model.named_parameters())
config = replace(CONFIG, save_steps=4, keep_checkpoints=1)
trainer = Trainer(
    parameters, (), model, Numbers(), config, directory, device, patience=2,
    evaluate=lambda: {"valid_loss": losses.pop(0)},
)
progress = trainer.train()
trainer.load_best(progress)
result = {**asdict(progress), "weight": model.linear.weight.tolist()}
(directory / f"rank-{device.rank}.json").write_text(json.dumps(result))
device.leave()
"""


def test_two_ranks_know_the_best_checkpoint(tmp_path: Path) -> None:
    """Patience counts from it on both, and what a rank does with it is the same."""
    run_two_ranks(EVALUATED_RANKS, tmp_path / "run")
    first, second = (
        json.loads((tmp_path / "run" / f"rank-{n}.json").read_text()) for n in range(2)
    )
    assert (first["step"], first["best_step"], first["best_value"]) == (12, 8, 1.0)
    assert first == second


SEPARATE_RANKS = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.training.test_loop import CONFIG, Model, Numbers
from albertkit.errors import InputError
from albertkit.training.devices import choose_training_device
from albertkit.training.loop import Trainer

model = Model()
device = choose_training_device("cpu", "float32")
directory = Path(sys.argv[1]) / str(device.rank)  # as on two machines without a common disk
config = replace(CONFIG, max_steps=4, save_steps=2)
parameters = dict(model.named_parameters())
Trainer(parameters, (), model, Numbers(), config, directory, device).train()
try:
    Trainer(
        parameters, (), model, Numbers(), replace(config, max_steps=8), directory, device
    ).train()
except InputError as error:
    (directory / "error.txt").write_text(str(error))
device.leave()
"""


def test_ranks_that_see_other_checkpoints_are_refused(tmp_path: Path) -> None:
    run_two_ranks(SEPARATE_RANKS, tmp_path / "run")
    for rank, step in enumerate((4, 0)):
        error = (tmp_path / "run" / str(rank) / "error.txt").read_text()
        assert f"holds step {step}; other processes of torchrun are at steps 0 to 4" in error
        assert "[run-not-shared]" in error


STOPPED_RANKS = """
import signal
import sys
import time
from pathlib import Path
from tests.training.test_loop import CONFIG, Model, Numbers
from albertkit.training.devices import choose_training_device
from albertkit.training.loop import Trainer

class Stopping(Model):
    steps = 0

    def forward(self, batch, fraction):
        self.steps += 1
        if self.steps == 7 and not device.is_main:
            signal.raise_signal(signal.SIGTERM)
        return super().forward(batch, fraction)

def evaluate():
    time.sleep(1)  # the other rank would have ended by then
    return {"valid_loss": 1.0}

model, directory = Stopping(), Path(sys.argv[1])
device = choose_training_device("cpu", "float32")
try:
    Trainer(
        dict(model.named_parameters()), (), model, Numbers(), CONFIG, directory, device,
        evaluate=evaluate,
    ).train()
except KeyboardInterrupt:
    names = sorted(path.name for path in directory.glob("checkpoint-*"))
    (directory / f"stopped-{device.rank}").write_text(" ".join(names))
device.leave()
"""


def test_a_signal_to_one_of_two_ranks_stops_both_after_the_checkpoint(tmp_path: Path) -> None:
    """torchrun ends all processes when one ends, so both wait until it is written."""
    run_two_ranks(STOPPED_RANKS, tmp_path / "run")
    for rank in range(2):
        names = (tmp_path / "run" / f"stopped-{rank}").read_text()
        assert names == "checkpoint-00000005 checkpoint-00000007"
