"""The Emitter that calls TensorFlow: inside a tf.function it adds nodes to a graph.

Kernels of attention have three axes, as TF Hub publishes them, so queries, keys, values and
context go around as [B, S, A, D]: the encoder only hands them on. When training, values are
dropped where google's code drops them; no other backend of the graph is trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import Activation
from albertkit.spec.heads import get_norm_eps
from albertkit.spec.parameters import WORD_TABLE

if TYPE_CHECKING:
    from tensorflow import Tensor, Variable

# A product by the axes of what comes in and of its kernel. Where one sum of products over the
# last axes would do, this names them: a is the batch, b the slot.
EINSUM_FORMULAS = {
    (2, 2): "bc,cd->bd",
    (3, 2): "abc,cd->abd",
    (3, 3): "abc,cde->abde",  # to A heads of D
    (4, 3): "abcd,cde->abe",  # and back
}
# What is dropped from when training: the results of these, by their parameters' names.
# Source: google-research/albert, modeling.py; attention's shares too.
DROPPED = ("embeddings.LayerNorm", "attention.dense.weight", "ffn_output.weight")


class TensorFlowEmitter:
    """ALBERT's operations on tensors.

    variables: by canonical names, in TF Hub's layout: kernels are [in, out], and where E equals
    H there is no projection.
    """

    def __init__(
        self,
        tf: ModuleType,
        config: AlbertConfig,
        variables: Mapping[str, Variable],
        *,
        training: bool,
    ) -> None:
        self.tf = tf
        self.config = config
        self.variables = variables
        self.training = training

    def lookup(self, table: str, indices: Tensor) -> Tensor:
        """As Emitter.lookup."""
        return self.tf.gather(self.variables[table], indices)

    def add(self, left: Tensor, right: Tensor) -> Tensor:
        """As Emitter.add."""
        return left + right

    def linear(self, x: Tensor, weight: str, bias: str) -> Tensor:
        """As Emitter.linear."""
        if weight not in self.variables:  # the projection between equal widths: the identity
            return x
        kernel = self.variables[weight]
        if weight == WORD_TABLE:  # the one matrix that is stored as [out, in]
            product = self.tf.matmul(x, kernel, transpose_b=True)
        else:
            product = self.tf.einsum(EINSUM_FORMULAS[len(x.shape), len(kernel.shape)], x, kernel)
        return self._drop_out(product + self.variables[bias], weight)

    def norm(self, x: Tensor, name: str) -> Tensor:
        """As Emitter.norm."""
        mean, variance = self.tf.nn.moments(x, [-1], keepdims=True)
        scale, shift = self.variables[f"{name}.weight"], self.variables[f"{name}.bias"]
        eps = get_norm_eps(self.config, name)
        y = self.tf.nn.batch_normalization(x, mean, variance, shift, scale, eps)
        return self._drop_out(y, name)

    def activate(self, x: Tensor, kind: Activation) -> Tensor:  # noqa: PLR0911
        """As Emitter.activate."""
        with self.tf.name_scope("activation"):
            match kind:
                case "gelu_tanh":
                    return self.tf.nn.gelu(x, approximate=True)
                case "gelu_erf":
                    return self.tf.nn.gelu(x)
                case "quick_gelu":
                    return x * self.tf.sigmoid(1.702 * x)
                case "relu":
                    return self.tf.nn.relu(x)
                case "silu":
                    return self.tf.nn.silu(x)
                case "tanh":
                    return self.tf.tanh(x)
                case "identity":
                    return x

    def attention(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Of [B, S, A, D] each → [B, S, A, D]; mask broadcasts to [B, A, S, S]."""
        query = query * (1 / math.sqrt(self.config.head_size))
        scores = self.tf.einsum("aecd,abcd->acbe", key, query)
        with self.tf.name_scope("self_attention/softmax"):
            shares = self.tf.nn.softmax(scores + mask)  # [B, A, S, S]
        if self.training:
            shares = self.tf.nn.dropout(shares, self.config.attention_probs_dropout_prob)
        return self.tf.einsum("acbe,aecd->abcd", shares, value)

    def _drop_out(self, x: Tensor, name: str) -> Tensor:
        if self.training and name.endswith(DROPPED):
            return self.tf.nn.dropout(x, self.config.hidden_dropout_prob)
        return x
