"""How many of the texts: words that fit one as well as many."""

from __future__ import annotations


def counted(count: int, texts: int, one: str, many: str) -> str:
    """ "the text is", "1 of 5 texts is", "2 of 5 texts are"; one, many: the verb's forms."""
    if texts == 1:
        return f"the text {one}"
    return f"{count:,} of {texts:,} texts {one if count == 1 else many}"
