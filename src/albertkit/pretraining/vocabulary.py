"""Train a SentencePiece vocabulary as ALBERT's was trained.

Input: lines of raw text. Output: the bytes of a SentencePiece model whose ids 0-12 are ALBERT's.
Source of the flags: google-research/albert README, and the trainer spec stored in the
published `30k-clean.model`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

import sentencepiece

from albertkit.errors import InputError
from albertkit.errors.arguments import check_integer, describe_value
from albertkit.tokenization.normalization import normalize
from albertkit.tokenization.policy import REFERENCE, TokenizerPolicy

# SentencePiece chooses the pieces from a million candidates (seed_sentencepiece_size): with a size
# near 2**31 it computes without an end.
LARGEST_SIZE, MOST_SENTENCES = 1_000_000, 2**63 - 1  # the latter is what its field holds
MOST_THREADS = 1024  # SentencePiece's own limit
MOST_BYTES = 4192  # of a line; SentencePiece leaves longer ones out
PARTS = re.compile(r".{1,1048}(?: |$)|.{1,1048}")  # a character has at most 4 bytes
FIRST_PIECES = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", *'()"-.–£€')  # ids 0-12


def train_vocabulary(
    lines: Iterable[str],
    *,
    size: int = 30_000,
    policy: TokenizerPolicy = REFERENCE,
    sentences: int = 10_000_000,
    threads: int = 2,
) -> bytes:
    """Train a unigram model.

    Args:
        lines: of raw text.
        size: pieces in all, special ones included.
        policy: how the lines are normalized.
        sentences: the largest number of lines to sample.
        threads: of SentencePiece.

    Returns:
        The bytes of the SentencePiece model.

    Raises:
        InputError: [vocabulary-too-large] if the text has fewer pieces, [vocabulary-too-small] if
            `size` does not hold its letters, [corpus-empty], [option-invalid] for numbers that
            SentencePiece cannot hold, [input-not-texts] for one text in place of several.
    """
    check_integer("size", size, maximum=LARGEST_SIZE)
    check_integer("sentences", sentences, maximum=MOST_SENTENCES)
    check_integer("threads", threads, maximum=MOST_THREADS)
    if isinstance(lines, str):  # its characters would be taken for lines
        raise InputError(
            "input-not-texts",
            f"lines is {describe_value(lines)}",
            why="several texts are needed",
            fix="Give a list or an iterator of texts",
        )
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(
                part for line in lines for part in cut_line(normalize(line, policy))
            ),
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
            minloglevel=2,
        )
    except RuntimeError as error:
        explained = _explain(size, str(error))
        if explained is None:
            raise
        raise explained from error
    check_first_pieces(model.getvalue())
    return model.getvalue()


def cut_line(line: str) -> list[str]:
    """Cut a line longer than MOST_BYTES, at spaces if there are any."""
    if len(line.encode()) <= MOST_BYTES:
        return [line] if line else []
    return [part.strip(" ") for part in PARTS.findall(line)]


def _explain(size: int, message: str) -> InputError | None:
    """The error that the trainer's message means; None for another message."""
    if "sentences_.empty()" in message:
        return InputError(
            "corpus-empty",
            "there is no text to train a vocabulary on",
            why="all lines are empty",
            fix="Give text with a paragraph on each line",
        )
    if needed := re.search(r"smaller than required_chars\. \d+ vs (\d+)", message):
        return InputError(
            "vocabulary-too-small",
            f"{size} pieces are too few",
            why=f"the letters and special pieces of this text are {needed[1]}",
            fix=f"Ask for more than {needed[1]} pieces",
        )
    if most := re.search(r"<= (\d+)", message):
        return InputError(
            "vocabulary-too-large",
            f"this text is too short for a vocabulary of {size} pieces",
            why=f"it gives at most {most[1]}",
            fix="Give more text or ask for fewer pieces",
        )
    return None


def check_first_pieces(model: bytes) -> None:
    """Check that ids 0-12 are ALBERT's: special pieces and user-defined marks."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = tuple(processor.id_to_piece(i) for i in range(len(FIRST_PIECES)))
    if pieces != FIRST_PIECES:
        raise AssertionError(f"ids 0-12 are {pieces}, not ALBERT's {FIRST_PIECES}")
