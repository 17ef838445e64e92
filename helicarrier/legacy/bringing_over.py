"""The legacy store into the database: once for each start, as often as the service starts.

Sessions go the way of every import; rules and states of alerts are taken over where the database
has none of that id, so what an operator changed since is not undone. A file that was refused is
tried again only when it is another one, so that a service which waits for it does not fill the
reports.
"""

from collections.abc import Callable
from datetime import datetime

from helicarrier.alerts.repository import AlertRepository
from helicarrier.errors import ErrorCode, InputRejected, StorageUnavailable
from helicarrier.ingest.service import import_sessions
from helicarrier.legacy.alerts import LegacyAlertRepository
from helicarrier.legacy.file import LegacyFile
from helicarrier.settings import Settings


class LegacyImport:
    """The import of one service."""

    def __init__(
        self, settings: Settings, alerts: AlertRepository, *, clock: Callable[[], datetime]
    ) -> None:
        """Args: settings; alerts of the database; clock."""
        self._settings = settings
        self._alerts = alerts
        self._clock = clock
        self._done = not settings.enable_json_import
        self._refused: tuple[tuple[int, int], InputRejected] | None = None

    def run(self) -> None:
        """Import the file where that is wanted, is there, and was not done yet.

        Raises:
            InputRejected: the file was refused as a whole.
            NotReady: the database is not at the schema of this version.
            StorageUnavailable: the database or the file cannot be used.
        """
        path = self._settings.legacy_path
        if self._done or not path.is_file():
            return
        try:
            state = path.stat()
        except OSError as error:
            raise StorageUnavailable(f"the legacy store {path} cannot be read") from error
        seen = state.st_mtime_ns, state.st_size
        if self._refused is not None and self._refused[0] == seen:
            raise self._refused[1]
        try:
            self._import()
        except InputRejected as error:
            self._refused = seen, error
            raise
        self._done = True

    def _import(self) -> None:
        path = self._settings.legacy_path
        legacy = LegacyFile(path)
        legacy.book()  # A file that is no store is refused before a run begins.
        report = import_sessions(self._settings, [path], workers=1, clock=self._clock)
        if report.progress.errors:
            first = report.progress.errors[0]
            raise InputRejected(
                f"the legacy store {path} was refused: {first.message}",
                code=ErrorCode(first.code),
                hint="Mend it, move it away, or set HELICARRIER_ENABLE_JSON_IMPORT=false.",
            )
        alerts = LegacyAlertRepository(legacy)
        known = {rule.rule_id for rule in self._alerts.rules()}
        for rule in alerts.rules():
            if rule.rule_id not in known:
                self._alerts.save_rule(rule)
                known.add(rule.rule_id)
        judged = {(state.rule_id, state.scope_key) for state in self._alerts.states()}
        for state in alerts.states():
            if state.rule_id in known and (state.rule_id, state.scope_key) not in judged:
                self._alerts.save_state(state)
