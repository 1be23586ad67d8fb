"""Models made wrong on purpose are recognised, and healthy ones raise no alarm."""

from __future__ import annotations

from pathlib import Path

import pytest
import sentence_transformers
import transformers

from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.conversion import convert
from albertkit.doctor import diagnose
from albertkit.spec import AlbertConfig
from tests.doctor.mutations import MUTATIONS, Mutation, save_healthy
from tests.doctor.recall import KINDS, examine_damage, list_alarms, list_damages, save_kinds
from tests.support.axes import CONFIG_AXES, random_weights
from tests.support.tiny_models import PIECES

FIXTURES = Path(__file__).parents[1] / "fixtures"


def test_there_are_forty_mutations_with_different_names() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 40


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_is_named(mutation: Mutation, tmp_path: Path) -> None:
    diagnostics = diagnose(mutation.apply(tmp_path))
    assert {d.code for d in diagnostics} & set(mutation.codes), [d.line() for d in diagnostics]


def alarms(target: str | Path) -> list[str]:
    """Everything above a note."""
    return [d.line() for d in diagnose(target) if d.severity != "note"]


@pytest.mark.parametrize("model", ["small-en", "small-en-vectors"])
def test_a_builtin_model_raises_no_alarm(model: str) -> None:
    assert alarms(model) == []


# The Model Garden's checkpoint holds no config: that it cannot be opened so is not a false alarm.
HEALTHY = sorted(p.name for p in FIXTURES.iterdir() if p.suffix in (".gz", ".model") or p.is_dir())
HEALTHY = [name for name in HEALTHY if not name.startswith("mg_") and "reference" not in name]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_fixture_raises_no_alarm(name: str) -> None:
    assert alarms(FIXTURES / name) == []


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_random_weights_of_any_config_raise_no_alarm(config: AlbertConfig, tmp_path: Path) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(config, ["masked_lm"])), tmp_path)
    assert alarms(tmp_path) == []


CONVERSIONS = (
    ("small-en", "huggingface", ()),
    ("small-en", "tf1", ()),
    ("small-en", "onnx", ()),
    ("small-en", "onnx-int8", ()),
    ("small-en", "keras-hub", ("sentence_order",)),
    ("small-en-vectors", "onnx", ()),
    ("small-en-vectors", "sentence-transformers", ()),
    ("small-en-vectors", "huggingface", ("vectors",)),
)


@pytest.mark.parametrize(("model", "to", "without"), CONVERSIONS)
def test_a_conversion_raises_no_alarm(
    model: str, to: str, without: tuple[str, ...], tmp_path: Path
) -> None:
    convert(model, tmp_path / "out", to=to, without=without)
    assert alarms(tmp_path / "out") == []


# Of tiny models of every kind; with those above, twenty-three conversions.
CHAINS = (
    ("Hugging Face", "huggingface"),
    ("Hugging Face", "tf1"),
    ("Hugging Face", "keras-hub"),
    ("sentence-transformers", "sentence-transformers"),
    ("sentence-transformers", "onnx"),
    ("TF1 checkpoint", "huggingface"),
    ("TF1 checkpoint", "onnx"),
    ("TF1 checkpoint", "keras-hub"),
    ("Keras Hub", "huggingface"),
    ("Keras Hub", "onnx"),
    ("TF Hub", "huggingface"),
    ("TF Hub", "tf1"),
    ("TF Hub", "onnx"),
    ("BERT of TF Hub", "huggingface"),
    ("BERT of TF Hub", "onnx"),
)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return save_kinds(tmp_path_factory.mktemp("kinds"))


def test_there_are_twenty_conversions_or_more() -> None:
    assert len(CONVERSIONS) + len(CHAINS) >= 20


@pytest.mark.parametrize(("kind", "to"), CHAINS)
def test_a_conversion_of_a_tiny_model_raises_no_alarm(
    kind: str, to: str, kinds: dict[str, Path], tmp_path: Path
) -> None:
    convert(kinds[kind], tmp_path / "out", to=to)
    assert list_alarms(tmp_path / "out") == ()


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_models_are_found_named_and_fixed(kind: str, kinds: dict[str, Path]) -> None:
    """A third of the damages; benchmarks/doctor_recall.py has them all."""
    assert list_alarms(kinds[kind]) == ()
    damages = list(list_damages(kinds[kind]))
    assert len(damages) >= 40
    outcomes = [examine_damage(kind, kinds[kind], damage) for damage in damages[::3]]
    assert [outcome.damage for outcome in outcomes if not outcome.is_found] == []
    named = [outcome for outcome in outcomes if outcome.is_named]
    assert len(named) >= 0.95 * len(outcomes)
    fixed = [outcome for outcome in outcomes if outcome.is_fixed]
    assert len(fixed) >= 0.9 * len(outcomes)


HEADS = (
    "AlbertModel",
    "AlbertForMaskedLM",
    "AlbertForSequenceClassification",
    "AlbertForTokenClassification",
    "AlbertForQuestionAnswering",
    "AlbertForMultipleChoice",
)


@pytest.mark.parametrize("name", HEADS)
def test_what_transformers_writes_raises_no_alarm_but_of_untrained_heads(
    name: str, tmp_path: Path
) -> None:
    tiny = save_healthy(tmp_path / "tiny")
    getattr(transformers, name).from_pretrained(tiny).save_pretrained(tmp_path / "out")
    transformers.AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "out")
    others = [line for line in alarms(tmp_path / "out") if not line.endswith("[head-untrained]")]
    assert others == []


def test_what_sentence_transformers_writes_raises_no_alarm(tmp_path: Path) -> None:
    tiny = save_healthy(tmp_path / "tiny")
    sentence_transformers.SentenceTransformer(str(tiny)).save_pretrained(str(tmp_path / "out"))
    assert alarms(tmp_path / "out") == []


def test_the_pieces_of_a_vocabulary_alone_raise_no_alarm() -> None:
    assert alarms(PIECES) == []
