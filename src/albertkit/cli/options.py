"""Options that several commands share, each defined once.

Their values are those of the library. Literals whose library module imports numpy are repeated
here, so that help stays fast; a test compares them.
"""

import os
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from albertkit.engine.precision import PrecisionName
from albertkit.runtime.options import EngineName
from albertkit.tasks.options import TruncationMode

PrintFormat: TypeAlias = Literal["table", "json", "jsonl", "csv"]
InputFormat: TypeAlias = Literal["lines", "csv", "tsv", "jsonl"]
SavedDtype: TypeAlias = Literal["float32", "float16"]
Pooling: TypeAlias = Literal[
    "mean", "cls", "max", "mean_sqrt_len", "weighted_mean", "last", "pooler"
]

BUILTIN_MODELS = ("small-en", "small-en-vectors")
ANY_MODEL = "A model of any known format: directory, file, checkpoint prefix or hub name."


def parse_delimiter(text: str) -> str:
    """The delimiter that a shell's user writes: a tab has names."""
    return "\t" if text in ("tab", "\\t") else text


def complete_model(incomplete: str) -> list[str]:
    """The built-in models and the directories whose names begin so."""
    folder, _, start = incomplete.rpartition("/")
    try:
        names = sorted(entry.name for entry in os.scandir(folder or ".") if entry.is_dir())
    except OSError:
        names = []
    prefix = f"{folder}/" if folder or incomplete.startswith("/") else ""
    directories = [f"{prefix}{name}" for name in names if name.startswith(start)]
    return [*(name for name in BUILTIN_MODELS if name.startswith(incomplete)), *directories]


Texts = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TEXT]...", help='Texts in quotes; "-" or none: standard input.'),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="FILE...",
        help="Files of texts, compressed or not, or directories of them: lines, .csv, .tsv, .jsonl,"
        ' .parquet, .arrow. "-" is standard input.',
    ),
]
InputFormatOption = Annotated[
    InputFormat | None,
    typer.Option("--input-format", help="Format of files and pipes; default: detected."),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        metavar="CHAR",
        parser=parse_delimiter,
        help="Character between the cells of CSV and TSV, or tab; default: detected.",
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding", help="Encoding of text files, as cp1252; default: UTF-8, UTF-16 with a BOM."
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first row of CSV and TSV holds column names; default: detected.",
    ),
]
Quotes = Annotated[
    bool | None,
    typer.Option(
        "--quotes/--no-quotes",
        help="Whether cells may be quoted, or a quote is a letter; default: quoted in CSV only.",
    ),
]
Column = Annotated[
    str | None,
    typer.Option("--column", help="The column of the texts; default: text, or the only one."),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        autocompletion=complete_model,
        help="A directory, a built-in model, or a name on a hub.",
    ),
]
AnyModel = Annotated[
    str, typer.Argument(metavar="MODEL", help=ANY_MODEL, autocompletion=complete_model)
]
Truncation = Annotated[
    TruncationMode,
    typer.Option(
        "--truncation", help="Texts that are too long: refuse them, cut and warn, or cut silently."
    ),
]
Format = Annotated[
    PrintFormat | None,
    typer.Option(
        "--format",
        "-f",
        help="How to print; default: a table on a terminal, JSON lines in a pipe.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write a file: .jsonl, .jsonl.gz, .csv, .tsv, .npy, .parquet or .arrow.",
    ),
]

# Fields of LoadOptions, as options of commands.
Engine = Annotated[EngineName, typer.Option("--engine", help="The library that computes.")]
Device = Annotated[
    str | None,
    typer.Option("--device", help="cpu, cuda (a GPU) or auto (a GPU if there is one)."),
]
Precision = Annotated[
    PrecisionName,
    typer.Option("--precision", help="Numbers of the computation; auto: bfloat16 if it is fast."),
]
Calibration = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="At least 64 texts like yours, to calibrate int8; default: the first of your texts.",
    ),
]
Deterministic = Annotated[
    bool,
    typer.Option("--deterministic", help="Bit-identical results whatever the batch (slower)."),
]
Policy = Annotated[
    str | None,
    typer.Option("--policy", help="Tokenizer policy; default: the model's own."),
]
Layers = Annotated[
    int | None,
    typer.Option("--num-hidden-layers", help="Number of layers, if the model's files lack it."),
]
Heads = Annotated[
    int | None,
    typer.Option("--num-attention-heads", help="Attention heads, if the model's files lack it."),
]
Activation = Annotated[
    str | None,
    typer.Option(
        "--hidden-act",
        help="Activation, if the model's files lack it: gelu_new (tanh), gelu (erf), relu.",
    ),
]
Revision = Annotated[
    str | None, typer.Option("--revision", help="Branch, tag or commit of a model on a hub.")
]
Token = Annotated[
    str | None, typer.Option("--token", help="For private models; default: HF_TOKEN, or the login.")
]
CacheDir = Annotated[
    str | None, typer.Option("--cache-dir", help="Directory for downloads; default: the hub's own.")
]
LocalFilesOnly = Annotated[bool, typer.Option("--local-files-only", help="Never use the network.")]
