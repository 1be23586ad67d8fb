"""What the caller knows of a model and its files may not say: layers, heads, activation.

No shape tells how often a shared layer is repeated, nor which gelu was meant; a 2-D kernel hides
the number of heads. So a place without such metadata is refused until somebody says it, and who
says otherwise than a file is believed, and it is noted.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.spec import AlbertConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOverrides:
    """None: the files know, or nobody does."""

    num_hidden_layers: int | None = None
    num_attention_heads: int | None = None
    hidden_act: str | None = None  # by Hugging Face's names: gelu_new is the tanh form

    def given(self) -> dict[str, int | str]:
        """The fields that were told, by their names."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    def over(
        self, config: AlbertConfig, origin: str, *, shown: Collection[str] = ()
    ) -> tuple[AlbertConfig, tuple[Diagnostic, ...]]:
        """`config` with what was told, and a note for each value that a file has otherwise.

        shown: fields that the tensors themselves show, of which nobody can say otherwise.
        Raises InputError [option-invalid] for one of these, [config-value-invalid].
        """
        changes = {
            name: value for name, value in self.given().items() if getattr(config, name) != value
        }
        for name in changes.keys() & set(shown):
            raise _shown_otherwise(name, changes[name], config, origin)
        notes = (_note(name, value, config, origin) for name, value in changes.items())
        return (replace(config, **changes) if changes else config), tuple(notes)  # type: ignore[arg-type]  # names and types are the config's own


NO_OVERRIDES = ConfigOverrides()


def flag(name: str) -> str:
    """num_hidden_layers → --num-hidden-layers."""
    return "--" + name.replace("_", "-")


def not_said(names: list[str], why: str, origin: str) -> FormatError:
    """The error for a place that does not say what must be known, naming the flags to give."""
    return FormatError(
        "metadata-missing",
        f"no file says {' and '.join(names)}",
        why=why,
        fix=f"Give {' and '.join(map(flag, names))} (in Python: {names[0]}=…)",
        where=origin,
    )


def _shown_otherwise(name: str, value: object, config: AlbertConfig, origin: str) -> InputError:
    return InputError(
        "option-invalid",
        f"{flag(name)} is {value}",
        why=f"the tensors show {getattr(config, name)}",
        fix=f"Leave {flag(name)} out (in Python: {name})",
        where=origin,
    )


def _note(name: str, value: object, config: AlbertConfig, origin: str) -> Diagnostic:
    return Diagnostic(
        "metadata-overridden",
        "note",
        f"{name} is taken as {value}, as told",
        why=f"the files say {getattr(config, name)}",
        where=origin,
    )
