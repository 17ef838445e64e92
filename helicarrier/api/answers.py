"""Answers of the alerts, control and system routes, as programs read them.

The routes answer with these structs, and the schemas of the OpenAPI document are made from them, so
that the two cannot differ. Members are only ever added.
"""

from enum import StrEnum

import msgspec
from starlette.responses import Response

from helicarrier.alerts import wire
from helicarrier.api.recent_log import LogLine


class ActiveAnswer(msgspec.Struct, frozen=True):
    """What fires, the worst first."""

    rows: list[wire.ActiveRow]


class RulesAnswer(msgspec.Struct, frozen=True):
    """All rules, by id."""

    rows: list[wire.RuleRow]


class RuleAnswer(msgspec.Struct, frozen=True):
    """The rule as it is from now on."""

    ok: bool
    rule: wire.RuleRow


class SuppressedAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Until when the rule, or a scope of it, says nothing; null: it speaks."""

    ok: bool
    rule_id: str
    suppressed_until: wire.Instant | None


class ResolvedAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The scopes that were called well."""

    ok: bool
    rule_id: str
    resolved: list[str]


class Spawned(msgspec.Struct, frozen=True, rename="camel"):
    """The session that runs, and what its command has said so far."""

    ok: bool
    session_id: str
    output: str


class Killed(msgspec.Struct, frozen=True, rename="camel"):
    """The session whose process is gone."""

    ok: bool
    session_id: str


class Changed(msgspec.Struct, frozen=True):
    """The default that holds from now on."""

    ok: bool
    provider: str
    model: str


class AgentStatus(StrEnum):
    """How an agent stands."""

    RUNNING = "running"
    IDLE = "idle"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Gateway(msgspec.Struct, frozen=True):
    """Whether the store can be asked, and whether it is as this version needs it."""

    connected: bool
    healthy: bool


class Agent(msgspec.Struct, frozen=True, rename="camel"):
    """An agent and why its status is what it is."""

    id: str
    name: str
    status: AgentStatus
    reason: str
    last_activity_at: str | None


class SystemStatus(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of `/api/system/status`."""

    generated_at: str
    source: str
    gateway: Gateway
    agents: list[Agent]


class Logs(msgspec.Struct, frozen=True):
    """The answer of `/api/logs`."""

    logs: list[LogLine]


def answer(value: msgspec.Struct, status: int = 200) -> Response:
    """A struct as JSON."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
