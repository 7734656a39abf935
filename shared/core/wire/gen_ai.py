"""The operations of OpenTelemetry's conventions for generative AI.

shared.core.telemetry.conventions names the version of the conventions and their other names.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class MetricFamily(Enum):
    """The metrics that measure an operation."""

    INFERENCE = auto()
    EMBEDDINGS = auto()
    OTHER = auto()


class GenAiOperation(Enum):
    """An operation of the conventions: its name, its metrics, the type of its output."""

    CHAT = ("chat", MetricFamily.INFERENCE)
    TEXT_COMPLETION = ("text_completion", MetricFamily.INFERENCE)
    IMAGE_GENERATION = ("generate_content", MetricFamily.INFERENCE, "image")
    TRANSCRIPTION = ("generate_content", MetricFamily.INFERENCE, "text")
    SPEECH = ("generate_content", MetricFamily.INFERENCE, "speech")
    EMBEDDINGS = ("embeddings", MetricFamily.EMBEDDINGS)
    FETCH_RESPONSE = ("fetch_response", MetricFamily.OTHER)
    # the conventions have no names for these two
    FETCH_BATCH = ("fetch_batch", MetricFamily.OTHER)
    CANCEL_RESPONSE = ("cancel_response", MetricFamily.OTHER)

    def __init__(
        self, operation_name: str, family: MetricFamily, output_type: str | None = None
    ) -> None:
        self.operation_name = operation_name  # gen_ai.operation.name
        self.family = family
        self.output_type = output_type  # gen_ai.output.type


# The usage of a background response or a batch belongs to this operation, whoever fetches it.
INFERENCE_OF_FETCHED: Final = GenAiOperation.CHAT
