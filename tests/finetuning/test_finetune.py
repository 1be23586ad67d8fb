"""From a table to a stored model, with real vectors of the built-in model."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.model_cards import run_model_card

from albertkit import TextClassifier, TextEmbedder, finetune
from albertkit.errors import FormatError, InputError
from albertkit.finetuning import FinetuneOptions, FinetuneSession, check_examples
from albertkit.finetuning.data.sources import open_table
from albertkit.finetuning.session import parse_seconds, weigh_rows
from albertkit.spec.vector_head import VectorHead
from albertkit.tables import read_whole_table

ANIMALS = "cat dog horse cow sheep goat rabbit fox bear wolf".split()  # noqa: SIM905
TOOLS = "hammer saw drill wrench pliers chisel file axe shovel rake".split()  # noqa: SIM905
PLACES = "in the garden", "near the house", "behind the shed", "on the farm", "by the old gate"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cached_vectors(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


def make_rows() -> dict[str, list[Any]]:
    rows = [
        (f"I saw a {word} {place}", label)
        for label, words in (("animal", ANIMALS), ("tool", TOOLS))
        for word in words
        for place in PLACES
    ]
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    return {"text": [rows[n][0] for n in order], "label": [rows[n][1] for n in order]}


ROWS = make_rows()


def test_a_table_becomes_a_model_that_is_better_than_chance(tmp_path: Path) -> None:
    seen: list[str] = []
    output = tmp_path / "model"
    tuned = finetune(
        ROWS,
        contenders=["majority", "tfidf", "probe"],
        output=output,
        on_result=lambda result: seen.append(result.name),
    )
    assert seen == ["majority", "tfidf", "probe"]
    assert tuned.report.score.value > 0.7
    assert tuned.labels == ("animal", "tool")
    assert tuned.predict("I saw a sheep in the garden") == ["animal"]
    metrics = json.loads((output / "report" / "metrics.json").read_text())
    assert metrics["score"] == round(tuned.report.score.value, 4)
    assert metrics["rows"]["training"] + metrics["rows"]["validation"] == 100
    labels = list(csv.DictReader((output / "report" / "labels.csv").open()))
    assert [row["label"] for row in labels] == ["animal", "tool"]
    confusion = list(csv.DictReader((output / "report" / "confusion.csv").open()))
    assert sum(int(row["rows"]) for row in confusion) == metrics["rows"]["validation"]
    assert set(metrics["within_noise_of_it"]) <= {"majority", "tfidf"}
    picture = output / "report" / "confusion.png"  # with matplotlib alone
    assert picture.is_file() == (find_spec("matplotlib") is not None)
    assert "pipeline_tag: text-classification" in (output / "README.md").read_text()


def test_a_model_that_was_only_pretrained_splits_the_rows_as_others_do() -> None:
    """By small-en the cosine of any two rows is above 0.9, which makes no duplicates of them."""
    tuned = finetune(ROWS, model="small-en", contenders=["probe"])
    assert tuned.report.metrics["rows"]["validation"] == 20


def test_the_stored_head_gives_the_scores_of_the_report(tmp_path: Path) -> None:
    tuned = finetune(ROWS, contenders=["probe"])
    tuned.save_pretrained(tmp_path)
    head = VectorHead.read(tmp_path)
    vectors = TextEmbedder(tmp_path).encode(ROWS["text"])
    own = [head.labels[n] for n in head.logits(vectors).argmax(1)]
    assert own == tuned.predict(ROWS["text"])
    assert head.temperature == pytest.approx(tuned.report.temperature)


def test_the_classifier_opens_what_is_written(tmp_path: Path) -> None:
    tuned = finetune(ROWS, contenders=["probe"], output=tmp_path / "texts")
    classifier = TextClassifier(tmp_path / "texts")
    assert classifier.predict(ROWS["text"]) == tuned.predict(ROWS["text"])
    assert classifier.labels == ("animal", "tool")
    score = classifier("I saw a sheep in the garden")[0]
    assert (score["label"], 0.5 < score["score"] < 1) == ("animal", True)
    pairs = {"sentence1": ROWS["text"], "sentence2": ROWS["text"][::-1], "label": ROWS["label"]}
    tuned = finetune(pairs, contenders=["probe"], output=tmp_path / "pairs")
    both = list(zip(pairs["sentence1"], pairs["sentence2"], strict=True))
    classifier = TextClassifier(tmp_path / "pairs")
    assert classifier.predict(both) == tuned.predict(both)
    assert tuned.predict(both[0]) == tuned.predict(both[:1])
    run_model_card(tmp_path / "texts")
    run_model_card(tmp_path / "pairs")
    with pytest.raises(InputError, match=r"^single texts .*trained on pairs.*\[inputs-shape\]"):
        tuned.predict(ROWS["text"])


def test_pairs_are_for_classifiers_of_pairs_alone(tmp_path: Path) -> None:
    finetune(ROWS, contenders=["probe"], output=tmp_path / "texts")
    pairs = {"sentence1": ROWS["text"], "sentence2": ROWS["text"][::-1], "label": ROWS["label"]}
    finetune(pairs, contenders=["probe"], output=tmp_path / "pairs")
    for name, given in (("pairs", ROWS["text"][:3]), ("texts", [("a cat", "a dog")])):
        with pytest.raises(InputError, match=r"are given.*trained on.*--pair.*\[inputs-shape\]"):
            TextClassifier(tmp_path / name).predict(given)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"contenders": [1]}, r"contenders has 1 \(int\)"),
        ({"contenders": 3}, r"contenders has 3 \(int\)"),
        ({"text": 3}, r"text has 3 \(int\)"),
        ({"text": ["text", 3]}, r"text has 3 \(int\)"),
        ({"label": 3}, r"label has 3 \(int\)"),
        ({"class_weights": None}, "class_weights is None"),
        ({"class_weights": {"animal": "x"}}, r"class_weights\['animal'\] is 'x'"),
        ({"class_weights": {"animal": -1}}, r"class_weights\['animal'\] is -1"),
        ({"class_weights": {"animal": float("nan")}}, r"class_weights\['animal'\] is nan"),
        ({"tuning": {"epochs": 1}}, r"tuning is \{'epochs': 1\} .*Give TuningConfig"),
    ],
)
def test_options_of_other_types_are_refused_by_name(options: Any, line: str) -> None:
    with pytest.raises(InputError, match=rf"^{line}.*\[option-invalid\]"):
        finetune(ROWS, **options)


def test_names_and_numbers_of_any_kind_are_read() -> None:
    options = FinetuneOptions(
        text=(name for name in ["text"]),  # type: ignore[arg-type]
        contenders=(name for name in ["probe"]),  # type: ignore[arg-type]
        folds=np.int64(2),  # type: ignore[arg-type]
        class_weights={"animal": np.float32(2)},  # type: ignore[dict-item]
    )
    assert (options.text, options.contenders) == (("text",), ("probe",))
    assert json.dumps([options.folds, options.class_weights]) == '[2, {"animal": 2.0}]'
    assert FinetuneOptions(contenders="tfidf").contenders == ("tfidf",)  # type: ignore[arg-type]


def test_an_output_that_is_a_file_is_refused_before_the_race(tmp_path: Path) -> None:
    results: list[Any] = []
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"is a file; .*\[directory-not-empty\]"):
        finetune(ROWS, output=tmp_path / "file", on_result=results.append)
    assert not results


def test_what_cannot_be_predicted_is_refused() -> None:
    tuned = finetune(ROWS, contenders=["probe"])
    assert tuned.predict([]) == []
    with pytest.raises(InputError, match=r"^pairs .*trained on single texts.*\[inputs-shape\]"):
        tuned.predict([("a cat", "a dog")])
    with pytest.raises(InputError, match=r"item 0 of 1 is 3.*\[input-not-texts\]"):
        tuned.predict([3])


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = (finetune(ROWS, contenders=["tfidf", "probe"], seed=3).report for _ in "ab")
    assert first.metrics["fingerprints"] == second.metrics["fingerprints"]
    assert first.score == second.score


def test_folds_score_all_rows() -> None:
    tuned = finetune(ROWS, contenders=["majority", "probe"], folds=4)
    assert tuned.report.metrics["rows"]["validation"] == 100


def test_a_validation_table_is_scored(tmp_path: Path) -> None:
    valid = {"text": ["the dog barks", "a hammer and a saw"], "label": ["animal", "tool"]}
    tuned = finetune(ROWS, valid=valid, contenders=["probe"])
    assert tuned.report.metrics["rows"] == {"training": 100, "validation": 2}
    with pytest.raises(InputError, match=r"no validation row.*\[label-one-sided\]"):
        finetune(ROWS, valid={"text": ["x y"], "label": ["plant"]})


def test_pairs_numbers_and_several_labels(tmp_path: Path) -> None:
    pairs = {"sentence1": ROWS["text"], "sentence2": ROWS["text"][::-1]}
    same = [a == b for a, b in zip(ROWS["label"], ROWS["label"][::-1], strict=True)]
    tuned = finetune({**pairs, "label": [str(x) for x in same]}, contenders=["probe"])
    assert tuned.predict([("a dog", "a cat"), ("a saw", "a cow")]) != []
    numbers = {"text": ROWS["text"], "score": [len(text) / 10 for text in ROWS["text"]]}
    tuned = finetune(numbers, contenders=["majority", "probe"], output=tmp_path / "numbers")
    assert tuned.task == "regression"
    assert tuned.report.score.value > 0
    sizes = [row["score"] for row in tuned.report.tables["errors"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0
    valid = {"text": ["a dog"], "score": [1.5]}  # one number has no correlation
    tuned = finetune(numbers, valid=valid, task="regression", contenders=["probe"])
    assert (tuned.report.score.value, tuned.report.metrics["pearson"]) == (0, 0)
    several = {
        "text": ROWS["text"],
        "labels": [[label, "long"] if n % 2 else [label] for n, label in enumerate(ROWS["label"])],
    }
    tuned = finetune(several, contenders=["tfidf", "probe"])
    assert "animal" in tuned.predict(["I saw a sheep in the garden"])[0]
    assert tuned.report.tables["thresholds"]


def test_vectors_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    finetune(ROWS, contenders=["probe"])
    files = list(tmp_path.rglob("*.npy"))
    assert len(files) == 1
    before = files[0].read_bytes()
    files[0].write_bytes(before[:100])  # damaged: computed again
    finetune(ROWS, contenders=["probe"])
    assert files[0].read_bytes() == before


def test_a_baseline_that_is_as_good_is_said(caplog: pytest.LogCaptureFixture) -> None:
    labels = np.random.default_rng(0).choice(["x", "y"], 100, p=[0.85, 0.15]).tolist()
    tuned = finetune({"text": ROWS["text"], "label": labels}, contenders=["majority", "probe"])
    assert any(d.code == "baseline-better" for d in tuned.diagnostics)
    assert "[baseline-better]" in caplog.text


def test_class_weights() -> None:
    session = FinetuneSession.open(ROWS, None, FinetuneOptions())
    few = session.examples.take([n for n, x in enumerate(ROWS["label"]) if x == "tool" or n < 20])
    auto = weigh_rows(session.labels, few, "auto")
    assert auto is not None
    by_label = dict(zip(few.labels, auto, strict=True))
    counts = {label: few.labels.count(label) for label in by_label}
    assert by_label["animal"] * counts["animal"] == pytest.approx(len(few) / 2)
    given = weigh_rows(session.labels, few, {"tool": 3})
    assert given is not None
    assert sorted(set(given.tolist())) == [1, 3]
    with pytest.raises(InputError, match=r"'toll'.*\[option-invalid\]"):
        weigh_rows(session.labels, few, {"toll": 3})


def test_checks_can_be_called_alone() -> None:
    codes = {diagnostic.code for diagnostic in check_examples({**ROWS, "copy": ROWS["label"]})}
    assert {"label-leaked", "label-rare"} <= codes


@pytest.mark.parametrize(
    ("time", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), (7, 7), (None, None)]
)
def test_times_have_units(time: Any, seconds: float | None) -> None:
    assert parse_seconds(time) == seconds


def test_bad_settings_are_refused_before_anything_is_read() -> None:
    for settings in (
        {"max_time": "soon"},
        {"folds": 1},
        {"class_weights": "some"},
        {"contenders": ["guess"]},
    ):
        with pytest.raises(InputError, match=r"\[option-invalid\]"):
            finetune("missing.csv", **settings)
    with pytest.raises(InputError, match=r"the nearest is 'label'.*\[unknown-keyword\]"):
        finetune(ROWS, labels="label")  # type: ignore[call-arg]


def test_no_time_is_said() -> None:
    with pytest.raises(InputError, match=r"no time is left.*\[nothing-trained\]"):
        finetune(ROWS, max_time="0.001s")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, r"the data is 3.*\[input-not-table\]"),
        ([], r"\[input-not-table\]"),
        ({"a": [1], "b": []}, r"\[input-not-table\]"),
        ({"text": [], "label": []}, r"\[texts-missing\]"),
        ({"text": ["a b"] * 9, "label": ["x"] * 9}, r"all 9 examples.*'x'.*\[label-single\]"),
        (
            {"text": [f"word {n}" for n in range(9)], "label": [f"x{n}" for n in range(9)]},
            r"9 different values.*\[label-single\]",
        ),
        ({"text": ["a b"] * 9, "label": ["x", "y", "x"] * 3}, r"cannot be split.*\[texts-miss"),
    ],
)
def test_unusable_data_are_refused(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        finetune(data)


def test_frames_and_lists_of_rows_are_tables() -> None:
    rows = [
        {"text": text, "label": label}
        for text, label in zip(ROWS["text"], ROWS["label"], strict=True)
    ]

    class Frame:
        columns = ("text", "label")

        def to_dict(self, orient: str = "dict") -> Any:
            return ROWS if orient == "list" else {"text": dict(enumerate(ROWS["text"]))}

    scores = [finetune(data, contenders=["probe"]).report.score for data in (ROWS, rows, Frame())]
    assert scores[0] == scores[1] == scores[2]


def write_rows(path: Path) -> None:
    """ROWS as a table whose second row is too long, and the fourth broken."""
    rows = list(zip(ROWS["text"], ROWS["label"], strict=True))
    rows[1] = ("word " * 1_000_000, rows[1][1])
    if path.suffix == ".jsonl":
        lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
        lines[3] = "{"
    else:
        lines = ["text,label", *(f'"{text}",{label}' for text, label in rows)]
        lines[4] += ",another cell"
    path.write_text("\n".join(lines))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_rows_that_cannot_be_read_are_left_out_and_counted(name: str, tmp_path: Path) -> None:
    write_rows(tmp_path / name)
    with pytest.raises(FormatError, match=r"row 2 has more than .*--skip-invalid. \[row-too-long"):
        FinetuneSession.open(tmp_path / name, None, FinetuneOptions())
    session = FinetuneSession.open(tmp_path / name, None, FinetuneOptions(skip_invalid=True))
    rows = [n for n in range(1, len(ROWS["text"]) + 1) if n not in (2, 4)]
    assert session.examples.rows.tolist() == rows
    assert list(session.examples.first) == [ROWS["text"][n - 1] for n in rows]
    (diagnostic,) = session.diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("row-too-long", "warning")
    assert diagnostic.what == "2 rows left out that cannot be read: rows 2, 4"


def test_half_of_a_surrogate_pair_is_an_invalid_row(tmp_path: Path) -> None:
    for text in ('"a \\ud800"', '["\\udc00"]'):
        (tmp_path / "a.jsonl").write_text(f'{{"text": {text}, "label": "x"}}\n')
        with pytest.raises(FormatError, match=r"row 1 holds half of.*\[lone-surrogate\]"):
            FinetuneSession.open(tmp_path / "a.jsonl", None, FinetuneOptions())
    with pytest.raises(InputError, match=r"\[lone-surrogate\]"):
        finetune({"text": ["a \ud800", "b"] * 9, "label": ["x", "y"] * 9}, contenders=["probe"])


def test_a_file_whose_rows_all_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{\n[1]\n")
    with pytest.raises(InputError, match=r"no rows that can be read; row 1 is not valid JSON"):
        FinetuneSession.open(tmp_path / "a.jsonl", None, FinetuneOptions(skip_invalid=True))


def test_rows_that_are_left_out_are_listed_for_each_file(tmp_path: Path) -> None:
    for name, lines in (("a", "{"), ("b", '{"text": "c", "label": "y"}\n{\n[')):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"text": "{name}", "label": "x"}}\n{lines}\n')
    session = FinetuneSession.open(tmp_path, None, FinetuneOptions(skip_invalid=True))
    assert [(Path(d.where).name, d.what.split(": ")[1]) for d in session.diagnostics] == [
        ("a.jsonl", "row 2"),
        ("b.jsonl", "rows 3, 4"),
    ]


@pytest.mark.parametrize("skip_invalid", [False, True])
@pytest.mark.parametrize("header", ["text,label", "text,é,label"])
def test_each_file_of_a_directory_is_read_in_its_own_encoding(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, header: str, *, skip_invalid: bool
) -> None:
    """Also if no row of a file is UTF-8, which are not left out then."""
    for name, encoding in (("a", "cp1252"), ("b", "utf-8"), ("c", "cp1252")):
        row = f"café {name},{'é,' if 'é' in header else ''}{name}\n"
        (tmp_path / f"{name}.csv").write_bytes(f"{header}\n{row}".encode(encoding))
    table = open_table(tmp_path, skip_invalid=skip_invalid)
    assert table.columns["text"] == ["café a", "café b", "café c"]
    notes = [line.split(":")[0] for line in caplog.messages if "cp1252" in line]
    assert notes == ["a.csv", "c.csv"]


def test_files_that_are_not_utf8_are_read_with_a_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "data.csv"
    lines = [f"{t} café;{label}" for t, label in zip(ROWS["text"], ROWS["label"], strict=True)]
    path.write_bytes("\n".join(["text;label", *lines]).encode("latin-1"))
    session = FinetuneSession.open(path, None, FinetuneOptions())
    assert session.examples.first[0].endswith("café")
    assert "cp1252" in caplog.text
    with pytest.raises(FormatError, match=r"\[file-not-utf8\]"):
        read_whole_table(path)
