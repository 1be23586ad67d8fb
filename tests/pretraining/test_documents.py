from albertkit.pretraining.documents import read_documents


def test_empty_lines_part_documents() -> None:
    assert list(read_documents(["a", "b", "", "", "c"])) == [["a", "b"], ["c"]]
