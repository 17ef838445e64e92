"""The core environment: the tables that everything stands on."""

from helicarrier.store import migration_env

migration_env.run()
