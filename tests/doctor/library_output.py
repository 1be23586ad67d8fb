"""What a call of another library prints, logs and raises, as a user would paste it."""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
import warnings
from collections.abc import Callable

from albertkit.doctor.messages import diagnose_message


def output_of(call: Callable[[], object]) -> str:
    """What a call prints, logs and raises, as a user would paste it."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger = logging.getLogger("transformers")
    logger.addHandler(handler)
    try:
        with (
            contextlib.redirect_stderr(text),
            contextlib.redirect_stdout(text),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            try:
                call()
            except Exception:
                traceback.print_exc(file=text)
    finally:
        logger.removeHandler(handler)
    return text.getvalue() + "\n".join(str(warning.message) for warning in caught)


def first_code(call: Callable[[], object]) -> str:
    """The code of the deepest cause in what a call says."""
    return diagnose_message(output_of(call))[0].code


def all_codes(call: Callable[[], object]) -> set[str]:
    """The codes of all that is recognised in what a call says."""
    return {diagnostic.code for diagnostic in diagnose_message(output_of(call))}
