"""The advisory environment: tables that can be dropped at any time, with a record of their own."""

from helicarrier.store import migration_env

migration_env.run()
