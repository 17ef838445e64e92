"""Content as the rest of the project sees it: save, find, remark, delete.

The Protocol is what callers lean on; a second store would have to pass the same tests. Documents
are append-only: saving other content under a key is a new version, saving the same again is
nothing, and a document that somebody has remarked on is not deleted.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Protocol

from helicarrier.lineage.content.enums import DocType
from helicarrier.lineage.content.model import (
    AnnotatedDocument,
    Annotation,
    AnnotationDraft,
    Document,
    DocumentDraft,
    Message,
    Refusal,
    Saved,
    StoredMessage,
)

LIMIT = 100
"""How many a listing gives unless it is told otherwise."""


class ContentRepository(Protocol):
    """Documents, messages and annotations; each write is one transaction, or nothing."""

    def save(self, draft: DocumentDraft, *, run_id: str) -> Saved:
        """Store one document; a duplicate where its newest version has the same checksum."""
        ...

    def save_all(self, drafts: Sequence[DocumentDraft], *, run_id: str) -> list[Saved]:
        """Store several, in their order; the answers are in the same order.

        Raises:
            InputRejected: a draft breaks a rule of the table; none was stored.
        """
        ...

    def save_messages(
        self, messages: Sequence[Message], *, run_id: str, now: datetime
    ) -> list[Saved]:
        """Store messages; one whose event id is taken by another message is refused."""
        ...

    def annotate(self, drafts: Sequence[AnnotationDraft], *, run_id: str) -> list[Saved]:
        """Store remarks; the same remark again is a duplicate, one without a document refused."""
        ...

    def keep_refused(self, refusals: Sequence[Refusal], *, run_id: str, now: datetime) -> None:
        """Keep what was refused with its bytes; what came before counts one more attempt."""
        ...

    def finish(self, *, run_id: str) -> None:
        """Mark a run as one that has written all of its rows: dying after this loses nothing."""
        ...

    def get(self, name: str) -> Document | None:
        """A version by its id, or the newest version of a key; None where there is none."""
        ...

    def versions(self, doc_key: str) -> list[Document]:
        """All versions of a document, oldest first."""
        ...

    def documents(
        self,
        *,
        doc_type: DocType | None = None,
        first: date | None = None,
        last: date | None = None,
        limit: int = LIMIT,
    ) -> list[Document]:
        """Newest versions of a type and of a range of UTC days (both included), newest first."""
        ...

    def annotated(
        self,
        *,
        doc_type: DocType | None = None,
        first: date | None = None,
        last: date | None = None,
        limit: int = LIMIT,
    ) -> list[AnnotatedDocument]:
        """The same with their remarks, in two queries whatever their number."""
        ...

    def iterate(self, *, doc_type: DocType | None = None) -> Iterator[Document]:
        """Every newest version by its key; nothing is held between two pages."""
        ...

    def messages(self, *, thread_id: str | None = None, limit: int = LIMIT) -> list[StoredMessage]:
        """The newest messages, of one conversation or of all, newest first."""
        ...

    def annotations(self, doc_key: str) -> list[Annotation]:
        """The remarks on all versions of a document, oldest first."""
        ...

    def refused(self, *, limit: int = LIMIT) -> list[dict[str, object]]:
        """The newest refusals: place, reason, size of the bytes; never the bytes."""
        ...

    def delete(self, doc_key: str) -> int:
        """Delete a document with all its versions; gives their number.

        Raises:
            Conflict: somebody has remarked on it.
            InputRejected: NOT_FOUND.
        """
        ...

    def delete_annotation(self, annotation_id: str) -> None:
        """Delete one remark.

        Raises:
            InputRejected: NOT_FOUND.
        """
        ...
