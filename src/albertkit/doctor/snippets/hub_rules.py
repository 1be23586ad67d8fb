"""Rules for code that uses TensorFlow Hub's ALBERTs and BERTs.

A rule takes a Script and yields diagnostics; each names the line and, where possible, gives it
corrected. Versions: `google/albert_*` are TensorFlow 1 modules in every version; those of
`tensorflow/` take a list in version 1 and a dict from version 2 on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.snippets.script import CallSite, Script
from albertkit.errors import Diagnostic

ENCODER_CALL = "dict(input_word_ids=ids, input_mask=mask, input_type_ids=types)"
OTHER_NAMES = {"input_ids", "attention_mask", "token_type_ids", "segment_ids", "token_ids", "text"}
TOKENIZER_ATTRIBUTES = {"bert_tokenizer", "tokenizer", "tokenize", "vocab", "encode"}
FIRST_DICT_VERSION = 2


def is_tf1_module(origin: str) -> bool:
    """Whether an address is of a TensorFlow 1 module."""
    return "google/albert" in origin


def is_encoder(call: CallSite) -> bool:
    """Whether a call goes to a TF2 encoder module."""
    return call.kind == "hub-module" and not is_tf1_module(call.origin)


def check_loading(script: Script) -> Iterator[Diagnostic]:
    """How modules are opened."""
    trains = any(call.method in ("fit", "compile", "GradientTape") for call in script.calls)
    for call in script.calls:
        where, line = f"line {call.line}", script.line(call.line)
        if call.name == "tensorflow_hub.Module":
            yield find_symptom("hub-too-old").diagnose(where, evidence=line, basis="recognised")
        if call.name != "tensorflow_hub.KerasLayer":
            continue
        if is_tf1_module(call.origin) and "signature" not in call.keywords:
            yield find_symptom("tf1-module-in-keras-layer").diagnose(
                where, evidence=line, basis="recognised"
            )
        if call.constant("trainable") is False and trains:
            yield find_symptom("nothing-trainable").diagnose(
                where,
                evidence=line,
                basis="guess",
                fix=f"If it is to be tuned: {line.replace('trainable=False', 'trainable=True')}",
            )
        if _uses_keras3(script):
            yield find_symptom("keras3-with-hub-layer").diagnose(
                where, evidence=line, basis="recognised", level="warning"
            )


def check_encoder_calls(script: Script) -> Iterator[Diagnostic]:
    """What is given to a TF2 encoder."""
    for call in filter(is_encoder, script.calls):
        where, line = f"line {call.line}", script.line(call.line)
        first = call.arguments[0] if call.arguments else call.keyword("inputs")
        takes_dict = call.version is None or call.version >= FIRST_DICT_VERSION
        keys = _find_dict_keys(first)
        if _holds_text(first) or "text" in keys:
            yield find_symptom("text-into-encoder").diagnose(
                where, evidence=line, basis="recognised"
            )
        elif not call.arguments and set(call.keywords) - {"inputs", "training", "mask"}:
            yield find_symptom("hub-inputs-keywords").diagnose(
                where, evidence=line, basis="recognised", fix=f"Write: encoder({ENCODER_CALL})"
            )
        elif takes_dict and isinstance(first, ast.List | ast.Tuple):
            yield find_symptom("hub-inputs-list").diagnose(where, evidence=line, basis="recognised")
        elif not takes_dict and keys:
            yield find_symptom("hub-inputs-list").diagnose(
                where,
                evidence=line,
                basis="recognised",
                fix="Version 1 takes a list: encoder([ids, mask, types])",
            )
        elif keys & OTHER_NAMES:
            yield find_symptom("hub-inputs-names").diagnose(
                where, evidence=line, basis="recognised", fix=f"Write: encoder({ENCODER_CALL})"
            )
        elif isinstance(first, ast.Name | ast.Attribute) and _is_tensor(script, first):
            yield find_symptom("hub-inputs-wrong").diagnose(
                where, evidence=line, basis="recognised", fix=f"Write: encoder({ENCODER_CALL})"
            )
        if (
            isinstance(first, ast.List)
            and _list_names(first)[1:]
            and _is_swapped(_list_names(first))
        ):
            yield find_symptom("mask-and-type-ids-swapped").diagnose(
                where, evidence=line, basis="recognised", fix="The order is ids, mask, types"
            )


def check_tf1_calls(script: Script) -> Iterator[Diagnostic]:
    """Calls of TensorFlow 1 modules."""
    for call in script.calls_of("hub-module"):
        if is_tf1_module(call.origin) and not _is_made_by(
            script, call, "tensorflow_hub.KerasLayer"
        ):
            yield find_symptom("tf1-module-called").diagnose(
                f"line {call.line}", evidence=script.line(call.line), basis="recognised"
            )


def check_attributes(script: Script) -> Iterator[Diagnostic]:
    """Attributes that a module does not have."""
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Attribute) or node.attr not in TOKENIZER_ATTRIBUTES:
            continue
        holding = script.names.holding(node.value)
        if holding and holding.kind == "hub-module":
            yield find_symptom("module-attribute-missing").diagnose(
                f"line {node.lineno}",
                evidence=script.line(node.lineno),
                basis="recognised",
                attribute=node.attr,
            )


def check_results(script: Script) -> Iterator[Diagnostic]:
    """`pooled, sequence = encoder(…)` of a module that returns a dict."""
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Tuple):
            continue
        call = next((call for call in script.calls if call.node is node.value), None)
        if call is None or call.kind not in ("hub-module", "model"):
            continue
        if call.kind == "hub-module" and (
            is_tf1_module(call.origin) or (call.version or FIRST_DICT_VERSION) < FIRST_DICT_VERSION
        ):
            continue
        if call.kind == "model" and call.constant("return_dict") is False:
            continue
        names = "last_hidden_state", "pooler_output"
        if call.kind == "hub-module":
            names = "sequence_output", "pooled_output"
        yield find_symptom("outputs-unpacked").diagnose(
            f"line {node.lineno}",
            evidence=script.line(node.lineno),
            basis="recognised",
            fix=f'Keep the result, and read outputs["{names[1]}"] and outputs["{names[0]}"]',
        )


def check_preprocessor(script: Script) -> Iterator[Diagnostic]:
    """A preprocessor needs tensorflow_text."""
    if any(module.startswith("tensorflow_text") for module in script.modules):
        return
    for call in script.calls:
        if call.name.startswith("tensorflow_hub.") and "preprocess" in call.origin:
            yield find_symptom("tensorflow-text-not-imported").diagnose(
                f"line {call.line}",
                evidence=script.line(call.line),
                basis="recognised",
                operation="CaseFoldUTF8 or SentencepieceOp",
            )
            return


def check_dtypes(script: Script) -> Iterator[Diagnostic]:
    """int64 or float ids for a module."""
    if "hub-module" not in script.names.kinds():
        return
    for call in script.calls:
        dtype = call.keyword("dtype")
        last = ast.unparse(dtype).rpartition(".")[2] if dtype is not None else ""
        wrong = last.strip("'\"") in ("int64", "float32", "float64")
        is_ids = call.arguments and "id" in ast.unparse(call.arguments[0])
        if call.name.startswith("tensorflow.") and wrong and is_ids:
            yield find_symptom("hub-inputs-int64").diagnose(
                f"line {call.line}",
                evidence=script.line(call.line),
                basis="recognised",
                fix=f"Write: {script.line(call.line).replace(last, 'int32')}",
            )


def check_exceptions(script: Script) -> Iterator[Diagnostic]:
    """`except InvalidArgumentError` around the call of a module."""
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Try):
            continue
        inside = {id(child) for statement in node.body for child in ast.walk(statement)}
        calls = [call for call in script.calls if id(call.node) in inside]
        if not any(call.kind == "hub-module" for call in calls):
            continue
        for handler in node.handlers:
            kind = ast.unparse(handler.type) if handler.type else ""
            if kind.endswith("InvalidArgumentError"):
                yield find_symptom("exception-never-raised").diagnose(
                    f"line {handler.lineno}",
                    evidence=script.line(handler.lineno),
                    basis="recognised",
                    exception=kind,
                )


def check_keras(script: Script) -> Iterator[Diagnostic]:
    """Keras 3 and SavedModel directories; TensorFlow Lite."""
    for call in script.calls:
        where, line = f"line {call.line}", script.line(call.line)
        if (
            call.name in ("keras.models.load_model", "tensorflow.keras.models.load_model")
            and call.origin
            and not call.origin.endswith((".keras", ".h5"))
        ):
            yield find_symptom("keras3-savedmodel").diagnose(
                where, evidence=line, basis="recognised"
            )
        if "TFLiteConverter" in call.name and script.is_of_albert():
            yield find_symptom("tflite-fails").diagnose(
                where, evidence=line, basis="recognised", level="warning"
            )


def _uses_keras3(script: Script) -> bool:
    """Whether a layer is put into a model of Keras 3, as far as the script shows."""
    if "tf_keras" in script.modules or script.mentions("TF_USE_LEGACY_KERAS"):
        return False
    builders = ("Sequential", "keras.Input", "layers.Input", "keras.Model", "models.Model")
    return any(
        call.name.endswith(builders) and "tf_keras" not in call.name for call in script.calls
    )


def _is_made_by(script: Script, call: CallSite, name: str) -> bool:
    holding = script.names.holding(call.node.func)
    return holding is not None and holding.made_by == name


def _find_dict_keys(value: ast.expr | None) -> set[str]:
    """The keys of `{"a": …}` or `dict(a=…)`."""
    if isinstance(value, ast.Dict):
        keys = (key.value for key in value.keys if isinstance(key, ast.Constant))
        return {key for key in keys if isinstance(key, str)}
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict":
        return {k.arg for k in value.keywords if k.arg}
    return set()


def _holds_text(value: ast.expr | None) -> bool:
    """Whether a text is written out as the input, alone or in a list."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str)
    if isinstance(value, ast.List | ast.Tuple):
        return any(_holds_text(item) for item in value.elts)
    if isinstance(value, ast.Call) and value.args:
        return ast.unparse(value.func).endswith("constant") and _holds_text(value.args[0])
    return False


def _is_tensor(script: Script, name: ast.Name | ast.Attribute) -> bool:
    """Whether a variable's name or assignment shows that it is one tensor of ids."""
    if script.names.holding(name):
        return False
    value = script.names.value(name)
    made = "" if value is None else ast.unparse(value)
    if made.startswith(("{", "dict(")) or "preprocess" in made:
        return False
    words = ast.unparse(name).lower()
    return "id" in words or "token" in words


def _list_names(value: ast.List) -> list[str]:
    return [ast.unparse(item).lower() for item in value.elts]


def _is_swapped(names: list[str]) -> bool:
    """Whether types come before the mask in a list of three."""
    types = next((n for n, name in enumerate(names) if "type" in name or "segment" in name), None)
    mask = next((n for n, name in enumerate(names) if "mask" in name), None)
    return types is not None and mask is not None and types < mask


RULES = (
    check_loading,
    check_encoder_calls,
    check_tf1_calls,
    check_attributes,
    check_results,
    check_preprocessor,
    check_dtypes,
    check_exceptions,
    check_keras,
)
