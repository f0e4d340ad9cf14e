"""Threads of kernels: those that wait sleep, although torch loaded OpenMP first."""

import os
import subprocess
import sys

import pytest

WAITING = """
import time
import torch  # and with it the OpenMP that numba then calls, which has read its settings by now
import numba
import numpy as np
from graphembed.kernels.csr import CSR
from graphembed.kernels.propagate import propagate

csr, x = CSR(np.array([0, 1, 2]), np.array([1, 0], np.int32), np.empty(0, np.float32)), np.ones((2, 1))
propagate(csr, x)
wall, busy = time.perf_counter(), time.process_time()
for _ in range(60):
    propagate(csr, x)
    time.sleep(0.002)
print(numba.threading_layer(), (time.process_time() - busy) / (time.perf_counter() - wall))
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="with one core there is one thread, which waits for nobody")
def test_threads_sleep_between_kernels():
    """A thread that spins takes a core (.2 of one on a machine that is busy, nearly all of an idle one), asleep .02."""
    setting = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    setting["NUMBA_NUM_THREADS"] = "2"  # no more than there are cores: then OpenMP would let them sleep anyway
    done = subprocess.run([sys.executable, "-c", WAITING], env=setting, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    layer, share = done.stdout.split()
    if layer != "omp":
        pytest.skip(f"numba runs its threads by {layer}")
    assert float(share) < 0.1
