"""tokenizer.json, the format of the tokenizers library: write it, and read the known forms of it.

A vocabulary and a policy are written; a file of a known form becomes a vocabulary and a policy
again. Known forms: that of transformers' converters for ALBERT with only the five special pieces as
added tokens (huggingface policy, except rare characters), and our own. In the first, a piece in
digit + comma has a score 100 lower than in the model, which replaces google's digit-comma rule;
pieces of score 0 are the user-defined ones.
Source of the form: transformers 4.57 convert_slow_tokenizer.py `AlbertConverter`; 5.23
tokenization_albert.py.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import groupby

from albertkit.fileformats.reader import JsonValue
from albertkit.fileformats.sentencepiece_model import PieceType, write_sentencepiece_model
from albertkit.tokenization.normalization import WHITESPACE, is_dropped_mark
from albertkit.tokenization.pieces import SPACE, SentencePieces, is_digit_comma
from albertkit.tokenization.policy import HUGGINGFACE, REFERENCE, TokenizerPolicy
from albertkit.tokenization.vocabulary import AddedToken, PieceTable, SpecialNames

Json = dict[str, JsonValue]

PENALTY = 100.0  # that takes a digit-comma piece out of every best path
# All combining marks are here (a test asks every code point), which saves asking for the other
# 977,000 in each process (0.4 s).
MARK_CODES = (*range(0x20000), *range(0xE0000, 0xE1000))
QUOTE_RULES: tuple[Json, ...] = (
    {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
    {"type": "Replace", "pattern": {"String": "''"}, "content": '"'},
)
SPACES_JOINED: tuple[Json, ...] = (
    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": SPACE},
)


@dataclass(frozen=True, slots=True)
class KnownForm:
    """The contents of a tokenizer.json of a known form."""

    model: bytes  # a SentencePiece model with its pieces
    policy: TokenizerPolicy


def write_tokenizer_json(pieces: SentencePieces, policy: TokenizerPolicy) -> bytes:
    """Write a tokenizer.json that gives our ids, as far as the tokenizers library can.

    Not expressible: a literal [CLS] as text; a final Σ becomes σ; directly after [MASK] a combining
    mark, or a character that the model's own map drops or makes a space (U+200B), begins a word; a
    mark of class 0 after such a character is lost, because the library maps both together; pieces
    in digit + comma inside a word are avoided, not split (saved_files.py warns about them).
    """
    scores = [float(score) for score in pieces.model.scores]
    vocabulary: list[JsonValue] = [
        [name, score - PENALTY if policy.digit_comma and is_digit_comma(name) else score]
        for name, score in zip(pieces.model.pieces, scores, strict=True)
    ]
    metaspace: Json = {
        "type": "Metaspace",
        "replacement": SPACE,
        "prepend_scheme": "first" if policy.mask_rule == "exact" else "always",
        "split": True,
    }
    written: Json = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [*list_added_tokens(pieces.table)],
        "normalizer": {
            "type": "Sequence",
            "normalizers": list(
                list_normalizer_steps(policy, pieces.model.normalizer.character_map)
            ),
        },
        "pre_tokenizer": metaspace,
        "post_processor": make_template(
            pieces.table.special_names, pieces.table.specials.cls, pieces.table.specials.sep
        ),
        "decoder": {**metaspace, "prepend_scheme": "always"},
        "model": {
            "type": "Unigram",
            "unk_id": pieces.table.specials.unk,
            "vocab": vocabulary,
            "byte_fallback": False,
        },
    }
    return json.dumps(written, ensure_ascii=False, indent=1).encode()


def list_normalizer_steps(policy: TokenizerPolicy, character_map: bytes) -> Iterable[Json]:
    """The policy's steps, then the model's own, then what its search expects."""
    if policy.whitespace_collapsed:
        yield make_regex_rule(f"[{make_regex_class(map(ord, WHITESPACE))}]+", " ")
    if policy.quotes_rewritten:
        yield from QUOTE_RULES
    if policy.form != "kept":
        yield {"type": policy.form}
    if policy.marks != "kept":
        dropped = f"[{mark_class(policy)}]+"
        # A text that loses its first character would no longer count as the first part. (No rule
        # can distinguish that part from the one after a [MASK], which gets a ▁ by this.)
        yield make_regex_rule(rf"\A{dropped}", " ")
        yield make_regex_rule(dropped, "")
    if policy.case != "kept":
        yield {"type": "Lowercase"}
    if character_map:
        encoded = base64.b64encode(character_map).decode()
        yield {"type": "Precompiled", "precompiled_charsmap": encoded}
    yield make_regex_rule(f"[ {SPACE}]+", " ")
    yield make_regex_rule(r" \z", "")


def make_regex_rule(pattern: str, content: str) -> Json:
    """A step that replaces what a regular expression matches."""
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


@cache
def mark_class(policy: TokenizerPolicy) -> str:
    """The inside of a regex class of the marks that the policy drops."""
    return make_regex_class(code for code in MARK_CODES if is_dropped_mark(chr(code), policy))


def make_regex_class(codes: Iterable[int]) -> str:
    """The inside of a regex class of these code points, which are in ascending order."""
    runs = (
        [code for _, code in run]
        for _, run in groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0])
    )
    return "".join(f"\\x{{{run[0]:x}}}-\\x{{{run[-1]:x}}}" for run in runs)


def list_added_tokens(table: PieceTable) -> list[Json]:
    """The special pieces and the added tokens; others would cut the text and begin a word.

    A token that is searched in the normalized text takes the space before it (lstrip): only the
    end of a whole text is stripped by the normalizer.
    """
    tokens = {name: AddedToken(name, special=True) for name in table.special_names.all()}
    tokens |= {
        token.content: replace(token, lstrip=token.lstrip or token.normalized)
        for token in table.added
    }
    return [
        {**asdict(tokens[name]), "id": table.ids[name]}
        for name in sorted(tokens, key=table.ids.__getitem__)
    ]


def make_template(names: SpecialNames, cls_id: int, sep_id: int) -> Json:
    """The post-processor for [CLS] A [SEP] and [CLS] A [SEP] B [SEP]."""

    def make_special(name: str, type_id: int) -> Json:
        return {"SpecialToken": {"id": name, "type_id": type_id}}

    def text(name: str, type_id: int) -> Json:
        return {"Sequence": {"id": name, "type_id": type_id}}

    single: list[JsonValue] = [make_special(names.cls, 0), text("A", 0), make_special(names.sep, 0)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, text("B", 1), make_special(names.sep, 1)],
        "special_tokens": {
            name: {"id": name, "ids": [number], "tokens": [name]}
            for name, number in ((names.cls, cls_id), (names.sep, sep_id))
        },
    }


def read_known_form(written: Json, names: SpecialNames) -> KnownForm | None:
    """The vocabulary and policy of a known form; None for any other."""
    model = written.get("model")
    steps = list_steps(written.get("normalizer"))
    character_map = find_character_map(steps)
    if (
        not isinstance(model, dict)
        or model.get("type") != "Unigram"
        or model.get("byte_fallback")
        or character_map is None
        or not list_token_texts(written.get("added_tokens")) <= set(names.all())
    ):
        return None
    vocabulary, unknown = read_scores(model.get("vocab")), model.get("unk_id")
    if not vocabulary or not isinstance(unknown, int):
        return None
    penalised = all(score <= -PENALTY for piece, score in vocabulary if is_digit_comma(piece))
    data = rebuild_model(vocabulary, unknown, names, penalised, character_map)
    policy = read_policy(steps, written.get("pre_tokenizer"))
    if policy is not None:
        return KnownForm(data, replace(policy, digit_comma=penalised))
    pieces = SentencePieces(data, "tokenizer.json", special_names=names)
    for ours in (REFERENCE, HUGGINGFACE):
        if json.loads(write_tokenizer_json(pieces, ours)) == written:
            return KnownForm(data, ours)
    return None


def read_scores(value: JsonValue) -> list[tuple[str, float]]:
    """[[piece, score], …] as pairs; empty if a row has another form."""
    pieces = []
    for row in value if isinstance(value, list) else []:
        match row:
            case [str(piece), int() | float() as score]:
                pieces.append((piece, float(score)))
            case _:
                return []
    return pieces


def list_token_texts(value: JsonValue) -> set[JsonValue]:
    """The texts of the added tokens."""
    rows = value if isinstance(value, list) else []
    return {str(row.get("content")) for row in rows if isinstance(row, dict)}


def list_steps(value: JsonValue) -> list[Json]:
    """A normalizer as a flat list of steps."""
    if not isinstance(value, dict):
        return []
    inner = value.get("normalizers")
    if value.get("type") != "Sequence" or not isinstance(inner, list):
        return [value]
    return [step for part in inner for step in list_steps(part)]


def find_character_map(steps: list[Json]) -> bytes | None:
    """The model's own character map; empty if it has none, None if it is damaged."""
    for step in steps:
        if step.get("type") == "Precompiled":
            try:
                return base64.b64decode(str(step.get("precompiled_charsmap")), validate=True)
            except binascii.Error:
                return None
    return b""


def read_policy(steps: list[Json], pre_tokenizer: JsonValue) -> TokenizerPolicy | None:
    """The policy of a converter's form, read step by step; None if a step is unknown."""
    left = list(steps)
    if left[:2] != list(QUOTE_RULES) or not words_begin_with_space(pre_tokenizer):
        return None
    del left[:2]
    policy = replace(HUGGINGFACE, form="kept", marks="kept", case="kept")
    if [step.get("type") for step in left[:2]] == ["NFKD", "StripAccents"]:
        policy = replace(policy, form="NFKD", marks="class")
        del left[:2]
    if left and left[0].get("type") == "Lowercase":
        policy = replace(policy, case="lower")
        del left[:1]
    if left and left[0].get("type") == "Precompiled":
        del left[:1]
    if left and left[0] in SPACES_JOINED:
        del left[:1]
    return policy if not left else None


def words_begin_with_space(pre_tokenizer: JsonValue) -> bool:
    """Whether the text is cut at whitespace and each word gets a ▁."""
    match pre_tokenizer:
        case {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, dict(last)]}:
            metaspace = last
        case dict(last):
            metaspace = last
        case _:
            return False
    if metaspace.get("type") != "Metaspace" or metaspace.get("replacement") != SPACE:
        return False
    return metaspace.get("prepend_scheme") == "always" or metaspace.get("add_prefix_space") is True


def rebuild_model(
    vocabulary: list[tuple[str, float]],
    unknown: int,
    names: SpecialNames,
    penalised: bool,
    character_map: bytes,
) -> bytes:
    """Make the SentencePiece model again from which a tokenizer.json was made."""
    types: list[PieceType] = []
    scores = []
    for number, (piece, score) in enumerate(vocabulary):
        restored = penalised and is_digit_comma(piece)
        scores.append(score + PENALTY if restored else score)
        if number == unknown:
            types.append("unknown")
        elif piece in names.all():
            types.append("control")
        else:
            types.append("user-defined" if score == 0 else "normal")
    return write_sentencepiece_model(
        [piece for piece, _ in vocabulary], scores, types, character_map=character_map
    )
