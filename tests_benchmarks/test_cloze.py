from __future__ import annotations

import cloze
from albertkit.sources import WORDS, resolve_location
from albertkit.tokenization import AlbertTokenizer


def test_each_of_the_40_answers_is_one_piece_of_small_en() -> None:
    tokenizer = AlbertTokenizer.from_pretrained(resolve_location(WORDS))
    assert len({text for text, _ in cloze.SENTENCES}) == 40
    for text, answer in cloze.SENTENCES:
        assert text.count("[MASK]") == 1
        assert len(tokenizer.tokenize(answer)) == 1


def test_ranks_count_from_1_and_a_missing_answer_is_0() -> None:
    def fill(texts: list[str], top_k: int) -> list[list[dict[str, object]]]:
        words = ["a", " b", "c", "d", "e"][:top_k]
        return [[{"token_str": word} for word in words] for _ in texts]

    sentences = [("[MASK] 1", "a"), ("[MASK] 2", "b"), ("[MASK] 3", "z")]
    ranks = [rank for rank, _ in cloze.answer_ranks(fill, sentences)]
    assert ranks == [1, 2, 0]
