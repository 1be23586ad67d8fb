"""The classes with a linear head: for sequences, tokens, answers in a text, and choices.

Arguments of all forwards that are not described here are as in AlbertModel.forward.
"""

from __future__ import annotations

from albertkit.errors.arguments import check_keywords
from albertkit.model.albert import Attention, Trace
from albertkit.model.call_adapter import accept_input_aliases
from albertkit.model.checks import TensorLike
from albertkit.model.inputs import check_inputs, flatten_choices
from albertkit.model.losses import (
    check_class_labels,
    check_labels,
    check_span_labels,
    compute_class_loss,
    cross_entropy,
)
from albertkit.model.model_with_head import AlbertWithHead, create_head_dropout, create_linear_head
from albertkit.model.outputs import (
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import (
    MULTIPLE_CHOICE,
    QUESTION_ANSWERING,
    SEQUENCE_CLASSIFICATION,
    TOKEN_CLASSIFICATION,
)


class AlbertForSequenceClassification(AlbertWithHead):
    """The pooled vector → logits of C classes, or C numbers."""

    heads = (SEQUENCE_CLASSIFICATION.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        """Create an untrained model; C is the config's num_labels."""
        super().__init__(config, attn_implementation=attn_implementation)
        self.dropout = create_head_dropout(SEQUENCE_CLASSIFICATION, config)
        self.classifier = create_linear_head(SEQUENCE_CLASSIFICATION, config)

    @accept_input_aliases
    def forward(
        self,
        input_ids: TensorLike = None,
        attention_mask: TensorLike = None,
        token_type_ids: TensorLike = None,
        position_ids: TensorLike = None,
        inputs_embeds: TensorLike = None,
        labels: TensorLike = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> SequenceClassifierOutput:
        """Classify texts.

        Args:
            input_ids: [B, S].
            attention_mask: [B, S].
            token_type_ids: [B, S].
            position_ids: [B, S].
            inputs_embeds: [B, S, E], in place of `input_ids`.
            labels: For the loss: class numbers [B], several classes [B, C] of 0 and 1, or
                regression targets [B] or [B, C]. The config's problem_type decides which; without
                it, the number of labels and the type of `labels`, as in transformers.
            output_attentions: Whether to return attention probabilities.
            output_hidden_states: Whether to return the output of all layers.

        Returns:
            Logits [B, C], and the loss if `labels` are given.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        targets = check_class_labels(self.config, labels, inputs.type_ids[:, 0])
        trace = Trace.create(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)
        logits = self.classifier(self.dropout(self.albert.pool(vectors[:, 0])))  # [B, C]
        loss = None if targets is None else compute_class_loss(targets, logits)
        return SequenceClassifierOutput(loss, logits, *trace.as_tuples())


class AlbertForTokenClassification(AlbertWithHead):
    """Each token vector → logits of C classes."""

    heads = (TOKEN_CLASSIFICATION.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        """Create an untrained model; C is the config's num_labels."""
        super().__init__(config, attn_implementation=attn_implementation)
        self.dropout = create_head_dropout(TOKEN_CLASSIFICATION, config)
        self.classifier = create_linear_head(TOKEN_CLASSIFICATION, config)

    @accept_input_aliases
    def forward(
        self,
        input_ids: TensorLike = None,
        attention_mask: TensorLike = None,
        token_type_ids: TensorLike = None,
        position_ids: TensorLike = None,
        inputs_embeds: TensorLike = None,
        labels: TensorLike = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> TokenClassifierOutput:
        """Classify tokens.

        Args:
            input_ids: [B, S].
            attention_mask: [B, S].
            token_type_ids: [B, S].
            position_ids: [B, S].
            inputs_embeds: [B, S, E], in place of `input_ids`.
            labels: For the loss: class numbers [B, S], -100 for tokens without a label.
            output_attentions: Whether to return attention probabilities.
            output_hidden_states: Whether to return the output of all layers.

        Returns:
            Logits [B, S, C], and the loss if `labels` are given.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        targets = check_labels("labels", labels, inputs.type_ids, self.config.num_labels)
        trace = Trace.create(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)
        logits = self.classifier(self.dropout(vectors))  # [B, S, C]
        loss = None if targets is None else cross_entropy(logits, targets)
        return TokenClassifierOutput(loss, logits, *trace.as_tuples())


class AlbertForQuestionAnswering(AlbertWithHead):
    """Each token vector → logits of an answer's start and end at this token."""

    heads = (QUESTION_ANSWERING.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        """Create an untrained model."""
        super().__init__(config, attn_implementation=attn_implementation)
        self.qa_outputs = create_linear_head(QUESTION_ANSWERING, config)

    @accept_input_aliases
    def forward(
        self,
        input_ids: TensorLike = None,
        attention_mask: TensorLike = None,
        token_type_ids: TensorLike = None,
        position_ids: TensorLike = None,
        inputs_embeds: TensorLike = None,
        start_positions: TensorLike = None,
        end_positions: TensorLike = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> QuestionAnsweringModelOutput:
        """Find answers in texts.

        Args:
            input_ids: [B, S].
            attention_mask: [B, S].
            token_type_ids: [B, S].
            position_ids: [B, S].
            inputs_embeds: [B, S, E], in place of `input_ids`.
            start_positions: For the loss: positions [B] of the answers' first tokens; S or more if
                the answer is not in these inputs.
            end_positions: For the loss: positions [B] of the answers' last tokens.
            output_attentions: Whether to return attention probabilities.
            output_hidden_states: Whether to return the output of all layers.

        Returns:
            Start and end logits [B, S], and the loss if both positions are given.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        starts = check_span_labels("start_positions", start_positions, inputs.type_ids)
        ends = check_span_labels("end_positions", end_positions, inputs.type_ids)
        trace = Trace.create(hidden_states=output_hidden_states, attentions=output_attentions)
        logits = self.qa_outputs(self.albert.token_vectors(*inputs, trace))  # [B, S, 2]
        start_logits, end_logits = logits.unbind(-1)  # [B, S] each
        loss = None
        if starts is not None and ends is not None:
            loss = (cross_entropy(start_logits, starts) + cross_entropy(end_logits, ends)) / 2
        return QuestionAnsweringModelOutput(loss, start_logits, end_logits, *trace.as_tuples())


class AlbertForMultipleChoice(AlbertWithHead):
    """The pooled vector of each of C choices → logits of the choices."""

    heads = (MULTIPLE_CHOICE.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        """Create an untrained model."""
        super().__init__(config, attn_implementation=attn_implementation)
        self.dropout = create_head_dropout(MULTIPLE_CHOICE, config)
        self.classifier = create_linear_head(MULTIPLE_CHOICE, config)

    @accept_input_aliases
    def forward(
        self,
        input_ids: TensorLike = None,
        attention_mask: TensorLike = None,
        token_type_ids: TensorLike = None,
        position_ids: TensorLike = None,
        inputs_embeds: TensorLike = None,
        labels: TensorLike = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> MultipleChoiceModelOutput:
        """Choose among C texts.

        Args:
            input_ids: [B, C, S].
            attention_mask: [B, C, S].
            token_type_ids: [B, C, S].
            position_ids: [B, C, S].
            inputs_embeds: [B, C, S, E], in place of `input_ids`.
            labels: For the loss: the number [B] of the right choice.
            output_attentions: Whether to return attention probabilities [B·C, A, S, S].
            output_hidden_states: Whether to return the output of all layers [B·C, S, H].

        Returns:
            Logits [B, C], and the loss if `labels` are given.
        """
        values = (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        rows, choices = flatten_choices(self, *values)
        inputs = check_inputs(self, *rows)
        per_choice = inputs.type_ids[:, 0].view(-1, choices)  # [B, C]
        targets = check_labels("labels", labels, per_choice[:, 0], choices)
        trace = Trace.create(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)
        scores = self.classifier(self.dropout(self.albert.pool(vectors[:, 0])))  # [B·C, 1]
        logits = scores.view_as(per_choice)  # [B, C]
        loss = None if targets is None else cross_entropy(logits, targets)
        return MultipleChoiceModelOutput(loss, logits, *trace.as_tuples())
