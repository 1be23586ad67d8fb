"""Examine a model or a tokenizer: open it, and ask every check that applies.

In: a path or a name. Out: an Examination. Nothing of the target is run or changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from albertkit.conversion.self_test import check_metadata
from albertkit.doctor.checks.exports import (
    check_hub_module,
    check_onnx,
    check_onnx_file,
    check_operations,
    describe_saved_model,
)
from albertkit.doctor.checks.files import check_files
from albertkit.doctor.checks.predictions import can_predict, check_predictions
from albertkit.doctor.checks.settings import check_settings
from albertkit.doctor.checks.tensors import check_tensors
from albertkit.doctor.checks.texts import check_texts
from albertkit.doctor.checks.vectors import check_vectors
from albertkit.doctor.examination import Examination, Kind, has_warning, sort_diagnostics
from albertkit.doctor.examined import ExaminedModel, open_for_examination
from albertkit.errors import AlbertKitError, Diagnostic
from albertkit.errors.exceptions import count_noun
from albertkit.runtime import LoadedModel, LoadOptions
from albertkit.tokenization import AlbertTokenizer

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".h5", ".onnx", ".pb", ".index", ".pt", ".pth")
NOT_A_MODEL = ("checkpoint-unrecognised", "file-wrong-format")
PREPROCESSOR_BYTES = range(500, 8000)  # of its variables: names, and a few numbers
LARGEST_VOCABULARY = 100_000_000  # bytes; a larger file is no tokenizer, and is not read


@dataclass(frozen=True, slots=True)
class Check:
    """One subject that is examined.

    Attributes:
        title: what is true if the check yields nothing.
        run: yields the diagnostics.
        applies: whether the model has what the check looks at.
    """

    title: str
    run: Callable[[ExaminedModel], Iterator[Diagnostic]]
    applies: Callable[[ExaminedModel], bool]


def _is_open(model: ExaminedModel) -> bool:
    return model.loaded is not None


def _has_settings(model: ExaminedModel) -> bool:
    """Whether a model is open, or a tokenizer without one."""
    return _is_open(model) or (model.tokenizer is not None and not model.errors)


def _is_saved_model(model: ExaminedModel) -> bool:
    return any(path.name == "saved_model.pb" for path in model.files())


CHECKS = (
    Check("files are whole", check_files, lambda model: bool(model.files())),
    Check("settings agree with each other", check_settings, _has_settings),
    Check("weights are finite, and no two are the same", check_tensors, _is_open),
    Check("masked words are predicted, best with these settings", check_predictions, can_predict),
    Check("different texts have different vectors", check_vectors, ExaminedModel.can_compute),
    Check(
        "ONNX files hold each tensor once",
        check_onnx,
        lambda model: any(path.suffix == ".onnx" for path in model.files()),
    ),
    Check("the SavedModel is one of TensorFlow 2", check_hub_module, _is_saved_model),
    Check("the SavedModel needs no other library", check_operations, _is_saved_model),
)  # fmt: skip


def examine_model(
    target: str,
    tokenizer: str | Path | None,
    texts: Sequence[str],
    against: str | Path | None,
    options: LoadOptions,
) -> Examination:
    """Examine a model or a tokenizer.

    Args:
        target: a path, a built-in model's name, or a name on a hub.
        tokenizer: another tokenizer to examine the model with; None: its own.
        texts: texts of the user, which are counted; may be empty.
        against: another model that should give the same outputs.
        options: how the models are opened.

    Raises:
        InputError: [file-not-found], [unknown-model] if there is no such target.
        AlbertKitError: the other tokenizer or the other model cannot be opened.
    """
    path = Path(target)
    model = open_for_examination(target, options, tokenizer)
    if model.loaded is None and path.suffix == ".onnx" and path.is_file():
        # an export of another program cannot be opened, but its structure can be read
        diagnostics = list(check_onnx_file(path))
        healthy = () if has_warning(diagnostics) else ("the ONNX file holds each tensor once",)
        return Examination(target, "model", sort_diagnostics(diagnostics), healthy)
    kind: Kind = "model"
    if model.loaded is None and _has_code(model.errors, NOT_A_MODEL):
        model, kind = _open_tokenizer(model)
    diagnostics = list(model.errors)
    titles = []
    for check in CHECKS:
        try:
            if not check.applies(model):
                continue
            results = list(check.run(model))
        except AlbertKitError as error:  # arrays are read when they are used: a checksum is wrong
            results = [error.diagnostic]
        diagnostics += results
        if not results and (model.loaded is not None or kind == "tokenizer"):
            titles.append(check.title)
    facts = {}
    if model.loaded is not None:
        diagnostics += [*model.loaded.notes, *check_metadata(model.loaded.config)]
        diagnostics += check_texts(model, texts)
        facts = _describe(model.loaded, model.tokenizer) | describe_saved_model(model)
    if against is not None and model.loaded is not None:
        diagnostics += _compare(target, against, options)
    ordered = sort_diagnostics(_drop_repeats(diagnostics))
    return Examination(target, kind, ordered, tuple(titles), facts)


def _open_tokenizer(model: ExaminedModel) -> tuple[ExaminedModel, Kind]:
    """A directory or module that holds a tokenizer and no model."""
    names = [path.name for path in model.files()]
    if "saved_model.pb" in names:
        bundles = [path for path in model.files() if ".data-" in path.name]
        has_weights = not bundles or any(
            path.stat().st_size not in PREPROCESSOR_BYTES for path in bundles
        )
    else:
        has_weights = any(
            name == "config.json" or name.endswith(WEIGHT_SUFFIXES) or ".data-" in name
            for name in names
        )
    if model.path is None or has_weights or _is_large_file(model.path):
        return model, "model"
    try:
        model.tokenizer = AlbertTokenizer.from_path(model.path)
    except AlbertKitError:
        return model, "model"
    model.errors.clear()
    return model, "tokenizer"


def _is_large_file(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > LARGEST_VOCABULARY


def _describe(loaded: LoadedModel, tokenizer: AlbertTokenizer | None) -> dict[str, str]:
    """The model in one line a fact."""
    config = loaded.config
    return {
        "format": f"{loaded.format}, by {loaded.evidence}",
        "size": f"{count_noun(config.num_hidden_layers, 'layer')} of {config.hidden_size} in "
        f"{count_noun(config.num_hidden_groups, 'group')}, "
        f"{count_noun(config.num_attention_heads, 'head')}, {config.vocab_size:,} pieces",
        "heads": ", ".join(loaded.weights.heads) or "none",
        "tokenizer": "none" if tokenizer is None else tokenizer.policy.name,
    }


def _compare(target: str, against: str | Path, options: LoadOptions) -> Iterator[Diagnostic]:
    """The differences to another model, as one diagnostic."""
    from albertkit.conversion import verify

    comparison = verify(
        target, against, **asdict(options.overrides), **asdict(options.fetch_options)
    )
    reasons = comparison.reasons()
    if reasons:
        configs = "; ".join(map(str, comparison.configs))
        yield Diagnostic(
            "models-differ",
            "error",
            f"the model differs from {str(against)!r}: {'; '.join(reasons)}",
            why="both were computed on the same texts",
            fix=f"For all figures run: albertkit verify {target} {against}",
            where=target,
            evidence=f"{comparison.weights.line()}; configs: {configs or 'the same'}",
        )


def _has_code(diagnostics: Sequence[Diagnostic], codes: Collection[str]) -> bool:
    return any(diagnostic.code in codes for diagnostic in diagnostics)


def _drop_repeats(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    pointers = {d.where for d in diagnostics if d.code == "git-lfs-pointer"}
    unique = {(d.code, d.what, d.where): d for d in diagnostics}
    return [d for d in unique.values() if d.code != "file-wrong-format" or d.where not in pointers]
