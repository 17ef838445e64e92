"""The closed vocabularies of content: CHECKs, contracts of input and documents come from them."""

from enum import StrEnum


class DocType(StrEnum):
    """What a document is, and with that what it must have."""

    POST = "post"
    PROFILE = "profile"
    JOURNAL = "journal"
    MEDIA = "media"
    NOTE = "note"


class DocStatus(StrEnum):
    """How far a document is published."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class MediaType(StrEnum):
    """What kind of medium a file is."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class ParentType(StrEnum):
    """What an annotation is about: a post, or any other document."""

    POST = "post"
    DOCUMENT = "document"


class Outcome(StrEnum):
    """What became of one record of an import."""

    WRITTEN = "written"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    REFUSED = "refused"
