"""The register of imported files: how far each has been read, committed with its rows."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from helicarrier.ingest.source import FileMark, Stretch
from helicarrier.ledger.enums import FileState
from helicarrier.ledger.sink import Row, sink_of
from helicarrier.ledger.tables import import_files

_MARKS = (
    "SELECT path, inode, size, mtime_ns, sha256, byte_offset, line_offset, bad_lines,"
    " bad_in_a_row, state, reader_state"
    " FROM import_files WHERE path IN {keys}"
)
_OF_RUN = "SELECT path, sha256, line_offset FROM import_files WHERE run_id IN {keys} ORDER BY path"


class FileRegister:
    """Reads and writes `import_files` on an open connection."""

    def __init__(self, connection: Connection) -> None:
        """Args: an open connection; saving needs a write transaction."""
        self._sink = sink_of(connection)

    def marks(self, paths: Iterable[str]) -> dict[str, FileMark]:
        """What is known of files, by path."""
        return {str(row[0]): _mark(row) for row in self._sink.lookup(_MARKS, paths)}

    def of_run(self, run_id: str) -> list[tuple[str, str, int]]:
        """The files that a run was the last to read: path, hash, lines; in order of the path."""
        return [
            (str(path), str(digest), int(lines or 0))
            for path, digest, lines in self._sink.lookup(_OF_RUN, [run_id])
        ]

    def save(self, stretches: Sequence[Stretch], *, run_id: str, now: str) -> None:
        """Record how far files have been read; of several stretches of a file the last counts."""
        last = {stretch.path: stretch for stretch in stretches}
        self._sink.upsert(
            import_files,
            [
                (
                    path,
                    stretch.reader,
                    stretch.mark.inode,
                    stretch.mark.size,
                    stretch.mark.mtime_ns,
                    stretch.mark.sha256,
                    stretch.mark.byte_offset,
                    stretch.mark.line_offset,
                    stretch.mark.bad_lines,
                    stretch.mark.bad_in_a_row,
                    stretch.mark.state.value,
                    stretch.mark.reader_state.decode(),
                    run_id,
                    now,
                )
                for path, stretch in last.items()
            ],
        )


def _mark(row: Row) -> FileMark:
    _, inode, size, mtime_ns, sha256, byte_offset, lines, bad, in_a_row, state, reader_state = row
    return FileMark(
        inode=int(inode or 0),
        size=int(size or 0),
        mtime_ns=int(mtime_ns or 0),
        sha256=str(sha256),
        byte_offset=int(byte_offset or 0),
        line_offset=int(lines or 0),
        bad_lines=int(bad or 0),
        bad_in_a_row=int(in_a_row or 0),
        state=FileState(str(state)),
        reader_state=str(reader_state).encode(),
    )
