"""Import a package's public names from its modules on first use.

A process imports only the modules it needs: each module of ours costs half a millisecond of
start-up (`python -X importtime`). A package lists its names twice, once for type checkers and once
for `attach`; tests/test_lazy_exports.py holds both lists equal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def attach(
    package: str, modules: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Make the `__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: The package's full name.
        modules: The package's modules (without the package's name) and the names each defines.

    Returns:
        The three values, to be assigned in the package's `__init__.py`.
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def get_attribute(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return get_attribute, list_names, sorted(module_of)
