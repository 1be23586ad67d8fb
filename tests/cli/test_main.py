"""The command as a process: statuses, one-line errors, streams, and how little a start imports."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from array import array
from pathlib import Path
from typing import IO

import pytest
from tests.support.interrupts import start_command
from tests.support.tiny_models import save_tiny, save_tiny_vectors

from albertkit.spec.pooling_config import PoolingConfig

COMMAND = [sys.executable, "-c", "from albertkit.cli.start import main; main()"]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "words", ["masked_lm"])


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_vectors(tmp_path_factory.mktemp("models") / "vectors", PoolingConfig())


def albertkit(
    *arguments: str | Path, given: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command with these bytes as standard input."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=given,
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
        timeout=60,
    )


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from albertkit.cli.main import run; status = run(['--help']);"
        "heavy = {'numpy', 'rich', 'pydantic', 'sentencepiece', 'openvino', 'torch'};"
        "print(status, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in ("embed", "similarity", "fill-mask", "tokens", "inspect"):
        assert f"  {command} " in done.stdout
    assert done.stdout.splitlines()[-1] == "0 []"


def test_the_command_alone_shows_its_help() -> None:
    alone, asked = albertkit(), albertkit("--help")
    assert alone.stdout == asked.stdout
    assert (alone.returncode, alone.stderr) == (0, b"")


def test_help_waits_for_none_of_the_large_libraries() -> None:
    """So it takes 0.15 s: typer is all that it needs."""
    look = (
        "import sys; from albertkit.cli.main import run; run(['--help']); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    large = {"numpy", "sentencepiece", "tokenizers", "openvino", "torch", "huggingface_hub"}
    assert "typer" in done.stderr.split()
    assert large.isdisjoint(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["bogus"], 2, "usage"),
        (["embed", "--nope"], 2, "usage"),
        (["fill-mask", "x", "-k", "many"], 2, "usage"),
        (["embed", "x", "-m", "no-such-model"], 2, "unknown-model"),
        (["embed", ""], 2, "text-empty"),
        (["embed", "x", "-o", "out.doc"], 2, "output-format-unknown"),
        (["embed", "x", "-o", "out.csv", "-f", "csv"], 2, "usage"),
        (["embed", "-i", "no-such-file"], 2, "file-not-found"),
        (["embed"], 2, "texts-missing"),
        (["similarity", "only one"], 2, "texts-missing"),
        (["inspect"], 2, "usage"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_what_goes_wrong_is_one_line_on_standard_error(
    arguments: list[str], status: int, code: str
) -> None:
    done = albertkit(*arguments)
    assert done.returncode == status
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.endswith(f"[{code}]")


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["embed", "x", "--model"], "albertkit embed"),
        (["-q", "doctor", "--explain"], "albertkit doctor"),
        (["embed", "--nope"], "albertkit embed"),
        (["--nope"], "albertkit"),
    ],
)
def test_a_wrong_option_leads_to_the_help_of_its_command(
    arguments: list[str], command: str
) -> None:
    assert f" See: {command} --help. [usage]" in albertkit(*arguments).stderr.decode()


def test_python_and_the_command_say_the_same(words: Path) -> None:
    from albertkit.tasks import FillMask  # slow to import, used here only

    with pytest.raises(ValueError, match="mask-missing") as caught:
        FillMask(words)("no mask")
    done = albertkit("fill-mask", "no mask", "-m", words)
    assert done.stderr.decode().strip() == f"error: {caught.value}"
    assert done.returncode == 2


def test_what_is_missing_around_us_is_status_three(vectors: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None;from albertkit.cli.start import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "similarity", "a", "b", "-m", vectors, "--plot", "x.png"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 3
    assert "pip install 'matplotlib>=3.9'" in done.stderr
    assert "[extra-missing]" in done.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_bug_keeps_pythons_own_traceback() -> None:
    code = (
        "import albertkit.cli.models as module\n"
        "def models() -> None: raise ZeroDivisionError('a bug')\n"
        "module.models = models\n"
        "from albertkit.cli.start import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "models"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("\nZeroDivisionError: a bug\n")


def test_a_file_that_is_no_utf8_is_named(tmp_path: Path, vectors: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("schön\n".encode("latin1"))
    done = albertkit("embed", "-m", vectors, "-i", tmp_path / "latin.txt")
    assert done.returncode == 2
    assert b"[file-not-utf8]" in done.stderr
    piped = albertkit("embed", "-m", vectors, given="schön\n".encode("latin1"))
    assert piped.stderr.startswith(b"error: standard input: row 1")


def test_an_argument_that_is_no_utf8_is_refused(vectors: Path) -> None:
    done = subprocess.run(
        [*map(os.fsencode, COMMAND), b"embed", b"sch\xf6n", b"-m", os.fsencode(vectors)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"[lone-surrogate]" in done.stderr


def waiting(pipe: IO[bytes]) -> int:
    """The number of bytes that are not read yet."""
    count = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def test_ctrl_c_ends_with_130_and_no_traceback(vectors: Path) -> None:
    process = start_command([*COMMAND, "embed", "-m", vectors], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"a line\n")
    process.stdin.flush()
    while waiting(process.stdin):  # then it waits for more
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == b""


def test_a_reader_who_has_enough_is_no_error(vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("a line of text\n" * 2000)
    process = subprocess.Popen(
        [*COMMAND, "embed", "-m", vectors, "-i", tmp_path / "many.txt", "--engine", "numpy"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 0


def test_programs_read_utf8_whatever_the_locale(words: Path) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = albertkit("tokens", "-m", words, given="naïve\n".encode(), **environment)
    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert "ïve" in {row["characters"] for row in rows}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_knows_the_commands(shell: str) -> None:
    environment: dict[str, str] = {"_ALBERTKIT_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        environment |= {"COMP_WORDS": "albertkit fi", "COMP_CWORD": "1"}
    else:
        environment |= {
            "_TYPER_COMPLETE_ARGS": "albertkit fi",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
    assert b"fill-mask" in albertkit(given=b"", **environment).stdout


def test_the_command_is_a_module_too() -> None:
    command = [sys.executable, "-m", "albertkit", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("albertkit ")


def test_the_version_is_shown() -> None:
    done = albertkit("--version")
    assert done.stdout.startswith(b"albertkit ")
    assert done.returncode == 0
