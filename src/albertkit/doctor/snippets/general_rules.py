"""Rules for code around a model: reshapes, padding sides, pickles, devices, shell lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.snippets.assignments import OF_BERT, join_names
from albertkit.doctor.snippets.script import CallSite, Script
from albertkit.doctor.snippets.sources import detect_newer_python
from albertkit.errors import Diagnostic

IDS = re.compile(r"^(?!.*label)(?:.*_)?(?:ids?|tokens?|inputs?)$")  # names of ids
RESHAPES = ("tensorflow.reshape", "numpy.reshape", "torch.reshape")
GENERATES = re.compile(r"CausalLM|\.generate\(|gpt|llama|mistral|qwen", re.IGNORECASE)
LONGEST_EVIDENCE = 200  # characters of a line that does not parse


def check_syntax(script: Script) -> Iterator[Diagnostic]:
    """Lines that do not parse, or that need a newer Python."""
    for number in sorted(script.broken):
        version = detect_newer_python(script.line(number))
        if version:
            diagnostic = find_symptom("code-does-not-parse").diagnose(
                f"line {number}",
                evidence=script.line(number)[:LONGEST_EVIDENCE],
                basis="recognised",
                level="note",
                fix=f"Run the doctor with Python {version}",
                message=f"this Python cannot parse what needs Python {version}",
            )
            yield replace(
                diagnostic, why="its syntax is newer than the Python that runs the doctor"
            )
            return
    for number, message in sorted(script.broken.items()):
        yield find_symptom("code-does-not-parse").diagnose(
            f"line {number}" if number else "",
            evidence=script.line(number)[:LONGEST_EVIDENCE],
            basis="recognised",
            fix=None if number else "Give a shorter part of the code",
            message=message,
        )


def check_shell(script: Script) -> Iterator[Diagnostic]:
    """Commands that do not exist."""
    for number, line in sorted(script.shell.items()):
        match = re.search(r"\btransformers (run|convert|train)\b", line)
        if match:
            yield find_symptom("shell-command-removed").diagnose(
                f"line {number}", evidence=line, basis="recognised", command=match[1]
            )


def check_shapes(script: Script) -> Iterator[Diagnostic]:
    """A batch that is reshaped into one row."""
    for call in script.calls:
        if (
            call.method in ("reshape", "view")
            and _find_shape(call) in ([1, -1], [-1])
            and IDS.search(_name_reshaped(call))
            and not _is_of_one_text(call.node)
        ):
            yield find_symptom("batch-flattened").diagnose(
                f"line {call.line}", evidence=script.line(call.line), basis="recognised"
            )


def check_sides(script: Script) -> Iterator[Diagnostic]:
    """Padding on the left, which is right for models that generate text."""
    if not OF_BERT.search(script.source) or GENERATES.search(script.source):
        return
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign):
            names = [ast.unparse(target) for target in node.targets]
            is_left = isinstance(node.value, ast.Constant) and node.value.value == "left"
            if is_left and any(name.endswith("padding_side") for name in names):
                yield _diagnose_left_side(script, node.lineno)
    for call in script.calls:
        if call.constant("padding_side") == "left":
            yield _diagnose_left_side(script, call.line)


def check_pickles(script: Script) -> Iterator[Diagnostic]:
    """Pickles that may run code."""
    for call in script.calls:
        if (
            call.name.startswith("torch.")
            and call.method == "load"
            and call.constant("weights_only") is False
        ):
            yield find_symptom("pickled-weights-refused").diagnose(
                f"line {call.line}", evidence=script.line(call.line), basis="recognised",
                level="warning",
            )  # fmt: skip


def check_devices(script: Script) -> Iterator[Diagnostic]:
    """What needs a GPU."""
    for call in script.calls:
        asks = (
            call.method == "pipeline" and call.constant("device") in (0, "cuda", "cuda:0")
        ) or call.method == "cuda"
        if asks:
            yield find_symptom("gpu-not-available").diagnose(
                f"line {call.line}",
                evidence=script.line(call.line),
                basis="guess",
                level="note",
            )


def check_pieces(script: Script) -> Iterator[Diagnostic]:
    """SentencePiece without normalization, and pieces that are cut before special tokens."""
    lowers = any(call.method in ("lower", "normalize", "preprocess_text") for call in script.calls)
    for call in script.calls:
        if call.method == "FullSentencePieceTokenizer" and not lowers:
            yield find_symptom("text-not-lowercased").diagnose(
                f"line {call.line}", evidence=script.line(call.line), basis="recognised"
            )
    adds_specials = re.search(r"""\[\s*["']\[CLS\]["']\s*\]""", script.source)
    for node in ast.walk(script.tree):
        if (
            adds_specials
            and isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Slice)
            and node.slice.lower is None
            and isinstance(node.slice.upper, ast.Name)
            and "max" in node.slice.upper.id.lower()
            and "tok" in ast.unparse(node.value).lower()
        ):
            line = script.line(node.lineno)
            limit = node.slice.upper.id
            yield find_symptom("pieces-not-cut").diagnose(
                f"line {node.lineno}",
                evidence=line,
                basis="recognised",
                fix=f"Write: {line.replace(f':{limit}', f':{limit} - 2')}",
            )


def check_lists(script: Script) -> Iterator[Diagnostic]:
    """A function that returns a list of segments and never fills it."""
    for function in ast.walk(script.tree):
        if not isinstance(function, ast.FunctionDef) or "segment" not in function.name.lower():
            continue
        body = ast.unparse(function)
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and isinstance(node.value, ast.List)
                and not node.value.elts
            ):
                name = node.targets[0].id
                if not re.search(rf"\b{name}(?:\.(?:append|extend|insert)\(| \+=|\[)", body):
                    yield find_symptom("segments-never-filled").diagnose(
                        f"line {node.lineno}",
                        evidence=script.line(node.lineno),
                        basis="recognised",
                        name=name,
                    )


def check_habits(script: Script) -> Iterator[Diagnostic]:
    """What is slow, and clients that send ids."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.For | ast.ListComp):
            inside = {id(child) for child in ast.walk(node)}
            loop = node.target if isinstance(node, ast.For) else node.generators[0].target
            for call in script.calls:
                one_text = (
                    id(call.node) in inside
                    and call.method in ("encode", "embed_query")
                    and call.arguments
                    and ast.unparse(call.arguments[0]) == ast.unparse(loop)
                    and "tokenizer" not in call.name.lower()
                )
                if one_text:
                    yield find_symptom("one-text-at-a-time").diagnose(
                        f"line {call.line}", evidence=script.line(call.line), basis="recognised"
                    )
    for call in script.calls:
        local = {"base_url", "openai_api_base"} & set(call.keywords)
        sends_ids = call.constant("check_embedding_ctx_length") is not False
        if call.method == "OpenAIEmbeddings" and local and sends_ids:
            yield find_symptom("token-ids-sent").diagnose(
                f"line {call.line}",
                evidence=script.line(call.line),
                basis="recognised",
                level="warning",
            )


def _diagnose_left_side(script: Script, line: int) -> Diagnostic:
    text = script.line(line)
    return find_symptom("left-padding").diagnose(
        f"line {line}",
        evidence=text,
        basis="recognised",
        fix=f"Write: {re.sub('left', 'right', text)}",
    )


def _is_of_one_text(value: ast.expr) -> bool:
    """Whether a call in it has one text that is written out, alone or in a list."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            if isinstance(first, ast.List) and len(first.elts) == 1:
                first = first.elts[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                return True
    return False


def _name_reshaped(call: CallSite) -> str:
    """The last name of what is reshaped: `input_ids` of `encoding["input_ids"].reshape(1, -1)`."""
    value = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
    if call.name in RESHAPES:
        value = call.arguments[0] if call.arguments else None
    while isinstance(value, ast.Call) and value.args:  # tf.constant(ids)
        value = value.args[0]
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
        return str(value.slice.value)
    return join_names(value).rpartition(".")[2] if value is not None else ""


def _find_shape(call: CallSite) -> list[object]:
    """The shape that a reshape asks for."""
    values = call.arguments
    if call.name in RESHAPES:
        values = values[1:]
    if len(values) == 1 and isinstance(values[0], ast.List | ast.Tuple):
        values = values[0].elts
    try:
        return [ast.literal_eval(value) for value in values]
    except ValueError:
        return []


RULES = (
    check_syntax,
    check_shell,
    check_shapes,
    check_sides,
    check_pickles,
    check_devices,
    check_pieces,
    check_lists,
    check_habits,
)
