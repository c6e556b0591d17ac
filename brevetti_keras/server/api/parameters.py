"""Parameters that several routes share."""

from typing import Annotated

from fastapi import Path

JobId = Annotated[str, Path(alias="id", description="A job's id", max_length=200)]
