"""How Alembic runs revisions: inside a transaction that the caller owns, or as a script.

`helicarrier.store.migrate` holds the lock, takes the backup and commits; here revisions only run on
the connection that it hands over, so that all pending revisions and the record of them are one
transaction. Without a connection a Postgres script is written for `psql -f`; it takes the same
lock by itself. Every environment's `env.py` calls this.
"""

from alembic import context


def run() -> None:
    """Run the revisions that Alembic was asked for, as its configuration says."""
    options = context.config.attributes
    offline = context.is_offline_mode()
    if offline:
        context.configure(
            dialect_name="postgresql",
            dialect_opts={"paramstyle": "named"},
            version_table=options["version_table"],
            literal_binds=True,
        )
    else:
        context.configure(
            connection=options["connection"],
            version_table=options["version_table"],
            transaction_per_migration=False,
        )
    with context.begin_transaction():
        if offline:
            context.execute(options["lock_statement"])
        context.run_migrations()
