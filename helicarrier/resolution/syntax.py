"""By which grammar an output is read: its file name says, else what it looks like, with caution.

Text is taken for plain only where it has nothing that Markdown, YAML or code would read otherwise:
the analyzer of whitespace may change blanks there, and nowhere else.
"""

import re
from pathlib import PurePath

from helicarrier.canonical import strict_parse
from helicarrier.errors import ContractError
from helicarrier.resolution.enums import ArtifactType, Syntax

_SUFFIXES = {
    ".json": Syntax.JSON,
    ".md": Syntax.MARKDOWN,
    ".markdown": Syntax.MARKDOWN,
    ".py": Syntax.PYTHON,
    ".pyi": Syntax.PYTHON,
    ".txt": Syntax.PLAIN,
    ".log": Syntax.PLAIN,
    **dict.fromkeys((".yaml", ".yml", ".toml", ".ini", ".cfg", ".csv", ".tsv"), Syntax.OTHER),
    **dict.fromkeys((".html", ".xml", ".rst", ".diff", ".patch"), Syntax.OTHER),
}
_CODE_SUFFIXES = {".js", ".ts", ".go", ".rs", ".java", ".c", ".h", ".cpp", ".rb", ".sh", ".sql"}
_STRUCTURED = re.compile(
    r"[`*_#<>\[\]|~\\{}]|^[ \t]|^[-+=]|^\d+[.)]\s|[ \t]$|^[\w.-]+:(?:\s|$)|^---$|;$", re.MULTILINE
)
"""What has a meaning in Markdown, YAML or code: marks, indentation, keys, trailing blanks."""


def syntax_of_name(name: str, content: bytes) -> tuple[ArtifactType, Syntax | None]:
    """Type and syntax of a file; without a known suffix those of its content."""
    suffix = PurePath(name).suffix.lower()
    if not _is_text(content):
        return ArtifactType.BINARY, None
    if suffix in _CODE_SUFFIXES:
        return ArtifactType.CODE, Syntax.OTHER
    found = _SUFFIXES.get(suffix) or syntax_of_content(ArtifactType.TEXT, content)
    if found is None:
        return ArtifactType.BINARY, None
    return _TYPES[found], found


def syntax_of_content(kind: ArtifactType, content: bytes) -> Syntax | None:
    """The syntax of an output whose type alone is known; None for binary ones."""
    if kind is ArtifactType.BINARY or not _is_text(content):
        return None
    match kind:
        case ArtifactType.JSON:
            return Syntax.JSON
        case ArtifactType.CODE:
            return Syntax.PYTHON
        case ArtifactType.TEXT:
            return _syntax_of_text(content)


def _syntax_of_text(content: bytes) -> Syntax:
    if content.lstrip()[:1] in {b"{", b"["} and _is_json(content):
        return Syntax.JSON
    text = content.decode().replace("\r\n", "\n")
    return Syntax.MARKDOWN if _STRUCTURED.search(text) else Syntax.PLAIN


def _is_text(content: bytes) -> bool:
    try:
        return "\x00" not in content.decode()
    except UnicodeDecodeError:
        return False


def _is_json(content: bytes) -> bool:
    try:
        strict_parse(content, lexemes=True)
    except ContractError:
        return False
    return True


_TYPES = {
    Syntax.PLAIN: ArtifactType.TEXT,
    Syntax.MARKDOWN: ArtifactType.TEXT,
    Syntax.OTHER: ArtifactType.TEXT,
    Syntax.JSON: ArtifactType.JSON,
    Syntax.PYTHON: ArtifactType.CODE,
}
