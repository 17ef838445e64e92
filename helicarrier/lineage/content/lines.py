"""Lines of JSON -> messages and annotations.

A line is one JSON object under the one strict parse; a line that names a `parent` is an annotation,
any other a message. What a line says has one meaning, so the same line is the same record however
often it comes.
"""

from datetime import datetime

from helicarrier import times
from helicarrier.canonical import strict_parse
from helicarrier.errors import ContractError, Violation
from helicarrier.lineage.content import wire
from helicarrier.lineage.content.model import AnnotationDraft, Message
from helicarrier.lineage.content.wire import AnnotationLine, MessageLine, instant

MAX_BYTES = 2 * 1024 * 1024
"""Of one line."""


def read_line(body: bytes, *, now: datetime) -> Message | AnnotationDraft | None:
    """The bytes of a line -> what it says; None for an empty line.

    Args: body, without its end of line; now, for annotations without `created_at`.

    Raises:
        ContractError: VALIDATION_ERROR with every violation.
    """
    if not body.strip():
        return None
    if len(body) > MAX_BYTES:
        raise _too_long()
    match wire.line(strict_parse(body).value):
        case MessageLine() as said:
            return Message(
                event_id=said.event_id,
                tenant_id=said.tenant_id,
                source=said.source,
                thread_id=said.thread_id,
                msg_id=said.msg_id,
                ts=times.parse(said.ts),
                author_raw=said.author_raw,
                author_uuid=said.author_uuid,
                text=said.text,
                media_url=said.media_url,
                media_type=said.media_type,
                attrs=said.attrs,
                pii_flags=tuple(said.pii_flags),
            )
        case AnnotationLine() as said:
            return AnnotationDraft(
                parent=said.parent,
                author_id=said.author_id,
                content=said.content,
                created_at=instant(said.created_at) or now,
            )


def _too_long() -> ContractError:
    return wire.refused(
        "line",
        [Violation(pointer="", code="TOO_LONG", message=f"it has more than {MAX_BYTES} bytes")],
    )
