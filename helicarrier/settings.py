"""Settings: environment variables to one frozen object, refused at the first invalid value.

The whole configuration is one msgspec struct: reading it costs two milliseconds, so that a
command which only prints a report is not slowed down by a settings framework. An invalid value
stops the start with a message that names the variable; values are never echoed.
"""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from helicarrier.errors import ErrorCode, UsageError

PREFIX = "HELICARRIER_"
_SHIPPED_CONFIG = Path(__file__).resolve().parents[1] / "config" / "phase2_runtime.yaml"


_Commands = dict[
    Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")],
    Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1)], ...], msgspec.Meta(min_length=1)],
]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Configuration of one process. Each field is set by `HELICARRIER_<FIELD>`."""

    data_dir: Path = Path("data")
    """Folder of everything that the project writes."""
    db_path: Path | None = None
    """SQLite file; default `helicarrier.sqlite` in the data folder."""
    db_url: str | None = None
    """SQLAlchemy URL of the operational store; wins over `db_path`. Postgres for teams."""
    partitions_start: date = date(2024, 1, 1)
    """First day of the daily partitions."""
    import_paths: str = ""
    """Folders that the import asset and the file-drop sensor read, separated by `:`."""
    content_paths: str = ""
    """Folders that the content assets read, separated by `:`."""
    import_workers: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Processes that read session files; 0: one for each core, at most two."""
    retention_events_days: Annotated[int, msgspec.Meta(ge=0)] = 90
    """Days that raw events are kept by `helicarrier retention`; 0: for ever."""
    retention_aggregates_days: Annotated[int, msgspec.Meta(ge=0)] = 365
    """Days that daily aggregates and performance windows are kept; 0: for ever."""
    git_repositories: str = ""
    """Folders of git repositories whose history is kept, separated by `:`."""
    eval_paths: str = ""
    """Files and folders of eval results, separated by `:`; the gate judges the newest file."""
    eval_remote_url: str | None = None
    """Postgres database that the gate loads each judged run into, as `evals ingest-sql` would."""
    canary_acting: Literal["eprocess", "windows", "either"] = "eprocess"
    """Which rule of the canary acts in the sensor, beside the immediate ones; the other warns."""
    canary_baseline_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    """Share of valid answers that the sensor compares the canary with; unset: with nothing."""
    resolution_pairs: str = ""
    """Files of output pairs that the resolution assets read, separated by `:`."""
    resolution_labels: Path | None = None
    """File of rater labels by which the agreement of raters is measured."""
    resolution_environment: Literal["dev", "stage", "prod"] = "dev"
    """Environment for which the resolution assets plan."""
    resolution_config: Path | None = None
    """Runtime configuration of resolution; default: the shipped one, which applies nothing."""
    match_paths: str = ""
    """Files and folders of match results that the import asset reads, separated by `:`."""
    advisory_daily_limit: Annotated[int, msgspec.Meta(ge=0)] = 1
    """Advisory signals that may be computed for one resume on one UTC day."""
    enable_sqlite: bool = True
    """Whether the HTTP service reads and writes the database; off, the legacy V3 store instead."""
    enable_json_import: bool = False
    """Whether the HTTP service imports the legacy V3 store at its start, before it is ready."""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    """How much is logged to stderr; `info` tells every import, refresh and migration."""

    contract_strict: bool = True
    """Whether the HTTP service takes versioned envelopes only; off, a bare V1 payload as well."""
    secret: str | None = None
    """A secret that opens every route of the HTTP service; tokens with a scope are better."""
    allowed_hosts: str = "localhost,127.0.0.1,[::1]"
    """Names in the Host header that the HTTP service answers to, separated by commas."""
    rate_limit: Annotated[int, msgspec.Meta(ge=1)] = 5000
    """Requests a second that one token, or one address without a token, may send."""
    control_agents: str = ""
    """Agents that may be started over HTTP, as a JSON object of id to arguments; empty: none."""
    control_processes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    """Agents that may run at the same time."""
    control_grace_seconds: Annotated[float, msgspec.Meta(ge=0, le=60)] = 5.0
    """How long an agent that is ended may take after TERM, before KILL."""
    drain_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.5
    """How long the HTTP service says that it is not ready before it stops taking requests."""

    alerts_every_seconds: Annotated[int, msgspec.Meta(ge=0)] = 300
    """Seconds after which the HTTP service judges the alert rules again; 0: never by itself."""
    notify_channels: str = "log"
    """Where notifications go: `log`, `webhook`, `command`, separated by commas; or `none`."""
    notify_webhook_url: str | None = None
    """Where the webhook posts to: `https://` or `http://`."""
    notify_webhook_private: bool = False
    """Whether the webhook may be at a private address or on this machine."""
    notify_command: str = ""
    """The command that gets notifications on its standard input, as a JSON array of arguments."""
    notify_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=300)] = 10.0
    """How long one attempt of the webhook or the command may take."""
    notify_attempts: Annotated[int, msgspec.Meta(ge=1)] = 8
    """Attempts of a notification before it counts as failed."""

    @property
    def sqlite_path(self) -> Path:
        """The SQLite file that is used when `db_url` is not set."""
        return self.db_path or self.data_dir / "helicarrier.sqlite"

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the operational store, with the driver written out."""
        return self.db_url or f"sqlite:///{self.sqlite_path.absolute()}"

    @property
    def legacy_path(self) -> Path:
        """The legacy V3 store."""
        return self.data_dir / "v3-intelligence.json"

    @property
    def lake_dir(self) -> Path:
        """Folder of the Parquet datasets."""
        return self.data_dir / "lake"

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def reports_dir(self) -> Path:
        """Folder of import reports and HTML pages."""
        return self.data_dir / "reports"

    @property
    def backups_dir(self) -> Path:
        """Folder of the backups that `migrate up` takes."""
        return self.data_dir / "backups"

    @property
    def content_folders(self) -> tuple[Path, ...]:
        """The folders of `content_paths`, in order."""
        return _folders(self.content_paths)

    @property
    def import_folders(self) -> tuple[Path, ...]:
        """The folders of `import_paths`, in order."""
        return _folders(self.import_paths)

    @property
    def eval_places(self) -> tuple[Path, ...]:
        """The files and folders of `eval_paths`, in order."""
        return _folders(self.eval_paths)

    @property
    def notification_channels(self) -> tuple[str, ...]:
        """The names of `notify_channels`, in order."""
        if self.notify_channels == "none":
            return ()
        return tuple(name.strip() for name in self.notify_channels.split(","))

    @property
    def notify_arguments(self) -> tuple[str, ...]:
        """The arguments of `notify_command`; empty where there is none."""
        if not self.notify_command:
            return ()
        return tuple(msgspec.json.decode(self.notify_command, type=list[str]))

    @property
    def resolution_pair_files(self) -> tuple[Path, ...]:
        """The files of `resolution_pairs`, in order."""
        return _folders(self.resolution_pairs)

    @property
    def resolution_config_path(self) -> Path:
        """The runtime configuration that is used when `resolution_config` is not set."""
        return self.resolution_config or _SHIPPED_CONFIG

    @property
    def control_dir(self) -> Path:
        """Folder of the agents that were started over HTTP: their logs and session files."""
        return self.data_dir / "control"

    @property
    def control_commands(self) -> dict[str, tuple[str, ...]]:
        """`control_agents` as agent id -> arguments."""
        if not self.control_agents:
            return {}
        return msgspec.json.decode(self.control_agents, type=_Commands)

    @property
    def match_places(self) -> tuple[Path, ...]:
        """The files and folders of `match_paths`, in order."""
        return _folders(self.match_paths)

    @property
    def git_folders(self) -> tuple[Path, ...]:
        """The folders of `git_repositories`, in order."""
        return _folders(self.git_repositories)


def public(settings: Settings, address: str) -> dict[str, str]:
    """Every setting as text, for records and pages; of a secret only that it is set.

    Args: settings; address, the operational store in words: its URL may hold a password.
    """
    values = {name: getattr(settings, name) for name in _FIELDS} | {"db_url": address}
    return {
        name: "set" if name in SECRETS else str(value)
        for name, value in values.items()
        if value is not None
    }


def load(environ: Mapping[str, str] | None = None, *, data_dir: Path | None = None) -> Settings:
    """Read the settings from the environment; `data_dir` (a command's option) wins over it.

    Raises:
        UsageError: a variable holds a value that cannot be read; the message names it.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for name, field in _FIELDS.items():
        text = environ.get(f"{PREFIX}{name.upper()}")
        if text:
            values[name] = _read(name, text, field.type)
    if data_dir is not None:
        values["data_dir"] = data_dir
    settings = Settings(**values)  # type: ignore[arg-type]
    _check_url("db_url", settings.db_url, _OPERATIONAL)
    _check_url("eval_remote_url", settings.eval_remote_url, _REMOTE)
    _check_notify(settings)
    _check_control(settings)
    return settings


_EXPECTED = {
    "partitions_start": "a day as YYYY-MM-DD",
    "import_workers": "a whole number that is not negative",
    "retention_events_days": "a whole number that is not negative",
    "retention_aggregates_days": "a whole number that is not negative",
    "resolution_pairs": "files separated by `:`",
    "resolution_environment": "dev, stage or prod",
    "enable_sqlite": "true or false",
    "enable_json_import": "true or false",
    "log_level": "debug, info, warning or error",
    "db_url": "a URL",
    "import_paths": "folders separated by `:`",
    "git_repositories": "folders separated by `:`",
    "content_paths": "folders separated by `:`",
    "eval_paths": "files and folders separated by `:`",
    "match_paths": "files and folders separated by `:`",
    "advisory_daily_limit": "a whole number that is not negative",
    "eval_remote_url": "a URL",
    "canary_acting": "eprocess, windows or either",
    "canary_baseline_rate": "a share between 0 and 1",
    "contract_strict": "true or false",
    "secret": "a text",
    "allowed_hosts": "names separated by commas",
    "rate_limit": "a whole number of at least 1",
    "drain_seconds": "a number of seconds",
    "control_agents": 'a JSON object of agent id to arguments, as in {"a": ["/usr/bin/agent"]}',
    "control_processes": "a whole number from 1 to 64",
    "control_grace_seconds": "a number of seconds, at most 60",
    "alerts_every_seconds": "a whole number of seconds, 0 for never",
    "notify_channels": "log, webhook, command, separated by commas, or none",
    "notify_webhook_url": "an https:// or http:// URL",
    "notify_webhook_private": "true or false",
    "notify_command": 'a JSON array of arguments, as in ["/usr/bin/notify", "--now"]',
    "notify_timeout_seconds": "a number of seconds, at most 300",
    "notify_attempts": "a whole number of at least 1",
}
_OPERATIONAL = ("sqlite:///", "postgresql+psycopg://")
_REMOTE = ("postgresql://", "postgresql+psycopg://")
SECRETS = frozenset(
    {"secret", "eval_remote_url", "notify_webhook_url", "notify_command", "control_agents"}
)
"""Settings that no record, page or orchestrator may show: a URL may hold a password."""

_FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}


def _read(name: str, text: str, wanted: object) -> object:
    if wanted in (Path, Path | None):
        return Path(text).expanduser()
    try:
        return msgspec.convert(text, wanted, strict=False)
    except msgspec.ValidationError:
        raise _invalid(name, f"expected {_EXPECTED[name]}") from None


def _folders(text: str) -> tuple[Path, ...]:
    return tuple(Path(part).expanduser() for part in text.split(":") if part)


def _check_url(name: str, url: str | None, allowed: tuple[str, ...]) -> None:
    if url is not None and not url.startswith(allowed):
        raise _invalid(name, f"expected {' or '.join(f'{start}...' for start in allowed)}")


def _check_notify(settings: Settings) -> None:
    """Each channel that is named can be used, so nothing is queued for nobody."""
    channels = set(settings.notification_channels)
    if channels - {"log", "webhook", "command"}:
        raise _invalid("notify_channels", f"expected {_EXPECTED['notify_channels']}")
    if settings.notify_webhook_url is not None or "webhook" in channels:
        try:
            url = urlsplit(settings.notify_webhook_url or "")
            plain = url.port != 0 and url.username is None
            usable = url.scheme in {"http", "https"} and url.hostname and plain
        except ValueError:
            usable = False
        if not usable:
            raise _invalid("notify_webhook_url", f"expected {_EXPECTED['notify_webhook_url']}")
    try:
        arguments = settings.notify_arguments
    except msgspec.DecodeError:
        arguments = ("",)
    wanted = bool(settings.notify_command) or "command" in channels
    if wanted and not (arguments and arguments[0]):
        raise _invalid("notify_command", f"expected {_EXPECTED['notify_command']}")


def _check_control(settings: Settings) -> None:
    try:
        _ = settings.control_commands
    except msgspec.MsgspecError:
        raise _invalid("control_agents", f"expected {_EXPECTED['control_agents']}") from None


def _invalid(name: str, reason: str) -> UsageError:
    return UsageError(
        f"{PREFIX}{name.upper()} cannot be read: {reason}",
        code=ErrorCode.SETTING_INVALID,
        hint="docs/reference/configuration.md lists every variable and its values.",
    )
