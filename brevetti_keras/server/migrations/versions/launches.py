"""The queue of jobs that the platform starts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the table of launches."""
    op.create_table(
        "launches",
        sa.Column("id", sa.Text, nullable=False),
        _whole("number"),
        _text("phase"),
        _text("token"),
        *[_whole(name) for name in ("resumes", "pid", "pid_started")],
        *[_text(name) for name in ("machine", "checksum")],
        sa.PrimaryKeyConstraint("id", name="pk_launches"),
    )
    op.create_index("ix_launches_number", "launches", ["number"], unique=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
