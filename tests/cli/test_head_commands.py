"""classify, tag, answer and choose print and write what the library computes."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.tiny_heads import SENTENCES, save_head

from albertkit.cli.main import run
from albertkit.tasks import MultipleChoice, QuestionAnswerer, TextClassifier, TokenClassifier

NAMES = {0: "O", 1: "B-PER", 2: "I-PER"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_head(folder / "classifier", "sequence_classification", names={0: "no", 1: "yes"}, scale=9)
    several: dict[str, Any] = {"problem_type": "multi_label_classification", "labels": 3}
    save_head(folder / "several", "sequence_classification", **several)
    save_head(folder / "number", "sequence_classification", labels=1, problem_type="regression")
    save_head(folder / "tagger", "token_classification", names=NAMES, scale=3)
    save_head(folder / "answerer", "question_answering", scale=3)
    save_head(folder / "chooser", "multiple_choice", scale=3)
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    """The rows that a command prints as JSON lines."""
    assert run([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refuse(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The line of a command that fails before it computes."""
    assert run([str(argument) for argument in arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


def test_classify_prints_labels(capsys: pytest.CaptureFixture[str], models: Path) -> None:
    rows = call(capsys, "classify", *SENTENCES, "-m", models / "classifier")
    expected = TextClassifier(models / "classifier")(SENTENCES)
    assert rows == [
        {"text": text, "label": item["label"], "score": pytest.approx(item["score"], abs=1e-5)}
        for text, item in zip(SENTENCES, expected, strict=True)
    ]
    both = call(capsys, "classify", "a", "-m", models / "classifier", "--top-k", 2)
    assert [item["label"] for item in both[0]["scores"]] in (["no", "yes"], ["yes", "no"])
    none = call(capsys, "classify", "a", "-m", models / "classifier", "--abstain-below", 1)
    assert none[0]["label"] is None
    several = call(capsys, "classify", *SENTENCES, "-m", models / "several")
    assert [row["labels"] for row in several] == TextClassifier(models / "several").predict(
        SENTENCES
    )
    number = call(capsys, "classify", "a", "-m", models / "number")
    assert list(number[0]) == ["text", "value"]


def test_classify_reads_pairs(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("n,text,other\n1,a king,a war\n2,the house,no\n")
    rows = call(
        capsys, "classify", "-i", tmp_path / "in.csv", "--pair-column", "other", "--keep", "n",
        "-m", models / "classifier",
    )  # fmt: skip
    pairs = [("a king", "a war"), ("the house", "no")]
    expected = TextClassifier(models / "classifier").predict(pairs)
    assert [(row["n"], row["label"]) for row in rows] == list(zip("12", expected, strict=True))
    assert list(rows[0]) == ["n", "label", "score"]
    alone = call(capsys, "classify", "a king", "--pair", "a war", "-m", models / "classifier")
    assert alone[0]["label"] == expected[0]
    assert alone[0]["text_pair"] == "a war"


def test_tag_prints_spans(capsys: pytest.CaptureFixture[str], models: Path) -> None:
    rows = call(capsys, "tag", *SENTENCES, "-m", models / "tagger")
    expected = TokenClassifier(models / "tagger")(SENTENCES, aggregation_strategy="simple")
    for row, entities in zip(rows, expected, strict=True):
        assert [(item["start"], item["end"], item["entity"]) for item in row["entities"]] == [
            (item["start"], item["end"], item["entity_group"]) for item in entities
        ]
        for item in row["entities"]:
            assert row["text"][item["start"] : item["end"]] == item["word"]


def test_answer_reads_a_context_for_all_questions_or_one_for_each(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path
) -> None:
    model = models / "answerer"
    expected = QuestionAnswerer(model)(question=["Who?", "What?"], context=SENTENCES[4])
    rows = call(capsys, "answer", "Who?", "What?", "--context", SENTENCES[4], "-m", model)
    assert [(row["answer"], row["start"], row["end"]) for row in rows] == [
        (item["answer"], item["start"], item["end"]) for item in expected
    ]
    (tmp_path / "context.txt").write_text(SENTENCES[4])
    file = call(
        capsys, "answer", "Who?", "--context-file", tmp_path / "context.txt", "-k", 3, "-m", model
    )
    assert len(file[0]["answers"]) == 3
    assert file[0]["answer"] == rows[0]["answer"]
    with (tmp_path / "in.jsonl").open("w") as lines:
        for question in ("Who?", "What?"):
            item = {"id": question[0], "question": question, "context": SENTENCES[4]}
            lines.write(json.dumps(item) + "\n")
    each = call(capsys, "answer", "-i", tmp_path / "in.jsonl", "--keep", "id", "-m", model)
    assert [(row["id"], row["answer"]) for row in each] == [
        ("W", item["answer"]) for item in expected
    ]


def test_choose_reads_choices_from_options_columns_and_lists(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path
) -> None:
    model = models / "chooser"
    expected = MultipleChoice(model)("the king", ["said", "was", "no"])
    options = ("--choice", "said", "--choice", "was", "--choice", "no")
    rows = call(capsys, "choose", "the king", *options, "-m", model)
    assert rows[0]["answer"] == expected["answer"]
    assert rows[0]["scores"] == pytest.approx(expected["scores"], abs=1e-5)
    (tmp_path / "in.csv").write_text("question,a,b,c\nthe king,said,was,no\n")
    columns = call(
        capsys, "choose", "-i", tmp_path / "in.csv", "--choice-columns", "a,b,c", "-m", model
    )
    assert columns[0]["index"] == expected["index"]
    item = {"question": "the king", "choices": ["said", "was", "no"]}
    (tmp_path / "in.jsonl").write_text(json.dumps(item) + "\n")
    lists = call(capsys, "choose", "-i", tmp_path / "in.jsonl", "-m", model)
    assert lists[0]["answer"] == expected["answer"]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_results_are_written_to_files(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path, suffix: str
) -> None:
    if suffix == "parquet":
        import pyarrow
    path = tmp_path / f"out.{suffix}"
    call(capsys, "tag", *SENTENCES, "-m", models / "tagger", "-o", path)
    expected = TokenClassifier(models / "tagger")(SENTENCES, aggregation_strategy="simple")
    if suffix == "jsonl":
        rows = [json.loads(line)["entities"] for line in path.read_text().splitlines()]
    elif suffix == "csv":
        with path.open(newline="") as file:
            rows = [json.loads(row["entities"]) for row in csv.DictReader(file)]
    else:
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(path).to_pydict()["entities"]
    assert [[item["start"] for item in row] for row in rows] == [
        [item["start"] for item in entities] for entities in expected
    ]


def test_a_directory_is_a_job_that_can_be_resumed(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(SENTENCES * 4) + "\n")
    arguments = [
        "classify", "-i", str(texts), "-m", str(models / "classifier"), "--shard-rows", "8",
        "--engine", "numpy", "-f", "jsonl",
    ]  # fmt: skip
    assert run([*arguments, "-o", f"{tmp_path}/out/"]) == 0
    whole = [path.read_bytes() for path in sorted((tmp_path / "out").glob("part-*"))]
    assert len(whole) == 3
    labels = [json.loads(line)["label"] for part in whole for line in part.splitlines()]
    assert labels == TextClassifier(models / "classifier").predict(SENTENCES * 4)
    (tmp_path / "out" / "part-00001.jsonl").unlink()
    capsys.readouterr()
    assert "[output-exists]" in refuse(capsys, *arguments, "-o", f"{tmp_path}/out/")
    other = [*arguments, "-o", f"{tmp_path}/out/", "--resume", "--abstain-below", "0.9"]
    assert "[output-taken]" in refuse(capsys, *other)
    assert run([*arguments, "-o", f"{tmp_path}/out/", "--resume"]) == 0
    assert [path.read_bytes() for path in sorted((tmp_path / "out").glob("part-*"))] == whole


def test_a_job_counts_the_questions_that_were_cut_in_all_shards(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path
) -> None:
    (tmp_path / "questions.txt").write_text("a?\n" + f"{'king ' * 90}\n" * 3)
    arguments = ["answer", "-i", str(tmp_path / "questions.txt"), "--context", SENTENCES[4]]
    output = ["-m", str(models / "answerer"), "--shard-rows", "2", "-o", f"{tmp_path}/out/"]
    assert run([*arguments, *output, "-f", "jsonl"]) == 0
    assert "3 of 4 questions were cut" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("classify", "a"), r"'small-en' has no sequence_classification head"),
        (("tag", "a"), "albertkit finetune"),
        (("answer", "a"), "--context TEXT or --context-file FILE. [usage]"),
        (("answer", "a", "--context", " "), "[text-empty]"),
        (("answer", "a", "--context", "b", "--context-file", "c"), "[usage]"),
        (("answer", "a", "--context-file", "missing.txt"), "[file-not-found]"),
        (("choose", "a"), "--choice TEXT, at least twice. [usage]"),
        (("classify", "a", "--abstain-below", "2"), "[option-invalid]"),
        (("classify", "a", "--resume"), "[usage]"),
        (("classify", "a", "--pair-column", "b"), "the column 'b' is named"),
        (
            ("choose", "a", "--choice", "b", "--choice", "c", "--context-column", "d"),
            "the column 'd' is named, and a text is an argument; an argument has no columns.",
        ),
        (("tag", "a", "-o", "x.npy"), "[output-format-unknown]"),
    ],
)
def test_wrong_calls_are_refused_with_what_to_do(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert says in refuse(capsys, *arguments)


def test_a_context_that_is_not_utf8_is_refused_by_its_byte(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "c.txt").write_bytes(b"\xef\xbb\xbfZo\xeb")
    line = refuse(capsys, "answer", "Who?", "--context-file", tmp_path / "c.txt")
    assert "byte 6 (0xeb) is not valid UTF-8" in line
    assert "[file-not-utf8]" in line


@dataclass(frozen=True, slots=True)
class RowCase:
    """Rows of a file for a command: the name, the model, options."""

    command: tuple[str, ...]
    rows: list[dict[str, Any]]
    errors: dict[int, str]  # by the number of the row

    def arguments(self, directory: Path, models: Path) -> list[str]:
        """The command line, with the file."""
        path = directory / "in.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        name, model, *options = self.command
        return [name, "-i", str(path), "-m", str(models / model), "--engine", "numpy", *options]


ROW_CASES = {
    "pairs": RowCase(
        ("classify", "classifier", "--column", "a", "--pair-column", "b"),
        [{"a": "x", "b": "y"}, {"a": "x", "b": None}, {"a": "x"}, {"a": "", "b": ""}],
        {2: "holds null in 'b' instead of a text", 3: "holds null in 'b' instead of a text"},
    ),
    "contexts": RowCase(
        ("answer", "answerer"),
        [
            {"question": "Who?", "context": "a king"},
            {"question": " ", "context": "a king"},
            {"question": None, "context": "a king"},
            {"question": "Who?", "context": "a king"},
            {"question": "Who?", "context": ""},
            {"question": "Who?"},
        ],
        {
            2: "has no text in 'question'",
            3: "holds null instead of a text",
            5: "has no text in 'context'",
            6: "holds null in 'context' instead of a text",
        },
    ),
    "lists": RowCase(
        ("choose", "chooser", "--context-column", "before"),
        [
            {"question": "a", "choices": ["b", "c"]},
            {"question": "a", "choices": ["b"]},
            {"question": "a", "choices": ["b", " "]},
            {"question": "a", "choices": ["b", "c"], "before": ""},
        ],
        {
            2: """holds "[\\"b\\"]" in 'choices', not two texts""",
            3: """holds "[\\"b\\", \\" \\"]" in 'choices', not two texts""",
            4: "has no text in 'before'",
        },
    ),
    "columns": RowCase(
        ("choose", "chooser", "--choice-columns", "a,b"),
        [{"question": "x", "a": "b", "b": "c"}, {"question": "x", "a": "b", "b": None}],
        {2: "holds null in 'b' instead of a text"},
    ),
}


@pytest.mark.parametrize("case", ROW_CASES.values(), ids=ROW_CASES)
def test_the_first_row_that_lacks_a_text_in_any_column_ends_the_command(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path, case: RowCase
) -> None:
    line = refuse(capsys, *case.arguments(tmp_path, models))
    first = min(case.errors)
    assert f"in.jsonl: row {first} {case.errors[first]}; each row needs its texts" in line


@pytest.mark.parametrize("case", ROW_CASES.values(), ids=ROW_CASES)
def test_rows_that_lack_a_text_in_any_column_are_listed(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path, case: RowCase
) -> None:
    arguments = [*case.arguments(tmp_path, models), "--skip-invalid"]
    assert run(arguments) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == len(case.rows) - len(case.errors)
    for number, why in case.errors.items():
        assert f"in.jsonl: row {number} {why}" in shown.err
    assert run([*arguments, "--shard-rows", "4", "-f", "jsonl", "-o", f"{tmp_path}/out/"]) == 0
    parts = (tmp_path / "out").glob("part-*")
    assert sum(len(part.read_text().splitlines()) for part in parts) == len(case.rows) - len(
        case.errors
    )
    lists = (tmp_path / "out").glob("_invalid-*")
    invalid = [json.loads(line) for part in lists for line in part.read_text().splitlines()]
    assert {row["row"]: row["why"] for row in invalid} == case.errors


def test_rows_without_a_question_or_a_column_are_refused(
    capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("question,context\nWho?,\n")
    line = refuse(capsys, "answer", "-i", tmp_path / "in.csv", "-m", models / "answerer")
    assert "in.csv: row 1 has no text in 'context'; " in line
    assert "--skip-invalid. [text-empty]" in line
    (tmp_path / "no.csv").write_text("question,text\nWho?,a\n")
    line = refuse(capsys, "answer", "-i", tmp_path / "no.csv", "-m", models / "answerer")
    assert "'context'" in line
    assert "--keep" not in line
    assert "[column-missing]" in line
    line = refuse(
        capsys, "classify", "-i", tmp_path / "no.csv", "--column", "texts",
        "-m", models / "classifier",
    )  # fmt: skip
    assert "[column-missing]" in line
