"""A name or a directory → a model that answers."""

from typing import TYPE_CHECKING

from albertkit.lazy_exports import attach

if TYPE_CHECKING:
    from albertkit.runtime.loaded_model import LoadedModel as LoadedModel
    from albertkit.runtime.loaded_model import load as load
    from albertkit.runtime.loaded_model import open_model as open_model
    from albertkit.runtime.options import EngineName as EngineName
    from albertkit.runtime.options import LoadKeywords as LoadKeywords
    from albertkit.runtime.options import LoadOptions as LoadOptions
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "loaded_model": ("LoadedModel", "load", "open_model"),
            "options": ("EngineName", "LoadKeywords", "LoadOptions"),
        },
    )
