"""The tables of the platform's database, in the form that SQLite and PostgreSQL share.

Columns are text or whole numbers only: JSON is stored as text, times as ISO 8601 text in UTC, truth as 0 or 1. So a
row reads back as exactly what was written, and its checksum can be taken over the values as they stand.
Each checked table has a text `id` and a `checksum`; `changes` and `chain` are the log that proves them.
"""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"})


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _whole(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _checked(name: str, *columns: Column[str] | Column[int] | Column[int | None] | Index) -> Table:
    return Table(name, metadata, Column("id", Text, primary_key=True), *columns, _text("checksum"))


datasets = _checked(
    "datasets",
    _text("name"),
    _text("bucket"),
    _whole("locked"),
    _text("reference"),
    _text("notes"),
    _text("created"),
    _text("tag_ids"),
    Index("ix_datasets_name", "name", unique=True),
)

tags = _checked(
    "tags",
    _text("name"),
    _text("parent_id"),
    _text("created"),
    Index("ix_tags_parent_id_name", "parent_id", "name", unique=True),
)

model_types = _checked(
    "model_types",
    _text("name"),
    _text("version"),
    _text("kind"),
    _text("description"),
    _text("job"),
    _text("settings_schema"),
    _text("source"),
    _text("fingerprint"),
    _text("created"),
    Index("ix_model_types_name", "name"),
)

jobs = _checked(
    "jobs",
    _whole("number"),
    _text("run_id"),
    _text("name"),
    _text("state"),
    _text("message"),
    _text("model_type"),
    _text("model_type_version"),
    _text("job_class"),
    _text("kind"),
    _text("created"),
    _text("started"),
    _text("ended"),
    Column("epoch", BigInteger, nullable=True),
    Column("epochs", BigInteger, nullable=True),
    _text("datasets"),
    _text("models"),
    _text("tags"),
    _text("settings"),
    _text("metrics"),
    _text("model_path"),
    _text("parent"),
    _text("host_name"),
    Column("pid", BigInteger, nullable=True),
    _whole("pid_started"),
    _text("machine"),
    _text("key_hash"),
    _whole("key_ended"),
    _whole("log_offset"),
    _whole("log_damaged"),
    Index("ix_jobs_number", "number", unique=True),
    Index("ix_jobs_state", "state"),
    Index("ix_jobs_name", "name"),
    Index("ix_jobs_key_hash", "key_hash"),
)

events = _checked(
    "events",
    _text("job_id"),
    _whole("sequence"),
    _text("key"),
    _text("kind"),
    Column("epoch", BigInteger, nullable=True),
    _text("time"),
    _text("body"),
    Index("ix_events_job_id_sequence", "job_id", "sequence", unique=True),
    Index("ix_events_job_id_key", "job_id", "key", unique=True),
    Index("ix_events_job_id_kind_epoch_sequence", "job_id", "kind", "epoch", "sequence"),
)

# The queue: one row for each job that waits to be started, is starting, or runs because it was.
launches = _checked(
    "launches",
    _whole("number"),
    _text("phase"),
    _text("token"),
    _whole("resumes"),
    _whole("pid"),
    _whole("pid_started"),
    _text("machine"),
    Index("ix_launches_number", "number", unique=True),
)

access_keys = _checked(
    "access_keys",
    _text("name"),
    _text("key_hash"),
    _text("created"),
    _text("revoked"),
    Index("ix_access_keys_key_hash", "key_hash", unique=True),
)

changes = Table(
    "changes",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _text("time"),
    _text("action"),
    _text("table_name"),
    _text("row_id"),
    _text("row_checksum"),
    _text("hash"),
    Index("ix_changes_table_name_row_id_sequence", "table_name", "row_id", "sequence"),
)

chain = Table(
    "chain",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    _whole("sequence"),
    _text("hash"),
)

CHECKED = (datasets, tags, model_types, jobs, events, launches, access_keys)
