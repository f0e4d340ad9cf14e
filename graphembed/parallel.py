"""One knob for threads: numba's kernels, torch and the BLAS behind numpy and scikit-learn."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numba
import torch
from threadpoolctl import threadpool_limits

from graphembed.kernels.compile import start_threads


def thread_count() -> int:
    """Say how many threads kernels run on, here and now."""
    start_threads()  # asking numba starts them, too, but not so that idle ones sleep
    return int(numba.get_num_threads())


def threads(count: int) -> AbstractContextManager[None]:
    """Use ``count`` threads within the block; before and after, everything is as it was.

    Results do not depend on it: kernels draw by counters and add in a fixed order, and sums whose order would depend on
    the number of threads (in matrix products of torch and BLAS) are done on one.

    Raises:
        ValueError: Fewer than one thread, or more than numba was started with.

    Example:
        >>> with threads(1):
        ...     torch.get_num_threads()
        1
    """
    most = numba.config.NUMBA_NUM_THREADS
    if not 1 <= count <= most:
        raise ValueError(
            f"threads must be between 1 and {most} (NUMBA_NUM_THREADS, as a rule the number of cores), got {count}"
        )
    return _threads(count)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = thread_count(), torch.get_num_threads()
    numba.set_num_threads(count)
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        numba.set_num_threads(before[0])
        torch.set_num_threads(before[1])


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch and BLAS on one thread, whatever the user chose: the order of their sums is then always the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
