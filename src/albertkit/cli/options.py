"""Options that several commands share, each defined once.

Their values are those of the library. Literals whose library module imports numpy are repeated
here, so that help stays fast; a test compares them.

A command has one parameter `load`, `read` or `destination`, and gets an option for each field of
LoadOptions, ReadOptions or Destination that it uses. The files of commands do not import
`annotations` from `__future__`: typer would evaluate forty strings, 3 ms of each start.
"""

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import typer

from albertkit.cli.destination import Destination, PrintFormat
from albertkit.engine.precision import PrecisionName
from albertkit.runtime.options import EngineName, LoadOptions
from albertkit.tables.formats import ReadOptions
from albertkit.tasks.options import LongTextMode, TruncationMode, VectorType

JobFormats: TypeAlias = Literal["table", "json", "jsonl", "jsonl.gz", "csv", "parquet", "arrow"]
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


def split_names(lists: Sequence[str] | None) -> tuple[str, ...]:
    """The names in options such as `--keep a,b --keep c`."""
    names = (name.strip() for names in lists or () for name in names.split(","))
    return tuple(name for name in names if name)


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
        "--encoding",
        help="Encoding of text files, such as cp1252; default: UTF-8, or UTF-16 with a BOM.",
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
        help="Whether a cell may be enclosed in quotes; default: yes in CSV, no in TSV.",
    ),
]
Files = Annotated[
    bool,
    typer.Option(
        "--files",
        help="Read each file as one text; the column file holds its name. Files of a directory that"
        " are not text are skipped.",
    ),
]
Column = Annotated[
    str | None,
    typer.Option(
        "--column", help="The column of the texts; default: the column text, or the only column."
    ),
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
TunedModel = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        autocompletion=complete_model,
        show_default=False,
        help="Directory or hub name of a model tuned for this task; no built-in model is.",
    ),
]
VectorsModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        autocompletion=complete_model,
        help="A directory, a built-in model, or a name on a hub; default: the model that made the"
        " vectors, or small-en-vectors.",
    ),
]
SearchedInputs = Annotated[
    list[str] | None,
    typer.Option(
        "--in",
        "--input",
        "-i",
        metavar="FILE...",
        help="Files of texts or directories of them, or what embed wrote: a directory, or a file"
        " of vectors.",
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option("--keep", metavar="A,B", help="Columns to show with the texts. May be repeated."),
]
Index = Annotated[
    str | None,
    typer.Option(
        "--index",
        metavar="DIR",
        help="Directory of vectors: used if it exists, else made from the files.",
    ),
]
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Keep vectors in this directory; they are used again while the files are the same.",
    ),
]
NewVectors = Annotated[
    VectorType | None,
    typer.Option("--vectors", help="Number type of new vectors; default: float32."),
]
Chunk = Annotated[
    int | None,
    typer.Option(
        "--chunk",
        metavar="IDS",
        help="Cut texts into parts of at most this many ids (128 is usual), at sentences where"
        " possible; a row for each part, with its number and its first and last character.",
    ),
]
Overlap = Annotated[
    int | None,
    typer.Option(
        "--overlap", metavar="IDS", help="Maximum number of ids that two parts share; default: 0."
    ),
]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Leave out Markdown's markup before texts are read.")
]
Truncation = Annotated[
    TruncationMode,
    typer.Option(
        "--truncation", help="Texts that are too long: refuse them, cut and warn, or cut silently."
    ),
]
LongTexts = Annotated[
    LongTextMode,
    typer.Option(
        "--truncation",
        help="Texts that are too long: refuse them, cut and warn, cut silently, or read all of them"
        " in windows and take the mean.",
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
JobKeep = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        metavar="A,B",
        help="Write these columns with the results, instead of the text. May be repeated.",
    ),
]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Skip rows that hold no text, and list them.")
]
JobFormat = Annotated[
    JobFormats | None,
    typer.Option(
        "--format",
        "-f",
        help="Printed results: table (default on a terminal), jsonl (default in a pipe), json,"
        " csv. Files of a directory: parquet (default; jsonl without pyarrow), arrow, jsonl,"
        " jsonl.gz.",
    ),
]
JobOutput = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        help="A file (.parquet, .arrow, .jsonl, .jsonl.gz, .csv, .tsv; vectors: .npy), or a"
        " directory for a long job: out/.",
    ),
]
ShardRows = Annotated[
    int | None,
    typer.Option("--shard-rows", help="Rows of each file of a directory; default: 100,000."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue a directory's job where it stopped.")
]

# Fields of LoadOptions, as options of commands.
Engine = Annotated[EngineName, typer.Option("--engine", help="The library that runs the model.")]
Device = Annotated[
    str | None,
    typer.Option("--device", help="cpu, cuda (a GPU) or auto (a GPU if there is one)."),
]
Precision = Annotated[
    PrecisionName,
    typer.Option(
        "--precision",
        help="Number type of the computation; auto: bfloat16 if the processor has it, else"
        " float32.",
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
    typer.Option(
        "--num-hidden-layers", help="Number of layers, if the model's files lack it or are wrong."
    ),
]
Heads = Annotated[
    int | None,
    typer.Option(
        "--num-attention-heads",
        help="Number of attention heads, if the model's files lack it or are wrong.",
    ),
]
Activation = Annotated[
    str | None,
    typer.Option(
        "--hidden-act",
        help="Activation, if the model's files lack it or are wrong: gelu_new (tanh), gelu (erf),"
        " relu.",
    ),
]
Revision = Annotated[
    str | None, typer.Option("--revision", help="Branch, tag or commit of a model on a hub.")
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", help="Access token for private models; default: HF_TOKEN, else the saved login."
    ),
]
CacheDir = Annotated[
    str | None, typer.Option("--cache-dir", help="Directory for downloads; default: the hub's own.")
]
LocalFilesOnly = Annotated[
    bool,
    typer.Option(
        "--local-files-only", help="Use only local models and the cache, never the network."
    ),
]

# Fields of Destination, as options of commands.
ClusterName: TypeAlias = Literal["ray"]
On = Annotated[
    ClusterName | None,
    typer.Option("--on", help="Run the job of a directory on the workers of a Ray cluster."),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="HOST:PORT of the cluster, or auto; default: RAY_ADDRESS, else a cluster of this"
        " machine.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Maximum number of workers; default: as many as fit into the cluster.",
    ),
]
Cores = Annotated[
    int | None, typer.Option("--cores", min=1, help="Cores of each worker; default: 1.")
]


R = TypeVar("R")

FETCH = ("revision", "token", "cache_dir", "local_files_only")
OVERRIDES = ("num_hidden_layers", "num_attention_heads", "hidden_act")
LOAD_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "engine": Engine,
        "device": Device,
        "precision": Precision,
        "deterministic": Deterministic,
        "policy": Policy,
        "num_hidden_layers": Layers,
        "num_attention_heads": Heads,
        "hidden_act": Activation,
        "revision": Revision,
        "token": Token,
        "cache_dir": CacheDir,
        "local_files_only": LocalFilesOnly,
    }
)
READ_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "file_format": InputFormatOption,
        "delimiter": Delimiter,
        "encoding": Encoding,
        "header": Header,
        "quotes": Quotes,
        "files": Files,
    }
)
DESTINATION_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "output": JobOutput,
        "shard_rows": ShardRows,
        "resume": Resume,
        "on": On,
        "address": Address,
        "workers": Workers,
        "cores": Cores,
    }
)


def name_options(line: str) -> str:
    """Write the library's keywords in a message as options of a command.

    Args:
        line: such as "local_files_only=True forbids requests".

    Returns:
        Such as "--local-files-only forbids requests".
    """
    for keyword, annotation in {**LOAD_OPTIONS, **READ_OPTIONS}.items():
        option, _, negative = annotation.__metadata__[0].default.partition("/")
        line = re.sub(rf"\b{keyword}=True\b", option, line)
        line = re.sub(rf"\b{keyword}=False\b", negative or f"no {option}", line)
        line = re.sub(rf"\b{keyword}=(['\"])(\w+)\1", rf"{option} \2", line)
        line = re.sub(rf"\b{keyword}=(['\"])", rf"{option} \1", line)
    return line


def takes_load_options(*names: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Replace a command's parameter `load` by options, for typer.

    Args:
        names: the fields of LoadOptions that the command uses; none: all of them.
    """
    used = {name: LOAD_OPTIONS[name] for name in names or LOAD_OPTIONS}
    return lambda command: _replace_parameter(command, "load", LoadOptions, used, last=True)


def takes_read_options(command: Callable[..., R]) -> Callable[..., R]:
    """Replace a command's parameter `read` by options, for typer."""
    return _replace_parameter(command, "read", ReadOptions, READ_OPTIONS)


def takes_destination(output_format: Any) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Replace a command's parameter `destination` by options, for typer.

    Args:
        output_format: the annotation of --format.
    """
    annotations = {"output_format": output_format, **DESTINATION_OPTIONS}
    return lambda command: _replace_parameter(command, "destination", Destination, annotations)


def _replace_parameter(
    command: Callable[..., R],
    name: str,
    option_class: type[LoadOptions] | type[ReadOptions] | type[Destination],
    annotations: Mapping[str, Any],
    *,
    last: bool = False,
) -> Callable[..., R]:
    """Replace a parameter by the fields of its class; last: help shows them after all others."""
    defaults = {field.name: field.default for field in fields(option_class)}

    def call(**arguments: Any) -> R:
        group = option_class(**{field: arguments.pop(field) for field in annotations})
        return command(**arguments, **{name: group})

    parameters = [*inspect.signature(command).parameters.values()]
    index = next(n for n, parameter in enumerate(parameters) if parameter.name == name)
    replaced = parameters.pop(index)
    index = len(parameters) if last else index
    parameters[index:index] = [
        replaced.replace(name=field, default=defaults[field], annotation=annotation)
        for field, annotation in annotations.items()
    ]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # where inspect looks
    call.__name__, call.__doc__ = command.__name__, command.__doc__
    return call
