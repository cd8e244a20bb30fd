"""What holds for every test: one thread each, as `sdl` itself has, and nothing is judged by the clock.

Files that start whole campaigns come first, so that none of them is left alone at the end.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports BLAS

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

FIRST = ("flows", "docs", "benchmarks")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files of slow rooms to the front; within a file the order stays."""
    items.sort(key=lambda item: item.path.parent.name not in FIRST)
