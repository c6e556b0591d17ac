"""Run as a child process: one job of the queue, from its class to its end.

    python -m brevetti_keras.server.job_process -- WORKSPACE JOB_ID TOKEN

Only this process ever loads the job's class. It first checks in, so that a job which was stopped meanwhile, or which
another process runs, is left alone; the URL of a database that is not the workspace's own comes on standard input.
"""

import logging
import sys
import uuid
from typing import Any

from brevetti_keras.registry import load_reference
from brevetti_keras.server.launches import Launch
from brevetti_keras.server.service import Service
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError
from brevetti_keras.wire.events import Event, status_body

_LOG = logging.getLogger(__name__)
_MOST = 500


def main() -> int:
    """Runs the job; returns the exit status if it could not be set up."""
    home, job_id, token = sys.argv[sys.argv.index("--") + 1 :]
    # The job's own code must not take these words for its own.
    del sys.argv[1:]
    database_url = sys.stdin.read() or None
    with open_service(home, database_url=database_url) as service:
        launch = service.launches.check_in(job_id, token)
        if launch is None:
            _LOG.warning("job %s was stopped, or is another process' to run", job_id)
            return 0
        job = _set_up(service, launch)
    if job is None:
        return 1
    job.start()
    return 0


def _set_up(service: Service, launch: Launch) -> Any:
    """The job, ready to start; None if there is none, and then it is reported as failed."""
    try:
        loaded = _job_class(service, launch.job_id)
        which = {"resume" if launch.resumes else "job_id": launch.job_id}
        return loaded.init(**which, platform=service, argv=[])
    except BrevettiError as error:
        reason = str(error)
    except Exception as error:
        # The edge of this process: any module may fail in any way.
        logging.getLogger(__name__).exception("the job could not be set up")
        reason = f"{type(error).__name__}: {error}"
    line = f"it could not be set up: {' '.join(reason.split())}"[:_MOST]
    event = Event(key=f"setup-{uuid.uuid4()}", kind="status", body=status_body("failed", line))
    service.events.append(launch.job_id, [event])
    return None


def _job_class(service: Service, job_id: str) -> Any:
    config = service.jobs.config(job_id)
    reference = config.job_class
    if not reference or reference.startswith("__main__:"):
        reference = service.model_types.get(config.model_type).job
    loaded = load_reference(reference)
    # Not by its base class: the Job stands a layer above this one.
    if not all(callable(getattr(loaded, name, None)) for name in ("init", "start", "run")):
        raise InvalidInputError(f"expected {reference} to be a Job, received {type(loaded).__name__}")
    return loaded


if __name__ == "__main__":
    sys.exit(main())
