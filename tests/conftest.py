"""What all tests share: eight numba threads to choose from, shapes checked at run time, data folders, state guards."""

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "8")  # before numba is imported: laws are tested on 1, 2 and 8 threads

from collections.abc import Iterator
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from jaxtyping import install_import_hook

# Shapes in annotations are checked while tests run (not in kernels, which numba compiles).
_CHECKED = ("losses", "metrics", "nn", "objectives")
install_import_hook([f"graphembed.{name}" for name in _CHECKED], "beartype.beartype")

numba.set_num_threads(min(2, os.cpu_count() or 1))


@pytest.fixture(autouse=True)
def _global_random_state_is_untouched() -> Iterator[None]:
    """Hold the law for every test: nobody moves the global generators of numpy and torch.

    Python's own is looked at in tests/test_laws.py: here beartype moves it when it checks the items of a sequence.
    """
    before = np.random.get_state()[1].tobytes(), torch.get_rng_state()  # noqa: NPY002
    yield
    assert before[0] == np.random.get_state()[1].tobytes(), "the global state of numpy.random was touched"  # noqa: NPY002
    assert torch.equal(before[1], torch.get_rng_state()), "the global state of torch was touched"


@pytest.fixture
def public_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of public data sets; the test is skipped where there is none."""
    folder = Path(os.environ.get("GRAPHEMBED_DATA", Path(__file__).parents[2] / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip("no public data: set GRAPHEMBED_DATA to the folder that holds them")
    monkeypatch.setenv("GRAPHEMBED_DATA", str(folder))
    return folder


@pytest.fixture(params=[1, 2, 8])
def thread_count(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run a test on 1, 2 and 8 numba threads."""
    before = numba.get_num_threads()
    numba.set_num_threads(request.param)
    yield request.param
    numba.set_num_threads(before)
