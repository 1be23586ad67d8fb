"""`albertkit vocabulary`: the tokenizer reads text as the vocabulary was trained."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from albertkit import AlbertTokenizer
from albertkit.cli.main import run

TEXT = "Çá vá Émile"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdeéáçÉÁÇEAMILVmilv", k=5)) for _ in range(300)]
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(" ".join(rng.choices(words, k=9)) for _ in range(300)))
    return path


def test_the_number_of_lines_is_printed_before_the_long_part(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["vocabulary", str(corpus), "--size", "90", "-o", str(tmp_path / "a.model")]
    assert run(command) == 0
    assert capsys.readouterr().err.startswith("300 lines read; choosing the pieces\n90 pieces")
    assert run([*command, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "▁ca▁va▁emile"),
        (["--keep-accents"], "▁çá▁vá▁émile"),
        (["--cased"], "▁Ca▁va▁Emile"),
        (["--keep-accents", "--cased"], "▁Çá▁vá▁Émile"),
    ],
)
def test_the_directory_reads_text_as_the_vocabulary_was_trained(
    options: list[str], text: str, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tokenizer"
    assert run(["vocabulary", str(corpus), "--size", "90", "-o", str(out), *options]) == 0
    tokenizer = AlbertTokenizer.from_pretrained(out)
    assert "".join(tokenizer.tokenize(TEXT)) == text
    assert tokenizer.unk_token_id not in tokenizer.convert_tokens_to_ids(tokenizer.tokenize(TEXT))


def test_the_directory_is_read_by_transformers(corpus: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer  # slow to import, used here only

    out = tmp_path / "tokenizer"
    command = ["vocabulary", str(corpus), "--size", "90", "-o", str(out), "--cased"]
    assert run([*command, "--keep-accents"]) == 0
    theirs = AutoTokenizer.from_pretrained(out)
    assert theirs(TEXT)["input_ids"] == AlbertTokenizer.from_pretrained(out).encode(TEXT)


@pytest.mark.parametrize("option", ["--keep-accents", "--cased"])
def test_a_file_that_cannot_say_what_is_kept_is_refused(
    option: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spiece.model"
    assert run(["vocabulary", str(corpus), "-o", str(file), option]) == 2
    line = capsys.readouterr().err
    assert "does not say that accents or capitals are kept" in line
    assert line.endswith(f"Write a directory: --output {tmp_path / 'spiece'}/. [option-invalid]\n")
    assert not file.exists()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--size", str(2_000_000_000)], "option-invalid"),
        (["--sentences", str(2**64)], "option-invalid"),
        (["-o", "no-such-directory/spiece.model"], "file-not-found"),
        (["-o", "corpus.txt"], "directory-not-empty"),
    ],
)
def test_what_cannot_be_is_one_line_before_the_corpus_is_read(
    options: list[str],
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_bytes(b"\xff")  # which would be an error of its own
    assert run(["vocabulary", "corpus.txt", "-o", "spiece.model", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"[{code}]")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


def test_a_failed_training_leaves_the_old_vocabulary(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spiece.model"
    assert run(["vocabulary", str(corpus), "--size", "90", "-q", "-o", str(file)]) == 0
    assert capsys.readouterr().err == ""
    old = file.read_bytes()
    assert run(["vocabulary", str(corpus), "--size", "5000", "-o", str(file)]) == 2
    assert "[vocabulary-too-large]" in capsys.readouterr().err
    assert file.read_bytes() == old
    assert list(tmp_path.iterdir()) == [file]
