"""Prints a constraints file with the lowest version that setup.cfg allows of each direct dependency."""

import configparser
from pathlib import Path

from packaging.requirements import Requirement


def minimum_versions() -> dict[str, str]:
    """Returns the lowest allowed version of each dependency by name; those of users' extras are among them."""
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[2] / "setup.cfg")
    extras = [text for name, text in config["options.extras_require"].items() if name != "dev"]
    lowest = {}
    for line in "\n".join([config["options"]["install_requires"], *extras]).splitlines():
        if line.strip():
            requirement = Requirement(line)
            lowest[requirement.name] = next(part.version for part in requirement.specifier if part.operator == ">=")
    return lowest


if __name__ == "__main__":
    for name, version in minimum_versions().items():
        print(f"{name}=={version}")
