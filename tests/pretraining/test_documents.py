from albertkit.pretraining.documents import documents, sentences


def test_a_sentence_ends_at_a_mark_before_a_capital() -> None:
    assert sentences("It rained. We stayed in. The end") == [
        "It rained.",
        "We stayed in.",
        "The end",
    ]


def test_a_closing_quote_stays_with_its_sentence() -> None:
    assert sentences('"Go!" He went.') == ['"Go!"', "He went."]


def test_a_mark_before_a_small_letter_ends_nothing() -> None:
    assert sentences("About 3.5 m, i.e. little, was left.") == [
        "About 3.5 m, i.e. little, was left."
    ]


def test_empty_lines_part_documents() -> None:
    assert list(documents(["a", "b", "", "", "c"])) == [["a", "b"], ["c"]]
