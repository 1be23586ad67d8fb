"""Tables in and out: texts from files and streams, results to files, whole or not at all."""

from typing import TYPE_CHECKING

from albertkit.faces import face

if TYPE_CHECKING:
    from albertkit.rows.apart import check_apart as check_apart
    from albertkit.rows.bad_list import new_bad_list as new_bad_list
    from albertkit.rows.batch import BadRow as BadRow
    from albertkit.rows.batch import RowBatch as RowBatch
    from albertkit.rows.foreseen import Foreseen as Foreseen
    from albertkit.rows.inputs import Inputs as Inputs
    from albertkit.rows.inputs import find_inputs as find_inputs
    from albertkit.rows.mapped import given_back as given_back
    from albertkit.rows.read import count_rows as count_rows
    from albertkit.rows.read import read_batches as read_batches
    from albertkit.rows.read import read_texts as read_texts
    from albertkit.rows.sink import ShardedSink as ShardedSink
    from albertkit.rows.table import Table as Table
    from albertkit.rows.write import FILE_KINDS as FILE_KINDS
    from albertkit.rows.write import check_output as check_output
    from albertkit.rows.write import new_table as new_table
    from albertkit.rows.write import write_table as write_table
    from albertkit.rows.writers import TableWriter as TableWriter
    from albertkit.rows.writers import write_csv as write_csv
    from albertkit.rows.writers import write_jsonl as write_jsonl
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "apart": ("check_apart",),
            "bad_list": ("new_bad_list",),
            "batch": ("BadRow", "RowBatch"),
            "foreseen": ("Foreseen",),
            "inputs": ("Inputs", "find_inputs"),
            "mapped": ("given_back",),
            "read": ("count_rows", "read_batches", "read_texts"),
            "sink": ("ShardedSink",),
            "table": ("Table",),
            "write": ("FILE_KINDS", "check_output", "new_table", "write_table"),
            "writers": ("TableWriter", "write_csv", "write_jsonl"),
        },
    )
