"""What a call takes: seconds by the clock, and the most memory this process held meanwhile."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")


class Cost(NamedTuple):
    """Seconds and peak memory of the whole process, in MiB."""

    seconds: float
    peak: float


def measured(call: Callable[[], Result]) -> tuple[Result, Cost]:
    """Make a call and say what it took.

    On Linux the peak is that of the call; elsewhere that of the process so far.

    Example:
        >>> found, cost = measured(lambda: sum(range(10)))
        >>> found, cost.seconds >= 0, cost.peak > 1
        (45, True, True)
    """
    status = Path("/proc/self/status")
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    except OSError:
        status = Path("/nowhere")
    begin = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - begin
    if status.exists():
        words = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()
        return result, Cost(seconds, int(words[1]) / 1024)
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return result, Cost(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
