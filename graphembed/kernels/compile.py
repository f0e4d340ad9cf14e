"""The one place that says how kernels are compiled.

Compiled code is cached on disk (beside this file, or in numba's own folder when that is read-only), so only the first
call after an installation compiles. ``fastmath`` is limited to what lets sums be vectorised: infinities and NaN keep
their meaning, so that a check for them works.
"""

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}


class _Notice(event.Listener):
    """Says, once and on a terminal only, why the first call takes its time."""

    def __init__(self) -> None:
        self.given = False

    def on_start(self, event: Any) -> None:
        ours = event.data["dispatcher"].py_func.__module__.startswith("graphembed")
        if ours and not self.given and sys.stderr is not None and sys.stderr.isatty():
            self.given = True
            sys.stderr.write("graphembed: compiling kernels, once after an installation (about 15 seconds) ...\n")

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Notice())


def kernel(function: Function) -> Function:
    """Compile a serial kernel: safe inside loader workers, releases the GIL."""
    return cast(Function, numba.njit(**_OPTIONS)(function))


def inlined(function: Function) -> Function:
    """Compile a small function that is copied into the kernels that call it."""
    return cast(Function, numba.njit(inline="always", **_OPTIONS)(function))


def parallel_kernel(function: Function) -> Function:
    """Compile a kernel with ``prange``: main process only; the result must not depend on the number of threads."""
    compiled = numba.njit(parallel=True, **_OPTIONS)(function)

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        start_threads()
        return compiled(*arguments, **named)

    return cast(Function, call)


prange = numba.prange


@functools.cache
def start_threads() -> None:
    """Start numba's threads, unless they are running, so that those with nothing to do sleep.

    By default OpenMP lets them spin, which on a busy machine keeps the thread they wait for from running: kernels that
    wait for each other every millisecond then take many times as long. OpenMP reads a variable for that, once, when it
    is loaded, and torch may have loaded the one that numba calls long ago. But it also lets threads sleep where there
    are more of them than cores: so one thread is kept that has a team of that many. Measured with two processes on two
    cores: skip-gram takes 1.5 times as long as alone, instead of 37 times. Who sets OMP_WAIT_POLICY is left alone.
    """
    _nothing(numba.get_num_threads())
    if "OMP_WAIT_POLICY" not in os.environ and numba.threading_layer() == "omp" and (parallel := _openmp()):
        started = threading.Event()
        threading.Thread(target=_hold, args=(parallel, started), daemon=True).start()
        started.wait()


def _openmp() -> Any:
    """Return the function that starts a team in the OpenMP that numba calls, or None."""
    from numba.np.ufunc import omppool  # type: ignore[attr-defined]

    for library in (None, omppool.__file__):  # what is loaded for all to see comes first, as in any call
        with contextlib.suppress(AttributeError, OSError):
            return ctypes.CDLL(library).GOMP_parallel
    return None


def _hold(parallel: Any, started: threading.Event) -> None:
    """Start a team of more threads than there are cores, and keep it."""
    rest = numba.cfunc(numba.void(numba.types.voidptr))(_rest)
    parallel.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    parallel(rest.address, None, (os.cpu_count() or 1) + 1, 0)
    started.set()
    threading.Event().wait()


def _rest(_: Any) -> None:
    pass


def _count(items: int) -> int:
    done = 0
    for _ in prange(items):
        done += 1
    return done


_nothing = numba.njit(parallel=True, **_OPTIONS)(_count)  # whatever it does, it does it on all threads
