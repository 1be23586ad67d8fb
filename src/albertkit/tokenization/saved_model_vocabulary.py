"""The vocabulary inside a SavedModel, and the policy by which its graph reads texts.

Input: the directory of a preprocessor or an encoder. Output: the bytes of the vocabulary, with what
the module says about it. The policy follows from a preprocessor's graph: an operation that is
absent is not done. An encoder only holds the vocabulary, and whether it lower-cases texts.
Source: tensorflow-models `export_tfhub_lib.py` and its `text_layers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue, map_file
from albertkit.fileformats.tensorflow.object_graph import read_tracked_variables
from albertkit.fileformats.tensorflow.saved_model import Operation, SavedModel, read_saved_model
from albertkit.fileformats.tensorflow.saved_model_files import VARIABLES
from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle
from albertkit.tokenization.policy import TFHUB, TFHUB_WORDPIECE, TokenizerPolicy
from albertkit.tokenization.vocabulary import BERT_NAMES
from albertkit.tokenization.wordpiece import CONTINUES, LONGEST_BYTES

LOWER_CASE = "do_lower_case"
ENCODERS_FILES = ("sp_model_file", "vocab_file")  # the root's attributes: ALBERT's, BERT's
SENTENCEPIECE, WORDPIECE = "SentencepieceOp", "WordpieceTokenizeWithOffsets"
FOLDS, NORMALIZES, REPLACES = "CaseFoldUTF8", "NormalizeUTF8", "StaticRegexReplace"
MARKS = rb"\p{Mn}"


@dataclass(frozen=True, slots=True)
class ModuleVocabulary:
    """A vocabulary and what its module says about it.

    file: the asset; None if the vocabulary is in the graph. policy: what the module itself does to
    texts; None for an encoder, which reads ids.
    """

    data: bytes
    name: str
    file: Path | None = None
    policy: TokenizerPolicy | None = None
    reason: str = ""
    settings: dict[str, JsonValue] = field(default_factory=dict)


def read_module_vocabulary(path: Path) -> ModuleVocabulary:
    """Read the vocabulary of a SavedModel.

    Args:
        path: of the module's directory.

    Raises:
        FormatError: [no-vocabulary], [vocabulary-unsupported], or as `read_saved_model`.
    """
    model = read_saved_model(path)
    for attribute in ENCODERS_FILES:
        file = model.find_asset(attribute)
        if file is not None and file.is_file():
            settings = read_encoder_settings(model)
            return ModuleVocabulary(bytes(map_file(file)), str(file), file, settings=settings)
    vocabulary = _read_preprocessor(model)
    if vocabulary is None:
        raise FormatError(
            "no-vocabulary",
            "this SavedModel holds no vocabulary",
            why=f"it has no {' or '.join(ENCODERS_FILES)}, and its graph cuts no text into pieces",
            fix="Give the preprocessor or the vocabulary that belongs to the model",
            where=str(path),
        )
    return vocabulary


def read_encoder_settings(model: SavedModel) -> dict[str, JsonValue]:
    """`do_lower_case` of a BERT as tokenizer_config.json has it; ALBERT's modules lack it."""
    number = model.root.children.get(LOWER_CASE)
    if number is None:
        return {}
    bundle = read_bundle(model.directory / VARIABLES)
    for variable in read_tracked_variables(bundle):
        if variable.number == number:
            return {LOWER_CASE: bool(bundle.numbers(variable.key).all())}
    raise model.format_error(f"its {LOWER_CASE} has no value")


def _read_preprocessor(model: SavedModel) -> ModuleVocabulary | None:
    """The vocabulary and policy of a preprocessor; None if the graph is not one."""
    operations = {op.kind: op for function in model.functions() for op in function}
    operations |= {op.kind: op for op in model.operations()}
    if SENTENCEPIECE in operations:
        data = operations[SENTENCEPIECE].attribute("model").record(2)
        policy = _read_sentencepiece_policy(model, operations)
        return ModuleVocabulary(data, str(model.directory), None, policy, _explain_policy(policy))
    if WORDPIECE in operations:
        file = model.find_only_asset()
        if file is None:
            raise model.format_error("it has no single asset that would be its vocabulary")
        _check_wordpiece(model, operations[WORDPIECE])
        policy = _read_wordpiece_policy(operations)
        return ModuleVocabulary(
            bytes(map_file(file)), str(file), file, policy, _explain_policy(policy)
        )
    return None


def _read_sentencepiece_policy(
    model: SavedModel, operations: Mapping[str, Operation]
) -> TokenizerPolicy:
    """TF Hub's policy without what the graph does not do."""
    policy = TFHUB
    if FOLDS not in operations:
        policy = replace(policy, name=f"{policy.name}, cased", case="kept")
    if NORMALIZES not in operations and REPLACES not in operations:
        return replace(policy, name=f"{policy.name}, accents kept", form="kept", marks="kept")
    form = operations[NORMALIZES].text("normalization_form") if NORMALIZES in operations else b""
    pattern = operations[REPLACES].text("pattern") if REPLACES in operations else b""
    if (form, pattern) != (b"NFD", MARKS):
        raise _unfit_error(model, f"normalizes texts by {form!r} and then replaces {pattern!r}")
    return policy


def _read_wordpiece_policy(operations: Mapping[str, Operation]) -> TokenizerPolicy:
    """BERT's policy; if the graph keeps case, it keeps marks and forms, too."""
    policy = TFHUB_WORDPIECE
    if FOLDS in operations:
        return policy
    cased = f"{policy.name}, cased"
    return replace(policy, name=cased, folded_first=False, form="kept", marks="kept")


def _check_wordpiece(model: SavedModel, search: Operation) -> None:
    """Refuse a search with other rules than those of the published preprocessors."""
    rules = (
        search.text("suffix_indicator"),
        search.text("unknown_token"),
        search.attribute("max_bytes_per_word").count(3),
    )
    if rules != (CONTINUES.encode(), BERT_NAMES.unk.encode(), LONGEST_BYTES):
        continues, unknown, longest = rules
        raise _unfit_error(
            model,
            f"cuts words by its own rules: pieces within a word begin with {continues!r}, "
            f"unknown is {unknown!r}, words have at most {longest} bytes",
        )


def _unfit_error(model: SavedModel, what: str) -> FormatError:
    return FormatError(
        "vocabulary-unsupported",
        f"this preprocessor {what}",
        why="the published preprocessors do not, and albertkit computes only their ids exactly",
        fix="Run it with TensorFlow, or give its vocabulary file and a policy",
        where=str(model.directory),
    )


def _explain_policy(policy: TokenizerPolicy) -> str:
    return f"the preprocessor's own graph: {policy.name}"
