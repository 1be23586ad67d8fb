"""Diagnose anything: a model, a tokenizer, code, an error message, the environment.

In: a path, a name, or pasted text. Out: an Examination with all diagnostics, the worst first.
Nothing of the target is run or changed, and nothing is downloaded unless a hub's name is given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from albertkit.conversion.self_test import metadata_doubts
from albertkit.doctor.checks.environment import check_environment, describe_environment
from albertkit.doctor.checks.exports import check_hub_module, check_onnx, check_onnx_file
from albertkit.doctor.checks.files import check_files
from albertkit.doctor.checks.predictions import can_predict, check_predictions
from albertkit.doctor.checks.settings import check_settings
from albertkit.doctor.checks.tensors import check_tensors
from albertkit.doctor.checks.texts import check_texts
from albertkit.doctor.checks.vectors import check_vectors
from albertkit.doctor.examined import ExaminedModel, open_for_examination
from albertkit.doctor.messages import diagnose_message, looks_like_message
from albertkit.doctor.snippets.diagnose import diagnose_code
from albertkit.doctor.snippets.script import looks_like_code
from albertkit.errors import AlbertKitError, Diagnostic, FormatError
from albertkit.errors.exceptions import Severity, count_noun
from albertkit.fileformats.reader import map_file
from albertkit.runtime import LoadedModel, LoadOptions
from albertkit.tokenization import AlbertTokenizer

Kind = Literal["model", "tokenizer", "code", "message", "environment"]

DEFAULTS = LoadOptions()
ORDER: Mapping[Severity, int] = {"error": 0, "warning": 1, "note": 2}
CODE_SUFFIXES = (".py", ".ipynb")
TEXT_SUFFIXES = (".txt", ".log", ".out", ".err", ".md")
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".h5", ".onnx", ".pb", ".index", ".pt", ".pth")
NOT_A_MODEL = ("checkpoint-unrecognised", "file-wrong-format")
LARGEST_VOCABULARY = 100_000_000  # bytes; a larger file is not a tokenizer, and is not read
LARGEST_TEXT = 200_000_000  # bytes; a notebook with its pictures may have 50 MB


@dataclass(frozen=True, slots=True)
class Check:
    """One subject that is examined.

    Attributes:
        title: what is true if the check yields nothing worse than a note.
        run: yields the diagnostics.
        applies: whether the model has what the check looks at.
    """

    title: str
    run: Callable[[ExaminedModel], Iterator[Diagnostic]]
    applies: Callable[[ExaminedModel], bool]


def _is_open(model: ExaminedModel) -> bool:
    return model.loaded is not None


def _is_saved_model(model: ExaminedModel) -> bool:
    return any(path.name == "saved_model.pb" for path in model.files())


CHECKS = (
    Check("files are whole", check_files, lambda model: bool(model.files())),
    Check("settings agree with each other", check_settings, _is_open),
    Check("weights are finite, and no two are the same", check_tensors, _is_open),
    Check("masked words are predicted, best with these settings", check_predictions, can_predict),
    Check("different texts have different vectors", check_vectors, ExaminedModel.can_compute),
    Check(
        "ONNX files hold each tensor once",
        check_onnx,
        lambda model: any(path.suffix == ".onnx" for path in model.files()),
    ),
    Check("the SavedModel is one of TensorFlow 2", check_hub_module, _is_saved_model),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Examination:
    """What was examined, and the result.

    Attributes:
        target: as the user gave it.
        kind: what it is.
        diagnostics: all of them, the worst first.
        healthy: what was checked without a warning.
        facts: what to paste into a bug report.
    """

    target: str
    kind: Kind
    diagnostics: tuple[Diagnostic, ...]
    healthy: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def worst(self) -> Severity | None:
        """The gravest severity; None if there are no diagnostics."""
        return self.diagnostics[0].severity if self.diagnostics else None


def diagnose(
    target: str | Path,
    *,
    tokenizer: str | Path | None = None,
    texts: Sequence[str] = (),
    against: str | Path | None = None,
    environment: bool = False,
) -> list[Diagnostic]:
    """Find what is wrong with a model, a script, or what an error message means.

    Args:
        target: a checkpoint of any format, a built-in model's or a hub's name, a directory with a
            tokenizer, a `.py` or `.ipynb` file, a log, or pasted text with more than one line.
        tokenizer: another tokenizer to examine the model with.
        texts: texts of your own, which are counted for truncation and unknown pieces.
        against: another model that should give the same outputs.
        environment: whether installed versions are compared too.

    Returns:
        Diagnostics, the worst first; an empty list if nothing is wrong. What raises an error when
        the model is opened is a diagnostic here.

    Raises:
        InputError: [file-not-found], [unknown-model] if there is no such target.
        FormatError: [file-wrong-format] for a text file that is binary or too large.
        ResourceError: [file-unreadable], or the errors of a download.
    """
    examination = examine(
        target, tokenizer=tokenizer, texts=texts, against=against, environment=environment
    )
    return list(examination.diagnostics)


def examine(
    target: str | Path,
    *,
    tokenizer: str | Path | None = None,
    texts: Sequence[str] = (),
    against: str | Path | None = None,
    environment: bool = False,
    options: LoadOptions = DEFAULTS,
) -> Examination:
    """Do the same as `diagnose`, and return what is healthy too; options: how a model is opened."""
    text = str(target)
    path = Path(text) if "\n" not in text else None
    if path is None:
        examination = examine_text(text)
    elif path.suffix in CODE_SUFFIXES and path.is_file():
        examination = _examine_code(read_text(path), text)
    elif path.suffix in TEXT_SUFFIXES and path.is_file() and "vocab" not in path.name:
        examination = examine_text(read_text(path), text)
    else:
        examination = _examine_model(text, tokenizer, texts, against, options)
    return with_environment(examination) if environment else examination


def examine_text(text: str, target: str = "pasted text") -> Examination:
    """Examine pasted text: an error message, or else code."""
    if looks_like_message(text):
        return Examination(target, "message", _sort(diagnose_message(text)))
    if looks_like_code(text):
        return _examine_code(text, target)
    return Examination(target, "message", _sort(diagnose_message(text)))


def examine_environment() -> Examination:
    """Examine the installed versions only."""
    return with_environment(Examination("this environment", "environment", ()))


def with_environment(examination: Examination) -> Examination:
    """Add the installed versions, and what does not go together."""
    diagnostics = list(check_environment())
    healthy = () if _has_warning(diagnostics) else ("installed versions go together",)
    return replace(
        examination,
        diagnostics=_sort([*examination.diagnostics, *diagnostics]),
        healthy=examination.healthy + healthy,
        facts={**examination.facts, **describe_environment()},
    )


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        FormatError: [file-wrong-format] if it is binary or too large.
        InputError: [file-not-found].
        ResourceError: [file-unreadable].
    """
    data = map_file(path)
    if len(data) > LARGEST_TEXT or b"\0" in bytes(data[:100_000]):
        what = f"{len(data) / 1e6:,.0f} MB" if len(data) > LARGEST_TEXT else "binary"
        raise FormatError(
            "file-wrong-format",
            f"this file is {what}",
            why="a script or a message is a text of at most 200 MB",
            fix="Give the script, the notebook or the log itself",
            where=str(path),
        )
    return bytes(data).decode("utf-8", errors="replace")


def _examine_code(source: str, target: str) -> Examination:
    diagnostics = diagnose_code(source)
    named = [replace(d, where=f"{target}: {d.where}" if d.where else target) for d in diagnostics]
    healthy = () if _has_warning(named) else ("no known mistake in the code",)
    return Examination(target, "code", _sort(named), healthy)


def _examine_model(
    target: str,
    tokenizer: str | Path | None,
    texts: Sequence[str],
    against: str | Path | None,
    options: LoadOptions,
) -> Examination:
    path = Path(target)
    model = open_for_examination(target, options, tokenizer)
    if model.loaded is None and path.suffix == ".onnx" and path.is_file():
        # an export of another program cannot be opened, but its structure can be read
        diagnostics = list(check_onnx_file(path))
        return Examination(target, "model", _sort(diagnostics), _healthy_onnx(diagnostics))
    kind: Kind = "model"
    if model.loaded is None and _has_code(model.errors, NOT_A_MODEL):
        model, kind = _open_tokenizer(model)
    diagnostics = list(model.errors)
    healthy = []
    for check in CHECKS:
        if not check.applies(model):
            continue
        results = list(check.run(model))
        diagnostics += results
        if not results:
            healthy.append(check.title)
    facts = {}
    if model.loaded is not None:
        diagnostics += [*model.loaded.notes, *metadata_doubts(model.loaded.config)]
        diagnostics += check_texts(model, texts)
        facts = _describe(model.loaded, model.tokenizer)
    if against is not None and model.loaded is not None:
        diagnostics += _compare(target, against)
    return Examination(target, kind, _sort(_without_repeats(diagnostics)), tuple(healthy), facts)


def _open_tokenizer(model: ExaminedModel) -> tuple[ExaminedModel, Kind]:
    """A directory or module that holds a tokenizer and no model."""
    is_module = _has_code(model.errors, ("file-wrong-format",))
    has_weights = any(
        path.name == "config.json" or path.suffix in WEIGHT_SUFFIXES for path in model.files()
    )
    if model.path is None or (has_weights and not is_module) or _is_large_file(model.path):
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


def _compare(target: str, against: str | Path) -> Iterator[Diagnostic]:
    """The differences to another model, as one diagnostic."""
    from albertkit.conversion import verify

    comparison = verify(target, against)
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


def _healthy_onnx(diagnostics: Sequence[Diagnostic]) -> tuple[str, ...]:
    return () if _has_warning(diagnostics) else ("the ONNX file holds each tensor once",)


def _has_code(diagnostics: Sequence[Diagnostic], codes: Collection[str]) -> bool:
    return any(diagnostic.code in codes for diagnostic in diagnostics)


def _has_warning(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.severity != "note" for diagnostic in diagnostics)


def _without_repeats(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    return list({(d.code, d.what, d.where): d for d in diagnostics}.values())


def _sort(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda diagnostic: ORDER[diagnostic.severity]))
