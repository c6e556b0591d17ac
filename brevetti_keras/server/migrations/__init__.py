"""Alembic migrations of the platform's database, run when a workspace is opened."""

REVISION = "0002"
