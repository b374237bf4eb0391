"""One kernel cache for the whole run, away from the user's own; slow sweeps last."""

import os
import shutil
import tempfile

import pytest

if "SYMGRAD_CACHE_DIR" not in os.environ:
    os.environ["SYMGRAD_CACHE_DIR"] = tempfile.mkdtemp(prefix="symgrad-tests-")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


def pytest_unconfigure(config: pytest.Config) -> None:
    directory = os.environ["SYMGRAD_CACHE_DIR"]
    if "symgrad-tests-" in directory and not hasattr(config, "workerinput"):  # workers share one
        shutil.rmtree(directory, ignore_errors=True)
