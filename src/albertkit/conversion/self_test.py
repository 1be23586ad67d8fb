"""The masked-LM self-test: which config values predict masked words best?

Shapes show neither the number of attention heads nor which gelu was used, and a model with the
wrong values still computes numbers. So words of built-in sentences are masked one at a time, and
each candidate computes the probability of the true word. The test reports figures and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.cpu_engine import create_cpu_engine
from albertkit.engine.native.library import find_obstacle
from albertkit.engine.packing import compute_mlm_logits
from albertkit.errors import Diagnostic, InputError
from albertkit.runtime.loaded_model import LoadedModel
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.heads import MASKED_LM
from albertkit.spec.presets import PRESETS, preset
from albertkit.tokenization import AlbertTokenizer, Encodings

SENTENCES = (
    "The capital of France is Paris.",
    "She opened the door and went into the house.",
    "The sun rises in the east and sets in the west.",
    "He was born in London and lived there for many years.",
    "Water is made of hydrogen and oxygen.",
    "They have two children, a boy and a girl.",
)
MOST_UNKNOWN = 0.2  # of the sentences' pieces; with more, the vocabulary is for another language
LEAST_GAIN = 0.01  # in log-probability; both gelus of a small model differ by 1e-4
EVERY = 2  # piece is masked
HEAD_SIZES = (64, 128)  # of all published models; sources for xlarge disagree


@dataclass(frozen=True, slots=True)
class Candidate:
    """One set of config values.

    Attributes:
        changes: config fields and their values; empty for the model as it was opened.
        log_probability: of the true words, the mean over all masked positions.
    """

    changes: tuple[tuple[str, int | str], ...]
    log_probability: float

    @property
    def name(self) -> str:
        """`as opened`, or such as `num_attention_heads 32`."""
        return ", ".join(f"{name} {value}" for name, value in self.changes) or "as opened"


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The result of a self-test.

    Attributes:
        candidates: the first is the model as it was opened.
        words: how many were masked.
    """

    candidates: tuple[Candidate, ...]
    words: int

    @property
    def verdict(self) -> str:
        """Name the best candidate if it is clearly better than the model as opened."""
        best = max(self.candidates, key=lambda candidate: candidate.log_probability)
        gain = best.log_probability - self.candidates[0].log_probability
        if gain > LEAST_GAIN:
            return f"{best.name} is better by {gain:.4f}"
        return f"none is better by more than {LEAST_GAIN}"

    def line(self) -> str:
        """Return all figures in words."""
        figures = "; ".join(
            f"{candidate.name} {candidate.log_probability:.4f}" for candidate in self.candidates
        )
        return f"mean log-probability of {self.words} masked words: {figures}; {self.verdict}"


def self_test(
    model: LoadedModel,
    others: Iterable[tuple[str, int | str]] | None = None,
    *,
    sentences: Sequence[str] = SENTENCES,
    every: int = EVERY,
) -> SelfTest:
    """Compare the model as opened with other values of each doubtful field, one at a time.

    Args:
        model: with a masked LM head and a tokenizer.
        others: config fields and values to compare with; None: those of `list_doubtful_values`.
        sentences: in which words are masked.
        every: one of so many pieces is masked, each in a text of its own.

    Raises:
        InputError: [self-test-impossible] without a masked LM head or a tokenizer, or if the
            vocabulary does not know the sentences' words.
    """
    tokenizer = _check_tokenizer(model)
    masked, true_ids = _mask_words(tokenizer, model.weights.config, sentences, every)
    positions = np.flatnonzero(masked.ids == tokenizer.mask_token_id)  # [P], one in each text
    if others is None:
        others = list_doubtful_values(model.weights.config)
    variants = [(), *(((name, value),) for name, value in others)]
    candidates = tuple(
        Candidate(
            changes,
            _compute_log_probability(_replace(model.weights, changes), masked, positions, true_ids),
        )
        for changes in variants
    )
    return SelfTest(candidates, len(true_ids))


def list_doubtful_values(config: AlbertConfig) -> list[tuple[str, int | str]]:
    """Return other values of the fields that shapes do not show."""
    gelus = [name for name in ("gelu_new", "gelu") if name != config.hidden_act]
    counts = sorted({config.hidden_size // size for size in HEAD_SIZES} - {0})
    return [
        *(("hidden_act", name) for name in gelus if config.activation.startswith("gelu")),
        *(
            ("num_attention_heads", count)
            for count in counts
            if count != config.num_attention_heads and config.hidden_size % count == 0
        ),
    ]


def check_metadata(config: AlbertConfig) -> tuple[Diagnostic, ...]:
    """Return warnings for values that are known to be wrong in configs of published models.

    Sources: google-research/albert modeling.py, whose gelu is the tanh form in v1 and v2 alike;
    the pages of google/albert_xlarge and tensorflow/albert_en_xlarge, which say 32 heads.
    """
    warnings = []
    sizes = [
        _list_sizes(published) for name, published in PRESETS.items() if name.startswith("albert-")
    ]
    if _list_sizes(config) not in sizes:
        return ()
    if config.activation == "gelu_erf":
        warnings.append(
            Diagnostic(
                "metadata-suspicious",
                "warning",
                f"hidden_act is {config.hidden_act!r}, the erf form of gelu",
                why="the published ALBERTs of this size were trained with the tanh form, gelu_new; "
                "Hugging Face's v1 configs name the other",
                fix="Compare with `albertkit inspect MODEL --self-test`; to use the other, give "
                "--hidden-act gelu_new",
            )
        )
    if _list_sizes(config) == _list_sizes(preset("xlarge")) and config.num_attention_heads != 32:
        warnings.append(
            Diagnostic(
                "metadata-suspicious",
                "warning",
                f"num_attention_heads is {config.num_attention_heads}",
                why="the pages of xlarge say 32, Hugging Face's configs 16, and the shape of a 2-D "
                "matrix does not show it",
                fix="Compare with `albertkit inspect MODEL --self-test`; to take the other, give "
                "--num-attention-heads 32",
            )
        )
    return tuple(warnings)


def explain_doubts(model: LoadedModel) -> tuple[Diagnostic, ...]:
    """Return the warnings on a model's config, with the self-test's figures if it is possible."""
    warnings = check_metadata(model.config)
    if not warnings or MASKED_LM.name not in model.weights.heads:
        return warnings
    try:
        figures = self_test(model).line()
    except InputError as error:
        if error.diagnostic.code != "self-test-impossible":
            raise
        return warnings
    return tuple(replace(warning, why=f"{warning.why}; {figures}") for warning in warnings)


def _list_sizes(config: AlbertConfig) -> tuple[int, ...]:
    return (
        config.vocab_size,
        config.embedding_size,
        config.hidden_size,
        config.num_hidden_layers,
        config.intermediate_size,
    )


def _check_tokenizer(model: LoadedModel) -> AlbertTokenizer:
    if MASKED_LM.name not in model.weights.heads:
        raise _impossible_error(model, "it has no masked LM head", "no word can be predicted")
    if model.optional_tokenizer is None:
        raise _impossible_error(model, "it has no tokenizer", "sentences cannot be tokenized")
    ids = model.tokenizer.encode_batch(list(SENTENCES)).ids
    unknown = float(np.mean(ids == model.tokenizer.unk_token_id))
    if unknown > MOST_UNKNOWN:
        raise _impossible_error(
            model,
            f"its vocabulary does not know {unknown:.0%} of the pieces of the sentences",
            "they are English",
        )
    return model.tokenizer


def _impossible_error(model: LoadedModel, what: str, why: str) -> InputError:
    return InputError(
        "self-test-impossible",
        what,
        why=f"the self-test predicts words of sentences, and {why}",
        fix="Leave the self-test out",
        where=str(model.path),
    )


def _mask_words(
    tokenizer: AlbertTokenizer, config: AlbertConfig, sentences: Sequence[str], every: int
) -> tuple[Encodings, Int64Array]:
    """Each sentence several times, another piece masked in each, and the true ids [P].

    A sentence is tokenized before it is masked, as in pretraining.
    """
    rows, true_ids = [], []
    longest = config.max_position_embeddings
    for encoding in tokenizer.encode_batch(list(sentences), max_length=longest):
        for position in range(1, len(encoding) - 1, every):
            row = encoding.ids.copy()
            true_ids.append(int(row[position]))
            row[position] = tokenizer.mask_token_id
            rows.append(row)
    ids = np.concatenate(rows)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
    dropped = np.zeros(len(rows), np.int64)
    return Encodings(ids, np.zeros_like(ids), offsets, dropped), np.array(true_ids, np.int64)


def _replace(weights: Weights, changes: Iterable[tuple[str, int | str]]) -> Weights:
    config = replace(weights.config, **dict(changes))  # type: ignore[arg-type]  # names are the config's own
    return replace(weights, config=config)


def _compute_log_probability(
    weights: Weights, masked: Encodings, positions: Int64Array, true_ids: Int64Array
) -> float:
    engine = create_cpu_engine("numpy" if find_obstacle("float32") else "native", weights)
    logits = compute_mlm_logits(engine, masked, positions)  # [P, V]
    engine.close()
    return float(np.mean(log_probabilities(logits, true_ids)))


def log_probabilities(logits: FloatArray, ids: Int64Array) -> FloatArray:
    """Return log softmax(logits [P, V]) at one id of each row → [P]."""
    highest = logits.max(-1)  # [P]
    total = np.log(np.exp(logits - highest[:, None]).sum(-1))
    picked: FloatArray = logits[np.arange(len(ids)), ids] - highest - total
    return picked
