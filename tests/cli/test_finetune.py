"""The command finetune: messy tables, one clear line for each mistake, nothing half-written."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from tests.finetuning.test_finetune import ROWS
from tests.support.full_disk import limit_file_size

from albertkit.cli import finetune as command
from albertkit.cli.main import run
from albertkit.fileformats.safetensors import read_safetensors
from albertkit.finetuning.data.columns import Columns, Task


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def write_messy(name: str, rows: int = 100) -> Path:
    """Semicolons, Latin-1, an index column, a label in two spellings, an empty cell."""
    lines = [";Texte;Label"]
    for number in range(rows):
        label = ROWS["label"][number]
        label = label.upper() if number == 7 else "" if number == 9 else label
        lines.append(f'{number};"{ROWS["text"][number]}; très bien";{label}')
    path = Path(name)
    path.write_bytes("\r\n".join(lines).encode("latin-1"))
    return path


def test_a_messy_table_becomes_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    write_messy("messy.csv")
    assert run(["finetune", "messy.csv", "--contenders", "majority,tfidf,probe"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == [
        "contender",
        "accuracy",
        "95",
        "%",
        "interval",
        *["seconds", "MB"],
        "ms",
        "a",
        "text",
    ]
    assert [line.split()[0] for line in lines[1:4]] == ["majority", "TF-IDF", "probe"]
    assert max(map(len, lines)) < 80
    for seen in (
        "text   Texte",
        "label  Label",
        "cp1252",
        "separated by a semicolon",
        "'ANIMAL' (row 8) is taken as the label 'animal'"
        if ROWS["label"][7] == "animal"
        else "'TOOL' (row 8) is taken as the label 'tool'",
        "1 row left out: row 10",
        "probe written to messy-model/",
    ):
        assert seen in err
    assert (Path("messy-model") / "report" / "metrics.json").is_file()
    assert run(["finetune", "messy.csv", "--contenders", "probe"]) == 0  # replaces its own result


PAGE = Path(__file__).parents[2] / "docs" / "finetune.md"


def read_page_block(begin: str) -> list[str]:
    """The lines of the page's block that begins so."""
    blocks = PAGE.read_text(encoding="utf-8").split("```text\n")
    return next(block.split("```")[0] for block in blocks if block.startswith(begin)).splitlines()


def hide_figures(lines: list[str]) -> list[str]:
    """Lines without what depends on the machine: scores, seconds and milliseconds."""
    return [re.sub(r"\s*[\d.]+(?= |$)", " #", line) for line in lines if "[engine-" not in line]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig"])
def test_the_page_shows_what_a_messy_table_gives(
    capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    text = write_messy("messy.csv").read_bytes().decode("latin-1")
    Path("messy.csv").write_bytes(text.encode(encoding))
    assert {*read_page_block(";Texte;Label")} - {"…"} <= {*text.splitlines()}
    assert run(["finetune", "messy.csv", "--contenders", "majority,tfidf,probe"]) == 0
    out, err = capsys.readouterr()
    head, tail = err.split("warning: TF-IDF")
    printed = [*head.splitlines(), *out.splitlines(), *f"warning: TF-IDF{tail}".splitlines()]
    shown = read_page_block("warning: the cells of messy.csv")
    if encoding != "latin-1":
        shown = [line for line in shown if "cp1252" not in line]
    assert hide_figures(printed) == hide_figures(shown)


def test_a_reader_that_has_enough_does_not_end_the_race() -> None:
    write_messy("messy.csv")
    reader, writer = os.pipe()
    os.close(reader)
    words = ["finetune", "messy.csv", "--contenders", "majority,probe"]
    with os.fdopen(writer, "w") as pipe:
        start = [sys.executable, "-c", "from albertkit.cli.start import main; main()"]
        done = subprocess.run([*start, *words], stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert done.stderr.decode().splitlines()[-2] == "probe written to messy-model/"
    assert done.returncode == 0


def test_of_several_ranks_the_first_one_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_messy("messy.csv")
    monkeypatch.setenv("RANK", "1")
    assert run(["finetune", "messy.csv", "--contenders", "majority,probe"]) == 0
    assert capsys.readouterr() == ("", "")
    assert not Path("messy-model").exists()


def test_two_ranks_tune_the_model_of_one_rank_with_two_batches() -> None:
    """With the best checkpoint, which is not the last one, as the teacher of the short model."""
    import_module("torch")  # of which the command says that it is missing
    lines = [f"{text},{len(text)}" for text in ROWS["text"]]
    Path("rows.csv").write_text("\n".join(["text,length", *lines]))
    recipe = (
        "[tuning]\nmax_steps = 12\nlearning_rate = 0.004\npatience = 3\n"
        'classifier_dropout = 0.0\nrepetitions = 2\nprecision = "float32"\n'
    )
    Path("two.toml").write_text(recipe)
    Path("one.toml").write_text(recipe + "gradient_accumulation_steps = 2\n")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python"]
    command = ["-c", "from albertkit.cli.start import main; main()", "finetune", "rows.csv"]
    command += ["--task", "regression", "--contenders", "tune", "--max-time", "1h", "--recipe"]
    for name, launcher in (("one", ()), ("two", [*torchrun, "--", sys.executable])):
        subprocess.run(
            [sys.executable, *launcher, *command, f"{name}.toml", "-o", name],
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=300,
        )
    one, two = (read_safetensors(Path(name) / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for key, array in one.items():
        np.testing.assert_allclose(array, two[key], atol=1e-5, err_msg=key)  # order of sums


def test_the_tuned_model_runs_fewer_repetitions(capsys: pytest.CaptureFixture[str]) -> None:
    import_module("torch")  # of which the command says that it is missing
    write_messy("messy.csv")
    Path("short.toml").write_text("[tuning]\nmax_steps = 2\nlearning_rate = 1e-5\n")
    assert run(["finetune", "messy.csv", "--repetitions", "2", "--recipe", "short.toml"]) == 0
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == [
        *("majority", "TF-IDF", "tune")
    ]
    config = json.loads((Path("messy-model") / "config.json").read_text())
    assert config["num_hidden_layers"] == 2
    assert run(["classify", "I saw a hammer", "-m", "messy-model", "--engine", "numpy"]) == 0
    assert '"label"' in capsys.readouterr().out


def test_a_recipe_lets_the_tuning_take_part_with_its_seed() -> None:
    recipe = Path("own.toml")
    recipe.write_text("[tuning]\nmax_steps = 2\nseed = 3\n")
    config = command.make_tuning_config(recipe, None, None)
    assert config is not None
    assert config.seed == 3
    config = command.make_tuning_config(recipe, 2, 0)  # options have precedence
    assert config is not None
    assert (config.seed, config.repetitions, config.max_steps) == (0, 2, 2)
    assert command.make_tuning_config(None, None, 5) is None
    Path("one.csv").write_text("text,label\na b,x\n")
    assert run(["finetune", "one.csv", "--recipe", "own.toml", "--contenders", "probe"]) == 2


@pytest.mark.parametrize(
    ("columns", "use"),
    [
        (Columns("classification", ("text",), "label"), 'classify "a text"'),
        (
            Columns("regression", ("first", "second"), "score"),
            'classify "a text" --pair "another text"',
        ),
        (Columns("tagging", ("tokens",), "tags"), 'tag "a text"'),
        (
            Columns("question-answering", ("question", "context"), "answer"),
            'answer "a question" --context "a text"',
        ),
        (
            Columns("multiple-choice", ("question",), "answer", ("choices",)),
            'choose "a question" --choice "one" --choice "another"',
        ),
    ],
)
def test_the_last_line_is_a_command_of_the_task(columns: Columns, use: str) -> None:
    line = command.describe_use(columns, Path("my model"))
    assert line == f"albertkit {use} -m 'my model'"
    words = shlex.split(line)
    assert run([words[1], "--help"]) == 0


def test_a_run_is_no_model_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.csv").write_text("text,label\na b,x\nc d,y\n")
    assert run(["finetune", "one.csv", "-m", "my-modle", "-o", "my-model"]) == 2
    assert "did you mean" not in capsys.readouterr().err


def test_check_prints_diagnostics_and_exits_with_1_on_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_messy("messy.csv", 40)
    assert run(["finetune", "messy.csv", "--check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("error: messy.csv: there are 39 examples")
    assert lines[-1].startswith("1 error")
    assert list(Path.cwd().iterdir()) == [Path.cwd() / "messy.csv"]


@pytest.mark.parametrize(
    ("contents", "arguments", "message"),
    [
        ("", [], "[texts-missing]"),
        ("text,label\n", [], "[texts-missing]"),
        ("text,label\na b,x\n", ["--label", "lable"], "Did you mean 'label'?"),
        ("text,label\na b,x\n", [], "[label-single]"),
        ("text,label\na b\n", [], "[row-malformed]"),
        ("text,score\na b,1.5\nc d,2.5\ne f,good\n", ["--task", "regression"], "[label-invalid]"),
        (
            "text,score\na b,1.5\nc d,2.5\ne f,3.25\n",
            ["--task", "regression", "--class-weights", "auto"],
            "[option-invalid]",
        ),
        ("text,label\na b,x\nc d,y\n", ["--seed", str(2**63)], "5,807. [option-invalid]"),
        ("text,label\na,x\nb,y\nc,x\nd,y\n", ["--folds", str(10**20)], "4 examples. Give fewer;"),
        ("text,label\na b,x\nc d,y\n", ["--encoding", "utf-16"], "[encoding-mismatch]"),
        ("text,label\na b,x\nc d,y\n", ["--encoding", "idna"], "[option-invalid]"),
        ("text,score\na b,1.5\nc d,1e300\n", ["--task", "regression"], "too large to be learned"),
        (
            "text,label\na b,x\nc d,y\n",
            ["--seed", str(2**63), "--repetitions", "2"],
            "Correct seed. [recipe-value-invalid]",
        ),
        ("text,label\na b,x\n", ["--contenders", "guess"], "[usage]"),
        ("text,label\na b,x\n", ["--contenders", "tfidf,majority"], "Add probe or tune. [usage]"),
        (f"text,label\n{'a' * 5_000_000},x\nb,y\n", [], "[row-too-long]"),
        ("just a line\nand another\n", [], "[column-"),
        ("text,label\na b,x\na b,y\n", [], "[texts-missing]"),
        (
            "question,context,answer\nwho?,a cat,dog\n",
            ["--task", "question-answering"],
            "[answer-not-in-context]",
        ),
    ],
)
def test_bad_input_gets_one_line_and_writes_nothing(
    contents: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("data.csv").write_text(contents, encoding="utf-8")
    assert run(["finetune", "data.csv", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""  # no head of a table that stays empty
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert [path.name for path in Path.cwd().iterdir()] == ["data.csv"]


def test_a_directory_of_other_files_is_not_touched(capsys: pytest.CaptureFixture[str]) -> None:
    write_messy("messy.csv")
    Path("mine").mkdir()
    (Path("mine") / "notes.txt").write_text("keep")
    assert run(["finetune", "messy.csv", "-o", "mine"]) == 2
    assert "[directory-not-empty]" in capsys.readouterr().err
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


def test_a_second_run_into_the_same_directory_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_messy("messy.csv")
    other = """
from pathlib import Path
from albertkit.fileformats.directory_lock import hold_lock
with hold_lock(Path("messy-model.run"), why=""):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", other], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert run(["finetune", "messy.csv", "--contenders", "probe"]) == 3
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "another process writes to 'messy-model.run'" in err
        assert "[output-busy]" in err
        process.kill()
    assert not Path("messy-model").exists()
    assert run(["finetune", "messy.csv", "--contenders", "probe"]) == 0  # the lock died with it
    assert not Path("messy-model.run").exists()


def test_a_full_disk_leaves_the_earlier_model(capsys: pytest.CaptureFixture[str]) -> None:
    write_messy("messy.csv")
    assert run(["finetune", "messy.csv", "--contenders", "probe"]) == 0
    model = Path("messy-model")
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    capsys.readouterr()
    with limit_file_size(1_000_000):
        assert run(["finetune", "messy.csv", "--contenders", "probe", "--seed", "1"]) == 3
    errors = [line for line in capsys.readouterr().err.splitlines() if "[write-failed]" in line]
    assert len(errors) == 1
    assert errors[0].startswith("error: 'messy-model' could not be written: File too large")
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before
    assert {path.name for path in Path.cwd().iterdir()} == {"messy.csv", "messy-model"}


def test_the_words_of_the_options_are_the_librarys() -> None:
    assert get_args(command.Task) == get_args(Task)
