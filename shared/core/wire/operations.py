"""The table of operations: all that the app knows about an operation of Azure OpenAI is its row.

An operation without a row is a `call`. It is relayed and recorded like any other, and its event
holds timings, status and sizes. docs/how-to/add-an-operation.md says what a new row needs besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal, NamedTuple

from shared.core.wire.gen_ai import GenAiOperation

# `type` of an event whose exchange did not fail. `completion` becomes `stream_completion` in a
# stream.
type OperationType = Literal["completion", "embedding", "image", "audio", "batch", "call"]


class ReaderKind(Enum):
    """Which reader parses an operation's answer. shared.core.answer.reader maps it to a class."""

    NONE = auto()  # the response is not parsed
    CHAT = auto()
    RESPONSES = auto()
    EMBEDDINGS = auto()
    IMAGES = auto()
    AUDIO = auto()
    BATCH = auto()


class BodyExamination(Enum):
    """Whether the relay holds a request's body and searches it for the member that asks for a
    stream.
    """

    ALWAYS = auto()  # with any content type
    IF_JSON = auto()
    NEVER = auto()  # the response is never a stream


class PromptFormat(Enum):
    """How the prompt of an event is read as messages."""

    CHAT = auto()  # a text, texts, or messages of a chat
    ITEMS = auto()  # a text, or items of the Responses API


class StreamMember(NamedTuple):
    """The member of a JSON request that asks for a stream."""

    name: str
    value: bool | str


_STREAM: Final = StreamMember(name="stream", value=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationSpec:
    """An operation as the app knows it: its route, its request and its response."""

    name: str  # `operation` of the envelope and of the event
    # None for both: any method and any route that no other row has
    method: str | None
    # after /openai/deployments/{name}/, /openai/v1/ or /openai/; `{}` stands for one path segment
    route: str | None
    is_own_call: bool = False  # the app itself makes it; no request of a caller leads to the row
    # below /openai/deployments/{name}/ the route has no other method; /openai/v1/ may have some
    is_only_method: bool = False
    event_type: OperationType
    reader: ReaderKind
    # by OpenTelemetry's conventions; None: it is not generative AI. It then has a span and the
    # app's own metrics only.
    gen_ai: GenAiOperation | None

    # the request
    # member or form field that holds the prompt; None: the request is not read for the event
    prompt_member: str | None = None
    prompt_format: PromptFormat = PromptFormat.CHAT
    # a list of texts holds several prompts, each of which gets choices of its own
    answers_each_prompt: bool = False
    body_examination: BodyExamination = BodyExamination.IF_JSON
    stream_member: StreamMember = _STREAM
    stream_in_query: bool = False  # `?stream=true` asks for a stream
    accepts_stream_options: bool = False  # `stream_options.include_usage` may be asked for

    # the response
    # a model works on it, which may take long, and it is JSON unless a stream was asked for
    returns_json: bool = False
    ends_with_done: bool = False  # the last event of its stream is [DONE]
    # each event of its stream has a `type` or an SSE name, errors included
    has_typed_events: bool = True
    has_event_names: bool = False  # each event of its stream has an SSE name, which is its type
    # `type` of the events that can be the last; several if the type depends on how it ended
    last_events: frozenset[str] = frozenset()
    failure_events: frozenset[str] = frozenset()  # those of last_events that report an error
    repeats_usage: bool = False  # the response repeats the usage of a response made earlier
    # `status` of an object that does not change any more, nor does its usage
    final_statuses: frozenset[str] = frozenset()
    # the response is an object that is read: an `error` in it is the object's, and not the call's
    reads_object: bool = False
    # the tier at which its usage is billed; None: the response says
    service_tier: str | None = None
    # billed by the characters of its prompt, if its response has no usage
    is_billed_by_characters: bool = False
    # the operation by which the app follows a background response that this one created
    followed_by: str | None = None
    # prompt and response are a conversation, which an evaluation data set can hold
    is_evaluated: bool = False

    @property
    def generates_text(self) -> bool:
        """Whether a model writes text. If it does, missing usage is estimated, and a stream has an
        event type of its own.
        """
        return self.event_type == "completion"

    def deployment_path(self, deployment: str) -> str:
        """The path of a call to a deployment, whose name is percent-encoded."""
        return f"/openai/deployments/{deployment}/{self.route}"

    @property
    def parses_documents(self) -> bool:
        """Whether a response that is not a stream is parsed."""
        return self.reader is not ReaderKind.NONE

    @property
    def stream_end_is_known(self) -> bool:
        """Whether a stream without its last event was cut. If not known, a stream is complete when
        HTTP says so.
        """
        return self.ends_with_done or bool(self.last_events)


_RESPONSE_FAILED: Final = frozenset({"response.failed"})
# One of these ends a stream of the Responses API; it repeats the whole response.
LAST_RESPONSE_EVENTS: Final = _RESPONSE_FAILED | {"response.completed", "response.incomplete"}

_FINAL_BATCHES: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_FINAL_RESPONSES: Final = frozenset({"completed", "incomplete", "failed", "cancelled"})

CALL: Final = OperationSpec(
    name="call",
    method=None,
    route=None,
    event_type="call",
    reader=ReaderKind.NONE,
    gen_ai=None,
)

CHAT_COMPLETIONS: Final = OperationSpec(
    name="chat.completions",
    method="POST",
    route="chat/completions",
    is_only_method=True,  # /openai/v1/chat/completions has others, for stored completions
    event_type="completion",
    reader=ReaderKind.CHAT,
    gen_ai=GenAiOperation.CHAT,
    prompt_member="messages",
    body_examination=BodyExamination.ALWAYS,
    returns_json=True,
    accepts_stream_options=True,
    ends_with_done=True,
    has_typed_events=False,
    is_evaluated=True,
)

OPERATIONS: Final = (
    CHAT_COMPLETIONS,
    OperationSpec(
        name="completions",
        method="POST",
        route="completions",
        event_type="completion",
        reader=ReaderKind.CHAT,
        gen_ai=GenAiOperation.TEXT_COMPLETION,
        prompt_member="prompt",
        answers_each_prompt=True,
        body_examination=BodyExamination.ALWAYS,
        returns_json=True,
        accepts_stream_options=True,
        ends_with_done=True,
        has_typed_events=False,
        is_evaluated=True,
    ),
    OperationSpec(
        name="embeddings",
        method="POST",
        route="embeddings",
        event_type="embedding",
        reader=ReaderKind.EMBEDDINGS,
        gen_ai=GenAiOperation.EMBEDDINGS,
        prompt_member="input",
        body_examination=BodyExamination.NEVER,
        returns_json=True,
    ),
    # Azure OpenAI streams one image only. If a server streams several, each has a `completed`
    # event, so that the last is not known.
    OperationSpec(
        name="images.generations",
        method="POST",
        route="images/generations",
        event_type="image",
        reader=ReaderKind.IMAGES,
        gen_ai=GenAiOperation.IMAGE_GENERATION,
        prompt_member="prompt",
        returns_json=True,
    ),
    OperationSpec(
        name="images.edits",
        method="POST",
        route="images/edits",
        event_type="image",
        reader=ReaderKind.IMAGES,
        gen_ai=GenAiOperation.IMAGE_GENERATION,
        prompt_member="prompt",
        returns_json=True,
    ),
    OperationSpec(
        name="audio.transcriptions",
        method="POST",
        route="audio/transcriptions",
        event_type="audio",
        reader=ReaderKind.AUDIO,
        gen_ai=GenAiOperation.TRANSCRIPTION,
        prompt_member="prompt",
        last_events=frozenset({"transcript.text.done"}),
    ),
    OperationSpec(
        name="audio.translations",
        method="POST",
        route="audio/translations",
        event_type="audio",
        reader=ReaderKind.AUDIO,
        gen_ai=GenAiOperation.TRANSCRIPTION,
        prompt_member="prompt",
    ),
    OperationSpec(
        name="audio.speech",
        method="POST",
        route="audio/speech",
        event_type="audio",
        reader=ReaderKind.AUDIO,
        gen_ai=GenAiOperation.SPEECH,
        prompt_member="input",
        # `stream` says nothing of speech: its audio comes in pieces anyway. This asks for events.
        stream_member=StreamMember(name="stream_format", value="sse"),
        last_events=frozenset({"speech.audio.done"}),
        is_billed_by_characters=True,
    ),
    OperationSpec(
        name="responses",
        method="POST",
        route="responses",
        event_type="completion",
        reader=ReaderKind.RESPONSES,
        gen_ai=GenAiOperation.CHAT,
        prompt_member="input",
        prompt_format=PromptFormat.ITEMS,
        body_examination=BodyExamination.ALWAYS,
        returns_json=True,
        has_event_names=True,
        last_events=LAST_RESPONSE_EVENTS,
        failure_events=_RESPONSE_FAILED,
        final_statuses=_FINAL_RESPONSES,
        followed_by="responses.followed",
        is_evaluated=True,
    ),
    # Answers with the user's messages as they were and one encrypted item for the rest.
    OperationSpec(
        name="responses.compact",
        method="POST",
        route="responses/compact",
        event_type="completion",
        reader=ReaderKind.RESPONSES,
        gen_ai=GenAiOperation.CHAT,
        prompt_member="input",
        prompt_format=PromptFormat.ITEMS,
        body_examination=BodyExamination.NEVER,
        returns_json=True,
    ),
    OperationSpec(
        name="responses.get",
        method="GET",
        route="responses/{}",
        event_type="completion",
        reader=ReaderKind.RESPONSES,
        gen_ai=GenAiOperation.FETCH_RESPONSE,
        stream_in_query=True,
        has_event_names=True,
        last_events=LAST_RESPONSE_EVENTS,
        failure_events=_RESPONSE_FAILED,
        repeats_usage=True,
        final_statuses=_FINAL_RESPONSES,
    ),
    # See shared/following.
    OperationSpec(
        name="responses.followed",
        method="GET",
        route="responses/{}",
        is_own_call=True,
        event_type="completion",
        reader=ReaderKind.RESPONSES,
        gen_ai=GenAiOperation.FETCH_RESPONSE,
        body_examination=BodyExamination.NEVER,
        final_statuses=_FINAL_RESPONSES,
    ),
    OperationSpec(
        name="responses.delete",
        method="DELETE",
        route="responses/{}",
        event_type="call",
        reader=ReaderKind.NONE,
        gen_ai=None,
    ),
    OperationSpec(
        name="responses.cancel",
        method="POST",
        route="responses/{}/cancel",
        event_type="completion",
        reader=ReaderKind.RESPONSES,
        gen_ai=GenAiOperation.CANCEL_RESPONSE,
        repeats_usage=True,
        final_statuses=_FINAL_RESPONSES,
    ),
    OperationSpec(
        name="responses.input_items",
        method="GET",
        route="responses/{}/input_items",
        event_type="call",
        reader=ReaderKind.NONE,
        gen_ai=None,
    ),
    OperationSpec(
        name="batches.get",
        method="GET",
        route="batches/{}",
        event_type="batch",
        reader=ReaderKind.BATCH,
        gen_ai=GenAiOperation.FETCH_BATCH,
        body_examination=BodyExamination.NEVER,
        reads_object=True,
        final_statuses=_FINAL_BATCHES,
        service_tier="batch",
    ),
)

_BY_NAME: Final = {spec.name: spec for spec in (*OPERATIONS, CALL)}


def spec_of(name: str) -> OperationSpec:
    """The row of an operation, as an envelope names it; that of `call` for any other name."""
    return _BY_NAME.get(name, CALL)
