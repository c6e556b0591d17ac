"""Who makes a request: a user, or one job.

request.state.principal       # set by the access middleware on every request that passes it
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Principal:
    """The maker of a request.

    Attributes:
        kind: a `user` may do everything, a `job` what its key opens: its own record, files and events.
        name: for the log: the user key's name, "browser", or the job's id.
        job_id: of a job.
    """

    kind: Literal["user", "job"]
    name: str
    job_id: str = ""
