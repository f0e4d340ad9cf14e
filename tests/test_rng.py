"""The generator: splitmix64, even, in range, and one stream tells nothing about the next."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from graphembed.kernels import rng
from tests.reference import skipgram as reference

seeds = st.integers(-(2**63), 2**63 - 1)
counters = st.integers(0, 2**40)


@numba.njit
def _key(seed, item):
    return rng.key(seed, item)


@numba.njit
def _draw(seed, item, step):
    return rng.bits(rng.key(seed, item), step)


@numba.njit
def _bits(stream, steps):
    draws = np.empty(steps, np.uint64)
    for step in range(steps):
        draws[step] = rng.bits(stream, step)
    return draws


@numba.njit
def _first_draws(seed, items):
    """Draw number 0 of the streams 0, 1, 2 ..."""
    draws = np.empty(items, np.uint64)
    for item in range(items):
        draws[item] = rng.bits(rng.key(seed, item), 0)
    return draws


@numba.njit
def _units(draws):
    values = np.empty(draws.size, np.float64)
    for i in range(draws.size):
        values[i] = rng.unit(draws[i])
    return values


@numba.njit
def _below(draws, count):
    values = np.empty(draws.size, np.int64)
    for i in range(draws.size):
        values[i] = rng.below(draws[i], count)
    return values


def _even(values, cells):
    return stats.chisquare(np.bincount(values, minlength=cells)).pvalue > 1e-4


def test_bits_are_the_published_outputs_of_splitmix64():
    # The sequence of seed 1234567, https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert _bits(np.uint64(1234567), 5).tolist() == published


@settings(deadline=None, max_examples=200)
@given(seeds, counters, counters)
def test_draws_are_splitmix64_in_python_integers(seed, item, step):
    assert _key(seed, item) == reference.key(seed, item)
    assert _draw(seed, item, step) == reference.bits(reference.key(seed, item), step)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**64 - 1), st.integers(1, 2**32 - 1))
def test_unit_and_below_are_scaled_bits(draw, count):
    draws = np.array([draw], np.uint64)
    assert _units(draws)[0] == reference.unit(draw)
    assert _below(draws, count)[0] == reference.below(draw, count)


def test_unit_stays_below_one_and_below_stays_below_count():
    ends = np.array([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 2, 2**64 - 1], np.uint64)
    draws = np.concatenate([ends, _bits(np.uint64(7), 100_000)])
    units = _units(draws)
    assert units.min() == 0.0
    assert units.max() < 1.0
    for count in (1, 2, 3, 1000, 2**31 - 1, 2**32 - 1):
        values = _below(draws, count)
        assert values.min() == 0
        assert values.max() == count - 1 or count > 2**30
        assert values.max() < count


@pytest.mark.parametrize("draw", [_bits, _first_draws], ids=["steps", "streams"])
def test_draws_are_uniform(draw):
    draws = draw(np.uint64(3), 200_000)
    assert _even((_units(draws) * 256).astype(np.int64), 256)
    for count in (2, 3, 7, 100):
        assert _even(_below(draws, count), count)
    for shift in range(0, 64, 8):  # every byte
        assert _even(((draws >> np.uint64(shift)) & np.uint64(255)).astype(np.int64), 256)


@pytest.mark.parametrize("seed", [0, 1, -1, 2**62])
def test_neighbouring_streams_steps_and_seeds_are_independent(seed):
    first, next_item, next_seed = (
        _bits(np.uint64(reference.key(*start)), 50_001) for start in [(seed, 0), (seed, 1), (seed + 1, 0)]
    )
    items = _first_draws(seed, 50_001)
    pairs = [(first, next_item), (first, next_seed), (first[:-1], first[1:]), (items[:-1], items[1:])]
    for one, two in pairs:
        assert _even(_below(one, 16) * 16 + _below(two, 16), 256)
        assert abs(np.corrcoef(_units(one), _units(two))[0, 1]) < 4 / np.sqrt(one.size)
        flipped = np.unpackbits((one ^ two).view(np.uint8)).mean()
        assert abs(flipped - 0.5) < 4 * 0.5 / np.sqrt(64 * one.size)


def test_streams_do_not_meet():
    streams = [np.uint64(reference.key(seed, item)) for seed in range(30) for item in range(30)]
    draws = np.concatenate([_bits(stream, 100) for stream in streams])
    assert np.unique(draws).size == draws.size
