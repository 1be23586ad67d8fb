"""Every choice in which published ALBERT tokenizers differ, as data.

A policy says how raw text becomes the string that the pieces are searched in, and what special
tokens in text mean. Source of each value: google-research/albert `tokenization.py` (reference),
transformers 4.57 `AlbertTokenizer` (huggingface), TF Hub `albert_en_preprocess/3` (tfhub).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["NFKD", "NFD", "kept"]
Marks = Literal["class", "category", "kept"]
Case = Literal["lower", "nfkc_casefold", "kept"]
MaskRule = Literal["exact", "spaced", "text"]


@dataclass(frozen=True, slots=True)
class TextPolicy:
    """How raw text becomes the string in which pieces are searched.

    The steps run in the order of the fields.
    """

    name: str
    whitespace_collapsed: bool = True  # str.split() and single spaces
    quotes_rewritten: bool = False  # `` and '' become " (XLNet's habit, copied by Hugging Face)
    form: Form = "NFKD"
    marks: Marks = "class"  # dropped by combining class ≠ 0, by category Mn, or kept
    case: Case = "lower"
    digit_comma: bool = True  # a piece that ends in digit + comma is split: "2001," → ▁2001 ,
    specials_in_text: bool = False  # a literal [CLS] in text is the special token, not text
    mask_rule: MaskRule = "exact"  # what a literal [MASK] does: see mask_words.py


REFERENCE = TextPolicy("reference")
HUGGINGFACE = TextPolicy(
    "huggingface", quotes_rewritten=True, specials_in_text=True, mask_rule="spaced"
)
TFHUB = TextPolicy(
    "tfhub",
    whitespace_collapsed=False,
    form="NFD",
    marks="category",
    case="nfkc_casefold",
    digit_comma=False,
    mask_rule="text",
)
POLICIES = (REFERENCE, HUGGINGFACE, TFHUB)
