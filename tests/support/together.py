"""Which tests stay together when several workers share them: those that look at what takes long to make.

Every other test goes to whichever worker is free. The marks that pytest-xdist has for this change the name of a test,
which pytest 9.2 no longer lets them do (issue 1386 of pytest-xdist): every worker then makes everything, in silence.
"""

import os

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "pages": [
        "tests/e2e/test_every_page_browser.py",
        "tests/e2e/test_flow_browser.py",
        "tests/e2e/test_pages_browser.py",
        "tests/e2e/test_start_browser.py",
        "tests/e2e/test_upload_browser.py",
    ],
    "trainings": ["tests/cli/test_train.py", "tests/docs/test_first_job.py", "tests/e2e/test_whole_way_browser.py"],
    "shapes": ["tests/model_zoo/test_samples.py", "tests/model_zoo/test_train.py"],
    "package": ["tests/model_package/test_keras_file.py", "tests/model_package/test_package.py"],
    **{
        path: [path]
        for path in (
            "tests/data/image/test_pipeline_cache.py",
            "tests/data/image/test_pipeline_graph.py",
            "tests/data/leaks/test_finder.py",
            "tests/data/test_dataset_check.py",
            "tests/data/test_graph_form.py",
            "tests/data/test_identity_of_pictures.py",
            "tests/model_zoo/test_digits.py",
            "tests/model_zoo/test_report.py",
            "tests/platform/test_corpus.py",
            "tests/server/test_faults.py",
            "tests/server/test_openapi_fuzz.py",
            "tests/server/test_postgresql.py",
            "tests/server/test_verification.py",
        )
    },
}
_PLACES = {path: name for name, paths in TOGETHER.items() for path in paths}


class TogetherScheduling(LoadScopeScheduling):
    """Hands out the tests of `TOGETHER` by group, the largest first, and then the others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return _PLACES.get(nodeid.partition("::")[0], nodeid)


def made_by_one_worker(factory: pytest.TempPathFactory, name: str) -> None:
    """Fails in a worker if another one has made `name` too: then its tests do not stay together."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        (factory.getbasetemp().parent / f"made-{name}").mkdir()
