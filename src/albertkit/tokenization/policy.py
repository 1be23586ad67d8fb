"""Every choice in which published ALBERT tokenizers differ, as data.

A policy says how raw text becomes the line in which pieces are searched, and what special tokens in
a text mean. Source of each value: google-research/albert `tokenization.py` (reference and
wordpiece), transformers 4.57 `AlbertTokenizer` (huggingface), TF Hub `albert_en_preprocess/3`
(tfhub) and `bert_en_uncased_preprocess/3` (tfhub-wordpiece).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args

from albertkit.errors import InputError
from albertkit.errors.arguments import check_fields

Form = Literal["NFKD", "NFD", "kept"]
Marks = Literal["class", "category", "kept"]
Case = Literal["lower", "nfkc_casefold", "kept"]
MaskRule = Literal["exact", "spaced", "text"]
WordRule = Literal["google", "tensorflow_text"]


@check_fields
@dataclass(frozen=True, slots=True)
class TokenizerPolicy:
    """How raw text becomes the string in which pieces are searched.

    The steps on text run in the order of the fields.
    """

    name: str
    folded_first: bool = False  # NFKC_Casefold before all else (BERT's preprocessor on TF Hub)
    controls_spaced: bool = False  # each control or format character (Cc, Cf) becomes a space
    controls_dropped: bool = False  # NUL, U+FFFD and control characters (BERT's cleaning)
    ideographs_spaced: bool = False  # a space on both sides of each CJK ideograph (BERT)
    whitespace_collapsed: bool = True  # str.split() and single spaces
    quotes_rewritten: bool = False  # `` and '' become " (XLNet's habit, copied by Hugging Face)
    form: Form = "NFKD"
    marks: Marks = "class"  # dropped by combining class ≠ 0, by category Mn, or kept
    case: Case = "lower"
    punctuation_spaced: bool = False  # a space on both sides of each punctuation mark (BERT)
    digit_comma: bool = True  # a piece that ends in digit + comma is split: "2001," → ▁2001 ,
    word_rule: WordRule = "google"  # where words of a vocab.txt end and how long: wordpiece.py
    ties_unrounded: bool = False  # "eeeee" as SentencePiece up to 0.2.1: see tied_paths.py
    specials_in_text: bool = False  # a literal [CLS] in text is the special token, not text
    mask_rule: MaskRule = "exact"  # what a literal [MASK] means: see encode.py
    empty_second_dropped: bool = True  # a pair whose second text has no pieces is a single text

    @property
    def keeps_case(self) -> bool:
        """Whether capital letters are kept."""
        return self.case == "kept" and not self.folded_first


REFERENCE = TokenizerPolicy("reference")
HUGGINGFACE = TokenizerPolicy(
    "huggingface",
    quotes_rewritten=True,
    specials_in_text=True,
    mask_rule="spaced",
    empty_second_dropped=False,
)
TFHUB = TokenizerPolicy(
    "tfhub",
    whitespace_collapsed=False,
    form="NFD",
    marks="category",
    case="nfkc_casefold",
    digit_comma=False,
    ties_unrounded=True,
    mask_rule="text",
    empty_second_dropped=False,
)
WORDPIECE = TokenizerPolicy(
    "wordpiece",
    controls_dropped=True,
    ideographs_spaced=True,
    form="NFD",
    marks="category",
    punctuation_spaced=True,
    digit_comma=False,
    mask_rule="spaced",
)
TFHUB_WORDPIECE = TokenizerPolicy(
    "tfhub-wordpiece",
    folded_first=True,
    controls_spaced=True,
    ideographs_spaced=True,
    whitespace_collapsed=False,
    form="NFD",
    marks="category",
    case="kept",
    punctuation_spaced=True,
    digit_comma=False,
    word_rule="tensorflow_text",
    mask_rule="text",
    empty_second_dropped=False,
)
POLICIES = (REFERENCE, HUGGINGFACE, TFHUB, WORDPIECE, TFHUB_WORDPIECE)


def find_policy(name: str) -> TokenizerPolicy:
    """Look up a policy by its name.

    Raises:
        InputError: [unknown-policy], with the names that exist.
    """
    for policy in POLICIES:
        if policy.name == name:
            return policy
    raise InputError(
        "unknown-policy",
        f"policy is {name!r}",
        why=f"the named policies are {', '.join(policy.name for policy in POLICIES)}",
        fix="Choose one of them, or give a TokenizerPolicy",
    )


def make_policy(values: Mapping[str, object]) -> TokenizerPolicy:
    """Make a policy from what `dataclasses.asdict` gave.

    Raises:
        InputError: [unknown-policy] for an unknown field or an impossible value.
    """
    allowed: dict[str, tuple[object, ...]] = {
        "form": get_args(Form),
        "marks": get_args(Marks),
        "case": get_args(Case),
        "mask_rule": get_args(MaskRule),
        "word_rule": get_args(WordRule),
    }
    known = {field.name for field in fields(TokenizerPolicy)}
    for name, value in values.items():
        is_valid = (
            isinstance(value, str) if name == "name" else value in allowed.get(name, (True, False))
        )
        if name not in known or not is_valid:
            raise InputError(
                "unknown-policy",
                f"a text policy has {name}={value!r}",
                why=f"its fields are {', '.join(sorted(known))}",
                fix="Save the tokenizer again with this version",
            )
    return TokenizerPolicy(**values)  # type: ignore[arg-type]  # each was just checked
