"""`FacetsReport`, the facets of a job as a callback.

model.fit(x, callbacks=[FacetsReport(job, generator, count=4096)])       # as the training begins
FacetsReport(job, generator)()                                           # now
"""

from collections.abc import Sequence
from typing import Any

from brevetti_keras.interfaces.background_report import BackgroundReport
from brevetti_keras.interfaces.facets_atlas import FacetSprite, build_facets
from brevetti_keras.interfaces.job_like import JobLike
from brevetti_keras.interfaces.keras_hooks import unharmed
from brevetti_keras.wire.artifacts import FACETS_FOLDER


class FacetsReport(BackgroundReport):
    """Writes the facets when training begins: they show what the network gets while it can still be changed.

    Args:
        job: whose artifact they are.
        generator: of the samples, see `build_facets`.
        count: how many samples at most, up to 16,384.
        facet_sprite: see `build_facets`.
        exclude_rows: columns that are left out.
    """

    what = "the facets"

    def __init__(
        self,
        job: JobLike,
        generator: Any,
        count: int = 4096,
        facet_sprite: FacetSprite | None = None,
        exclude_rows: Sequence[str] = ("path", "bucket"),
    ) -> None:
        super().__init__()
        self._job = job
        self._generator = generator
        self._count = count
        self._facet_sprite = facet_sprite
        self._exclude_rows = tuple(exclude_rows)

    def __call__(self) -> bool:
        """Writes them now and returns whether that worked; if not, a warning tells why."""
        with unharmed("the facets were not written") as report:
            folder = self._job.artifact_path(FACETS_FOLDER, dir=True)
            build_facets(self._generator, folder, self._facet_sprite, self._count, self._exclude_rows)
        return report.good
