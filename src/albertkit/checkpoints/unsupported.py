"""The error for what a format has no place for, with what to do about it."""

from __future__ import annotations

from albertkit.errors import InputError


def cannot_hold(target: str, what: str, why: str, part: str = "") -> InputError:
    """InputError [unsupported-by-format].

    target: the format, with its article. part: without which the model could be written, by the
    name that `convert` knows it by.
    """
    instead = "Write another format, such as huggingface"
    return InputError(
        "unsupported-by-format",
        f"{target} cannot hold {what}",
        why=why,
        fix=f"Leave it out (--without {part}), or write another format" if part else instead,
    )
