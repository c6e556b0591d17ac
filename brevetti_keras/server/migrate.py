"""Brings a database to the newest schema; a database that has it already is only looked at.

    migrate(engine)

Alembic is loaded only when there is something to do, so that opening a workspace stays quick.
"""

from sqlalchemy import Connection, Engine, inspect, text

from brevetti_keras.server.migrations import REVISION
from brevetti_keras.utils.errors import PlatformError
from brevetti_keras.utils.lazy import lazy_import

_alembic_command = lazy_import("alembic.command")
_alembic_config = lazy_import("alembic.config")
_alembic_script = lazy_import("alembic.script")
# Any number serves, as long as all of ours use the same.
_LOCK = 7_281_946_015


def migrate(engine: Engine) -> None:
    """Runs the migrations that the database lacks, in one transaction.

    Args:
        engine: of the database. On SQLite the caller keeps other processes out meanwhile.

    Raises:
        PlatformError: if the database has a schema that this version does not know.
    """
    with engine.connect() as connection, connection.begin():
        if _revision(connection) == REVISION:
            return
    with engine.connect().execution_options(brevetti_write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    config = _alembic_config.Config()
    config.set_main_option("script_location", "brevetti_keras.server:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    found = _revision(connection)
    known = {step.revision for step in _alembic_script.ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise PlatformError(
            f"expected a database of schema {REVISION} or older, received {found}: a newer version of brevetti-keras "
            "made it; install that version"
        )
    _alembic_command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
