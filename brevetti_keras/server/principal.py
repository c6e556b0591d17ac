"""Who makes a request: a user, one job, or one that has ended.

request.state.principal       # set by the access middleware on every request that passes it
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Principal:
    """The maker of a request.

    Attributes:
        kind: a `user` may do everything, a `job` what its key opens: its own record, files and events. A job that has
            `ended` may say so again, word for word, as its answer may have been lost; its key opens nothing else.
        name: for the log: the user key's name, "browser", or the job's id.
        job_id: of a job.
    """

    kind: Literal["user", "job", "ended"]
    name: str
    job_id: str = ""
