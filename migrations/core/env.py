"""How Alembic runs the core revisions: inside a transaction that the caller owns, or as a script.

`helicarrier.store.migrate` holds the lock, takes the backup and commits; here revisions only run on
the connection that it hands over, so that all pending revisions and the record of them are one
transaction. Without a connection a Postgres script is written for `psql -f`; it takes the same
lock by itself.
"""

from alembic import context

config = context.config
options = config.attributes

if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},
        version_table=options["version_table"],
        literal_binds=True,
    )
    with context.begin_transaction():
        context.execute(options["lock_statement"])
        context.run_migrations()
else:
    context.configure(
        connection=options["connection"],
        version_table=options["version_table"],
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
