"""Receipts: what a producer gets for the sessions it sent, one by one or in a batch."""

import msgspec

from helicarrier.api.problems import Problem


class Accepted(msgspec.Struct, frozen=True, rename="camel"):
    """The acknowledgement of one envelope: it is durable."""

    session_id: str
    status: str
    ok: bool = True


class Result(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of one envelope of a batch; `problem` where it was refused."""

    index: int
    status: int
    session_id: str | None = None
    result: str | None = None
    problem: Problem | None = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """The answer to a batch; `ok` when every envelope was accepted."""

    ok: bool
    results: list[Result]
