from albertkit.pretraining.documents import documents


def test_empty_lines_part_documents() -> None:
    assert list(documents(["a", "b", "", "", "c"])) == [["a", "b"], ["c"]]
