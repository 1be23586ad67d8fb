"""google's pipeline as its paper-like description says, one text and one character at a time.

The slow, obvious version that the fast one is held against. Nothing here is shared with the
package but the sentencepiece library.
"""

from __future__ import annotations

import unicodedata

import sentencepiece


def clean(text: str) -> str:
    """Whitespace, NFKD, marks, lower case."""
    words = text.split()
    decomposed = unicodedata.normalize("NFKD", " ".join(words))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return bare.lower()


def pieces(text: str, processor: sentencepiece.SentencePieceProcessor) -> list[str]:
    """The pieces of a text by the digit-comma rule."""
    result: list[str] = []
    for piece in processor.encode(clean(text), return_type=str):
        if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
            again = processor.encode(piece[:-1].replace("▁", ""), return_type=str)
            if piece[0] != "▁" and again[0][0] == "▁":
                if len(again[0]) == 1:
                    again = again[1:]
                else:
                    again[0] = again[0][1:]
            result += [*again, piece[-1]]
        else:
            result.append(piece)
    return result


def ids(text: str, processor: sentencepiece.SentencePieceProcessor) -> list[int]:
    """The ids of a text; nothing in it is special."""
    return [processor.piece_to_id(piece) for piece in pieces(text, processor)]


def longest_first(first: list[int], second: list[int], room: int) -> tuple[list[int], list[int]]:
    """Pop from the longer list, on a tie from the second, until both fit."""
    first, second = list(first), list(second)
    while len(first) + len(second) > room:
        (first if len(first) > len(second) else second).pop()
    return first, second


def round_robin(first: int, second: int, room: int) -> tuple[int, int]:
    """Give one piece to each text in turn, as long as it wants one and room is left."""
    kept_first = kept_second = 0
    while kept_first + kept_second < room and (kept_first < first or kept_second < second):
        if kept_first < first:
            kept_first += 1
        if kept_first + kept_second < room and kept_second < second:
            kept_second += 1
    return kept_first, kept_second
