"""Tables in and out: texts from files and streams, results to files, whole or not at all."""

from typing import TYPE_CHECKING

from albertkit.lazy_exports import attach

if TYPE_CHECKING:
    from albertkit.tables.formats import ReadOptions as ReadOptions
    from albertkit.tables.readers.batches import RowEstimate as RowEstimate
    from albertkit.tables.readers.batches import read_batches as read_batches
    from albertkit.tables.readers.batches import read_texts as read_texts
    from albertkit.tables.readers.inputs import Inputs as Inputs
    from albertkit.tables.readers.inputs import find_inputs as find_inputs
    from albertkit.tables.readers.whole_table import WholeTable as WholeTable
    from albertkit.tables.readers.whole_table import read_whole_table as read_whole_table
    from albertkit.tables.table import InvalidRow as InvalidRow
    from albertkit.tables.table import RowBatch as RowBatch
    from albertkit.tables.table import Table as Table
    from albertkit.tables.writers.files import OUTPUT_FORMATS as OUTPUT_FORMATS
    from albertkit.tables.writers.files import check_output as check_output
    from albertkit.tables.writers.files import check_output_not_input as check_output_not_input
    from albertkit.tables.writers.files import create_table as create_table
    from albertkit.tables.writers.files import open_result as open_result
    from albertkit.tables.writers.files import write_table as write_table
    from albertkit.tables.writers.invalid_rows import (
        create_invalid_row_list as create_invalid_row_list,
    )
    from albertkit.tables.writers.sharded_sink import ShardedSink as ShardedSink
    from albertkit.tables.writers.text import TableWriter as TableWriter
    from albertkit.tables.writers.text import write_csv as write_csv
    from albertkit.tables.writers.text import write_jsonl as write_jsonl
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "formats": ("ReadOptions",),
            "readers.batches": ("RowEstimate", "read_batches", "read_texts"),
            "readers.inputs": ("Inputs", "find_inputs"),
            "readers.whole_table": ("WholeTable", "read_whole_table"),
            "table": ("InvalidRow", "RowBatch", "Table"),
            "writers.files": (
                "OUTPUT_FORMATS",
                "check_output_not_input",
                "check_output",
                "open_result",
                "create_table",
                "write_table",
            ),
            "writers.invalid_rows": ("create_invalid_row_list",),
            "writers.sharded_sink": ("ShardedSink",),
            "writers.text": ("TableWriter", "write_csv", "write_jsonl"),
        },
    )
