"""The classes with a linear head: sequences, tokens, questions, choices."""

from __future__ import annotations

from albertkit.errors.keywords import check_keywords
from albertkit.model.albert import Attention, Trace
from albertkit.model.call_adapter import accept_input_aliases
from albertkit.model.checks import TensorLike
from albertkit.model.inputs import check_inputs, flatten_choices
from albertkit.model.losses import (
    check_class_labels,
    check_labels,
    check_span_labels,
    class_loss,
    cross_entropy,
)
from albertkit.model.model_with_head import AlbertWithHead, create_head_dropout, linear_head
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
        super().__init__(config, attn_implementation=attn_implementation)
        self.dropout = create_head_dropout(SEQUENCE_CLASSIFICATION, config)
        self.classifier = linear_head(SEQUENCE_CLASSIFICATION, config)

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
        """labels: [B] whole numbers, [B, C] of 0 and 1, or numbers [B] or [B, C] to be met.

        Which of these, says the config's problem_type; without it, as transformers guesses.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        wanted = check_class_labels(self.config, labels, inputs.type_ids[:, 0])
        trace = Trace.wanted(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)
        logits = self.classifier(self.dropout(self.albert.pool(vectors[:, 0])))  # [B, C]
        loss = None if wanted is None else class_loss(wanted, logits)
        return SequenceClassifierOutput(loss, logits, *trace.seen())


class AlbertForTokenClassification(AlbertWithHead):
    """Each token vector → logits of C classes."""

    heads = (TOKEN_CLASSIFICATION.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        super().__init__(config, attn_implementation=attn_implementation)
        self.dropout = create_head_dropout(TOKEN_CLASSIFICATION, config)
        self.classifier = linear_head(TOKEN_CLASSIFICATION, config)

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
        """labels: [B, S], -100 for no label."""
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        wanted = check_labels("labels", labels, inputs.type_ids, self.config.num_labels)
        trace = Trace.wanted(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)
        logits = self.classifier(self.dropout(vectors))  # [B, S, C]
        loss = None if wanted is None else cross_entropy(logits, wanted)
        return TokenClassifierOutput(loss, logits, *trace.seen())


class AlbertForQuestionAnswering(AlbertWithHead):
    """Each token vector → how well an answer begins and ends there."""

    heads = (QUESTION_ANSWERING.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        super().__init__(config, attn_implementation=attn_implementation)
        self.qa_outputs = linear_head(QUESTION_ANSWERING, config)

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
        """start_positions, end_positions: [B]; from S on there is no answer here."""
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        starts = check_span_labels("start_positions", start_positions, inputs.type_ids)
        ends = check_span_labels("end_positions", end_positions, inputs.type_ids)
        trace = Trace.wanted(hidden_states=output_hidden_states, attentions=output_attentions)
        both = self.qa_outputs(self.albert.token_vectors(*inputs, trace))  # [B, S, 2]
        start_logits, end_logits = both.unbind(-1)  # [B, S] each
        loss = None
        if starts is not None and ends is not None:
            loss = (cross_entropy(start_logits, starts) + cross_entropy(end_logits, ends)) / 2
        return QuestionAnsweringModelOutput(loss, start_logits, end_logits, *trace.seen())


class AlbertForMultipleChoice(AlbertWithHead):
    """The pooled vector of each of C choices → logits of the choices."""

    heads = (MULTIPLE_CHOICE.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        super().__init__(config, attn_implementation=attn_implementation)
        self.dropout = create_head_dropout(MULTIPLE_CHOICE, config)
        self.classifier = linear_head(MULTIPLE_CHOICE, config)

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
        """All inputs [B, C, S], inputs_embeds [B, C, S, E]; labels: [B], the right choice."""
        given = (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        rows, choices = flatten_choices(self, *given)
        inputs = check_inputs(self, *rows)
        per_text = inputs.type_ids[:, 0].view(-1, choices)  # [B, C]
        wanted = check_labels("labels", labels, per_text[:, 0], choices)
        trace = Trace.wanted(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)
        scores = self.classifier(self.dropout(self.albert.pool(vectors[:, 0])))  # [B·C, 1]
        logits = scores.view_as(per_text)  # [B, C]
        loss = None if wanted is None else cross_entropy(logits, wanted)
        return MultipleChoiceModelOutput(loss, logits, *trace.seen())
