"""`Embedding`: look-up by name, nearest items, array-likeness, and saving without loss or pickle."""

import dataclasses as dc
import io
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import normalize

from graphembed.embedding import Embedding
from graphembed.errors import DataError, UnknownNameError

few = settings(max_examples=50, deadline=None)
NAMES = ("ann", "bob", "cy", "dee", "eve")


@pytest.fixture
def z():
    return Embedding(np.random.default_rng(0).normal(size=(5, 3)), NAMES)


def random(items, dim, seed=0):
    values = np.random.default_rng(seed).normal(size=(items, dim))
    return Embedding(values, tuple(f"n{row}" for row in range(items)))


# ── look-up ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_gives_its_row(z):
    for row, name in enumerate(NAMES):
        np.testing.assert_array_equal(z[name], z.values[row])
        assert z.row[name] == row


def test_several_names_give_an_embedding_in_the_order_asked_for():
    values = np.arange(15).reshape(5, 3)
    z = Embedding(values, NAMES, {"encoder": "test"}, -values)
    part = z[["dee", "ann"]]
    assert part.names == ("dee", "ann")
    assert part.values.tolist() == [[9, 10, 11], [0, 1, 2]]
    assert part.context.tolist() == [[-9, -10, -11], [0, -1, -2]]
    assert part.source == {"encoder": "test"}


def test_no_names_give_an_empty_embedding(z):
    assert z[[]].shape == (0, 3)


def test_an_unknown_name_suggests_close_ones():
    z = Embedding(np.eye(3), ("TP53", "TP63", "MDM2"))
    with pytest.raises(UnknownNameError, match="there is no vector for 'tp53'; did you mean 'TP53'"):
        z["tp53"]


def test_unknown_names_are_named_and_counted(z):
    wanted = ["ann", *(f"zz{k}" for k in range(7))]
    with pytest.raises(UnknownNameError, match=r"7 of 8 names have no vector: 'zz0', .*'zz4' and 2 more"):
        z[wanted]


def test_an_unknown_name_like_no_other_shows_what_is_known(z):
    with pytest.raises(UnknownNameError, match="known are 'ann', 'bob', 'cy', 'dee', 'eve'"):
        z["xxxxxxxx"]


def test_an_unknown_name_is_both_a_key_error_and_a_value_error(z):
    with pytest.raises(KeyError):
        z["nobody"]
    with pytest.raises(ValueError, match=r"^there is no vector for 'nobody'"):
        z.nearest("nobody")


# ── nearest ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("k", [1, 4, 10])
def test_nearest_agrees_with_scikit_learn(k):
    z = random(30, 6)
    similar = cosine_similarity(z.values.astype(float))
    for row, name in enumerate(z.names):
        best = [other for other in np.argsort(-similar[row]).tolist() if other != row][:k]
        found = z.nearest(name, k)
        assert [other for other, _ in found] == [z.names[other] for other in best]
        assert [value for _, value in found] == pytest.approx(similar[row][best].tolist(), abs=1e-5)


def test_a_vector_can_be_asked_for_and_may_find_any_item(z):
    found = z.nearest(2 * z["cy"], k=5)
    assert found[0] == ("cy", pytest.approx(1, abs=1e-6))
    assert len(found) == 5


def test_an_item_is_not_its_own_neighbour():
    z = Embedding([[1, 0], [1, 0], [0, 1]], ("a", "twin", "c"))
    assert [name for name, _ in z.nearest("a")] == ["twin", "c"]


def test_more_neighbours_than_items_are_all_others(z):
    assert sorted(name for name, _ in z.nearest("bob", k=1000)) == ["ann", "cy", "dee", "eve"]


@pytest.mark.parametrize("k", [0, -3])
def test_fewer_than_one_neighbour_is_refused(z, k):
    with pytest.raises(DataError, match=f"k must be at least 1, got {k}"):
        z.nearest("ann", k=k)


def test_the_zero_vector_is_similar_to_nothing():
    z = Embedding([[0, 0], [1, 2], [3, 4]], ("zero", "a", "b"))
    assert z.nearest("zero") == [("a", 0), ("b", 0)]
    assert ("zero", 0) in z.nearest("a")
    assert z.nearest(np.zeros(2)) == [("zero", 0), ("a", 0), ("b", 0)]


def test_ties_go_to_the_earlier_row():
    z = Embedding([[1, 0], [0, 2], [0, 2], [0, 2]], ("a", "b", "c", "d"))
    assert [name for name, _ in z.nearest("a")] == ["b", "c", "d"]


@pytest.mark.parametrize("scale", [1e-18, 1e-9, 1e9, 1e18])
def test_neighbours_do_not_depend_on_the_unit(scale):
    z = random(10, 4)
    scaled = Embedding(z.values * np.float32(scale), z.names)
    for (name, value), (other, scaled_value) in zip(z.nearest("n0"), scaled.nearest("n0"), strict=True):
        assert name == other
        assert value == pytest.approx(scaled_value, abs=1e-5)


@pytest.mark.parametrize("query", [np.ones(2), np.ones((1, 3)), np.array(1.0)], ids=["short", "table", "number"])
def test_a_vector_of_another_dimension_is_refused(z, query):
    with pytest.raises(DataError, match=r"expected a vector of shape \(3,\), got \("):
        z.nearest(query)


# ── array-likeness ──────────────────────────────────────────────────────────────────────────────────


def test_an_embedding_is_an_array_to_numpy(z):
    assert np.asarray(z).dtype == np.float32
    assert np.asarray(z, dtype=np.float64).dtype == np.float64
    np.testing.assert_array_equal(np.asarray(z), z.values)
    assert (len(z), z.shape) == (5, (5, 3))
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), [np.sqrt((row**2).sum()) for row in z.values], rtol=1e-6)


def test_a_copy_is_a_copy(z):
    copied = np.array(z)
    copied[:] = 0
    assert z.values.any()


def test_scikit_learn_fits_and_predicts_on_an_embedding():
    z = random(40, 4)
    labels = np.arange(40) % 2
    model = LogisticRegression().fit(z, labels)
    np.testing.assert_array_equal(model.predict(z), LogisticRegression().fit(z.values, labels).predict(z.values))
    np.testing.assert_allclose(normalize(z), normalize(z.values), rtol=1e-5)
    assert KMeans(2, n_init=1, random_state=0).fit(z).labels_.shape == (40,)


def test_scikit_learn_cross_validates_on_an_embedding():
    z = random(40, 4)
    labels = np.arange(40) % 2
    expected = cross_val_score(LogisticRegression(), z.values, labels)
    np.testing.assert_array_equal(cross_val_score(LogisticRegression(), z, labels), expected)


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_name_the_items(value):
    values = np.zeros((5, 2))
    values[1, 0] = values[4, 1] = value
    with pytest.raises(DataError, match="vectors must be finite; they are not for 'bob', 'eve'"):
        Embedding(values, NAMES)


def test_values_that_32_bits_cannot_hold_name_the_items():
    with pytest.raises(DataError, match="'b'"):
        Embedding(np.array([[1.0], [1e300]]), ("a", "b"))


@pytest.mark.parametrize("shape", [(4, 2), (5,), (5, 2, 2)])
def test_values_that_do_not_fit_the_names_are_refused(shape):
    with pytest.raises(DataError, match=r"expected one row per name, got shape \(.*\) for 5 names"):
        Embedding(np.zeros(shape), NAMES)


def test_repeated_names_are_refused():
    with pytest.raises(DataError, match=r"names of an embedding must differ.*'a'"):
        Embedding(np.zeros((3, 2)), ("a", "b", "a"))


def test_a_context_of_another_shape_is_refused():
    with pytest.raises(DataError, match=r"the context table must have the shape of the values, \(5, 2\): \(5, 3\)"):
        Embedding(np.zeros((5, 2)), NAMES, {}, np.zeros((5, 3)))


def test_an_embedding_is_frozen(z):
    with pytest.raises(dc.FrozenInstanceError):
        z.values = np.zeros((5, 3))
    with pytest.raises(dc.FrozenInstanceError):
        z.names = ()


# ── saving ──────────────────────────────────────────────────────────────────────────────────────────

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
tables = arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 3)), elements=finite)


@few
@given(tables, st.data())
def test_saved_and_loaded_is_equal_bit_for_bit(values, draw):
    size = len(values)
    names = draw.draw(st.lists(st.text(), min_size=size, max_size=size, unique=True))
    context = draw.draw(st.none() | arrays(np.float32, values.shape, elements=finite))
    source = {"encoder": "node2vec", "p": 0.5, "nested": {"seed": 1, "windows": [1, 2]}, "none": None}
    before = Embedding(values, tuple(names), source, context)
    with tempfile.TemporaryDirectory() as folder:
        before.save(Path(folder, "z.npz"))
        after = Embedding.load(Path(folder, "z.npz"))
    assert after.names == before.names
    assert after.values.tobytes() == before.values.tobytes()
    assert dict(after.source) == source
    assert (after.context is None) == (context is None)
    if context is not None:
        assert after.context.tobytes() == before.context.tobytes()


@pytest.mark.parametrize(
    "name", ["", " ", "a\nb", "tab\there", "ends with zero\0", "\0", "ünï ☃ 💥", "007", "NA", "\ud800"]
)
def test_odd_names_survive(tmp_path, name):
    Embedding([[1, 2], [3, 4]], (name, "other")).save(tmp_path / "z.npz")
    assert Embedding.load(tmp_path / "z.npz").names == (name, "other")


def test_an_empty_embedding_survives(tmp_path):
    Embedding(np.zeros((0, 4)), ()).save(tmp_path / "z.npz")
    assert Embedding.load(tmp_path / "z.npz").shape == (0, 4)


def test_a_saved_file_is_read_by_numpy_without_pickle(tmp_path, z):
    z.save(tmp_path / "z.npz")
    with np.load(tmp_path / "z.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["values"], z.values)


def test_a_source_that_is_not_json_leaves_no_file(tmp_path):
    z = Embedding([[1, 2]], ("a",), {"model": object()})
    with pytest.raises(TypeError):
        z.save(tmp_path / "z.npz")
    assert list(tmp_path.iterdir()) == []


class _Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("key", ["values", "names", "source", "context"])
def test_a_file_with_pickled_objects_is_refused_and_never_unpickled(tmp_path, z, key):
    z.save(tmp_path / "z.npz")
    with np.load(tmp_path / "z.npz") as file:
        content = dict(file) | {key: np.array([_Trap(tmp_path / "sprung")], dtype=object)}
    np.savez(tmp_path / "trap.npz", allow_pickle=True, **content)
    with pytest.raises(DataError, match=r"trap.npz is not an embedding saved by graphembed"):
        Embedding.load(tmp_path / "trap.npz")
    assert not (tmp_path / "sprung").exists()


def test_a_bare_pickle_is_refused_and_never_unpickled(tmp_path):
    (tmp_path / "trap.npz").write_bytes(pickle.dumps(_Trap(tmp_path / "sprung")))
    with pytest.raises(DataError, match=r"trap.npz is not an embedding saved by graphembed"):
        Embedding.load(tmp_path / "trap.npz")
    assert not (tmp_path / "sprung").exists()


def _zip_of(**content):
    file = io.BytesIO()
    np.savez(file, **content)
    return file.getvalue()


def _npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _text(text):
    return np.frombuffer(text.encode(), np.uint8)


GARBAGE = {
    "empty": b"",
    "text": b"name\t0\na\t1\n",
    "npy": _npy(np.ones(3)),
    "zip in name only": b"PK\x03\x04 and nothing more",
    "cut off": _zip_of(values=np.ones((2, 2)))[:-40],
    "other arrays": _zip_of(weights=np.ones(3)),
    "names not json": _zip_of(values=np.ones((1, 2)), names=_text("a"), source=_text("{}")),
    "names a number": _zip_of(values=np.ones((1, 2)), names=_text("1"), source=_text("{}")),
    "too few names": _zip_of(values=np.ones((2, 2)), names=_text('["a"]'), source=_text("{}")),
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused(tmp_path, content):
    (tmp_path / "z.npz").write_bytes(content)
    with pytest.raises(DataError):
        Embedding.load(tmp_path / "z.npz")


def test_a_damaged_file_is_refused(tmp_path):
    random(50, 8).save(tmp_path / "z.npz")
    content = bytearray((tmp_path / "z.npz").read_bytes())
    content[200:240] = bytes(40)
    (tmp_path / "z.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"z.npz is not an embedding saved by graphembed"):
        Embedding.load(tmp_path / "z.npz")


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        Embedding.load(tmp_path / "nothing.npz")


def test_the_summary_names_the_encoder():
    assert (
        repr(Embedding(np.zeros((2, 3)), ("a", "b"), {"encoder": "SkipGram"})) == "Embedding(2 items, dim 3, SkipGram)"
    )
