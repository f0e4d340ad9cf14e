"""The one place that says how kernels are compiled.

Compiled code is cached on disk (beside this file, or in numba's own folder when that is read-only), so only the first
call after an installation compiles. ``fastmath`` is limited to what lets sums be vectorised: infinities and NaN keep
their meaning, so that a check for them works.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}


def kernel(function: Function) -> Function:
    """Compile a serial kernel: safe inside loader workers, releases the GIL."""
    return cast(Function, numba.njit(**_OPTIONS)(function))


def inlined(function: Function) -> Function:
    """Compile a small function that is copied into the kernels that call it."""
    return cast(Function, numba.njit(inline="always", **_OPTIONS)(function))


def parallel_kernel(function: Function) -> Function:
    """Compile a kernel with ``prange``: main process only; the result must not depend on the number of threads."""
    return cast(Function, numba.njit(parallel=True, **_OPTIONS)(function))


prange = numba.prange
