"""The legacy V3 store: one JSON object {ledger, events, usage, alertRules, alertStates}.

Every ledger row becomes a v2 envelope with its events and usage rows, and takes the way of all
envelopes; rows that this version wrote into the store are complete and keep their keys. A cost
whose source the old store did not record as the provider's is not taken over: it is derived again
from the tokens, so that it has a price version. The store is rewritten as it grows, so other
content replaces what was imported before. Rows without a session are refused one by one; alert
rules and states carry nothing for the ledger.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from helicarrier.ingest.readers.base import UNREADABLE, BadLine, Head, Parser
from helicarrier.ingest.readers.legacy_rows import WholeSession, whole_of
from helicarrier.ingest.readers.native import EnvelopeParser
from helicarrier.ledger.model import Batch

NAME = "legacy_v3"
FILE_NAME = "v3-intelligence.json"
_BEGINNING = re.compile(rb'\s*\{\s*"(?:ledger|events|usage|alertRules|alertStates)"\s*:\s*\[')
_Row = dict[str, object]

_SESSION_FIELDS = {
    "sessionId": "sessionId",
    "status": "state",
    "agentId": "agentId",
    "modelId": "modelId",
    "startedAt": "startedAt",
    "endedAt": "endedAt",
    "agentLabel": "agentLabel",
    "taskTitle": "title",
    "taskText": "task",
    "taskCategory": "taskCategory",
    "runId": "runId",
    "artifactCount": "artifactCount",
    "errorCode": "errorCode",
    "errorMessage": "errorMessage",
    "sourceVersion": "sourceVersion",
}
_CALL_FIELDS = (
    "modelId",
    "provider",
    "promptTokens",
    "completionTokens",
    "cacheReadTokens",
    "cacheWriteTokens",
    "reasoningTokens",
    "runtimeMs",
    "costUsd",
)
_TOTALS = (
    "promptTokens",
    "completionTokens",
    "totalTokens",
    "cacheReadTokens",
    "cacheWriteTokens",
    "reasoningTokens",
)
_REPORTED = "provider_reported"


_WHOLE = WholeSession.__struct_fields__


class _Whole(msgspec.Struct):
    whole: WholeSession


class _Store(msgspec.Struct, rename="camel"):
    ledger: list[_Row]
    events: list[_Row] = []
    usage: list[_Row] = []
    alert_rules: list[_Row] = []
    alert_states: list[_Row] = []


class LegacyV3Reader:
    """The reader of the legacy store."""

    name = NAME
    whole_document = True

    def recognises(self, head: Head) -> bool:
        """A JSON object that begins with one of the store's arrays, or has the store's name."""
        begins = head.path.suffix == ".json" and _BEGINNING.match(head.start) is not None
        return begins or head.path.name == FILE_NAME

    def records(self, document: bytes) -> Iterator[bytes]:
        """One envelope for each ledger row, then the rows that belong to no session.

        Raises:
            BadLine: the document is not a store.
        """
        try:
            store = msgspec.json.decode(document, type=_Store)
        except UNREADABLE:
            raise BadLine("LAYOUT_UNKNOWN", "the document is not a V3 store") from None
        events, usage = _by_session(store.events), _by_session(store.usage)
        known = set()
        for row in store.ledger:
            key = str(row.get("sessionId"))
            known.add(key)
            rows = usage.get(key, []), events.get(key, [])
            if whole_of(row, *rows) is not None:
                yield msgspec.json.encode({"whole": dict(zip(_WHOLE, (row, *rows), strict=True))})
            else:
                yield msgspec.json.encode(envelope_of(row, *rows))
        for key, orphans in (*events.items(), *usage.items()):
            if key not in known:
                yield from (msgspec.json.encode({"orphan": row}) for row in orphans)
        for row in (*store.alert_rules, *store.alert_states):
            yield msgspec.json.encode({"alert": row})

    def parser(self, uri: str, state: bytes | None = None) -> Parser:
        """A parser of the records."""
        return _LegacyParser(uri)


class _LegacyParser(EnvelopeParser):
    def feed(self, number: int, line: bytes) -> bool:
        if line.startswith(b'{"alert":'):
            return False
        if line.startswith(b'{"orphan":'):
            raise BadLine("SESSION_MISSING", "the row belongs to no session of the store")
        if line.startswith(b'{"whole":'):
            whole = msgspec.json.decode(line, type=_Whole).whole
            self._envelopes.append(whole.envelope(self._uri, number))
            return True
        return super().feed(number, line)

    def drain(self) -> Batch:
        batch = super().drain()
        batch.envelopes = [msgspec.structs.replace(e, grows=True) for e in batch.envelopes]
        return batch


def _by_session(rows: list[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        found[str(row.get("sessionId"))].append(row)
    return found


def envelope_of(row: _Row, usage: list[_Row], events: list[_Row]) -> _Row:
    """The v2 envelope of a ledger row with its usage rows and events, still to be accepted."""
    run = {there: row[here] for here, there in _SESSION_FIELDS.items() if row.get(here) is not None}
    if usage and not all(map(_has_classes, usage)):
        run |= _totals(usage)
        usage = []
    return {
        "envelope_version": "v2",
        "source": NAME,
        "payload": {
            "run": run,
            "timeline": [_event(event) for event in events],
            "calls": [_call(row, call, position) for position, call in enumerate(usage)],
        },
    }


def _has_classes(usage: _Row) -> bool:
    return usage.get("promptTokens") is not None and usage.get("completionTokens") is not None


def _totals(usage: list[_Row]) -> _Row:
    """Rows without token classes give the session's totals; what one row lacks is unknown."""
    found: _Row = {}
    for name in _TOTALS:
        values = [row.get(name) for row in usage]
        if all(isinstance(value, int) for value in values):
            found[name] = sum(value for value in values if isinstance(value, int))
    if all(row.get("costSource") == _REPORTED for row in usage):
        cost = _sum([row.get("costUsd") for row in usage])
        if cost is not None:
            found["billedCostUsd"] = cost
    return found


def _sum(costs: list[object]) -> object:
    """None when one is unknown; what is no number is handed on, for the contract to refuse."""
    if None in costs:
        return None
    for cost in costs:
        if isinstance(cost, bool) or not isinstance(cost, (int, float)):
            return cost
    return str(sum(Decimal(str(cost)) for cost in costs))


def _event(event: _Row) -> _Row:
    return {key: value for key, value in event.items() if key != "sessionId" and value is not None}


def _call(session: _Row, usage: _Row, position: int) -> _Row:
    call = {name: usage[name] for name in _CALL_FIELDS if usage.get(name) is not None}
    if usage.get("costSource") != _REPORTED:
        call.pop("costUsd", None)
    ended = session.get("endedAt") or session.get("startedAt")
    return {
        "callId": usage.get("usageId") or f"usage-{position}",
        "occurredAt": usage.get("occurredAt") or ended,
        "modelId": session.get("modelId"),
    } | call
