"""Tables in and out: texts from files and streams, results to files, whole or not at all."""

from albertkit.rows.read import texts_in_file, texts_in_stream
from albertkit.rows.table import Table
from albertkit.rows.write import FILE_KINDS, check_output, write_csv, write_jsonl, write_table

__all__ = [
    "FILE_KINDS",
    "Table",
    "check_output",
    "texts_in_file",
    "texts_in_stream",
    "write_csv",
    "write_jsonl",
    "write_table",
]
