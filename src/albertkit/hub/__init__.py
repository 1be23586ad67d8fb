"""TF Hub's API in torch tensors, for checkpoints of any format."""

from albertkit.hub.load import load

__all__ = ["load"]
