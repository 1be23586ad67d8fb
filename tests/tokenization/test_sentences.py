"""Sentences are split by a plain rule, in scripts with and without capitals and spaces."""

from albertkit.tokenization.sentences import find_sentence_starts, split_sentences


def test_a_sentence_ends_at_a_mark_before_a_capital() -> None:
    assert split_sentences("It rained. We stayed in. The end") == [
        "It rained.",
        "We stayed in.",
        "The end",
    ]


def test_a_closing_quote_stays_with_its_sentence() -> None:
    assert split_sentences('"Go!" He went.') == ['"Go!"', "He went."]


def test_a_mark_before_a_small_letter_ends_nothing() -> None:
    assert split_sentences("About 3.5 m, i.e. little, was left.") == [
        "About 3.5 m, i.e. little, was left."
    ]


def test_sentences_of_other_scripts_end_too() -> None:
    assert split_sentences("雨だ。「行く！」と言う。") == ["雨だ。", "「行く！」", "と言う。"]
    assert split_sentences("Идёт дождь. Мы дома.") == ["Идёт дождь.", "Мы дома."]
    assert split_sentences("¿Qué? ¡Écoute!") == ["¿Qué?", "¡Écoute!"]


def test_an_empty_line_ends_a_sentence_and_a_line_end_does_not() -> None:
    assert split_sentences("A title\n\nit is\nlong  \n \n x") == ["A title", "it is\nlong", "x"]


def test_starts_are_indices_of_characters() -> None:
    assert find_sentence_starts("One.  Two. \n") == [6]
    assert find_sentence_starts("") == []
