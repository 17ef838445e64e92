"""The server: uvicorn that says it is leaving before it leaves.

At SIGTERM `/readyz` turns to 503 first, so that whoever sends traffic here looks elsewhere; then no
new connection is taken, what was begun is finished and acknowledged, and the process ends with 0.
"""

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from helicarrier.api.service import Service


class Server(uvicorn.Server):
    """Drains before it stops."""

    def __init__(
        self,
        app: FastAPI,
        *,
        host: str,
        port: int,
        drain_seconds: float,
        listening: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Args: app; host and port to listen on, 0 for a free one.

        drain_seconds between 503 and the end; listening, called with the port once it is open.
        """
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=30,
        )
        super().__init__(config)
        self._service: Service = app.state.service
        self._drain_seconds = drain_seconds
        self._listening = listening
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell on which port."""
        await super().startup(sockets)
        if self.started:
            self._listening(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, a second one ends at once."""
        if self._service.stopping or self._loop is None:
            super().handle_exit(sig, frame)
            return
        self._service.stopping = True
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_seconds, self._leave)

    def _leave(self) -> None:
        self.should_exit = True
