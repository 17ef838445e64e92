"""Log events: a name and fields, on stderr, never a payload.

structlog is configured at the first event and not at import: it costs a fifth of a second, and
most commands have nothing to say. People get lines, everybody else JSON.
"""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

Field = str | int | float | bool | None
Listener = Callable[[str, str, Mapping[str, Field]], None]
"""Is told level, event and fields of every event, also of those that stderr does not show."""

_listeners: list[Listener] = []


def listen(listener: Listener) -> Callable[[], None]:
    """Tell a listener of every event from now on; what is returned ends that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def info(event: str, **fields: Field) -> None:
    """Something happened that an operator may want to know."""
    _tell("info", event, fields)
    _logger().info(event, **fields)


def warning(event: str, **fields: Field) -> None:
    """Something happened that an operator should look at."""
    _tell("warning", event, fields)
    _logger().warning(event, **fields)


def _tell(level: str, event: str, fields: Mapping[str, Field]) -> None:
    for listener in _listeners:
        listener(level, event, fields)


def _logger() -> "FilteringBoundLogger":
    import logging

    import structlog

    from helicarrier import settings

    level = logging.getLevelNamesMapping()[settings.load().log_level.upper()]
    people = sys.stderr.isatty()
    # Made anew for each event: stderr may have been exchanged since, and events are few.
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return logger
