"""Logs of Inspect AI: one JSON document, or the `.eval` archive with a file for each sample.

Layout: inspect.aisi.org.uk/eval-logs.html. A sample's scores give the outcomes: `C` or 1 is true,
`I` or 0 is false; a partial score or none is a problem. Only a log that ended with success is
taken, and only with all the samples that it names. The latency is the sample's total time.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO

from helicarrier.evals.model import EvalRecord
from helicarrier.evals.readers.base import (
    Gathering,
    Refused,
    Unclear,
    document,
    recorded,
    shown,
    truth,
    whole,
)

_JSON_START = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:')
_ZIP_START = b"PK\x03\x04"
_ZSTANDARD = 93  # zip's number of the compression; Python reads it by itself from 3.14 on
_LOCAL_HEADER = struct.Struct("<26xHH")
_LARGEST_MEMBER = 1 << 29
_LETTERS = {"C": True, "I": False}

Fields = dict[str, object]


class InspectReader:
    """A log as one JSON document."""

    name = "inspect"

    def recognises(self, start: bytes) -> bool:
        """The document begins with its version and status."""
        return _JSON_START.match(start) is not None

    def read(self, body: bytes, outcomes: Mapping[str, str]) -> list[EvalRecord]:
        """See `Reader.read`."""
        log = _fields(document(body), "the log")
        samples = log.get("samples")
        if not isinstance(samples, list):
            raise Refused([whole("the log has no samples: it is a header alone")])
        return _records(log, iter(samples), outcomes)


class InspectArchiveReader:
    """A log as an `.eval` archive."""

    name = "inspect-eval"

    def recognises(self, start: bytes) -> bool:
        """A zip file."""
        return start.startswith(_ZIP_START)

    def read(self, body: bytes, outcomes: Mapping[str, str]) -> list[EvalRecord]:
        """See `Reader.read`."""
        try:
            with zipfile.ZipFile(BytesIO(body)) as archive:
                names = archive.namelist()
                if "header.json" not in names:
                    raise Refused([whole("the archive has no header.json: the eval has not ended")])
                log = _fields(document(_member(archive, body, "header.json")), "header.json")
                samples = (
                    document(_member(archive, body, name))
                    for name in sorted(names)
                    if name.startswith("samples/") and name.endswith(".json")
                )
                return _records(log, samples, outcomes)
        except (zipfile.BadZipFile, EOFError, struct.error):
            raise Refused([whole("the archive is broken")]) from None


def _member(archive: zipfile.ZipFile, body: bytes, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > _LARGEST_MEMBER:
        raise Refused([whole("a member of the archive is larger than 512 MB")])
    if info.compress_type != _ZSTANDARD:
        try:
            return archive.read(info)
        except NotImplementedError:
            raise Refused([whole("the archive is compressed in an unknown way")]) from None
    import pyarrow as pa

    skipped = _LOCAL_HEADER.size
    name_size, extra_size = _LOCAL_HEADER.unpack_from(body, info.header_offset)
    start = info.header_offset + skipped + name_size + extra_size
    packed = body[start : start + info.compress_size]
    try:
        plain = pa.decompress(packed, info.file_size, codec="zstd", asbytes=True)
    except (pa.ArrowException, OSError):
        raise Refused([whole("the archive is broken")]) from None
    if zlib.crc32(plain) != info.CRC:
        raise Refused([whole("the archive is broken")])
    return bytes(plain)


def _records(
    log: Fields, samples: Iterator[object], outcomes: Mapping[str, str]
) -> list[EvalRecord]:
    if log.get("status") != "success":
        raise Refused([whole("the eval did not end with success")])
    model = _fields(log.get("eval"), "eval").get("model")
    found, number = Gathering(), 0
    for number, sample in enumerate(samples, start=1):
        place = f"sample {number}"
        try:
            found.add(_record(_fields(sample, "the sample"), model, outcomes), number, place)
        except Unclear as error:
            found.wrong(number, place, str(error))
    results = log.get("results")
    named = results.get("total_samples") if isinstance(results, dict) else None
    if isinstance(named, int) and named != number:
        found.problems.append(whole(f"the log names {named} samples and holds {number}"))
    return found.done()


def _record(sample: Fields, model: object, outcomes: Mapping[str, str]) -> EvalRecord:
    item, epoch = sample.get("id"), sample.get("epoch", 1)
    if not isinstance(item, int | str) or isinstance(item, bool) or item == "":
        raise Unclear("the id is missing")
    if not isinstance(epoch, int) or isinstance(epoch, bool):
        raise Unclear("the epoch is not a number")
    if sample.get("error"):
        raise Unclear("the sample ended with an error and has no outcome")
    scores = _fields(sample.get("scores"), "scores")
    return recorded(
        outcomes,
        lambda source: _outcome(scores, source),
        record_id=f"{item}/{epoch}",
        item_id=str(item),
        model_id=model if isinstance(model, str) and model else None,
        latency_ms=_milliseconds(sample.get("total_time")),
    )


def _outcome(scores: Fields, source: str) -> bool:
    """The value of a score, or of one key of it after a dot."""
    name, _, key = source.partition(".")
    what = f"the score {shown(name)}"
    if source in scores:
        value = _fields(scores[source], what).get("value")
    elif name in scores and key:
        value = _fields(_fields(scores[name], what).get("value"), what).get(key)
    else:
        value = None
    return _LETTERS[value] if isinstance(value, str) and value in _LETTERS else truth(value, what)


def _milliseconds(seconds: object) -> int | None:
    match seconds:
        case None:
            return None
        case bool():
            pass
        case int() | float() if 0 <= seconds < float("inf"):
            return round(seconds * 1000)
        case _:
            pass
    raise Unclear("the total time is not a time")


def _fields(value: object, what: str) -> Fields:
    if not isinstance(value, dict):
        if what in ("the log", "header.json", "eval"):
            raise Refused([whole(f"{what} is not an object")])
        raise Unclear(f"{what} is missing" if value is None else f"{what} is not an object")
    return value
