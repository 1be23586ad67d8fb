"""Config values that the user gives because the files lack them: layers, heads, activation.

Shapes show neither how often a shared layer is repeated nor which gelu was used, and a 2-D kernel
does not show the number of heads. Files without these values are refused until the user gives
them. A value that differs from the files' is taken, with a note.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.spec import AlbertConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOverrides:
    """Values that replace those of a checkpoint's files; None: taken from the files."""

    num_hidden_layers: int | None = None
    num_attention_heads: int | None = None
    hidden_act: str | None = None  # by Hugging Face's names: gelu_new is the tanh form

    def as_dict(self) -> dict[str, int | str]:
        """Return the values that are not None, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def apply(
        self, config: AlbertConfig, origin: str, *, from_shapes: Collection[str] = ()
    ) -> tuple[AlbertConfig, tuple[Diagnostic, ...]]:
        """Return `config` with these values, and a note for each that differs from the files.

        Args:
            config: what the files say.
            origin: the checkpoint's name in messages.
            from_shapes: fields that the tensors' shapes determine; they cannot be overridden.

        Raises:
            InputError: [option-invalid] for a field of `from_shapes`, [config-value-invalid].
        """
        changes = {
            name: value for name, value in self.as_dict().items() if getattr(config, name) != value
        }
        for name in changes.keys() & set(from_shapes):
            raise _contradicts_shapes(name, changes[name], config, origin)
        notes = (_note(name, value, config, origin) for name, value in changes.items())
        return (replace(config, **changes) if changes else config), tuple(notes)  # type: ignore[arg-type]  # names and types are the config's own


NO_OVERRIDES = ConfigOverrides()


def flag(name: str) -> str:
    """num_hidden_layers → --num-hidden-layers."""
    return "--" + name.replace("_", "-")


def metadata_missing(names: list[str], why: str, origin: str) -> FormatError:
    """Return the error for files that lack these config values, naming the flags to give."""
    return FormatError(
        "metadata-missing",
        f"no file says {' and '.join(names)}",
        why=why,
        fix=f"Give {' and '.join(map(flag, names))} (in Python: {names[0]}=…)",
        where=origin,
    )


def _contradicts_shapes(name: str, value: object, config: AlbertConfig, origin: str) -> InputError:
    return InputError(
        "option-invalid",
        f"{flag(name)} is {value}",
        why=f"the shapes of the tensors give {getattr(config, name)}",
        fix=f"Leave {flag(name)} out (in Python: {name})",
        where=origin,
    )


def _note(name: str, value: object, config: AlbertConfig, origin: str) -> Diagnostic:
    return Diagnostic(
        "metadata-overridden",
        "note",
        f"{name} is {value}, as given by the user",
        why=f"the files say {getattr(config, name)}",
        where=origin,
    )
