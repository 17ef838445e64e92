"""Commands: what an agent id may start, and how a prompt gets to it.

A command is a list of arguments that no shell ever sees. Of a request only the prompt goes into
it: in the place of `{prompt}`, or, where the command has no such place, on its standard input. A
prompt that the command would take for an option is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from helicarrier.errors import ContractError, ErrorCode, RequestRefused, Violation

PROMPT_LENGTH = 30_000
"""Characters of a prompt: in UTF-8 fewer bytes than Linux allows one argument (131,072)."""

_PROMPT = "{prompt}"
_SESSION = "{sessionId}"
_END_OF_OPTIONS = "--"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that is ready to run; `given` is what it reads, None: nothing."""

    arguments: tuple[str, ...]
    given: str | None


def command_of(
    allowed: Mapping[str, tuple[str, ...]], agent_id: str, prompt: str, *, session_id: str
) -> Command:
    """The command of an agent with a prompt.

    Args: allowed, agent id -> arguments; agent_id and prompt of the request; session_id, which
    takes the place of `{sessionId}`.

    Raises:
        RequestRefused: NOT_FOUND, no such agent may be started.
        ContractError: VALIDATION_ERROR, the prompt cannot be passed on safely.
    """
    template = allowed.get(agent_id)
    if template is None:
        raise RequestRefused(404, ErrorCode.NOT_FOUND, "there is no agent of this id to start")
    if "\0" in prompt:
        raise _refused("INVALID_VALUE", "the prompt has a character that no argument can have")
    before = ""
    for part in template:
        if part == _PROMPT and prompt.startswith("-") and before != _END_OF_OPTIONS:
            raise _refused("INVALID_VALUE", "the command would take the prompt for an option")
        before = part
    return Command(
        arguments=tuple(_filled(part, prompt, session_id) for part in template),
        given=None if any(_PROMPT in part for part in template) else prompt,
    )


def _filled(part: str, prompt: str, session_id: str) -> str:
    # The prompt goes in last: what it holds is never looked at again.
    return part.replace(_SESSION, session_id).replace(_PROMPT, prompt)


def _refused(code: str, message: str) -> ContractError:
    return ContractError(
        ErrorCode.VALIDATION_ERROR,
        "the prompt cannot be passed on",
        [Violation(pointer="/prompt", code=code, message=message)],
    )
