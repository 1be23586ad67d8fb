"""What bad input gets: one line that says what to do, before any compute, alike everywhere.

One row for each way of going wrong: how Python meets it, the command that meets the same (where
there is one), the code, and a part of the line. Tests of the packages go deeper: shapes and masks
in model/test_inputs.py, broken files in fileformats/, kills in fileformats/test_atomic.py.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from albertkit import (
    AlbertConfig,
    AlbertForMaskedLM,
    AlbertForSequenceClassification,
    AlbertModel,
    AlbertTokenizer,
    FillMask,
    TextEmbedder,
    load,
)
from albertkit.checkpoints import HUGGINGFACE, SENTENCE_TRANSFORMERS, Checkpoint
from albertkit.cli.main import run
from albertkit.errors import AlbertKitError
from albertkit.fileformats.safetensors import read_safetensors, write_safetensors
from albertkit.runtime.loaded_model import add_fingerprint
from albertkit.spec.pooling_config import PoolingConfig
from tests.support.axes import CONFIG, SMALL, random_weights
from tests.support.interrupts import start_command
from tests.support.tiny_models import PIECES, TINY, save_tiny, save_tiny_vectors

WEIGHTS = "model.safetensors"
TOKENIZER = ("spiece.model", "tokenizer.json", "tokenizer_config.json")
STARTED = [sys.executable, "-c", "from albertkit.cli.start import main; main()"]
IDS = torch.tensor([[2, 17, 3, 9, 3]])
ONES, ZEROS = torch.ones_like(IDS), torch.zeros_like(IDS)
PUBLISHED = AlbertConfig(  # as many ids and positions as the published models
    **{**SMALL, "vocab_size": 30000, "max_position_embeddings": 512}  # type: ignore[arg-type]
)


class Workshop(SimpleNamespace):
    """Good models, and the directory in which copies of them are spoilt."""

    directory: Path
    words: Path  # with a head for masked words, without a pooler
    vectors: Path
    bare: Path  # without a head
    model: AlbertModel
    published: AlbertModel
    tokenizer: AlbertTokenizer
    embedder: TextEmbedder
    fill: FillMask

    def file(self, name: str, data: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(data)
        return path

    def spoilt(self, name: str, data: bytes) -> Path:
        """A copy of the words' directory, in which one file holds something else."""
        copy = self.without()
        (copy / name).write_bytes(data)
        return copy

    def without(self, *names: str) -> Path:
        copy = self.directory / f"copy{len(list(self.directory.iterdir()))}"
        shutil.copytree(self.words, copy)
        for name in names:
            (copy / name).unlink()
        return copy

    def in_the_place_of_weights(self, name: str, data: bytes) -> Path:
        """A copy with this file for its weights."""
        copy = self.without(WEIGHTS)
        (copy / name).write_bytes(data)
        return copy

    def head_alone(self) -> Path:
        """A checkpoint of which the encoder was lost."""
        copy = self.without()
        tensors = read_safetensors(self.words / WEIGHTS)
        kept = {name: np.array(tensors[name]) for name in tensors if "predictions" in name}
        write_safetensors(copy / WEIGHTS, kept)
        return copy

    def of_other_size(self) -> Path:
        """A model of 30,000 rows with a tokenizer of 1,000 pieces."""
        directory = self.directory / "other_size"
        HUGGINGFACE.write(Checkpoint(random_weights(PUBLISHED)), directory)
        self.tokenizer.save_pretrained(directory)
        return directory

    def of_other_pieces(self) -> Path:
        """A tokenizer of as many pieces as the model has rows, two of them exchanged."""
        directory = self.directory / "other_pieces"
        HUGGINGFACE.write(
            Checkpoint(add_fingerprint(random_weights(TINY, ["masked_lm"]), self.tokenizer)),
            directory,
        )
        self.tokenizer.save_pretrained(directory)
        (directory / "tokenizer.json").unlink()
        data = PIECES.read_bytes()
        (directory / "spiece.model").write_bytes(data.replace("▁with".encode(), "▁wyth".encode()))
        return directory


@pytest.fixture(scope="module")
def w(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    directory = tmp_path_factory.mktemp("workshop")
    words = save_tiny(directory / "words", ["masked_lm"])
    vectors = save_tiny_vectors(directory / "vectors", PoolingConfig())
    return Workshop(
        directory=directory,
        words=words,
        vectors=vectors,
        bare=save_tiny(directory / "bare"),
        model=AlbertModel.from_pretrained(words),
        published=AlbertModel(PUBLISHED).eval(),
        tokenizer=AlbertTokenizer.from_pretrained(words),
        embedder=TextEmbedder(vectors, engine="numpy"),
        fill=FillMask(words, engine="numpy"),
    )


@dataclass(frozen=True)
class Bad:
    """One way of going wrong. command: run in the workshop, for what Python got."""

    item: str
    provoke: Callable[[Workshop], object]
    code: str
    says: str
    command: Callable[[Workshop], list[object]] | None = None
    same_line: bool = True  # whether the command's line is Python's, word for word


def opening(item: str, spoil: Callable[[Workshop], Path], code: str, says: str) -> Bad:
    """A directory that cannot be opened: by `load`, and by the command that shows directories."""
    made: list[Path] = []  # so that both get the very same

    def once(w: Workshop) -> Path:
        made[:] = made or [spoil(w)]
        return made[0]

    return Bad(item, lambda w: load(once(w)), code, says, lambda w: ["inspect", once(w)])


LATIN = "schön".encode("latin1")
LONG = "water " * 600
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 46747112\n"
PAGE = b"<!DOCTYPE html><html><title>404</title></html>"
ZIP = b"PK\x03\x04" + bytes(60)
CODE = b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."


def zip_member(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


ROWS = [
    # ids and what goes with them
    Bad("float ids", lambda w: w.model(IDS.float()), "ids-not-integers", "torch.float32"),
    Bad(
        "an id of BERT's",
        lambda w: w.published(torch.tensor([[101, 30521, 102]])),
        "id-out-of-range",
        "input_ids[0, 1] is 30521, this model has ids 0 to 29999; 30522 is the size of bert-base",
    ),
    Bad("one text's ids", lambda w: w.model(IDS[0]), "inputs-rank", "input_ids[None]"),
    Bad("mask too long", lambda w: w.model(IDS, torch.ones(1, 7)), "inputs-shape", "[1, 7]"),
    Bad("mask of 2", lambda w: w.model(IDS, 2 * ONES), "mask-values", "holds 2"),
    Bad("mask of 0.5", lambda w: w.model(IDS, ONES * 0.5), "mask-values", "holds 0.5"),
    Bad(
        "mask and types swapped",
        lambda w: w.model([IDS, ZEROS, ONES]),
        "mask-and-types-swapped",
        "the order is ids, mask, types",
    ),
    Bad("type 2", lambda w: w.model(IDS, None, ONES * 2), "type-id-out-of-range", "types 0 to 1"),
    Bad(
        "513 ids",
        lambda w: w.published(torch.full((1, 513), 5)),
        "text-too-long",
        "513 ids long; this model has 512 positions",
    ),
    Bad("all masked", lambda w: w.model(IDS, ZEROS), "mask-hides-everything", "all of row 0"),
    Bad("text for ids", lambda w: w.model("How old?"), "text-not-ids", "model(**tokenizer(text"),
    Bad("rows of two lengths", lambda w: w.model([[2, 3], [2]]), "inputs-ragged", "padding=True"),
    # keywords
    Bad(
        "a model's keyword",
        lambda w: w.model(IDS, tokn_type_ids=ZEROS),
        "unknown-argument",
        "nearest is 'token_type_ids'",
    ),
    Bad(
        "from_pretrained's keyword",
        lambda w: AlbertModel.from_pretrained(w.words, from_tf=True),  # type: ignore[call-arg]
        "unknown-keyword",
        "from_pretrained has no keyword 'from_tf'",
    ),
    Bad(
        "a constructor's keyword",
        lambda w: AlbertForMaskedLM(w.model.config, attn_implementatoin="eager"),  # type: ignore[call-arg]
        "unknown-keyword",
        "AlbertForMaskedLM has no keyword 'attn_implementatoin'; the nearest is 'attn_impl",
    ),
    Bad(
        "load's keyword",
        lambda w: load(w.words, polici="tfhub"),  # type: ignore[call-arg]
        "unknown-keyword",
        "nearest is 'policy'",
    ),
    Bad(
        "FillMask's keyword",
        lambda w: w.fill("a [MASK]", topk=3),  # type: ignore[call-overload]
        "unknown-keyword",
        "FillMask has no keyword 'topk'; the nearest is 'top_k'",
        lambda w: ["fill-mask", "a [MASK]", "-m", w.words, "--topk", "3"],
        same_line=False,
    ),
    Bad(
        "TextEmbedder's keyword",
        lambda w: TextEmbedder(w.vectors, poling="max"),  # type: ignore[call-arg]
        "unknown-keyword",
        "nearest is 'pooling'",
    ),
    Bad(
        "the tokenizer's keyword",
        lambda w: w.tokenizer("a", return_tensor="pt"),
        "unknown-keyword",
        "nearest is 'return_tensors'",
    ),
    # texts
    Bad(
        "half a character",
        lambda w: w.embedder.encode(["fine", "a\ud800"]),
        "lone-surrogate",
        "texts[1] has the lone surrogate U+D800 at 1",
        lambda w: ["embed", "-m", w.vectors, "-i", w.file("s.jsonl", b'"fine"\n"a\\ud800"\n')],
        same_line=False,  # of a file the line names the row
    ),
    Bad(
        "a byte that is not UTF-8",
        lambda w: w.tokenizer(LATIN.decode(errors="surrogateescape")),
        "lone-surrogate",
        "the byte 0xf6, which was not UTF-8",
        lambda w: ["tokens", LATIN.decode(errors="surrogateescape"), "-m", w.words],
    ),
    Bad(
        "no text but a number",
        lambda w: w.embedder.encode(["a", float("nan")]),
        "input-not-texts",
        "item 1 of 2 is nan (float)",
    ),
    Bad(
        "no mask",
        lambda w: w.fill("no mask"),
        "mask-missing",
        "Write [MASK] where",
        lambda w: ["fill-mask", "no mask", "-m", w.words],
    ),
    Bad(
        "RoBERTa's mask",
        lambda w: w.fill("a <mask>"),
        "mask-missing",
        "it says '<mask>'",
        lambda w: ["fill-mask", "a <mask>", "-m", w.words],
    ),
    Bad(
        "nothing to fill",
        lambda w: w.fill(" "),
        "mask-missing",
        "it is empty",
        lambda w: ["fill-mask", "-m", w.words, "-i", w.file("empty.txt", b" \n")],
    ),
    Bad(
        "a text too long to fill",
        lambda w: w.fill("[MASK] " + LONG),
        "text-too-long",
        "the model reads 40",
        lambda w: ["fill-mask", "[MASK] " + LONG, "-m", w.words],
    ),
    # what a model doesn't have
    Bad(
        "no head for words",
        lambda w: FillMask(w.bare)("a [MASK]"),
        "head-missing",
        "has no masked_lm head; it has no heads",
        lambda w: ["fill-mask", "a [MASK]", "-m", w.bare],
    ),
    Bad(
        "no pooler",
        lambda w: TextEmbedder(w.words, pooling="pooler").encode("a"),
        "pooler-missing",
        "Use another pooling",
        lambda w: ["embed", "a", "-m", w.words, "--pooling", "pooler"],
    ),
    # names and directories
    Bad(
        "a name that is nothing's",
        lambda w: load("albert-bsae-v2"),
        "unknown-model",
        "did you mean 'albert-base-v2'?",
        lambda w: ["inspect", "albert-bsae-v2"],
    ),
    Bad(
        "a directory that is not there, in torch",
        lambda w: AlbertModel.from_pretrained(w.directory / "nowhere"),
        "unknown-model",
        "no file or directory",
    ),
    opening(
        "a file that is not a model",
        lambda w: w.words / "spiece.model",
        "checkpoint-unrecognised",
        "this file is a vocabulary",
    ),
    Bad(  # `inspect` shows such a directory
        "no tokenizer",
        lambda w: load(w.without(*TOKENIZER)).tokenizer,
        "no-vocabulary",
        "spiece.model",
        lambda w: ["fill-mask", "a [MASK]", "-m", w.without(*TOKENIZER)],
        same_line=False,
    ),
    opening(
        "a tokenizer of another size",
        Workshop.of_other_size,
        "vocabulary-mismatch",
        "the tokenizer has 1,000 pieces, the model's word embeddings 30,000 rows",
    ),
    opening(
        "a tokenizer of other pieces",
        Workshop.of_other_pieces,
        "vocabulary-mismatch",
        "vocabulary of the same size",
    ),
    opening("no encoder", Workshop.head_alone, "checkpoint-without-encoder", "predictions."),
    opening("no weights", lambda w: w.without(WEIGHTS), "checkpoint-unrecognised", "config.json"),
    opening(
        "a config of RoBERTa",
        lambda w: w.spoilt("config.json", b'{"model_type": "roberta"}'),
        "config-not-albert",
        "model_type is 'roberta'",
    ),
    # files
    opening(
        "half a download",
        lambda w: w.spoilt(WEIGHTS, (w.words / WEIGHTS).read_bytes()[:-100]),
        "file-truncated",
        "ends 100 bytes before",
    ),
    opening("an empty file", lambda w: w.spoilt(WEIGHTS, b""), "file-truncated", "is empty"),
    opening(
        "a Git LFS pointer", lambda w: w.spoilt(WEIGHTS, LFS), "file-wrong-format", "git lfs pull"
    ),
    opening("a web page", lambda w: w.spoilt(WEIGHTS, PAGE), "file-wrong-format", "in a browser"),
    opening("torch's zip", lambda w: w.spoilt(WEIGHTS, ZIP), "file-wrong-format", ".bin and .pt"),
    opening(
        "torch's older file",
        lambda w: w.spoilt(WEIGHTS, b"\x80\x02}q\x00X\x01\x00\x00\x00."),
        "file-wrong-format",
        "Python objects",
    ),
    opening(
        "a pickle with code",
        lambda w: w.in_the_place_of_weights("pytorch_model.bin", CODE),
        "file-with-code",
        "names posix.system",
    ),
    opening(
        "weights for TensorFlow",
        lambda w: w.in_the_place_of_weights("tf_model.h5", b"x"),
        "checkpoint-unrecognised",
        "transformers' weights for TensorFlow: tf_model.h5, of the type 'albert'",
    ),
    opening(
        "an archive that points elsewhere",
        lambda w: w.file("m.zip", zip_member("../evil", b"x")),
        "archive-unsafe",
        "its member '../evil' does not have a plain name",
    ),
    opening(
        "an archive of zeros",
        lambda w: w.file("zeros.zip", zip_member("zeros", bytes(20 * 2**20))),
        "archive-too-large",
        "more than 16,777,216 bytes",
    ),
    opening("a cut archive", lambda w: w.file("c.zip", ZIP), "file-truncated", "no directory"),
    opening(
        "an answer of a hub",
        lambda w: w.spoilt(WEIGHTS, b"Entry not found"),
        "file-wrong-format",
        "Entry not fo",
    ),
    opening(
        "a web page as tokenizer",
        lambda w: w.spoilt("spiece.model", PAGE),
        "file-wrong-format",
        "spiece.model: this is a web page",
    ),
]
# What only a command can meet: standard input, arguments, the disk it writes to.
COMMANDS = [
    pytest.param(
        lambda w: ["embed", "-m", w.vectors, "-i", w.file("latin.txt", b"ok\n" + LATIN)],
        "file-not-utf8",
        "latin.txt: row 2 holds the byte 0xf6",
        2,
        id="a file that is not UTF-8",
    ),
    pytest.param(
        lambda w: ["embed", "", "-m", w.vectors], "text-empty", "text 1 is ''", 2, id="no text"
    ),
    pytest.param(
        lambda w: ["embed", "-m", w.vectors, "-i", w.words],
        "texts-missing",
        "Give --files to read each file as one text (in Python: ReadOptions with files), or",
        2,
        id="a directory without texts",
    ),
    pytest.param(lambda w: ["embd", "a"], "usage", "Did you mean 'embed'? See", 2, id="command"),
    pytest.param(
        lambda w: ["embed", "a", "-m", w.vectors, "-o", w.directory / "no" / "x.npy"],
        "file-not-found",
        "Make the directory first",
        2,
        id="a place that is not there",
    ),
    pytest.param(
        lambda w: ["embed", "-m", w.vectors, "-i", "/proc/self/mem"],
        "filesystem-unreachable",
        "could not be read",
        3,
        id="a file whose disk fails",
    ),
]


@pytest.fixture
def nothing_computes(w: Workshop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither the torch models nor an engine may run."""

    def never(*_: object) -> None:
        raise AssertionError("something was computed")

    hooks = [m.embeddings.register_forward_pre_hook(never) for m in (w.model, w.published)]
    monkeypatch.setattr("albertkit.engine.numpy_engine.emit_encoder", never)
    yield
    for hook in hooks:
        hook.remove()


@pytest.mark.usefixtures("nothing_computes")
@pytest.mark.parametrize("bad", ROWS, ids=lambda bad: bad.item)
def test_bad_input_gets_the_same_line_from_python_and_the_command(
    w: Workshop, bad: Bad, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AlbertKitError) as caught:
        bad.provoke(w)
    line = str(caught.value)
    assert line.endswith(f"[{bad.code}]")
    assert bad.says in line
    assert "\n" not in line
    if bad.command is None:
        return
    capsys.readouterr()
    assert run([str(part) for part in bad.command(w)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line_shown,) = shown.err.splitlines()
    if bad.same_line:
        assert line_shown == f"error: {line}".encode(errors="backslashreplace").decode()


@pytest.mark.usefixtures("nothing_computes")
@pytest.mark.parametrize(("command", "code", "says", "status"), COMMANDS)
def test_a_command_that_cannot_be_done_says_so_in_one_line(  # noqa: PLR0917
    w: Workshop,
    command: Callable[[Workshop], list[object]],
    code: str,
    says: str,
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([str(part) for part in command(w)]) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert says in line
    assert line.endswith(f"[{code}]")


def test_an_empty_text_has_a_vector_and_one_warning(
    w: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "albertkit"):
        assert len(w.embedder.encode(["one", " ", "three"])) == 3
    (record,) = caplog.records
    assert "1 of 3 texts is empty, number 2" in record.getMessage()
    assert "[text-empty]" in record.getMessage()


def test_a_warning_is_printed_once_if_a_library_handles_all_loggers(w: Workshop) -> None:
    listening = (
        "import logging; logging.basicConfig(); from albertkit.cli.start import main; main()"
    )
    long = [
        "embed",
        "-m",
        str(w.vectors),
        "--engine",
        "numpy",
        "--truncation",
        "warn",
        "word " * 500,
    ]
    command = [sys.executable, "-c", listening, *long]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    assert line.endswith("[text-truncated]")


def test_a_new_head_is_a_warning_and_no_error(
    w: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "albertkit"):
        AlbertForSequenceClassification.from_pretrained(w.bare)
    assert "has no classifier: these parts are new and untrained" in caplog.text


@pytest.mark.parametrize(
    "words",
    [
        ["embed", "a", "-m", "MODEL", "--engine", "numpy"],
        ["explain", "text-truncated"],
        ["--help"],
        ["help", "embed"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_a_full_disk_behind_standard_output_is_status_three(w: Workshop, words: list[str]) -> None:
    words = [str(w.vectors) if word == "MODEL" else word for word in words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*STARTED, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 3
    (line,) = done.stderr.decode().splitlines()
    assert line.endswith("[write-failed]")
    assert ("--output" in line) == ("a" in words)  # help has no such option


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["embed", "a", "-m", "MODEL", "--engine", "numpy", "-o", "full.npy"], 0),
        (["embed", "a", "-m", "no-such-model"], 2),
        (["embed", "a", "-m", "MODEL", "-o", "no-such-directory/x.npy"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
@pytest.mark.parametrize("is_pipe", [False, True], ids=["full disk", "pipe without a reader"])
def test_a_message_that_cannot_be_written_changes_no_status(
    w: Workshop, words: list[str], status: int, is_pipe: bool
) -> None:
    words = [str(w.vectors) if word == "MODEL" else word for word in words]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe, Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*STARTED, *words],
            stdout=subprocess.PIPE,
            stderr=pipe if is_pipe else full,
            check=False,
            cwd=w.directory,
        )
    assert done.returncode == status


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_closed_is_no_traceback(w: Workshop, closed: str) -> None:
    words = [*STARTED, "embed", "a", "-m", str(w.vectors), "--engine", "numpy"]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *words], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert bool(done.stdout) == (" >&-" not in f" {closed}")


PATIENCE = 120  # seconds in which a command begins its work on a machine that is busy


@pytest.fixture(scope="module")
def slow(w: Workshop) -> list[str]:
    """A command that computes for long and writes where something is already."""
    config = replace(CONFIG, vocab_size=1000, num_hidden_layers=4000)
    checkpoint = Checkpoint(random_weights(config), pooling=PoolingConfig())
    SENTENCE_TRANSFORMERS.write(checkpoint, w.directory / "slow")
    w.tokenizer.save_pretrained(w.directory / "slow")
    many = w.file("many.txt", b"a line of words\n" * 5000)
    return ["embed", "-m", str(w.directory / "slow"), "-i", str(many), "--engine", "numpy"]


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL], ids=lambda kind: kind.name)
def test_a_command_interrupted_in_its_work_leaves_what_was_there(
    w: Workshop, slow: list[str], kind: signal.Signals
) -> None:
    (w.directory / "out").mkdir(exist_ok=True)
    output = w.directory / "out" / "out.npy"
    output.write_bytes(b"the old file")
    for left in output.parent.glob(".out.npy.tmp-*"):  # by an earlier one that was killed
        left.unlink()
    process = start_command([*STARTED, *slow, "-o", str(output)])
    until = time.monotonic() + PATIENCE
    while not any(output.parent.glob(".out.npy.tmp-*")) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)  # it has begun to write, and mostly computes by then
    assert process.poll() is None
    process.send_signal(kind)
    _, error = process.communicate(timeout=PATIENCE)
    assert output.read_bytes() == b"the old file"
    others = [other.name for other in output.parent.iterdir() if other != output]
    if kind == signal.SIGINT:
        assert others == []  # nothing half-written
        assert process.returncode == 130
        assert error.decode() == f"stopped: nothing was written to {output}\n"
    else:
        assert all(
            name.startswith(".out.npy.tmp-") for name in others
        )  # killed processes cannot remove them
        assert process.returncode == -signal.SIGKILL


def test_a_conversion_interrupted_in_its_proof_leaves_nothing(w: Workshop, slow: list[str]) -> None:
    source, directory = slow[slow.index("-m") + 1], w.directory / "converted"
    directory.mkdir()
    process = start_command([*STARTED, "convert", source, str(directory / "new"), "--to", "tf1"])
    until = time.monotonic() + PATIENCE
    while not any(directory.iterdir()) and time.monotonic() < until:
        time.sleep(0.05)
    assert any(directory.iterdir())  # under a hidden name, unproved
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=PATIENCE)
    assert (process.returncode, list(directory.iterdir())) == (130, [])
    assert b"Traceback" not in error


def test_a_command_interrupted_in_its_first_imports_ends_as_quietly() -> None:
    code = """
import os, signal, sys
class Interrupted:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupted())
from albertkit.cli.start import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
