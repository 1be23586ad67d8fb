"""Train a SentencePiece vocabulary as ALBERT's was trained.

In: an iterable of raw text lines. Out: the bytes of a SentencePiece model whose ids 0-13 are
ALBERT's. Source of the flags: google-research/albert README, and the trainer spec stored in the
published `30k-clean.model`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

import sentencepiece

from albertkit.errors import InputError
from albertkit.tokenization.normalization import normalise
from albertkit.tokenization.policy import REFERENCE, TokenizerPolicy

FIRST_PIECES = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", *'()"-.–£€', "▁")  # ids 0-13


def train_vocabulary(
    lines: Iterable[str],
    *,
    size: int = 30_000,
    policy: TokenizerPolicy = REFERENCE,
    sentences: int = 10_000_000,
    threads: int = 2,
) -> bytes:
    """Train a unigram model on `lines`, normalised by `policy`, and return its bytes.

    size: pieces in all, specials included. sentences: at most so many lines are sampled.
    Raises InputError where the text is too little for so many pieces.
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(clean for line in lines if (clean := normalise(line, policy))),
            model_writer=model,
            vocab_size=size,
            model_type="unigram",
            pad_id=0,
            unk_id=1,
            bos_id=-1,
            eos_id=-1,
            control_symbols=["[CLS]", "[SEP]", "[MASK]"],
            # As a list: one string would be read as CSV, in which " opens a quotation.
            user_defined_symbols=list('()"-.–£€'),
            input_sentence_size=sentences,
            shuffle_input_sentence=True,
            character_coverage=0.99995,
            num_threads=threads,
            minloglevel=1,
        )
    except RuntimeError as error:
        raise InputError(
            "vocabulary-too-large",
            f"{size} pieces cannot be found in this text",
            why=_most_pieces(str(error)),
            fix="Give more text or ask for fewer pieces",
        ) from error
    found = model.getvalue()
    check_first_pieces(found)
    return found


def _most_pieces(said: str) -> str:
    """How many pieces there are, from the trainer's message where it says so."""
    found = re.search(r"<= (\d+)", said)
    return f"it holds at most {found[1]}" if found else said.splitlines()[-1]


def check_first_pieces(model: bytes) -> None:
    """Ids 0-13 must be ALBERT's: the specials, the user-defined marks and the lone ▁."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = tuple(processor.id_to_piece(i) for i in range(len(FIRST_PIECES)))
    if pieces != FIRST_PIECES:
        raise AssertionError(f"ids 0-13 are {pieces}, not ALBERT's {FIRST_PIECES}")
