"""Files of benchmarks that are no tables: SQuAD's JSON, RACE's directories, CoNLL's lines.

Input: a path. Output: a table with one row for each question or sentence, or None if the file is
none of these. A JSON file that holds one list of rows is read too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from albertkit.errors import FormatError
from albertkit.evaluation.answers import read_squad
from albertkit.tables import WholeTable
from albertkit.tables.filesystems.streams import (
    decoding_errors,
    decompress,
    open_input,
    peek,
)
from albertkit.tables.formats import detect_compression
from albertkit.tasks.tag_spans import OUTSIDE, split_tag

SIZE_CAP = 2**28  # bytes of a JSON file; SQuAD 2.0's training file has 42 MB
RACE_COLUMNS = ("article", "questions", "options", "answers")
SQUAD_KEYS = re.compile(rb'"(data|paragraphs|context|qas)"\s*:')
DOCUMENT_START = "-DOCSTART-"
LANGUAGE = re.compile(r"[a-z-]{2,12}:(?=.)")  # before each word of WikiANN's own files
SNIFFED_LINES = 200


def read_benchmark_file(path: Path) -> tuple[WholeTable, str] | None:
    """Read a file or directory of a benchmark's own form.

    Args:
        path: Of a local file, compressed or not, or of a directory.

    Returns:
        The table, and what the file was recognised as; None for any other file.

    Raises:
        FormatError: [file-malformed], [row-malformed], [file-not-utf8].
        ResourceError: [file-unreadable].
    """
    if path.is_dir():
        return _read_race_directory(path)
    name = str(path)
    with decoding_errors(name), open_input(name, name) as source:
        head, stream = peek(source)
        compression = detect_compression(head)
        if compression is not None:
            head, stream = peek(decompress(stream, compression))
        begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if begin.startswith(b"{") and len(set(SQUAD_KEYS.findall(head))) >= 3:
            return _read_squad(_parse(stream.read(SIZE_CAP + 1), name), name)
        if begin.startswith(b"[") and begin[1:].lstrip().startswith(b"{"):
            return _read_objects(_parse(stream.read(SIZE_CAP + 1), name), name)
        if _looks_tagged(head):
            return _read_tagged(stream.read(SIZE_CAP + 1), name)
    return None


def _parse(data: bytes, name: str) -> Any:
    if len(data) > SIZE_CAP:
        raise FormatError(
            "file-malformed",
            f"the file has more than {SIZE_CAP:,} bytes",
            why="one JSON value is read as a whole",
            fix="Write each row on a line of its own: jq -c '.[]' FILE > FILE.jsonl",
            where=name,
        )
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _encoding_error(error, name) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(
            "file-malformed",
            f"the file is not valid JSON: {error}",
            fix="Write or download it again",
            where=name,
        ) from error


def _encoding_error(error: UnicodeDecodeError, name: str) -> FormatError:
    return FormatError(
        "file-not-utf8",
        f"byte {error.start + 1} is no letter in UTF-8",
        why="JSON and tagged words are UTF-8",
        fix="Convert the file to UTF-8",
        where=name,
    )


def _make_table(name: str, columns: Mapping[str, Sequence[Any]]) -> WholeTable:
    return WholeTable(name, columns, range(1, len(next(iter(columns.values()))) + 1))


def _read_squad(data: Any, name: str) -> tuple[WholeTable, str]:
    """SQuAD 1.1 or 2.0; a question without an answer is of 2.0."""
    questions = list(read_squad(data))
    table = _make_table(
        name,
        {
            "id": [question.id for question in questions],
            "question": [question.question for question in questions],
            "context": [question.context for question in questions],
            "answers": [
                {"text": list(question.answers), "answer_start": list(question.answer_starts)}
                for question in questions
            ],
        },
    )
    has_empty = any(not question.answers for question in questions)
    return table, f"SQuAD {'2.0' if has_empty else '1.1'}"


def _read_objects(rows: Any, name: str) -> tuple[WholeTable, str]:
    """One list of objects; a key that an object lacks is None there."""
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise FormatError(
                "row-malformed",
                f"row {number} is no JSON object",
                fix="Correct the row",
                where=name,
            )
    names = dict.fromkeys(key for row in rows for key in row)
    return _make_table(
        name, {key: [row.get(key) for row in rows] for key in names}
    ), "a list of rows"


def _read_race_directory(path: Path) -> tuple[WholeTable, str] | None:
    """RACE: below the directory, one text file for each passage."""
    passages: list[Any] = []
    for file in sorted(path.rglob("*.txt")):
        with file.open("rb") as stream:
            if not stream.read(64).lstrip().startswith(b"{"):
                return None
        passage = _parse(file.read_bytes(), str(file))
        if not isinstance(passage, dict) or not {*RACE_COLUMNS} <= passage.keys():
            return None
        passages.append(passage)
    return None if not passages else (split_passages(passages, str(path)), "RACE")


def split_passages(passages: Iterable[Mapping[str, Any]], name: str) -> WholeTable:
    """Make one row of each question of RACE's passages.

    Args:
        passages: With an article, and lists of questions, options and answers.
        name: Of the file, for messages.

    Raises:
        FormatError: [row-malformed] if the lists of a passage have different lengths.
    """
    columns: dict[str, list[Any]] = {"article": [], "question": [], "options": [], "answer": []}
    for number, passage in enumerate(passages, 1):
        lists = [passage["questions"], passage["options"], passage["answers"]]
        if len({len(items) for items in lists}) != 1:
            raise FormatError(
                "row-malformed",
                f"passage {number} has {len(lists[0])} questions, {len(lists[1])} lists of options"
                f" and {len(lists[2])} answers",
                why="each question has its options and its answer",
                fix="Correct the passage",
                where=name,
            )
        for question, options, answer in zip(*lists, strict=True):
            for column, cell in zip(
                columns.values(), (passage["article"], question, options, answer), strict=True
            ):
                column.append(cell)
    return _make_table(name, columns)


def _looks_tagged(head: bytes) -> bool:
    """Whether lines have a word first and a tag last, with an empty line after each sentence."""
    lines = head.decode(errors="replace").splitlines()[:SNIFFED_LINES]
    words = [line.split() for line in lines if line.strip() and not _is_remark(line)]
    if not words or len({len(fields) for fields in words[:-1]}) > 1:
        return False
    # the last line of the head may be cut
    known = words[:-1] if len(words) > 1 else words
    tags = [fields[-1] for fields in known]
    return (
        len(known[0]) > 1
        and all(map(_is_tag, tags))
        and any(tag != OUTSIDE for tag in tags)
        and any(not line.strip() for line in lines)
    )


def _is_tag(text: str) -> bool:
    return text == OUTSIDE or split_tag(text)[1] not in ("", text)


def _is_remark(line: str) -> bool:
    return line.startswith((DOCUMENT_START, "# "))


def _read_tagged(data: bytes, name: str) -> tuple[WholeTable, str]:
    """A word and its tag on each line; WikiANN's words begin with the language and a colon."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise _encoding_error(error, name) from error
    sentences = list(_split_sentences(lines, name))
    words = [[fields[0] for fields in sentence] for sentence in sentences]
    is_wikiann = all(LANGUAGE.match(word) for sentence in words for word in sentence)
    if is_wikiann:
        words = [[LANGUAGE.sub("", word, count=1) for word in sentence] for sentence in words]
    tags = [[fields[-1] for fields in sentence] for sentence in sentences]
    return _make_table(name, {"tokens": words, "tags": tags}), "WikiANN" if is_wikiann else "CoNLL"


def _split_sentences(lines: Sequence[str], name: str) -> Iterator[list[list[str]]]:
    sentence: list[list[str]] = []
    count = 0
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or line.startswith(DOCUMENT_START):
            if sentence:
                yield sentence
            sentence = []
            continue
        count = count or (0 if _is_remark(line) else len(fields))
        if len(fields) != count:
            if _is_remark(line):
                continue
            raise FormatError(
                "row-malformed",
                f"line {number} has {len(fields)} columns, the first line has {count}",
                why="a line is a word, and its tag last",
                fix="Correct the line",
                where=name,
            )
        sentence.append(fields)
    if sentence:
        yield sentence
