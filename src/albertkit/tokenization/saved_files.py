"""The files that a saved tokenizer consists of.

In: a vocabulary and a policy. Out: file names and bytes. transformers reads the tokenizer.json
(its own reading of a plain spiece.model gives other ids: the user-defined pieces become added
tokens that cut the text); we read spiece.model and the policy in tokenizer_config.json.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from albertkit.errors import Diagnostic
from albertkit.tokenization.pieces import SentencePieces, is_inside_digit_comma
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.tokenizer_json.foreign import TOKENIZER_FILE
from albertkit.tokenization.tokenizer_json.rules import write_tokenizer_json
from albertkit.tokenization.tokenizer_settings import OUR_SETTINGS, SETTINGS_FILE
from albertkit.tokenization.vocabulary import Vocabulary
from albertkit.tokenization.wordpiece import LONGEST_WORD, WordPieces

# The class that takes a tokenizer.json as it is; transformers 5's AlbertTokenizer takes only the
# pieces from it and builds normaliser and pre-tokenizer by rules of its own.
READS_THE_FILE = "PreTrainedTokenizerFast"
INPUT_NAMES = ["input_ids", "token_type_ids", "attention_mask"]


def saved_files(
    vocabulary: Vocabulary, policy: TokenizerPolicy, model_max_length: int
) -> dict[str, bytes]:
    """Every file by name."""
    files = vocabulary.files()
    if isinstance(vocabulary, SentencePieces):
        files[TOKENIZER_FILE] = write_tokenizer_json(vocabulary, policy)
    elif isinstance(vocabulary, WordPieces):
        files[TOKENIZER_FILE] = wordpiece_json(vocabulary, policy)
    names = vocabulary.table.special_names
    settings: dict[str, object] = {
        "tokenizer_class": READS_THE_FILE,
        "model_max_length": model_max_length,
        "model_input_names": INPUT_NAMES,
        "do_lower_case": not policy.keeps_case,
        "keep_accents": policy.marks == "kept",
        "remove_space": policy.whitespace_collapsed,
        "clean_up_tokenization_spaces": False,
        "pad_token": names.pad,
        "unk_token": names.unk,
        "cls_token": names.cls,
        "sep_token": names.sep,
        "mask_token": names.mask,
    }
    if len(files) > 1:  # a foreign tokenizer.json stands alone and is followed as it is
        ready = hashlib.sha256(files[TOKENIZER_FILE]).hexdigest()
        settings[OUR_SETTINGS] = {"policy": asdict(policy), "tokenizer_json": ready}
    files[SETTINGS_FILE] = json.dumps(settings, indent=2, ensure_ascii=False).encode() + b"\n"
    return files


def not_expressed(vocabulary: Vocabulary, policy: TokenizerPolicy) -> tuple[Diagnostic, ...]:
    """Warnings on rules that a tokenizer.json cannot say, as far as this vocabulary meets them."""
    if isinstance(vocabulary, SentencePieces) and policy.digit_comma:
        inside = list(filter(is_inside_digit_comma, vocabulary.table.names))
        if inside:
            return (
                _other_ids(
                    f"texts with pieces such as {inside[0]!r} ({len(inside)} in this vocabulary)",
                    "where digit and comma end a piece inside a word, google splits it again, and "
                    "the tokenizers library cannot",
                ),
            )
    if isinstance(vocabulary, WordPieces) and policy.folded_first:
        why = f"it lowers case where {policy.name} folds it, and cuts words at more characters"
        return (_other_ids("texts with rare characters", why),)
    return ()


def _other_ids(texts: str, why: str) -> Diagnostic:
    return Diagnostic(
        "tokenizer-not-expressible",
        "warning",
        f"{texts} get other ids where transformers reads the {TOKENIZER_FILE}",
        why=why,
        fix="Where ids must be the same, use AlbertTokenizer",
    )


def wordpiece_json(words: WordPieces, policy: TokenizerPolicy) -> bytes:
    """A tokenizer.json with BERT's own normaliser and the pieces of a vocab.txt."""
    import tokenizers  # most vocabularies need none of it (benchmarks/late_imports.py)

    names, ids = words.table.special_names, words.table.specials
    written = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            dict(words.table.ids), unk_token=names.unk, max_input_chars_per_word=LONGEST_WORD
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
    text: str = written.to_str(pretty=True)
    return text.encode()
