from albertkit.pretraining.documents import read_documents, take_training, take_valid


def test_empty_lines_part_documents() -> None:
    assert list(read_documents(["a", "b", "", "", "c"])) == [["a", "b"], ["c"]]


def test_each_document_is_held_out_or_trained_on() -> None:
    all_of_them = [[str(n)] for n in range(23)]
    valid, training = (list(take(all_of_them, 10)) for take in (take_valid, take_training))
    assert valid == [["0"], ["10"], ["20"]]
    assert sorted(valid + training) == sorted(all_of_them)
