"""The options that several verbs share, each written once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Form(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


class InputKind(StrEnum):
    """What is read, where its first bytes don't tell."""

    LINES = "lines"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"


class EngineChoice(StrEnum):
    """What computes."""

    AUTO = "auto"
    NUMPY = "numpy"
    OPENVINO = "openvino"
    TORCH = "torch"


class PrecisionChoice(StrEnum):
    """What is computed in."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


class TooLong(StrEnum):
    """What becomes of texts that the model cannot read whole."""

    ERROR = "error"
    WARN = "warn"
    OFF = "off"


class Dtype(StrEnum):
    """How a model's numbers are stored."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"


class PoolingChoice(StrEnum):
    """How token vectors become one."""

    MEAN = "mean"
    CLS = "cls"
    MAX = "max"
    POOLER = "pooler"


ANY_PLACE = "A model of any known format: directory, file, prefix or name."

Texts = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TEXT]...", help='Texts, each in quotes; "-" or none: standard input.'),
]
Inputs = Annotated[
    list[Path] | None,
    typer.Option(
        "--input",
        "-i",
        help="Texts: lines, .csv, .tsv, .jsonl, .parquet, .arrow, or a directory. May be repeated.",
    ),
]
Kind = Annotated[
    InputKind | None,
    typer.Option(
        "--input-format",
        help="What files or a pipe hold; default: what their beginnings or names say.",
    ),
]
Column = Annotated[
    str | None,
    typer.Option(
        "--column", help="The column that holds the texts; default: text, or the only one."
    ),
]
Model = Annotated[
    str, typer.Option("--model", "-m", help="A model's directory, a built-in name, or a hub's.")
]
Engine = Annotated[EngineChoice, typer.Option("--engine", help="What computes.")]
Device = Annotated[
    str | None, typer.Option("--device", help="cuda: a GPU; auto: one if torch sees it; or cpu.")
]
Precision = Annotated[
    PrecisionChoice,
    typer.Option("--precision", help="What is computed in; auto: bfloat16 where it is fast."),
]
Calibration = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="A file of 64 texts like yours, or more, to fit int8 to; default: the first of yours.",
    ),
]
Deterministic = Annotated[
    bool,
    typer.Option(
        "--deterministic",
        help="The same text has the same numbers, to the last bit, in any company; slower.",
    ),
]
Truncation = Annotated[
    TooLong, typer.Option("--truncation", help="For texts too long: refuse, cut and tell, or cut.")
]
Policy = Annotated[
    str | None,
    typer.Option("--policy", help="Read text by this tokenizer policy, not the model's own."),
]
Format = Annotated[
    Form | None,
    typer.Option(
        "--format", "-f", help="How to print; default: table on a terminal, jsonl in a pipe."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write .jsonl, .jsonl.gz, .csv, .tsv, .npy, .parquet or .arrow."
    ),
]
Layers = Annotated[
    int | None,
    typer.Option("--num-hidden-layers", help="How often the shared layers run, if no file says."),
]
Heads = Annotated[
    int | None, typer.Option("--num-attention-heads", help="Heads of a layer, if no file says.")
]
Activation = Annotated[
    str | None,
    typer.Option(
        "--hidden-act", help="By Hugging Face's names: gelu_new (tanh), gelu (erf), relu."
    ),
]
