"""Modules that load on first use, so that help, schemas and pages never wait for TensorFlow.

tf = lazy_import("tensorflow")     # at the top of a module, costs nothing
tf.constant(1)                     # loads it
"""

import importlib
from types import ModuleType
from typing import Any

from brevetti_keras.utils.errors import MissingDependencyError


class LazyModule(ModuleType):
    """Stands for a module and imports it when an attribute is first read.

    Args:
        name: the module's dotted name.
        install: what to install when it is missing, as pip takes it; by default the top-level name.
    """

    def __init__(self, name: str, install: str | None = None) -> None:
        super().__init__(name)
        self._install = install or name.partition(".")[0]
        self._module: ModuleType | None = None

    def _load(self) -> ModuleType:
        if self._module is None:
            try:
                self._module = importlib.import_module(self.__name__)
            except ModuleNotFoundError as error:
                # An installed module whose own dependency is missing must show that name, not ours.
                if error.name is None or error.name.partition(".")[0] != self.__name__.partition(".")[0]:
                    raise
                raise MissingDependencyError(
                    f"{self.__name__} is needed here and is not installed: pip install '{self._install}'"
                ) from error
        return self._module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)

    def __dir__(self) -> list[str]:
        return dir(self._load())


def lazy_import(name: str, install: str | None = None) -> Any:
    """Returns a stand-in for module `name` that imports it on first use.

    Args:
        name: dotted name, for example `"tensorflow"`.
        install: the pip requirement named when the module is missing, for example `"brevetti-keras[tfds]"`.

    Raises:
        MissingDependencyError: on first use, if the module is not installed.
    """
    return LazyModule(name, install)
