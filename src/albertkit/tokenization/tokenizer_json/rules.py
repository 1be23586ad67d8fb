"""tokenizer.json, the format of the tokenizers library: written from our vocabulary and policy, and
read back into them where its form is one that we know.

Known forms: the one that transformers' converters write for ALBERT as long as only the five special
pieces are added tokens (huggingface policy, up to rare characters), and our own. In the first, a
piece in digit + comma has a score 100 lower than in the model, which stands for google's
digit-comma rule; pieces of score 0 are the user-defined ones.
Source of the form: transformers 4.57 convert_slow_tokenizer.py `AlbertConverter`; 5.23
tokenization_albert.py.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby

from albertkit.fileformats.reader import JsonValue
from albertkit.fileformats.sentencepiece_model import PieceType, write_sentencepiece_model
from albertkit.tokenization.normalization import is_dropped_mark
from albertkit.tokenization.pieces import SPACE, SentencePieces, ends_in_digit_comma
from albertkit.tokenization.policy import HUGGINGFACE, REFERENCE, TokenizerPolicy
from albertkit.tokenization.special_tokens import SpecialNames

Json = dict[str, JsonValue]

PENALTY = 100.0  # that takes a digit-comma piece out of every best path
LAST_CODE_POINT = 0x110000
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
    """What a tokenizer.json of a known form says."""

    model: bytes  # a SentencePiece model with its pieces
    policy: TokenizerPolicy


def write_tokenizer_json(pieces: SentencePieces, policy: TokenizerPolicy) -> bytes:
    """A tokenizer.json that gives our ids, as far as the tokenizers library can express the policy.

    What it can't: a literal [CLS] is never text there; a final Σ becomes σ; right after [MASK] a
    combining mark, or what the model's own map drops or makes a space (U+200B), begins a word; a
    mark of class 0 after the latter is lost, as the library maps it with what stands before;
    pieces in digit + comma inside a word are avoided, not split (saved_files.py warns of them).
    """
    scores = [float(score) for score in pieces.model.scores]
    vocabulary: list[JsonValue] = [
        [name, score - PENALTY if policy.digit_comma and ends_in_digit_comma(name) else score]
        for name, score in zip(pieces.table.names, scores, strict=True)
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
        "added_tokens": added_tokens(pieces),
        "normalizer": {
            "type": "Sequence",
            "normalizers": list(normaliser_steps(policy, pieces.model.normaliser.character_map)),
        },
        "pre_tokenizer": metaspace,
        "post_processor": template(pieces),
        "decoder": {**metaspace, "prepend_scheme": "always"},
        "model": {
            "type": "Unigram",
            "unk_id": pieces.table.specials.unk,
            "vocab": vocabulary,
            "byte_fallback": False,
        },
    }
    return json.dumps(written, ensure_ascii=False, indent=1).encode()


def normaliser_steps(policy: TokenizerPolicy, character_map: bytes) -> Iterable[Json]:
    """The policy's steps, then the model's own, then what its search takes for granted."""
    if policy.whitespace_collapsed:
        yield regex_rule(f"[{ranges(str.isspace)}]+", " ")
    if policy.quotes_rewritten:
        yield from QUOTE_RULES
    if policy.form != "kept":
        yield {"type": policy.form}
    if policy.marks != "kept":
        dropped = f"[{dropped_marks(policy)}]+"
        # A text that lost its first character would no longer count as the first stretch. (Nor
        # can a rule tell that stretch from the one after a [MASK], which gets a ▁ by this.)
        yield regex_rule(rf"\A{dropped}", " ")
        yield regex_rule(dropped, "")
    if policy.case != "kept":
        yield {"type": "Lowercase"}
    if character_map:
        encoded = base64.b64encode(character_map).decode()
        yield {"type": "Precompiled", "precompiled_charsmap": encoded}
    yield regex_rule(f"[ {SPACE}]+", " ")
    yield regex_rule(r" \z", "")


def regex_rule(pattern: str, content: str) -> Json:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


@cache
def dropped_marks(policy: TokenizerPolicy) -> str:
    """The inside of a regex class of the marks that the policy drops."""
    return ranges(lambda c: is_dropped_mark(c, policy))


@cache  # every code point is asked, which takes half a second
def ranges(holds: Callable[[str], bool]) -> str:
    """The inside of a regex class of all characters for which `holds`."""
    points = [point for point in range(LAST_CODE_POINT) if holds(chr(point))]
    runs = (
        [point for _, point in run]
        for _, run in groupby(enumerate(points), key=lambda pair: pair[1] - pair[0])
    )
    return "".join(f"\\x{{{run[0]:x}}}-\\x{{{run[-1]:x}}}" for run in runs)


def added_tokens(pieces: SentencePieces) -> list[JsonValue]:
    """The special pieces; no others, because an added token cuts the text and starts a word."""
    return [
        {
            "id": pieces.table.ids[name],
            "content": name,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for name in sorted(pieces.table.special_names.all(), key=pieces.table.ids.__getitem__)
    ]


def template(pieces: SentencePieces) -> Json:
    """[CLS] A [SEP], [CLS] A [SEP] B [SEP]."""
    names, ids = pieces.table.special_names, pieces.table.specials

    def special(name: str, kind: int) -> Json:
        return {"SpecialToken": {"id": name, "type_id": kind}}

    def text(name: str, kind: int) -> Json:
        return {"Sequence": {"id": name, "type_id": kind}}

    single: list[JsonValue] = [special(names.cls, 0), text("A", 0), special(names.sep, 0)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, text("B", 1), special(names.sep, 1)],
        "special_tokens": {
            name: {"id": name, "ids": [number], "tokens": [name]}
            for name, number in ((names.cls, ids.cls), (names.sep, ids.sep))
        },
    }


def read_known_form(written: Json, names: SpecialNames) -> KnownForm | None:
    """The vocabulary and policy of a known form; None for any other."""
    model = written.get("model")
    steps = steps_listed(written.get("normalizer"))
    character_map = map_of(steps)
    if (
        not isinstance(model, dict)
        or model.get("type") != "Unigram"
        or model.get("byte_fallback")
        or character_map is None
        or not added_contents(written.get("added_tokens")) <= set(names.all())
    ):
        return None
    vocabulary, unknown = scored_pieces(model.get("vocab")), model.get("unk_id")
    if not vocabulary or not isinstance(unknown, int):
        return None
    penalised = all(score <= -PENALTY for piece, score in vocabulary if ends_in_digit_comma(piece))
    data = rebuilt_model(vocabulary, unknown, names, penalised, character_map)
    policy = policy_of(steps, written.get("pre_tokenizer"))
    if policy is not None:
        return KnownForm(data, replace(policy, digit_comma=penalised))
    pieces = SentencePieces(data, "tokenizer.json", special_names=names)
    for ours in (REFERENCE, HUGGINGFACE):
        if json.loads(write_tokenizer_json(pieces, ours)) == written:
            return KnownForm(data, ours)
    return None


def scored_pieces(value: JsonValue) -> list[tuple[str, float]]:
    """[[piece, score], …] as pairs; nothing where a row has another form."""
    found = []
    for row in value if isinstance(value, list) else []:
        match row:
            case [str(piece), int() | float() as score]:
                found.append((piece, float(score)))
            case _:
                return []
    return found


def added_contents(value: JsonValue) -> set[JsonValue]:
    """The texts of the added tokens."""
    rows = value if isinstance(value, list) else []
    return {str(row.get("content")) for row in rows if isinstance(row, dict)}


def steps_listed(value: JsonValue) -> list[Json]:
    """A normaliser as a flat list of steps."""
    if not isinstance(value, dict):
        return []
    inner = value.get("normalizers")
    if value.get("type") != "Sequence" or not isinstance(inner, list):
        return [value]
    return [step for part in inner for step in steps_listed(part)]


def map_of(steps: list[Json]) -> bytes | None:
    """The model's own character map; empty where there is none, None where it is damaged."""
    for step in steps:
        if step.get("type") == "Precompiled":
            try:
                return base64.b64decode(str(step.get("precompiled_charsmap")), validate=True)
            except binascii.Error:
                return None
    return b""


def policy_of(steps: list[Json], pre_tokenizer: JsonValue) -> TokenizerPolicy | None:
    """The policy of a converter's form, read step by step; None where a step is unknown."""
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


def rebuilt_model(
    vocabulary: list[tuple[str, float]],
    unknown: int,
    names: SpecialNames,
    penalised: bool,
    character_map: bytes,
) -> bytes:
    """The SentencePiece model from which a tokenizer.json was made."""
    types: list[PieceType] = []
    scores = []
    for number, (piece, score) in enumerate(vocabulary):
        restored = penalised and ends_in_digit_comma(piece)
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
