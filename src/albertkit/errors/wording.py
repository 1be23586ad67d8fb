"""Small pieces of text that messages share: counts with their nouns, lists of names, near names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def count_noun(count: int, noun: str) -> str:
    """Write a count with its noun: "1 row", "2,000 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def list_names(names: Sequence[str], most: int = 3) -> str:
    """Join the first `most` names with commas; an ellipsis stands for the rest."""
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def nearest_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Find the known name that is most like a misspelt one.

    Args:
        name: The name that the user wrote.
        known: The names that would be accepted.
        cutoff: The least similarity, from 0 (anything) to 1 (equal).

    Returns:
        The nearest name, or None if no name is similar enough.
    """
    from difflib import get_close_matches  # imported only when there is an error to report

    return next(iter(get_close_matches(name, list(known), 1, cutoff)), None)


def first_line(message: Exception | str) -> str:
    """Take the first line of another library's message, without its full stop."""
    return str(message).partition("\n")[0].rstrip(".")
