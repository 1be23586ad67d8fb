import random
import re

import pytest
import sentencepiece

from albertkit.errors import InputError
from albertkit.pretraining.vocabulary import FIRST_PIECES, MOST_BYTES, cut_line, train_vocabulary


def lines() -> list[str]:
    rng = random.Random(0)
    syllables = ["ka", "lo", "mi", "ren", "tu", "vas", "Ost", "él", "(par)", "9", "b-c", "x."]
    return [" ".join("".join(rng.choices(syllables, k=3)) for _ in range(9)) for _ in range(400)]


def test_the_first_ids_are_alberts_and_pieces_are_lower_case() -> None:
    model = train_vocabulary(lines(), size=120)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    names = [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    assert tuple(names[: len(FIRST_PIECES)]) == FIRST_PIECES
    assert len(names) == 120
    assert all(p == p.lower() and "é" not in p for p in names[5:])


def test_more_pieces_than_the_text_holds_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="vocabulary-too-large") as caught:
        train_vocabulary(["a b c"] * 5, size=5000)
    assert re.search(r"it gives at most \d+\. Give", str(caught.value))


def test_fewer_pieces_than_letters_are_refused_with_the_least_number() -> None:
    with pytest.raises(
        InputError, match=r"5 pieces are too few.* Ask for more than \d+ pieces"
    ) as e:
        train_vocabulary(lines(), size=5)
    assert "[vocabulary-too-small]" in str(e.value)
    least = int(re.search(r"more than (\d+)", str(e.value))[1])  # type: ignore[index]  # it matches
    assert train_vocabulary(lines(), size=least + 5)


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(InputError, match="corpus-empty"):
        train_vocabulary([])


def test_a_text_in_which_spaces_are_rare_has_a_vocabulary() -> None:
    """▁ then has another id than in ALBERT's, by its frequency; the special ids are the same."""
    rng = random.Random(0)
    text = ["".join(rng.choices("猫が好きです犬も見た本を読む", k=30)) for _ in range(200)]
    pieces = sentencepiece.SentencePieceProcessor(model_proto=train_vocabulary(text, size=60))
    names = [pieces.id_to_piece(i) for i in range(60)]
    assert tuple(names[:13]) == FIRST_PIECES
    assert names.index("▁") > 13


def test_the_same_text_gives_the_same_vocabulary_also_of_a_sample() -> None:
    assert train_vocabulary(lines(), size=90, sentences=200) == train_vocabulary(
        lines(), size=90, sentences=200
    )


def test_a_long_line_is_cut_at_spaces_and_a_long_word_anywhere(
    capfd: pytest.CaptureFixture[str],
) -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdé", k=rng.randint(1, 9))) for _ in range(3000)]
    line = " ".join([*words, "猫が好き" * 1000, *words])
    parts = cut_line(line)
    assert " ".join(parts).split()[:3000] == words
    assert "".join(parts).replace(" ", "") == line.replace(" ", "")
    assert all(len(part.encode()) <= MOST_BYTES for part in parts)
    assert cut_line("") == []
    assert train_vocabulary([line], size=40) == train_vocabulary(parts, size=40)
    assert capfd.readouterr().err == ""


def test_one_text_and_threads_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match=r"lines is 'a text' \(str\).*\[input-not-texts\]"):
        train_vocabulary("a text", size=40)
    for threads in (0, 1025):
        with pytest.raises(InputError, match=rf"threads is {threads};.*\[option-invalid\]"):
            train_vocabulary(lines(), size=120, threads=threads)
