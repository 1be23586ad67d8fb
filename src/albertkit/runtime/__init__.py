"""A name or a directory → a model that answers."""

from albertkit.runtime.choose_engine import EngineName
from albertkit.runtime.loaded import Loaded, load
from albertkit.runtime.opened import Opened, opened

__all__ = ["EngineName", "Loaded", "Opened", "load", "opened"]
