"""Scope keys: the name of what a rule judged, and the agent and model that a name stands for.

`global`, an agent, a model, or `agent|model`. A bar or a backslash in a name is written with a
backslash before it, so that two pairs never share a key.
"""

import re
from dataclasses import dataclass

from helicarrier.alerts.enums import AlertScope
from helicarrier.alerts.model import AlertRule

GLOBAL = "global"
_BAR = re.compile(r"((?:[^\\|]|\\.)*)\|(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is judged apart: an agent, a model, both, or neither for everything."""

    agent_id: str | None = None
    model_id: str | None = None

    @property
    def key(self) -> str:
        """Its scope key."""
        match self.agent_id, self.model_id:
            case None, None:
                return GLOBAL
            case str(agent), None:
                return agent
            case None, str(model):
                return model
            case agent, model:
                return f"{_escaped(agent or '')}|{_escaped(model or '')}"


def target_of(scope: AlertScope, key: str) -> Target:
    """The target that a key of this scope stands for."""
    match scope:
        case AlertScope.GLOBAL:
            return Target()
        case AlertScope.AGENT:
            return Target(agent_id=key)
        case AlertScope.MODEL:
            return Target(model_id=key)
        case AlertScope.AGENT_MODEL:
            found = _BAR.fullmatch(key)
            agent, model = found.groups() if found else (key, "")
            return Target(agent_id=_plain(agent), model_id=_plain(model))


def named_target(rule: AlertRule) -> Target | None:
    """The one target of a rule that names all that its scope looks at; None: it looks at many."""
    each_agent = rule.scope.has_agent and rule.agent_id is None
    each_model = rule.scope.has_model and rule.model_id is None
    if each_agent or each_model:
        return None
    return Target(agent_id=rule.agent_id, model_id=rule.model_id)


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("|", "\\|")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
