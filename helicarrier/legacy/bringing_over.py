"""The legacy store into the database, as often as one likes.

Sessions go the way of every import; rules and states of alerts are taken over where the database
has none of that id, so what an operator changed since is not undone.
"""

from collections.abc import Callable
from datetime import datetime

from helicarrier.alerts.repository import AlertRepository
from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.ingest.report import ImportReport
from helicarrier.ingest.service import import_sessions
from helicarrier.legacy.alerts import LegacyAlertRepository
from helicarrier.legacy.file import LegacyFile
from helicarrier.settings import Settings


def bring_over(
    settings: Settings, alerts: AlertRepository, *, clock: Callable[[], datetime]
) -> ImportReport | None:
    """Import the legacy store of the data folder; None where there is none.

    Args: settings; alerts of the database; clock.

    Raises:
        InputRejected: the file was refused as a whole.
        NotReady: the database is not at the schema of this version.
        StorageUnavailable: the database or the file cannot be used.
    """
    path = settings.legacy_path
    if not path.is_file():
        return None
    report = import_sessions(settings, [path], clock=clock)
    if report.progress.errors:
        first = report.progress.errors[0]
        raise InputRejected(
            f"the legacy store {path} was refused: {first.message}",
            code=ErrorCode(first.code),
            hint="`helicarrier import` says more; put a sound copy in its place.",
        )
    legacy = LegacyAlertRepository(LegacyFile(path))
    known = {rule.rule_id for rule in alerts.rules()}
    new = [rule for rule in legacy.rules() if rule.rule_id not in known]
    states = legacy.states()
    for rule in new:
        alerts.save_rule(rule)
        for state in states:
            if state.rule_id == rule.rule_id:
                alerts.save_state(state)
    return report
