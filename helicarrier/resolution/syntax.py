"""By which grammar an output is read: its file name says, else what it looks like, with caution.

Text is taken for plain only where it has nothing that Markdown, YAML or code would read otherwise:
the analyzer of whitespace may change blanks there, and nowhere else. It is taken for Markdown only
where its indentation is that of lists.
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
    r"[`*_#<>\[\]|~\\{}]|^[ \t]|^[-+=]|^\d+[.)]\s| {2,}$|^[\w.-]+:(?:\s|$)|;$", re.MULTILINE
)
"""What has a meaning in Markdown, YAML or code: marks, indentation, keys, hard breaks."""

_FENCED = re.compile(r"^(```+|~~~+).*?^\1[`~]*$", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]", re.MULTILINE)
_KEY = re.compile(r"^[ \t]*(?:- )?[\"']?[\w.-]+[\"']?:(?:\s|$)", re.MULTILINE)
_INDENTED = re.compile(r"^[ \t]+\S", re.MULTILINE)


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
    if not _STRUCTURED.search(text):
        return Syntax.PLAIN
    return Syntax.OTHER if _indentation_counts(_FENCED.sub("", text)) else Syntax.MARKDOWN


def _indentation_counts(text: str) -> bool:
    """Markdown would drop the indentation of YAML and of code, and call what differs equal."""
    indented, item = _INDENTED.search(text), _ITEM.search(text)
    return bool((_KEY.search(text) and (indented or item)) or (indented and not item))


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
