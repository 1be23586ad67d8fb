"""The answer of FillMask to one text with one mask, of the type that this answer has."""

from __future__ import annotations

from albertkit.tasks.fill_mask import Filled


def words_of(answer: object) -> list[Filled]:
    """The words for the only mask; an answer to several masks or texts fails."""
    assert isinstance(answer, list)
    assert all(isinstance(word, dict) for word in answer)
    return answer
