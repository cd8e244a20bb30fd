"""Run the migrations on the connection that `sdl.store.schema` hands over."""

from alembic import context

from sdl.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
