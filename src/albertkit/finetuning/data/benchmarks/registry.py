"""The benchmarks that are known by name, and how a table of one is recognised.

Input: a table. Output: its benchmark, or None. A benchmark says what is learned, how the columns
are named in a file without a header, and which labels mean that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice
from albertkit.errors.exceptions import list_names
from albertkit.finetuning.data.columns import Task, is_empty, parse_number
from albertkit.tables import WholeTable

UNLABELLED_CELLS = ("-1", "-")  # of test rows at Hugging Face; of SNLI's rows without a majority


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A public data set.

    Attributes:
        name: As the user gives it.
        title: For people.
        task: What is learned.
        texts: The columns of the texts in lower case, one set for each form in which it is
            published.
        headers: Columns that a file of it has, in lower case; one set for each form in which it is
            published. Forms that other tables have too are absent: they need the name.
        classes: Labels of which a table has at least one, where the columns are those of another
            benchmark; empty: any.
    """

    name: str
    title: str
    task: Task
    texts: tuple[frozenset[str], ...]
    headers: tuple[frozenset[str], ...] = ()
    classes: frozenset[str] = frozenset()


def _split_names(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


# Sources: the headers of gluebenchmark.com's files, and the datasets glue, swag, race, squad_v2,
# conll2003 and wikiann of the Hugging Face hub.
INDEXED_PAIR = _split_names("index,sentence1,sentence2,label")
SENTENCE, SENTENCES = frozenset({"sentence"}), _split_names("sentence1,sentence2")
TOKENS, WORDS = frozenset({"tokens"}), frozenset({"words"})
COLA_COLUMNS = ("source", "label", "original_label", "sentence")
BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark(
        name="cola",
        title="CoLA (GLUE)",
        task="classification",
        texts=(SENTENCE,),
        headers=(frozenset(COLA_COLUMNS),),
    ),
    Benchmark(name="sst2", title="SST-2 (GLUE)", task="classification", texts=(SENTENCE,)),
    Benchmark(
        name="mrpc",
        title="MRPC (GLUE)",
        task="classification",
        texts=(_split_names("#1 string,#2 string"), SENTENCES),
        headers=(_split_names("quality,#1 id,#2 id,#1 string,#2 string"),),
    ),
    Benchmark(
        name="stsb",
        title="STS-B (GLUE)",
        task="regression",
        texts=(SENTENCES,),
        headers=(_split_names("index,genre,old_index,sentence1,sentence2,score"),),
    ),
    Benchmark(
        name="qqp",
        title="QQP (GLUE)",
        task="classification",
        texts=(_split_names("question1,question2"),),
        headers=(_split_names("qid1,qid2,question1,question2,is_duplicate"),),
    ),
    Benchmark(
        name="mnli",
        title="MNLI (GLUE)",
        task="classification",
        texts=(SENTENCES, _split_names("premise,hypothesis")),
        headers=(
            _split_names("pairid,genre,sentence1,sentence2,gold_label"),
            _split_names("premise,hypothesis,label,idx"),
        ),
    ),
    Benchmark(
        name="qnli",
        title="QNLI (GLUE)",
        task="classification",
        texts=(_split_names("question,sentence"),),
        headers=(
            _split_names("index,question,sentence,label"),
            _split_names("question,sentence,label,idx"),
        ),
    ),
    Benchmark(
        name="rte",
        title="RTE (GLUE)",
        task="classification",
        texts=(SENTENCES,),
        headers=(INDEXED_PAIR,),
        classes=_split_names("entailment,not_entailment"),
    ),
    Benchmark(
        name="wnli",
        title="WNLI (GLUE)",
        task="classification",
        texts=(SENTENCES,),
        headers=(INDEXED_PAIR,),
        classes=_split_names("0,1"),
    ),
    Benchmark(
        name="squad",
        title="SQuAD",
        task="question-answering",
        texts=(_split_names("question,context"),),
        headers=(_split_names("id,title,context,question,answers"),),
    ),
    Benchmark(
        name="race",
        title="RACE",
        task="multiple-choice",
        texts=(_split_names("article,question,options"),),
        headers=(_split_names("article,question,options,answer"),),
    ),
    Benchmark(
        name="swag",
        title="SWAG",
        task="multiple-choice",
        texts=(
            _split_names("sent1,sent2,ending0,ending1,ending2,ending3"),
            _split_names("ctx,endings"),  # HellaSwag
        ),
        headers=(_split_names("sent1,sent2,ending0,ending1,ending2,ending3,label"),),
    ),
    Benchmark(
        name="conll",
        title="CoNLL",
        task="tagging",
        texts=(TOKENS, WORDS),
        headers=(_split_names("tokens,pos_tags,chunk_tags,ner_tags"),),
    ),
    Benchmark(
        name="wikiann",
        title="WikiANN",
        task="tagging",
        texts=(TOKENS, WORDS),
        headers=(_split_names("tokens,ner_tags,langs"),),
    ),
)
BENCHMARK_NAMES = tuple(benchmark.name for benchmark in BENCHMARKS)


def find_benchmark(
    table: WholeTable, name: str | None = None, task: Task | None = None
) -> tuple[Benchmark | None, WholeTable]:
    """Recognise the benchmark of a table by its columns and labels.

    Args:
        table: As it was read.
        name: The benchmark, if the user says so.
        task: What is learned, if the user says so.

    Returns:
        The benchmark, or None; and the table with the columns named and missing labels empty.

    Raises:
        InputError: [option-invalid] for an unknown name, or another task than the benchmark's;
            [column-missing] for a table that has not the texts of the named benchmark.
    """
    check_choice("benchmark", name, (*BENCHMARK_NAMES, None))
    table = _split_choices(_name_cola(table))
    own = {column.lower().strip() for column in table.columns}
    benchmark = next(
        (
            benchmark
            for benchmark in BENCHMARKS
            if (benchmark.name == name if name else _fits(benchmark, own, table))
        ),
        None,
    )
    if benchmark is None:
        return None, table
    if name and task not in (None, benchmark.task):
        raise InputError(
            "option-invalid",
            f"the task is {task!r}",
            why=f"{benchmark.title} is {benchmark.task}",
            fix="Leave out the task or the benchmark",
        )
    if name and not any(texts <= own for texts in benchmark.texts):
        columns = list_names(list(table.columns), 8)
        forms = " or ".join(" + ".join(sorted(texts)) for texts in benchmark.texts)
        raise InputError(
            "column-missing",
            f"this is no table of {benchmark.title}",
            why=f"it has the columns {columns}; {benchmark.title} has {forms}",
            fix="Give a file of the benchmark as it is published, or leave the benchmark out",
            where=table.name,
        )
    return benchmark, _clear_missing(table)


def _fits(benchmark: Benchmark, own: set[str], table: WholeTable) -> bool:
    if not any(header <= own for header in benchmark.headers):
        return False
    if not benchmark.classes:
        return True
    labels = next(cells for column, cells in table.columns.items() if column.lower() == "label")
    return not benchmark.classes.isdisjoint(str(cell) for cell in labels[:1000])


def _name_cola(table: WholeTable) -> WholeTable:
    """CoLA's files have no header: a source, 0 or 1, an asterisk or nothing, and a sentence."""
    columns = list(table.columns.values())
    if list(table.columns) != ["1", "2", "3", "4"]:
        return table
    if not all(parse_number(cell) in (0, 1) for cell in columns[1][:1000]):
        return table
    if not all(is_empty(cell) or cell == "*" for cell in columns[2][:1000]):
        return table
    return replace(table, columns=dict(zip(COLA_COLUMNS, columns, strict=True)))


def _split_choices(table: WholeTable) -> WholeTable:
    """ARC's rows in `datasets` have {"text": […], "label": […]} as choices: two columns."""
    cells = table.columns.get("choices", [])
    given = [cell for cell in cells if cell is not None]  # a row may have none
    if not given or not all(isinstance(cell, Mapping) and "text" in cell for cell in given):
        return table
    columns = {name: own for name, own in table.columns.items() if name != "choices"}
    columns["choices"] = [cell and cell["text"] for cell in cells]
    if all("label" in cell for cell in given):
        columns["choice_labels"] = [cell and cell["label"] for cell in cells]
    return replace(table, columns=columns)


def _clear_missing(table: WholeTable) -> WholeTable:
    """Labels that mean "no label" are empty cells."""
    columns = {
        name: [None if str(cell).strip() in UNLABELLED_CELLS else cell for cell in cells]
        if name.lower() in ("label", "gold_label")
        else cells
        for name, cells in table.columns.items()
    }
    return replace(table, columns=columns)
