"""Records as JSON and as bytes: the one form that is stored, hashed and sent elsewhere.

The form holds what a record says and leaves out what it does not say. The digest of a set of
records does not depend on their order.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import fields

from helicarrier import canonical
from helicarrier.canonical import JSONValue
from helicarrier.evals.enums import RouteStrategy
from helicarrier.evals.model import EvalRecord

_NAMESPACE = uuid.UUID("5d1f8a52-6a53-5c86-9a0e-0f4e1f6c7b11")
_FIELDS = tuple(field.name for field in fields(EvalRecord))

EXTRAS = ("tenant_id", "route_id", "model_id", "model_version_id", "item_id", "slices")
"""Fields without a column of their own: they lie in the `metadata` of a stored sample."""


def sample_id(run_id: str, record_id: str) -> str:
    """The UUID of a record in a run: always the same one."""
    return str(uuid.uuid5(_NAMESPACE, f"{run_id}/{record_id}"))


def content_id(records: Iterable[EvalRecord]) -> str:
    """The UUID of a set of records that belongs to no run: it follows from their content."""
    return str(uuid.uuid5(_NAMESPACE, digest(records)))


def as_json(record: EvalRecord) -> dict[str, JSONValue]:
    """The record as an eval record of JSON Lines, without what it does not say."""
    found: dict[str, JSONValue] = {}
    for name in _FIELDS:
        value = getattr(record, name)
        if name == "slices":
            if value:
                found[name] = dict(value)
        elif value is not None:
            found[name] = value
    return found


def extras(record: EvalRecord) -> dict[str, JSONValue]:
    """The part of `as_json` that has no column of its own."""
    whole = as_json(record)
    return {name: whole[name] for name in EXTRAS if name in whole}


def from_columns(columns: Mapping[str, object], metadata: Mapping[str, object]) -> EvalRecord:
    """A stored sample -> the record; the opposite of its columns and `extras`.

    Args:
        columns: values by column name; booleans as bool, 0 or 1.
        metadata: the sample's parsed metadata; other keys than `EXTRAS` are left alone.
    """

    def text(source: Mapping[str, object], name: str) -> str | None:
        value = source.get(name)
        return None if value is None else str(value)

    strategy, latency = text(columns, "route_strategy"), columns.get("latency_ms")
    fallback, labels = columns.get("fallback_used"), metadata.get("slices")
    return EvalRecord(
        record_id=str(columns["record_id"]),
        schema_valid=bool(columns["schema_valid"]),
        patch_apply_success=bool(columns["patch_apply_success"]),
        edited_after_generate=bool(columns["edited_after_generate"]),
        published_within_7d=bool(columns["published_within_7d"]),
        safety_html_tailwind_compliant=bool(columns["safety_html_tailwind_compliant"]),
        fallback_used=None if fallback is None else bool(fallback),
        latency_ms=latency if isinstance(latency, int) else None,
        requested_provider=text(columns, "requested_provider"),
        selected_provider=text(columns, "selected_provider"),
        route_strategy=None if strategy is None else RouteStrategy(strategy),
        request_id=text(columns, "request_id"),
        tenant_id=text(metadata, "tenant_id"),
        route_id=text(metadata, "route_id"),
        model_id=text(metadata, "model_id"),
        model_version_id=text(metadata, "model_version_id"),
        item_id=text(metadata, "item_id"),
        slices={str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {},
    )


def digest(records: Iterable[EvalRecord]) -> str:
    """SHA-256 of the canonical records (RFC 8785, one a line) in the order of their ids."""
    in_order = sorted(records, key=lambda record: record.record_id)
    return canonical.sha256(*(_line(record) for record in in_order))


def _line(record: EvalRecord) -> bytes:
    # Labels alone have names of their own, and only names beyond the BMP need the slow serializer.
    plain = all(name.isascii() for name in record.slices)
    return canonical.canonical_bytes(as_json(record), plain=plain) + b"\n"
