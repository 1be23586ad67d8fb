"""Rules for code that uses transformers' ALBERTs and BERTs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.snippets.assignments import OF_ALBERT, OF_BERT
from albertkit.doctor.snippets.script import CallSite, Script
from albertkit.errors import Diagnostic
from albertkit.errors.exceptions import find_nearest_name

FORWARD_NAMES = {  # of transformers' ALBERT classes, any head
    "input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds", "labels",
    "sentence_order_label", "start_positions", "end_positions", "output_attentions",
    "output_hidden_states", "return_dict", "head_mask", "next_sentence_label",
}  # fmt: skip
OTHER_NAMES = {  # of one thing in other libraries
    "input_mask", "padding_mask", "mask", "segment_ids", "input_type_ids", "type_ids",
    "input_word_ids", "token_ids",
}  # fmt: skip
IGNORED_ARGUMENTS = {  # and the value that asks for something
    "from_tf": True, "from_flax": True, "use_fast": False, "return_all_scores": True,
}  # fmt: skip
REMOVED_METHODS = {
    "encode_plus", "batch_encode_plus", "build_inputs_with_special_tokens",
    "create_token_type_ids_from_sequences", "prepare_for_model", "sp_model",
}  # fmt: skip
REMOVED_TASKS = {"question-answering", "summarization", "translation", "text2text-generation"}
BARE_NAME = re.compile(r"albert-(?:base|large|xlarge|xxlarge)")
XLARGE_V2 = re.compile(r"albert[-_]xlarge[-_]v2\b")
CHINESE = re.compile(r"chinese|(?:^|[-_/])zh(?:[-_/]|$)", re.IGNORECASE)
IS_BERT = re.compile(r"(?<!al)bert-(?:base|large)")
OTHER_CLASSES = ("BertModel", "BertForMaskedLM", "RobertaModel", "DistilBertModel")
PRETRAINING_LABELS = {"next_sentence_label", "masked_lm_labels"}


def check_models(script: Script) -> Iterator[Diagnostic]:
    """How models and tokenizers are opened."""
    opened = [call for call in script.calls if call.method == "from_pretrained"]
    bert_model = any(
        IS_BERT.search(call.origin.lower()) and "Tokenizer" not in call.name for call in opened
    )
    albert = not bert_model and any(OF_ALBERT.search(call.origin) for call in script.calls)
    for call in script.calls:
        if not script.names.is_judged(call.name):
            continue
        where, line = f"line {call.line}", script.line(call.line)
        cls = call.name.split(".")[-2] if call.method == "from_pretrained" else call.method
        if call.method == "from_pretrained":
            yield from _check_opening(call, cls, where, line, albert=albert)
        if cls == "AlbertConfig" and not call.arguments and not call.keywords and not call.unpacks:
            yield find_symptom("config-of-xxlarge").diagnose(
                where, evidence=line, basis="recognised"
            )
        for name, value in IGNORED_ARGUMENTS.items():
            if call.method in ("from_pretrained", "pipeline") and call.constant(name) is value:
                yield find_symptom("argument-ignored").diagnose(
                    where, evidence=line, basis="recognised", argument=name
                )
        if call.method in ("from_pretrained", cls) and call.constant("output_attentions") is True:
            implementation = call.constant("attn_implementation")
            if implementation != "eager" and "Model" in cls:
                yield find_symptom("attentions-not-returned").diagnose(
                    where, evidence=line, basis="recognised"
                )


def _check_opening(
    call: CallSite, cls: str, where: str, line: str, *, albert: bool
) -> Iterator[Diagnostic]:
    name = call.origin
    if BARE_NAME.fullmatch(name.rpartition("/")[2]):
        yield find_symptom("name-or-network").diagnose(
            where,
            evidence=line,
            basis="recognised",
            fix=f"Write: {line.replace(name, name + '-v2')}",
        )
    if XLARGE_V2.search(name):
        yield find_symptom("xlarge-v2-differs").diagnose(where, evidence=line, basis="recognised")
    if cls in OTHER_CLASSES and OF_ALBERT.search(name) and not CHINESE.search(name):
        albert_class = re.sub(r"^(?:Bert|Roberta|DistilBert)", "Albert", cls)
        yield find_symptom("other-model-class").diagnose(
            where,
            evidence=line,
            basis="recognised",
            fix=f"Write: {line.replace(cls, albert_class)}",
        )
    if cls.startswith("AlbertTokenizer") and CHINESE.search(name):
        yield find_symptom("chinese-albert").diagnose(where, evidence=line, basis="recognised")
    is_bert = IS_BERT.search(name.lower()) is not None
    if "Tokenizer" in cls and is_bert and albert:
        yield find_symptom("tokenizer-of-bert").diagnose(where, evidence=line, basis="recognised")
    if call.constant("keep_accents") is True:
        yield find_symptom("accents-unknown").diagnose(where, evidence=line, basis="recognised")


def check_model_calls(script: Script) -> Iterator[Diagnostic]:
    """What is given to a model."""
    for call in script.calls_of("model"):
        where, line = f"line {call.line}", script.line(call.line)
        unknown = sorted(set(call.keywords) - FORWARD_NAMES - PRETRAINING_LABELS)
        if not _is_albert(script, call):  # other models have more names
            unknown = [name for name in unknown if name in OTHER_NAMES or _is_misspelt(name)]
        if unknown:
            yield find_symptom("input-name-ignored").diagnose(
                where, evidence=f"{', '.join(unknown)} in: {line}", basis="recognised"
            )
        yield from _check_arguments(script, call, where, line)
        yield from _check_labels(script, call, where, line)


def _check_arguments(script: Script, call: CallSite, where: str, line: str) -> Iterator[Diagnostic]:
    first = call.arguments[0] if call.arguments else call.keyword("input_ids")
    holding = script.names.holding(first)
    is_torch = not _find_class(script, call).startswith(
        "TF"
    )  # whose classes take the whole encoding
    if first is not None and holding and holding.kind == "encoding" and is_torch:
        yield find_symptom("encoding-not-unpacked").diagnose(
            where,
            evidence=line,
            basis="recognised",
            fix=f"Write: {script.insert(first.lineno, first.col_offset, '**')}",
        )
    source = _find_encoding(script, first)
    if source and source[1] and "attention_mask" not in call.keywords and len(call.arguments) < 2:
        yield find_symptom("mask-not-given").diagnose(
            where, evidence=line, basis="recognised", fix=f"Pass all of it: model(**{source[0]})"
        )
    names = [ast.unparse(argument).lower() for argument in call.arguments[1:3]]
    if names and ("type" in names[0] or "segment" in names[0]):
        yield find_symptom("mask-and-type-ids-swapped").diagnose(
            where, evidence=line, basis="recognised"
        )


def _check_labels(script: Script, call: CallSite, where: str, line: str) -> Iterator[Diagnostic]:
    labels = call.keyword("labels")
    ids = call.keyword("input_ids") or (call.arguments[0] if call.arguments else None)
    if labels is not None:
        same = ids is not None and ast.unparse(ids) == ast.unparse(labels)
        source = _find_encoding(script, labels)
        if (same or source) and "MaskedLM" in _find_class(script, call):
            yield find_symptom("labels-at-padding").diagnose(
                where, evidence=line, basis="recognised"
            )
    if "ForPreTraining" in _find_class(script, call) and (
        PRETRAINING_LABELS & set(call.keywords)
        or (labels is not None and "sentence_order_label" not in call.keywords and not call.unpacks)
    ):
        yield find_symptom("loss-missing").diagnose(where, evidence=line, basis="recognised")


def check_tokenizer_calls(script: Script) -> Iterator[Diagnostic]:
    """What is asked of a tokenizer."""
    for call in script.calls_of("tokenizer"):
        where, line = f"line {call.line}", script.line(call.line)
        second = call.keyword("text_pair") or _find_argument(call, 1)
        if (
            second is not None
            and _is_albert(script, call)
            and call.constant("return_token_type_ids") is not True
        ):
            yield find_symptom("pair-without-token-types").diagnose(
                where,
                evidence=line,
                basis="recognised",
                fix=f"Write: {_add_keyword(script, call, 'return_token_type_ids=True')}",
            )
        first = _find_argument(call, 0)
        many = isinstance(first, ast.List) and len(first.elts) > 1
        if many and "padding" not in call.keywords and "return_tensors" in call.keywords:
            yield find_symptom("batch-ragged").diagnose(
                where,
                evidence=line,
                basis="recognised",
                fix=f"Write: {_add_keyword(script, call, 'padding=True')}",
            )
        if "truncation" not in call.keywords and "max_length" not in call.keywords:
            yield find_symptom("truncation-not-asked").diagnose(
                where,
                evidence=line,
                basis="guess",
                fix=f"Write: {_add_keyword(script, call, 'truncation=True, max_length=512')}",
            )
        if call.constant("padding") == "max_length":
            yield find_symptom("padded-to-maximum").diagnose(
                where, evidence=line, basis="recognised"
            )
        if isinstance(first, ast.Call) and ast.unparse(first.func).endswith(".read"):
            yield find_symptom("text-huge").diagnose(where, evidence=line, basis="recognised")
        for text in _collect_texts(call.arguments):
            is_special = "[CLS]" in text or "[SEP]" in text
            if is_special and OF_BERT.search(_find_maker(script, call) + call.origin):
                yield find_symptom("special-tokens-in-text").diagnose(
                    where, evidence=line, basis="recognised"
                )
                break


def check_removed(script: Script) -> Iterator[Diagnostic]:
    """What transformers 5 does not have any more."""
    for name in sorted(set(script.aliases.values())):
        if re.fullmatch(r"transformers\.(?:TF|Flax)[A-Z]\w+", name):
            yield find_symptom("tf-classes-removed").diagnose(
                basis="recognised", evidence=name, name=name.rpartition(".")[2]
            )
    for call in script.calls:
        where, line = f"line {call.line}", script.line(call.line)
        if call.constant("return_tensors") == "tf":
            numpy = line.replace('"tf"', '"np"').replace("'tf'", "'np'")
            yield find_symptom("tensorflow-tensors-removed").diagnose(
                where, evidence=line, basis="recognised", fix=f"Write: {numpy}"
            )
        is_pipeline = call.method == "pipeline" and script.names.is_judged(call.name)
        if is_pipeline and call.origin in REMOVED_TASKS:
            yield find_symptom("pipeline-removed").diagnose(
                where, evidence=line, basis="recognised", task=call.origin
            )
        owner = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
        holding = script.names.holding(owner)
        if holding and holding.kind == "tokenizer" and call.method in REMOVED_METHODS:
            yield find_symptom("tokenizer-method-removed").diagnose(
                where, evidence=line, basis="recognised", name=call.method
            )
        if call.method == "gradient_checkpointing_enable" and script.is_of_albert():
            yield find_symptom("checkpointing-unsupported").diagnose(
                where, evidence=line, basis="recognised"
            )
        if call.method == "DataCollatorForSOP":
            yield find_symptom("order-collator-deprecated").diagnose(
                where, evidence=line, basis="recognised"
            )


def check_fill_mask(script: Script) -> Iterator[Diagnostic]:
    """Texts and targets of fill-mask."""
    if not (script.mentions("fill-mask") or script.mentions("ForMaskedLM")):
        return
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            wrong = re.search(r"<mask>|\[mask\]|\[Mask\]", node.value)
            if wrong and script.is_of_albert():
                line = script.line(node.lineno)
                yield find_symptom("mask-misspelt").diagnose(
                    f"line {node.lineno}",
                    evidence=line,
                    basis="recognised",
                    fix=f"Write: {line.replace(wrong.group(), '[MASK]')}",
                    mask=wrong.group(),
                )
    for call in script.calls_of("pipeline"):
        targets = call.keyword("targets")
        words = _collect_texts([targets]) if targets is not None else []
        parts = [word for word in words if not word.startswith("▁")]
        if parts and script.is_of_albert():
            line = better = script.line(call.line)
            for word in parts:
                better = re.sub(rf"([\"'])(?={re.escape(word)}\1)", r"\1▁", better)
            yield find_symptom("target-without-underline").diagnose(
                f"line {call.line}",
                evidence=line,
                basis="recognised",
                fix=f"Write: {better}" if better != line else None,
            )


def check_modes(script: Script) -> Iterator[Diagnostic]:
    """Training mode, and tokens that were added."""
    methods = {call.method for call in script.calls}
    trains = methods & {"train", "backward", "Trainer", "fit", "step", "AdamW"}
    for call in script.calls:
        fresh = re.fullmatch(r"Albert(?:Model|For\w+)", call.method)
        is_part = script.names.is_in_class(call.node)  # of a model, which the mode reaches later
        if fresh and not is_part and call.arguments and "eval" not in methods and not trains:
            yield find_symptom("training-mode").diagnose(
                f"line {call.line}", evidence=script.line(call.line), basis="recognised"
            )
        owner = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
        if (
            call.method in ("add_tokens", "add_special_tokens")
            and script.names.holding(owner)
            and "model" in script.names.kinds()
            and "resize_token_embeddings" not in methods
        ):
            yield find_symptom("token-added-without-row").diagnose(
                f"line {call.line}", evidence=script.line(call.line), basis="recognised"
            )
        if call.method == "quantize_dynamic" and script.is_of_albert():
            yield find_symptom("int8-ruins-albert").diagnose(
                f"line {call.line}", evidence=script.line(call.line), basis="recognised"
            )


def _find_argument(call: CallSite, number: int) -> ast.expr | None:
    return call.arguments[number] if len(call.arguments) > number else None


def _find_encoding(script: Script, value: ast.expr | None) -> tuple[str, bool] | None:
    """The encoding that `enc["input_ids"]` or `enc.input_ids` comes from, and if it is padded."""
    if isinstance(value, ast.Name):
        value = script.names.value(value)
    if isinstance(value, ast.Subscript):
        is_ids = isinstance(value.slice, ast.Constant) and value.slice.value == "input_ids"
        owner = value.value if is_ids else None
    elif isinstance(value, ast.Attribute):
        owner = value.value if value.attr == "input_ids" else None
    else:
        return None
    holding = script.names.holding(owner)
    if owner is not None and holding and holding.kind == "encoding":
        return ast.unparse(owner), holding.padded
    return None


def _find_class(script: Script, call: CallSite) -> str:
    """The class of the called model."""
    made_by = _find_maker(script, call).split(".")
    return made_by[-2] if made_by[-1] == "from_pretrained" else made_by[-1]


def _find_maker(script: Script, call: CallSite) -> str:
    holding = script.names.holding(call.node.func)
    return holding.made_by if holding else ""


def _is_albert(script: Script, call: CallSite) -> bool:
    """Whether the called object is ALBERT's, by its class or its name."""
    return OF_ALBERT.search(f"{_find_maker(script, call)} {call.origin}") is not None


def _is_misspelt(name: str) -> bool:
    """Whether a keyword is nearly one of a model's."""
    return find_nearest_name(name, FORWARD_NAMES, cutoff=0.9) is not None


def _add_keyword(script: Script, call: CallSite, keyword: str) -> str:
    """The user's line with one more keyword in this call; the call alone if it has many lines."""
    node = call.node
    if not (call.arguments or call.keywords):
        return script.line(call.line)
    if node.end_lineno == node.lineno and node.end_col_offset is not None:
        return script.insert(node.lineno, node.end_col_offset - 1, f", {keyword}")
    return f"{ast.unparse(node)[:-1]}, {keyword})"


def _collect_texts(values: list[ast.expr]) -> list[str]:
    """The texts that are written out in some expressions."""
    return [
        node.value
        for value in values
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


RULES = (
    check_models,
    check_model_calls,
    check_tokenizer_calls,
    check_removed,
    check_fill_mask,
    check_modes,
)
