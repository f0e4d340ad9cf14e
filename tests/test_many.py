"""Sets of graphs are what the literature says of them, and so are their folds; broken files are refused."""

import gzip
import shutil

import numpy as np
import pytest

from graphembed.datasets.many import MANY, load_many, read_many
from graphembed.errors import DataError, UnknownNameError

# Graphs, those of the first class, mean nodes and mean edges: Xu et al. 2019 and the collection's own page.
FACTS = {
    "mutag": (188, 63, 17.93, 19.79),
    "proteins": (1113, 663, 39.06, 72.82),
    "imdb-binary": (1000, 500, 19.77, 96.53),
}
FOLDERS = {"mutag": "MUTAG", "proteins": "PROTEINS", "imdb-binary": "IMDBBINARY"}
SMALL = "2\n3 7\n0 2 1 2\n4 1 0\n0 1 0 0.5 0.25\n1 5\n4 0\n"  # numbers behind the neighbours are not read


@pytest.mark.parametrize("name", MANY)
def test_a_set_is_what_the_literature_says(public_data, name):
    data = load_many(name)
    graphs, first, nodes, edges = FACTS[name]
    assert len(data) == len(data.y) == graphs
    assert (data.y == 0).sum() == first
    assert data.graph.num_nodes / graphs == pytest.approx(nodes, abs=0.01)
    assert data.graph.num_edges / graphs == pytest.approx(edges, abs=0.01)
    batch, ends = data.graph.data.batch, data.graph.data.edge_index
    assert bool((batch[ends[0]] == batch[ends[1]]).all())
    assert data.graph.names[-1].split("/")[0] == data.names[-1] == str(graphs - 1)
    assert (data.graph.data.x is None) is (name == "imdb-binary")


@pytest.mark.parametrize("name", MANY)
def test_folds_are_those_of_the_files(public_data, name):
    folder = public_data / "tu_dgcnn" / FOLDERS[name] / "10fold_idx"
    data = load_many(name)
    folds = list(data.folds())
    assert len(folds) == 10
    for number, (learn, test) in enumerate(folds, start=1):
        assert learn.tolist() == sorted(np.loadtxt(folder / f"train_idx-{number}.txt", int).tolist())
        assert len(np.intersect1d(learn, test)) == 0
    assert len(np.unique(np.concatenate(data.tests))) == sum(map(len, data.tests))


def test_a_changed_file_is_not_opened(public_data, tmp_path, monkeypatch):
    shutil.copytree(public_data / "tu_dgcnn" / "MUTAG", tmp_path / "tu_dgcnn" / "MUTAG")
    path = tmp_path / "tu_dgcnn" / "MUTAG" / "10fold_idx" / "test_idx-3.txt"
    path.chmod(0o644)
    path.write_text("1\n")
    monkeypatch.setenv("GRAPHEMBED_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"test_idx-3.txt is not the known file \(its sha256 differs\)"):
        load_many("mutag")


def test_an_unknown_name_is_refused_and_a_missing_folder_is_told(monkeypatch):
    with pytest.raises(UnknownNameError, match="there is no set of graphs 'mutga'; did you mean 'mutag'"):
        load_many("mutga")
    monkeypatch.delenv("GRAPHEMBED_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="mutag does not come with the package: set GRAPHEMBED_DATA"):
        load_many("mutag")


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_read(tmp_path, packed):
    path = tmp_path / ("small.txt.gz" if packed else "small.txt")
    path.write_bytes(gzip.compress(SMALL.encode()) if packed else SMALL.encode())
    small = read_many(path)
    assert small.graph.names == ("0/0", "0/1", "0/2", "1/0")
    assert small.graph.pairs.tolist() == [[0, 1], [0, 2]]
    assert small.graph.data.x.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
    assert small.y.tolist() == [1, 0]
    assert list(small.folds()) == []


@pytest.mark.parametrize(
    "text", ["", "2\n1 0\n0 0\n", "1\n2 0\n0 1 5\n0 1 0\n", "1\n2 0\n0 2 1\n0 1 0\n", "1\n1 a\n0 0\n"]
)
def test_a_broken_file_is_refused(tmp_path, text):
    path = tmp_path / "broken.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=r"broken.txt breaks off or has a bad line in graph [01], which begins in line"):
        read_many(path)
