"""The first schema: datasets, tags, model types, jobs, events, access keys, and the log of changes."""

import sqlalchemy as sa
from alembic import op

from brevetti_keras.server.row_checks import FIRST_HASH

revision = "0001"
down_revision = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def _whole(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in names]


def _maybe(*names: str) -> list[sa.Column[int | None]]:
    return [sa.Column(name, sa.BigInteger, nullable=True) for name in names]


def _checked(name: str, *columns: sa.Column[str] | sa.Column[int] | sa.Column[int | None]) -> None:
    key = sa.Column("id", sa.Text, nullable=False)
    op.create_table(name, key, *columns, *_text("checksum"), sa.PrimaryKeyConstraint("id", name=f"pk_{name}"))


def upgrade() -> None:
    """Makes all tables and the log's head."""
    _upgrade_catalogue()
    _upgrade_jobs()
    _upgrade_log()


def _upgrade_catalogue() -> None:
    _checked(
        "datasets",
        *_text("name", "bucket"),
        *_whole("locked"),
        *_text("reference", "notes", "created", "tag_ids"),
    )
    op.create_index("ix_datasets_name", "datasets", ["name"], unique=True)
    _checked("tags", *_text("name", "parent_id", "created"))
    op.create_index("ix_tags_parent_id_name", "tags", ["parent_id", "name"], unique=True)
    _checked(
        "model_types",
        *_text("name", "version", "kind", "description", "job", "settings_schema", "source", "fingerprint", "created"),
    )
    op.create_index("ix_model_types_name", "model_types", ["name"])
    _checked("access_keys", *_text("name", "key_hash", "created", "revoked"))
    op.create_index("ix_access_keys_key_hash", "access_keys", ["key_hash"], unique=True)


def _upgrade_jobs() -> None:
    _checked(
        "jobs",
        *_whole("number"),
        *_text("run_id", "name", "state", "message", "model_type", "model_type_version", "job_class", "kind"),
        *_text("created", "started", "ended"),
        *_maybe("epoch", "epochs"),
        *_text("datasets", "models", "tags", "settings", "metrics", "model_path", "parent", "host_name"),
        *_maybe("pid"),
        *_whole("pid_started"),
        *_text("machine", "key_hash"),
        *_whole("key_ended", "log_offset", "log_damaged"),
    )
    op.create_index("ix_jobs_number", "jobs", ["number"], unique=True)
    for column in ("state", "name", "key_hash"):
        op.create_index(f"ix_jobs_{column}", "jobs", [column])
    _checked(
        "events", *_text("job_id"), *_whole("sequence"), *_text("key", "kind"), *_maybe("epoch"), *_text("time", "body")
    )
    op.create_index("ix_events_job_id_sequence", "events", ["job_id", "sequence"], unique=True)
    op.create_index("ix_events_job_id_key", "events", ["job_id", "key"], unique=True)
    op.create_index("ix_events_job_id_kind_epoch_sequence", "events", ["job_id", "kind", "epoch", "sequence"])


def _upgrade_log() -> None:
    op.create_table(
        "changes",
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        *_text("time", "action", "table_name", "row_id", "row_checksum", "hash"),
        sa.PrimaryKeyConstraint("sequence", name="pk_changes"),
    )
    op.create_index("ix_changes_table_name_row_id_sequence", "changes", ["table_name", "row_id", "sequence"])
    chain = op.create_table(
        "chain",
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        *_whole("sequence"),
        *_text("hash"),
        sa.PrimaryKeyConstraint("id", name="pk_chain"),
    )
    op.bulk_insert(chain, [{"id": 1, "sequence": 0, "hash": FIRST_HASH}])
