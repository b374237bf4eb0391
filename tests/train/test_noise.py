"""Noise by counter: known answers, the same bits whatever the batch and the engine, and the right distribution."""

import numpy as np
import pytest
from scipy import special, stats

from symgrad import notation
from symgrad.errors import DataError, SymgradError
from symgrad.kernels.checks import facts
from symgrad.train import philox
from symgrad.train.noise import draw, key, kind_of, quantile

# Random123's file kat_vectors: counter, key, result
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize("counter, keys, words", KNOWN)
def test_the_generator_gives_the_known_answers(counter, keys, words):
    assert [int(w) for w in philox.philox(*map(np.uint64, (*counter, *keys)))] == words


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_numpy_and_numba_give_the_same_bits(kind):
    for step, shape in ((0, (3, 5)), (2**40 + 7, (4,)), (1, ())):
        rows = [0, 5, 2**31, 2**47 + 3]
        one, other = (draw(3, step, rows, shape, kind, engine=engine) for engine in ("kernel", "numpy"))
        assert one.tobytes() == other.tobytes()


def test_a_value_belongs_to_an_example():
    order = np.random.default_rng(0).permutation(100)
    whole = draw(0, 4, np.arange(100), (3,))
    pieces = [draw(0, 4, order[start : start + 7], (3,)) for start in range(0, 100, 7)]
    assert (np.concatenate(pieces) == whole[order]).all()
    assert (draw(0, 4, range(9), (5,))[:, :3] == whole[:9]).all()  # more coordinates leave the first ones alone


def test_seed_name_step_example_and_coordinate_all_count():
    first = draw(0, 0, range(50), (4,))
    others = [draw(1, 0, range(50), (4,)), draw(0, 0, range(50), (4,), name="eps"), draw(0, 1, range(50), (4,))]
    others += [draw(0, 2**32, range(50), (4,)), draw(0, 0, np.arange(50) + 2**32, (4,))]
    assert all(len(np.unique(np.concatenate([first.ravel(), o.ravel()]))) == 400 for o in others)
    assert len(np.unique(first)) == 200
    assert key(1, "2:x") != key(1, "x")


@pytest.mark.parametrize("kind, law", [("normal", stats.norm), ("uniform", stats.uniform)])
def test_the_distribution(kind, law):
    """40,000 values of a fixed seed; a Kolmogorov-Smirnov test at 1 %, four moments within four standard errors."""
    values = draw(7, 3, range(400), (100,), kind).ravel()
    assert stats.kstest(values, law.cdf).pvalue > 0.01
    assert stats.kstest(values, law(0.02).cdf).pvalue < 0.01  # a shift by a fiftieth is seen
    for order in (1, 2, 3, 4):
        spread = np.sqrt((law.moment(2 * order) - law.moment(order) ** 2) / len(values))
        assert abs((values**order).mean() - law.moment(order)) < 4 * spread
    grid = draw(7, 3, range(400), (100,), kind)
    assert abs(np.corrcoef(grid[:, 0], grid[:, 1])[0, 1]) < 4 / np.sqrt(400)  # both from one counter
    assert abs(np.corrcoef(grid[:-1, 0], grid[1:, 0])[0, 1]) < 4 / np.sqrt(400)


def test_the_quantile_is_scipys_and_the_ends_are_finite():
    u = np.concatenate([2.0 ** -np.arange(2, 54), 1 - 2.0 ** -np.arange(2, 54), np.linspace(0.01, 0.99, 99)])
    np.testing.assert_allclose(quantile(u), special.ndtri(u), rtol=1e-14, atol=1e-15)  # AS 241 promises 16 digits
    ones = np.uint64(0xFFFFFFFF)
    ends = philox.uniform(np.uint64(0), np.uint64(0)), philox.uniform(ones, ones)
    assert ends == (2.0**-53, 1 - 2.0**-53)


def test_shapes_and_dtypes():
    assert draw(0, 0, [], (3,)).shape == (0, 3)
    assert draw(0, 0, [1, 2], (3, 0)).shape == (2, 3, 0)
    assert draw(0, 0, [1, 2]).shape == (2,)
    single = draw(0, 0, range(20), (3,), dtype="float32")
    assert single.dtype == np.float32 and (single == draw(0, 0, range(20), (3,)).astype("float32")).all()


def test_the_declaration_says_which_kind():
    system = notation.parse("eps: noise[n]\nu: noise[n], uniform\ny[n] = where(u[n] < 0.3, eps[n], 0)")
    assert [kind_of(t) for t in system.declared("noise")] == ["normal", "uniform"]
    with pytest.raises(DataError, match="u is declared uniform, but an entry is not between 0 and 1"):
        facts(system.tensors["u"], np.array([0.5, 1.5]))


def test_what_it_refuses():
    with pytest.raises(SymgradError, match="gauss is no kind of noise; there are normal, uniform"):
        draw(0, 0, [0], (), "gauss")
    with pytest.raises(SymgradError, match=r"each from 0 to 2\*\*48 - 1"):
        draw(0, 0, [-1])
    with pytest.raises(SymgradError, match=r"step is a number from 0 to 2\*\*48 - 1; it is -1"):
        draw(0, -1, [0])
