import os
import sqlite3
import stat
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from brevetti_keras.server.migrate import migrate
from brevetti_keras.server.migrations import REVISION
from brevetti_keras.server.store import Store
from brevetti_keras.server.tables import metadata
from brevetti_keras.server.workspace import open_service, workspace_path
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError, PlatformError, StorageError


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_workspace_is_made_for_its_owner_alone(home):
    with open_service(home) as service:
        assert service.home == home
        assert service.host_name == f"file://{home}"
        config = service.jobs.create("first")
    for folder in (
        "",
        "datasets",
        "jobs",
        f"jobs/{config.id}",
        f"jobs/{config.id}/artifacts",
        f"jobs/{config.id}/temp",
    ):
        assert mode(f"{home}/{folder}") == 0o700, folder
    assert mode(f"{home}/platform.sqlite3") == 0o600
    assert mode(f"{home}/jobs/{config.id}/info.json") == 0o600


def test_what_was_stored_is_there_after_opening_again(home, vials):
    with open_service(home) as service:
        added = service.datasets.add(vials)
    with open_service(f"file://{home}") as service:
        assert service.datasets.list() == [added]


def test_the_place_comes_from_the_environment_else_the_present_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BREVETTI_HOME", raising=False)
    assert workspace_path() == f"{tmp_path}/brevetti-workspace"
    monkeypatch.setenv("BREVETTI_HOME", f"{tmp_path}/elsewhere")
    assert workspace_path() == f"{tmp_path}/elsewhere"
    assert workspace_path("here") == f"{tmp_path}/here"


def test_another_kind_of_url_is_refused():
    with pytest.raises(InvalidInputError, match="file:// URL"):
        workspace_path("gs://bucket/x")


def test_the_jobs_may_lie_elsewhere(home, tmp_path):
    with open_service(home, storage_root=str(tmp_path / "store")) as service:
        config = service.jobs.create("first")
        service.artifacts.write(config.id, "a.txt", b"1")
    assert (tmp_path / "store" / "jobs" / config.id / "artifacts" / "a.txt").read_bytes() == b"1"


def test_the_database_may_be_named_by_its_url(home, tmp_path):
    with open_service(home, database_url=f"sqlite:///{tmp_path}/own.sqlite3") as service:
        service.tags.add("line")
    with sqlite3.connect(tmp_path / "own.sqlite3") as connection:
        assert connection.execute("SELECT name FROM tags").fetchall() == [("line",)]
    connection.close()


def test_a_file_in_the_workspace_s_place_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(InvalidInputError, match="expected a folder for the workspace") as caught:
            open_service(str(tmp_path / place))
        assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_one_line():
    with pytest.raises(StorageError, match="expected a workspace that can be written, received /proc/none") as caught:
        open_service("/proc/none")
    assert "\n" not in str(caught.value)


def test_a_damaged_database_is_one_line(home):
    open_service(home).close()
    with open(f"{home}/platform.sqlite3", "r+b") as file:
        file.write(b"x" * 200)
    with pytest.raises(IntegrityError, match="damaged") as caught:
        open_service(home)
    assert "\n" not in str(caught.value)


def test_a_workspace_of_a_newer_version_is_left_alone(home):
    open_service(home).close()
    with sqlite3.connect(f"{home}/platform.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(PlatformError, match="a newer version"):
        open_service(home)


def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/test.sqlite3")
    migrate(store.engine)
    migrate(store.engine)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert context.get_current_revision() == REVISION
        assert compare_metadata(context, metadata) == []
    store.close()


def test_many_processes_may_open_a_new_workspace_at_once(home):
    code = f"from brevetti_keras.server.workspace import open_service; open_service({home!r}).tags.ensure('a=b')"
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    for process in running:
        _, error = process.communicate(timeout=240)
        assert process.returncode == 0, error.decode()
    with open_service(home) as service:
        assert [(tag.name, [child.name for child in tag.children]) for tag in service.tags.list()] == [("a", ["b"])]
        assert service.verify() == []


def test_opening_and_using_a_workspace_loads_nothing_heavy(home):
    code = f"""
import sys
from brevetti_keras.server.workspace import open_service
with open_service({home!r}) as service:
    config = service.jobs.create("first")
    service.model_types.list()
    service.jobs.list()
print(sorted({{"tensorflow", "keras", "pandas", "numpy", "cv2", "sklearn", "matplotlib"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.strip() == "[]"


def test_a_workspace_may_lie_in_a_folder_of_any_name(tmp_path):
    home = str(tmp_path / "odd %41 ü?#;&dir" / "workspace")
    with open_service(home) as service:
        service.datasets.add(str(tmp_path), name="lot")
        url = service.host_name
    assert workspace_path(url) == home
    with open_service(url) as again:
        assert again.home == home
        assert [dataset.name for dataset in again.datasets.list()] == ["lot"]
    assert sqlite3.connect(f"{home}/platform.sqlite3").execute("SELECT count(*) FROM datasets").fetchone() == (1,)


def test_opening_a_workspace_again_keeps_the_locks_of_the_first(home):
    """In one process: else another process could take itself for the last one, and end the log under the first."""
    alone = f"""
import sqlite3
print(sqlite3.connect({f"{home}/platform.sqlite3"!r}, timeout=0).execute("PRAGMA journal_mode=DELETE").fetchone())
"""
    with open_service(home) as first:
        first.tags.list()
        open_service(home).close()
        done = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, timeout=240)
        assert "database is locked" in done.stderr
        assert done.stdout == ""
