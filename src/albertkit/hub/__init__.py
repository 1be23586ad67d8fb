"""TF Hub's API in torch tensors, for a place of any format."""

from albertkit.hub.load import load

__all__ = ["load"]
