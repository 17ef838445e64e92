"""Settings come from the environment; the first value that cannot be read stops the start."""

from datetime import date
from pathlib import Path

import pytest

from helicarrier import settings
from helicarrier.errors import ErrorCode, UsageError
from helicarrier.settings import Settings


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("HELICARRIER_DATA_DIR", "/srv/d", "data_dir", Path("/srv/d")),
        ("HELICARRIER_DB_PATH", "x/l.sqlite", "db_path", Path("x/l.sqlite")),
        ("HELICARRIER_DB_URL", "sqlite:////x", "db_url", "sqlite:////x"),
        (
            "HELICARRIER_DB_URL",
            "postgresql+psycopg://u@h/d",
            "db_url",
            "postgresql+psycopg://u@h/d",
        ),
        ("HELICARRIER_PARTITIONS_START", "2025-02-28", "partitions_start", date(2025, 2, 28)),
        ("HELICARRIER_IMPORT_PATHS", "/a:/b", "import_folders", (Path("/a"), Path("/b"))),
        ("HELICARRIER_GIT_REPOSITORIES", "/a:/b", "git_folders", (Path("/a"), Path("/b"))),
        ("HELICARRIER_CONTENT_PATHS", "/a:/b", "content_folders", (Path("/a"), Path("/b"))),
        ("HELICARRIER_EVAL_PATHS", "/a:/b", "eval_places", (Path("/a"), Path("/b"))),
        ("HELICARRIER_MATCH_PATHS", "/a:/b", "match_places", (Path("/a"), Path("/b"))),
        ("HELICARRIER_ADVISORY_DAILY_LIMIT", "3", "advisory_daily_limit", 3),
        (
            "HELICARRIER_RESOLUTION_PAIRS",
            "/a:/b",
            "resolution_pair_files",
            (Path("/a"), Path("/b")),
        ),
        ("HELICARRIER_RESOLUTION_LABELS", "/l", "resolution_labels", Path("/l")),
        ("HELICARRIER_RESOLUTION_ENVIRONMENT", "prod", "resolution_environment", "prod"),
        ("HELICARRIER_RESOLUTION_CONFIG", "/c", "resolution_config_path", Path("/c")),
        ("HELICARRIER_CANARY_ACTING", "either", "canary_acting", "either"),
        ("HELICARRIER_CANARY_BASELINE_RATE", "0.98", "canary_baseline_rate", 0.98),
        (
            "HELICARRIER_EVAL_REMOTE_URL",
            "postgresql://u@h/d",
            "eval_remote_url",
            "postgresql://u@h/d",
        ),
        ("HELICARRIER_IMPORT_WORKERS", "2", "import_workers", 2),
        ("HELICARRIER_RETENTION_EVENTS_DAYS", "7", "retention_events_days", 7),
        ("HELICARRIER_RETENTION_AGGREGATES_DAYS", "0", "retention_aggregates_days", 0),
        ("HELICARRIER_LOG_LEVEL", "debug", "log_level", "debug"),
        ("HELICARRIER_CONTRACT_STRICT", "false", "contract_strict", False),
        ("HELICARRIER_ENABLE_SQLITE", "false", "enable_sqlite", False),
        ("HELICARRIER_ENABLE_JSON_IMPORT", "true", "enable_json_import", True),
        ("HELICARRIER_SECRET", "s", "secret", "s"),
        ("HELICARRIER_ALLOWED_HOSTS", "a.example", "allowed_hosts", "a.example"),
        ("HELICARRIER_RATE_LIMIT", "10", "rate_limit", 10),
        (
            "HELICARRIER_CONTROL_AGENTS",
            '{"a": ["b", "c d"]}',
            "control_commands",
            {"a": ("b", "c d")},
        ),
        ("HELICARRIER_CONTROL_PROCESSES", "2", "control_processes", 2),
        ("HELICARRIER_CONTROL_GRACE_SECONDS", "1.5", "control_grace_seconds", 1.5),
        ("HELICARRIER_DRAIN_SECONDS", "0", "drain_seconds", 0.0),
        ("HELICARRIER_ALERTS_EVERY_SECONDS", "0", "alerts_every_seconds", 0),
        ("HELICARRIER_NOTIFY_CHANNELS", "none", "notification_channels", ()),
        ("HELICARRIER_NOTIFY_WEBHOOK_URL", "http://h/x", "notify_webhook_url", "http://h/x"),
        ("HELICARRIER_NOTIFY_WEBHOOK_PRIVATE", "true", "notify_webhook_private", True),
        ("HELICARRIER_NOTIFY_COMMAND", '["a", "b c"]', "notify_arguments", ("a", "b c")),
        ("HELICARRIER_NOTIFY_TIMEOUT_SECONDS", "2.5", "notify_timeout_seconds", 2.5),
        ("HELICARRIER_NOTIFY_ATTEMPTS", "1", "notify_attempts", 1),
    ],
)
def test_each_variable_sets_its_field(variable: str, text: str, field: str, value: object) -> None:
    """And no other one."""
    loaded = settings.load({variable: text})
    assert getattr(loaded, field) == value
    changed = {name for name in Settings.__struct_fields__ if _differs(loaded, name)}
    assert changed == {variable.removeprefix(settings.PREFIX).lower()}


def _differs(loaded: Settings, name: str) -> bool:
    return getattr(loaded, name) != getattr(Settings(), name)


def test_every_field_has_a_variable_in_these_tests() -> None:
    """A new setting comes with its test."""
    (mark,) = test_each_variable_sets_its_field.pytestmark
    tested = {variable for variable, *_ in mark.args[1]}
    assert tested == {f"HELICARRIER_{name.upper()}" for name in Settings.__struct_fields__}


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HELICARRIER_CONTROL_AGENTS", "[nothing"),
        ("HELICARRIER_CONTROL_AGENTS", '{"a": []}'),
        ("HELICARRIER_CONTROL_AGENTS", '{"a": [""]}'),
        ("HELICARRIER_CONTROL_AGENTS", '{"a b": ["x"]}'),
        ("HELICARRIER_CONTROL_PROCESSES", "0"),
        ("HELICARRIER_CONTROL_GRACE_SECONDS", "-1"),
        ("HELICARRIER_PARTITIONS_START", "2025-02-29"),
        ("HELICARRIER_PARTITIONS_START", "marker"),
        ("HELICARRIER_IMPORT_WORKERS", "marker"),
        ("HELICARRIER_IMPORT_WORKERS", "1.5"),
        ("HELICARRIER_DB_URL", "mysql://marker"),
        ("HELICARRIER_DB_URL", "postgresql://marker"),
        ("HELICARRIER_LOG_LEVEL", "marker"),
        ("HELICARRIER_CONTRACT_STRICT", "marker"),
        ("HELICARRIER_ENABLE_SQLITE", "marker"),
        ("HELICARRIER_ENABLE_JSON_IMPORT", "marker"),
        ("HELICARRIER_RATE_LIMIT", "0.5"),
        ("HELICARRIER_ADVISORY_DAILY_LIMIT", "-1"),
        ("HELICARRIER_DRAIN_SECONDS", "marker"),
        ("HELICARRIER_ALERTS_EVERY_SECONDS", "-1"),
        ("HELICARRIER_NOTIFY_CHANNELS", "log,marker"),
        ("HELICARRIER_NOTIFY_WEBHOOK_URL", "ftp://marker/"),
        ("HELICARRIER_NOTIFY_WEBHOOK_URL", "http://[marker/"),
        ("HELICARRIER_NOTIFY_WEBHOOK_URL", "http://user:marker@h/"),
        ("HELICARRIER_NOTIFY_COMMAND", "marker"),
        ("HELICARRIER_NOTIFY_COMMAND", "[]"),
        ("HELICARRIER_NOTIFY_TIMEOUT_SECONDS", "-1.5"),
        ("HELICARRIER_NOTIFY_ATTEMPTS", "0"),
    ],
)
def test_an_invalid_value_is_refused_by_the_name_of_its_variable(variable: str, text: str) -> None:
    """The message names the variable and never shows the value, which may be a secret."""
    with pytest.raises(UsageError) as refused:
        settings.load({variable: text})
    error = refused.value
    assert error.code is ErrorCode.SETTING_INVALID
    assert error.exit_code == 64
    assert variable in error.message
    assert text not in f"{error.message} {error.hint}"


@pytest.mark.parametrize("channel", ["webhook", "command"])
def test_a_channel_that_leads_nowhere_is_refused(channel: str) -> None:
    """The message names the variable that is missing."""
    with pytest.raises(UsageError, match=f"HELICARRIER_NOTIFY_{channel.upper()}"):
        settings.load({"HELICARRIER_NOTIFY_CHANNELS": channel})


def test_what_may_be_secret_is_not_recorded() -> None:
    """Runs keep the settings; a secret among them would be there for ever."""
    url = "postgresql+psycopg://u:pw@h/d"
    secrets = Settings(secret="pw", db_url=url, notify_webhook_url="https://h/pw")
    assert "pw" not in str(settings.public(secrets, "the store"))


def test_a_negative_number_of_workers_is_refused() -> None:
    """It means nothing."""
    with pytest.raises(UsageError, match="HELICARRIER_IMPORT_WORKERS"):
        settings.load({"HELICARRIER_IMPORT_WORKERS": "-1"})


def test_an_empty_variable_is_not_set() -> None:
    """As a shell leaves it behind."""
    variables = {f"HELICARRIER_{name.upper()}": "" for name in Settings.__struct_fields__}
    assert settings.load(variables) == Settings()


def test_other_variables_are_none_of_ours() -> None:
    """A variable without the prefix, or with an unknown name, changes nothing."""
    assert settings.load({"DATA_DIR": "/x", "HELICARRIER_UNHEARD": "1"}) == Settings()


def test_the_option_wins_over_the_variable() -> None:
    """A command's --data-dir."""
    loaded = settings.load({"HELICARRIER_DATA_DIR": "/a"}, data_dir=Path("/b"))
    assert loaded.data_dir == Path("/b")


def test_everything_lies_in_the_data_folder_unless_told(tmp_path: Path) -> None:
    """One folder holds all that is written."""
    loaded = settings.load({}, data_dir=tmp_path)
    inside = (
        loaded.sqlite_path,
        loaded.lake_dir,
        loaded.warehouse_path,
        loaded.reports_dir,
        loaded.backups_dir,
    )
    assert all(path.parent == tmp_path for path in inside)
    assert loaded.url == f"sqlite:///{tmp_path / 'helicarrier.sqlite'}"


def test_the_address_wins_over_the_path_and_the_path_over_the_default(tmp_path: Path) -> None:
    """A relative path is made absolute, so that a later change of folder does not move it."""
    path = Settings(db_path=Path("l.sqlite"))
    assert path.url == f"sqlite:///{Path.cwd() / 'l.sqlite'}"
    address = Settings(db_path=tmp_path / "l.sqlite", db_url="postgresql+psycopg://h/d")
    assert address.url == "postgresql+psycopg://h/d"


def test_home_is_expanded_in_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` in a unit file is not expanded by a shell."""
    monkeypatch.setenv("HOME", "/home/somebody")
    loaded = settings.load(
        {"HELICARRIER_DATA_DIR": "~/d", "HELICARRIER_IMPORT_PATHS": "~/.claude::/b"}
    )
    assert loaded.data_dir == Path("/home/somebody/d")
    assert loaded.import_folders == (Path("/home/somebody/.claude"), Path("/b"))


def test_records_and_pages_say_of_a_secret_only_that_it_is_set() -> None:
    """The run store keeps settings as configuration; a secret in it would be a leak."""
    told = settings.public(Settings(secret="hunter2"), "here")
    assert told["secret"] == "set"
    assert "hunter2" not in str(told)
    assert "secret" not in settings.public(Settings(), "here")
