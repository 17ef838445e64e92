"""The command: a program of the operator gets the message's JSON on its standard input.

It is started from a list of arguments, never through a shell, and nothing of the message becomes an
argument. Settings that may hold secrets are not handed on. It has a time to end in; after that its
whole process group is killed. Exit code 0 means that it has the message.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from helicarrier.notify.model import Delivery
from helicarrier.settings import PREFIX, SECRETS

KEY_VARIABLE = f"{PREFIX}NOTIFICATION_KEY"
"""The variable that holds the message's key."""


class CommandSender:
    """Starts one program for each message."""

    def __init__(
        self, arguments: Sequence[str], *, timeout_seconds: float, environ: Mapping[str, str]
    ) -> None:
        """Args: arguments, the program first; timeout of an attempt; environ to hand on."""
        hidden = {f"{PREFIX}{name.upper()}" for name in {*SECRETS, "db_url"}}
        self._arguments = list(arguments)
        self._timeout = timeout_seconds
        self._environ = {name: value for name, value in environ.items() if name not in hidden}

    def send(self, delivery: Delivery) -> str | None:
        """Run it. Returns: None when it ended with 0, else why not; never what it printed."""
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of arguments from the settings
                self._arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environ | {KEY_VARIABLE: delivery.dedup_key},
                start_new_session=True,
            )
        except OSError as error:
            return f"the command cannot be started ({type(error).__name__})"
        try:
            process.communicate(delivery.body, timeout=self._timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            return "the command did not end in time"
        if process.returncode == 0:
            return None
        return f"the command ended with {process.returncode}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended a moment ago
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
