"""Runs the migrations on the connection that the caller hands over in `config.attributes`."""

from alembic import context

from brevetti_keras.server.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
