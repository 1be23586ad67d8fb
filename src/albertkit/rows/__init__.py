"""Tables in and out: texts from files and streams, results to files, whole or not at all."""

from albertkit.rows.batch import BadRow, RowBatch
from albertkit.rows.inputs import Inputs, find_inputs
from albertkit.rows.read import count_rows, read_batches, read_texts
from albertkit.rows.sink import ShardedSink
from albertkit.rows.table import Table
from albertkit.rows.write import FILE_KINDS, check_output, new_table, write_jsonl, write_table
from albertkit.rows.writers import TableWriter, write_csv

__all__ = [
    "FILE_KINDS",
    "BadRow",
    "Inputs",
    "RowBatch",
    "ShardedSink",
    "Table",
    "TableWriter",
    "check_output",
    "count_rows",
    "find_inputs",
    "new_table",
    "read_batches",
    "read_texts",
    "write_csv",
    "write_jsonl",
    "write_table",
]
