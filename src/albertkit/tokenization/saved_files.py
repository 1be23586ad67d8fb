"""The files of a saved tokenizer.

Input: a vocabulary, a policy, and the tokenizer's settings. Output: file names and bytes.
transformers reads the tokenizer.json (from a bare spiece.model it makes other ids: it turns the
user-defined pieces into added tokens, which cut the text); albertkit reads spiece.model and the
policy in tokenizer_config.json.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from albertkit.errors import Diagnostic
from albertkit.tokenization.pieces import SentencePieces, is_inside_digit_comma
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.tokenizer_json.rules import list_added_tokens, write_tokenizer_json
from albertkit.tokenization.tokenizer_settings import (
    ADDED_TOKENS,
    OUR_SETTINGS,
    SETTINGS_FILE,
    TOKENIZER_FILE,
)
from albertkit.tokenization.vocabulary import Side, Vocabulary
from albertkit.tokenization.wordpiece import LONGEST_WORD, WordPieces

# The class that uses a tokenizer.json as it is; transformers 5's AlbertTokenizer takes only the
# pieces from it and makes the normalizer and pre-tokenizer by its own rules.
TOKENIZER_CLASS = "PreTrainedTokenizerFast"
MODEL_INPUT_NAMES = ("input_ids", "token_type_ids", "attention_mask")


def make_files(
    vocabulary: Vocabulary,
    policy: TokenizerPolicy,
    model_max_length: int,
    *,
    truncation_side: Side = "right",
    padding_side: Side = "right",
) -> dict[str, bytes]:
    """Make the files of a tokenizer.

    Args:
        vocabulary: with its added tokens.
        policy: how texts are read.
        model_max_length: written to the settings, like the two sides.
        truncation_side: the side on which long texts are cut.
        padding_side: the side on which short rows are padded.

    Returns:
        The contents of each file, by name.
    """
    files = vocabulary.files()
    if isinstance(vocabulary, SentencePieces):
        files[TOKENIZER_FILE] = write_tokenizer_json(vocabulary, policy)
    elif isinstance(vocabulary, WordPieces):
        files[TOKENIZER_FILE] = write_wordpiece_json(vocabulary, policy)
    table = vocabulary.table
    names = table.special_names
    settings: dict[str, object] = {
        "tokenizer_class": TOKENIZER_CLASS,
        "model_max_length": model_max_length,
        "model_input_names": list(MODEL_INPUT_NAMES),
        "do_lower_case": not policy.keeps_case,
        "keep_accents": policy.marks == "kept",
        "remove_space": policy.whitespace_collapsed,
        "clean_up_tokenization_spaces": False,
        "truncation_side": truncation_side,
        "padding_side": padding_side,
        "pad_token": names.pad,
        "unk_token": names.unk,
        "cls_token": names.cls,
        "sep_token": names.sep,
        "mask_token": names.mask,
    }
    if table.added:
        settings[ADDED_TOKENS] = {
            str(row["id"]): {name: value for name, value in row.items() if name != "id"}
            for row in list_added_tokens(table)
        }
    if len(files) > 1:  # a tokenizer.json with rules of its own is the only file, and followed
        digest = hashlib.sha256(files[TOKENIZER_FILE]).hexdigest()
        settings[OUR_SETTINGS] = {"policy": asdict(policy), "tokenizer_json": digest}
    files[SETTINGS_FILE] = json.dumps(settings, indent=2, ensure_ascii=False).encode() + b"\n"
    return files


def find_inexpressible(vocabulary: Vocabulary, policy: TokenizerPolicy) -> tuple[Diagnostic, ...]:
    """Warnings about the rules that a tokenizer.json cannot express and this vocabulary needs."""
    diagnostics = []
    if isinstance(vocabulary, SentencePieces) and policy.digit_comma:
        inside = list(filter(is_inside_digit_comma, vocabulary.model.pieces))
        if inside:
            diagnostics.append(
                _note_other_ids(
                    f"texts with pieces such as {inside[0]!r} ({len(inside)} in this vocabulary)",
                    "if digit and comma end a piece inside a word, google splits it again, and "
                    "the tokenizers library cannot",
                )
            )
    added = vocabulary.table.added if isinstance(vocabulary, SentencePieces) else ()
    if added and policy.mask_rule == "exact":
        diagnostics.append(
            _note_other_ids(
                f"texts in which a letter follows an added token such as {added[0].content!r}",
                "the tokenizers library has one rule for the text after a mask, which may go on "
                "with a word, and after an added token, which may not",
            )
        )
    if isinstance(vocabulary, WordPieces) and policy.folded_first:
        why = f"it lower-cases text that {policy.name} folds, and cuts words at more characters"
        diagnostics.append(_note_other_ids("texts with rare characters", why))
    return tuple(diagnostics)


def _note_other_ids(texts: str, why: str) -> Diagnostic:
    return Diagnostic(
        "tokenizer-not-expressible",
        "warning",
        f"{texts} get other ids if transformers reads the {TOKENIZER_FILE}",
        why=why,
        fix="If the ids must be the same, use AlbertTokenizer",
    )


def write_wordpiece_json(words: WordPieces, policy: TokenizerPolicy) -> bytes:
    """A tokenizer.json with BERT's own normalizer and the pieces of a vocab.txt."""
    import tokenizers  # most vocabularies need none of it (benchmarks/late_imports.py)

    from albertkit.tokenization.tokenizer_json.foreign import make_library_token

    names, ids = words.table.special_names, words.table.specials
    written = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            {piece: number for number, piece in enumerate(words.pieces)},
            unk_token=names.unk,
            max_input_chars_per_word=LONGEST_WORD,
        )
    )
    written.normalizer = tokenizers.normalizers.BertNormalizer(
        clean_text=policy.controls_dropped,
        handle_chinese_chars=policy.ideographs_spaced,
        strip_accents=policy.marks != "kept",
        lowercase=not policy.keeps_case,
    )
    written.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    written.decoder = tokenizers.decoders.WordPiece()
    written.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{names.cls}:0 $A:0 {names.sep}:0",
        pair=f"{names.cls}:0 $A:0 {names.sep}:0 $B:1 {names.sep}:1",
        special_tokens=[(names.cls, ids.cls), (names.sep, ids.sep)],
    )
    written.add_special_tokens(list(names.all()))
    written.add_tokens([make_library_token(token) for token in words.table.added])
    text: str = written.to_str(pretty=True)
    return text.encode()
