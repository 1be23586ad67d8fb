"""The similarity of tensors, on their device and with their gradients; for `tasks.similarity`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from albertkit.spec.pooling_config import Similarity


def match_tensors(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Make rows [N, D] of both, of float32 or float64, on one device: a GPU if either is there."""
    dtype = torch.promote_types(torch.promote_types(left.dtype, right.dtype), torch.float32)
    device = right.device if left.device.type == "cpu" else left.device
    a, b = (tensor[None] if tensor.ndim == 1 else tensor for tensor in (left, right))
    return a.to(device, dtype), b.to(device, dtype)


def tensor_similarity(left: Tensor, right: Tensor, measure: Similarity) -> Tensor:
    """All vectors of left [N, D] with all of right [M, D] → [N, M]."""
    match measure:
        case "cosine":
            return F.normalize(left, dim=-1) @ F.normalize(right, dim=-1).T
        case "dot":
            return left @ right.T
        case _:
            return -torch.cdist(left, right, p=1.0 if measure == "manhattan" else 2.0)


def tensor_similarity_pairwise(left: Tensor, right: Tensor, measure: Similarity) -> Tensor:
    """Each vector of left [N, D] with its partner of right [N, D] → [N]."""
    match measure:
        case "cosine":
            return (F.normalize(left, dim=-1) * F.normalize(right, dim=-1)).sum(-1)
        case "dot":
            return (left * right).sum(-1)
        case _:
            order = 1 if measure == "manhattan" else 2
            distances: Tensor = torch.linalg.vector_norm(left - right, ord=order, dim=-1)
            return -distances
