"""The error for what a format cannot represent, with what to do about it."""

from __future__ import annotations

from albertkit.errors import InputError


def unsupported_error(target: str, what: str, why: str, part: str = "") -> InputError:
    """Return InputError [unsupported-by-format].

    Args:
        target: the format, with its article.
        what: what it cannot represent.
        why: the reason.
        part: the part without which the model can be written, by its name in `convert`.
    """
    write_another = "Write another format, such as huggingface"
    return InputError(
        "unsupported-by-format",
        f"{target} cannot represent {what}",
        why=why,
        fix=f"Leave it out (--without {part}), or write another format" if part else write_another,
    )
