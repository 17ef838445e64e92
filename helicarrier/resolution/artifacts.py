"""Artefacts at rest: bytes that a resolution may replace, each in a file named by its id's hash.

Ids come from outside, so they never become part of a path. A file is replaced as a whole and is
durable before the call returns; whoever reads sees the old bytes or the new ones.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from helicarrier.canonical import sha256
from helicarrier.errors import ErrorCode, InputRejected, StorageUnavailable


class Artifacts(Protocol):
    """Bytes by the id of their artefact."""

    def read(self, artifact_id: str) -> bytes:
        """The bytes.

        Raises:
            InputRejected: NOT_FOUND.
            StorageUnavailable: they cannot be read.
        """
        ...

    def write(self, artifact_id: str, content: bytes) -> None:
        """Put bytes in the place of those that are there.

        Raises:
            StorageUnavailable: they cannot be written; the old ones stay.
        """
        ...


class FolderArtifacts:
    """`Artifacts` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Args: folder, which the first write makes."""
        self._folder = folder

    def add(self, artifact_id: str, content: bytes) -> None:
        """Keep an artefact that is not there yet; one that is stays as it is."""
        if not self._path(artifact_id).exists():
            self.write(artifact_id, content)

    def read(self, artifact_id: str) -> bytes:
        """See `Artifacts.read`."""
        try:
            return self._path(artifact_id).read_bytes()
        except FileNotFoundError:
            raise InputRejected(
                f"the artefact {artifact_id} is not in {self._folder}",
                code=ErrorCode.NOT_FOUND,
                hint="Plan again from the file of pairs, which keeps its artefacts.",
            ) from None
        except OSError as error:
            raise StorageUnavailable(f"the artefact {artifact_id} cannot be read") from error

    def write(self, artifact_id: str, content: bytes) -> None:
        """See `Artifacts.write`."""
        target = self._path(artifact_id)
        part = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
            handle = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(handle)  # the rename itself
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageUnavailable(
                f"the artefact {artifact_id} cannot be written",
                hint="Check the folder's rights and the space on the disk.",
            ) from error
        finally:
            with suppress(OSError):
                part.unlink()

    def _path(self, artifact_id: str) -> Path:
        return self._folder / sha256(artifact_id.encode())
