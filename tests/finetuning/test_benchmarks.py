"""Files of public data sets, in the form in which each is published, become examples."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from albertkit.errors import FormatError, InputError
from albertkit.finetuning import FinetuneOptions, FinetuneSession
from albertkit.finetuning.data.benchmarks.registry import BENCHMARK_NAMES, find_benchmark
from albertkit.finetuning.data.columns import find_columns
from albertkit.finetuning.data.examples import Examples, make_examples
from albertkit.finetuning.data.sources import open_table, split_table
from albertkit.finetuning.data.structured import GoldAnswer

CONTEXT = "Ada wrote a program. Bob wrote none."
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "People",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {
                            "id": "1",
                            "question": "Who wrote a program?",
                            "answers": [{"text": "Ada", "answer_start": 0}] * 2,
                            "is_impossible": False,
                        },
                        {"id": "2", "question": "Who sang?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ],
}
# The header and the first rows as in the published files, made shorter.
GLUE: dict[str, tuple[str, str, list[Any]]] = {
    "cola": (
        "gj04\t1\t\tOur friends won't buy this.\ngj04\t0\t*\tThey drank the pub.\n"
        'r-67\t1\t\t"No" was said.\n',
        "classification",
        ["1", "0", "1"],
    ),
    "sst2": ("sentence\tlabel\nhide new secretions \t0\na gem \t1\n", "classification", ["0", "1"]),
    "mrpc": (
        "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
        '1\t70\t71\tHe said "no .\tNo , he said .\n0\t7\t8\tA cat .\tA dog .\n',
        "classification",
        ["1", "0"],
    ),
    "stsb": (
        "index\tgenre\tfilename\tyear\t"
        "old_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
        "0\tcaptions\tMSRvid\t2012\t1\tnone\tnone\tA plane.\tAn air plane.\t5.000\n"
        "1\tcaptions\tMSRvid\t2012\t4\tnone\tnone\tA man.\tA flute.\t3.800\n",
        "regression",
        [5.0, 3.8],
    ),
    "qqp": (
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
        "1\t2\t3\tHow is it?\tHow are you?\t1\n2\t4\t5\tWhy?\tWhere?\t0\n",
        "classification",
        ["1", "0"],
    ),
    "mnli": (
        "index\tpromptID\tpairID\tgenre\tsentence1_parse\tsentence1\tsentence2\tlabel1\tgold_label\n"
        "0\t31\t31n\tgov\t(ROOT\tIt has two sides.\tSides are all.\tneutral\tneutral\n"
        "1\t32\t32n\tgov\t(ROOT\tA cat.\tAn animal.\tentailment\tentailment\n"
        "2\t33\t33n\tgov\t(ROOT\tA cow.\tA tree.\tneutral\t-\n",
        "classification",
        ["neutral", "entailment"],
    ),
    "qnli": (
        "index\tquestion\tsentence\tlabel\n0\tWhen?\tIn May.\tentailment\n"
        "1\tWho?\tIt rained.\tnot_entailment\n",
        "classification",
        ["entailment", "not_entailment"],
    ),
    "rte": (
        "index\tsentence1\tsentence2\tlabel\n0\tA cat sat.\tA cat.\tentailment\n"
        "1\tIt rained.\tA dog.\tnot_entailment\n",
        "classification",
        ["entailment", "not_entailment"],
    ),
    "wnli": (
        "index\tsentence1\tsentence2\tlabel\n0\tA pin.\tThe carrot.\t1\n1\tJohn.\tHe did.\t0\n",
        "classification",
        ["1", "0"],
    ),
}
CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
"""


def read(path: Path, name: str | None = None) -> Examples:
    benchmark, table = find_benchmark(open_table(path), name)
    columns = find_columns(table, task=benchmark.task if benchmark else None)
    return make_examples(table, columns)[0]


@pytest.mark.parametrize("name", GLUE)
def test_glues_own_files(name: str, tmp_path: Path) -> None:
    contents, task, labels = GLUE[name]
    path = tmp_path / "train.tsv"
    path.write_text(contents, encoding="utf-8")
    examples = read(path, name)
    assert (examples.task, examples.labels) == (task, labels)
    assert (examples.second is None) == (name in ("cola", "sst2"))
    benchmark, _ = find_benchmark(open_table(path))
    assert (None if benchmark is None else benchmark.name) == (None if name == "sst2" else name)
    assert read(path).labels == labels


def test_a_recognised_benchmark_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "train.tsv").write_text(GLUE["mrpc"][0], encoding="utf-8")
    FinetuneSession.open(tmp_path / "train.tsv", None, FinetuneOptions())
    assert "the columns are those of MRPC (GLUE)" in caplog.text


def test_rows_of_a_hub_without_a_label_are_left_out() -> None:
    table = {
        "premise": ["a cat"] * 3,
        "hypothesis": ["a dog"] * 3,
        "label": [0, -1, 2],
        "idx": [0, 1, 2],
    }
    benchmark, named = find_benchmark(open_table(table))
    assert benchmark is not None
    assert benchmark.name == "mnli"
    assert make_examples(named, find_columns(named))[0].labels == ["0", "2"]


@pytest.mark.parametrize("indent", [None, 1])
def test_squads_json(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "train-v2.0.json"
    path.write_text(json.dumps(SQUAD, indent=indent))
    examples = read(path)
    assert examples.task == "question-answering"
    assert examples.first == ["Who wrote a program?", "Who sang?"]
    assert examples.second == [CONTEXT] * 2
    assert examples.labels == [GoldAnswer(("Ada",), 0), GoldAnswer(())]


def test_races_directory_and_rows(tmp_path: Path) -> None:
    passage = {
        "article": CONTEXT,
        "questions": ["Who wrote a program?", "Bob wrote _ ."],
        "options": [["Ada", "Bob"], ["none", "one"]],
        "answers": ["A", "B"],
        "id": "high1.txt",
    }
    directory = tmp_path / "RACE" / "train" / "high"
    directory.mkdir(parents=True)
    (directory / "1.txt").write_text(json.dumps(passage))
    (directory / "2.txt").write_text(json.dumps(passage))
    (tmp_path / "race.jsonl").write_text(json.dumps(passage) + "\n")
    for path, times in ((tmp_path / "RACE", 2), (tmp_path / "race.jsonl", 1)):
        examples = read(path)
        assert examples.task == "multiple-choice"
        assert examples.first == [CONTEXT] * 2 * times
        assert (examples.second or [])[:2] == ["Who wrote a program?", "Bob wrote _ ."]
        assert examples.labels == [0, 1] * times
    passage["answers"] = ["A"]
    (directory / "3.txt").write_text(json.dumps(passage))
    with pytest.raises(FormatError, match=r"passage 3 has 2 questions.*\[row-malformed\]"):
        read(tmp_path / "RACE")


def test_arcs_choices_have_letters_or_numbers() -> None:
    choices = {"text": ["a leaf", "a stone"], "label": ["A", "B"]}
    numbered = {"text": ["a fish", "a bird"], "label": ["1", "2"]}
    rows = [
        {"question": "What burns?", "choices": choices, "answerKey": "A"},
        {"question": "What flies?", "choices": numbered, "answerKey": "2"},
        {"question": "What swims?", "choices": None, "answerKey": "A"},
    ]
    session = FinetuneSession.open(rows, None, FinetuneOptions())
    examples = session.examples
    assert "row 3;" in session.diagnostics[0].line()
    assert examples.task == "multiple-choice"
    assert examples.choices == [["a leaf", "a stone"], ["a fish", "a bird"]]
    assert examples.labels == [0, 1]


def test_swag_is_two_beginnings_and_four_endings(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text(
        ",video-id,fold-ind,startphrase,sent1,sent2,gold-source,ending0,ending1,ending2,ending3,label\n"
        "0,a,1,She sits. He,She sits.,He,gold,runs.,eats.,flies.,sings.,1\n"
    )
    examples = read(path)
    assert (examples.first, examples.second) == (["She sits."], ["He"])
    assert (examples.choices, examples.labels) == ([["runs.", "eats.", "flies.", "sings."]], [1])


@pytest.mark.parametrize("name", ["train.txt", "eng.train", "a.conll"])
def test_conlls_lines(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(CONLL)
    examples = read(tmp_path / name)
    assert examples.words == [["EU", "rejects", "German"], ["Peter", "Blackburn"]]
    assert examples.labels == [("B-ORG", "O", "B-MISC"), ("B-PER", "I-PER")]
    (tmp_path / name).write_text(CONLL + "alone\n")
    with pytest.raises(FormatError, match=r"line 9 has 1 column.*\[row-malformed\]"):
        read(tmp_path / name)


def test_wikianns_words_begin_with_the_language(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("en:R.H.\tB-ORG\nen:a:b\tI-ORG\n\nen:The\tO\n\n")
    assert read(tmp_path / "train").words == [["R.H.", "a:b"], ["The"]]


def test_a_list_of_rows_in_json(tmp_path: Path) -> None:
    rows = [{"text": "a cat", "label": "x"}, {"text": "a dog", "label": "y"}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    assert read(tmp_path / "rows.json").labels == ["x", "y"]
    (tmp_path / "rows.json").write_text('[{"text": "a"}, 3]')
    with pytest.raises(FormatError, match=r"row 2 is no JSON object.*\[row-malformed\]"):
        read(tmp_path / "rows.json")
    (tmp_path / "rows.json").write_text('[{"text": "a"')
    with pytest.raises(FormatError, match=r"not valid JSON.*\[file-malformed\]"):
        read(tmp_path / "rows.json")


def test_a_column_of_splits_divides_the_rows(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    splits = ["train", "test", "dev", "train", "dev"]
    table = open_table({"text": list("abcde"), "label": list("xyxyy"), "split": splits})
    train, valid = split_table(table)
    assert valid is not None
    assert (train.columns["text"], list(train.rows)) == (["a", "d"], [1, 4])
    assert (valid.columns["text"], list(valid.rows)) == (["c", "e"], [3, 5])
    assert "2 for training, 2 (dev) for validation, 1 are not read" in caplog.text
    assert split_table(open_table({"text": ["a"], "split": ["train"]}))[1] is None


def test_an_unknown_or_contrary_name_is_refused() -> None:
    table = open_table({"text": ["a"], "label": ["x"]})
    with pytest.raises(InputError, match=r"'cola'.*\[option-invalid\]"):
        find_benchmark(table, "colla")
    with pytest.raises(InputError, match=r"SST-2 \(GLUE\) is classification.*\[option-invalid\]"):
        find_benchmark(table, "sst2", "regression")
    assert len(set(BENCHMARK_NAMES)) == 14


@pytest.mark.parametrize("name", BENCHMARK_NAMES)
def test_a_table_of_other_columns_is_none_of_the_named_benchmark(name: str) -> None:
    table = open_table({"text": ["a"], "label": ["1"]})
    with pytest.raises(InputError, match=r"no table of .* text, label; .*\[column-missing\]"):
        find_benchmark(table, name)


def test_a_named_benchmark_is_read_in_each_of_its_forms() -> None:
    for columns in (["premise", "hypothesis", "label"], ["Sentence1", "sentence2", "gold_label"]):
        table = open_table({column: ["a"] for column in columns})
        assert find_benchmark(table, "mnli")[0] is not None
    hellaswag = {"ctx": ["a"], "endings": [["b", "c"]], "label": [1]}
    assert find_benchmark(open_table(hellaswag), "swag")[0] is not None


def test_validation_data_need_only_the_columns_that_are_read() -> None:
    """Not those of the benchmark whose form the training data have, unless it was named."""
    pairs = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "gold_label": ["e", "n"]}
    train = {**pairs, "pairID": ["1", "2"], "genre": ["x", "y"]}
    options = FinetuneOptions(text=["sentence1"], label="genre")
    session = FinetuneSession.open(train, {"sentence1": ["f"], "genre": ["x"]}, options)
    assert session.valid is not None
    assert list(session.valid.first) == ["f"]
    with pytest.raises(InputError, match=r"no column 'sentence1'; the columns are text, label"):
        FinetuneSession.open(train, {"text": ["f"], "label": ["x"]}, options)
    with pytest.raises(InputError, match=r"this is no table of MNLI"):
        FinetuneSession.open(train, {"text": ["f"]}, FinetuneOptions(benchmark="mnli"))
