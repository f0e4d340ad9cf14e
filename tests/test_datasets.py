"""Data sets are what their cards, networkx and the literature say, and files that were changed are not opened."""

import csv
import hashlib
import pickle
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from graphembed.datasets import BUNDLED, PUBLIC, bundled, card, load, read
from graphembed.errors import DataError, UnknownNameError

FOLDER = Path(__file__).parents[1] / "datasets"
NETWORKX = {
    "lesmis": nx.les_miserables_graph,
    "florentine": nx.florentine_families_graph,
    "davis": nx.davis_southern_women_graph,
}


def edges_of(graph):
    """The undirected edges as sets of names."""
    return {frozenset((graph.names[u], graph.names[v])) for u, v in graph.pairs.tolist()}


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ── bundled ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", BUNDLED)
def test_cards_tell_the_truth(name):
    about, graph = card(name), load(name)
    nodes, edges = rows_of(FOLDER / name / "nodes.csv"), rows_of(FOLDER / name / "edges.csv")
    assert (about["nodes"], about["edges"]) == (len(nodes), len(edges)) == (graph.num_nodes, graph.num_edges)
    assert all(about[key] for key in ("title", "source", "citation", "licence"))
    assert about == tomllib.loads((FOLDER / name / "card.toml").read_text(encoding="utf-8"))
    for file in ("edges.csv", "nodes.csv"):
        assert about["sha256"][file] == hashlib.sha256((FOLDER / name / file).read_bytes()).hexdigest()
    if "label" in about:
        assert set(about["classes"]) == {node[about["label"]] for node in nodes}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_graphs_are_simple_and_in_the_order_of_their_nodes(name):
    graph = load(name)
    assert graph.names == tuple(node["name"] for node in rows_of(FOLDER / name / "nodes.csv"))
    assert (graph.directed, graph.self_loops, graph.duplicates) == (False, 0, 0)
    assert graph.weighted is (name == "lesmis")


@pytest.mark.parametrize("name", ["karate", "company"])
def test_labels_are_codes_into_the_classes(name):
    about, graph = card(name), load(name)
    nodes = rows_of(FOLDER / name / "nodes.csv")
    assert [about["classes"][code] for code in graph.data.y.tolist()] == [node[about["label"]] for node in nodes]


def test_karate_is_zacharys():
    graph, network = load("karate"), nx.karate_club_graph()
    assert (graph.num_nodes, graph.num_edges) == (34, 78)
    assert edges_of(graph) == {frozenset((str(u + 1), str(v + 1))) for u, v in network.edges}
    factions = {
        name: card("karate")["classes"][code] for name, code in zip(graph.names, graph.data.y.tolist(), strict=True)
    }
    assert factions == {str(member + 1): faction for member, faction in network.nodes(data="club")}


@pytest.mark.parametrize(("name", "nodes", "edges"), [("lesmis", 77, 254), ("florentine", 15, 20), ("davis", 32, 89)])
def test_classics_are_those_of_networkx(name, nodes, edges):
    graph, network = load(name), NETWORKX[name]()
    assert (graph.num_nodes, graph.num_edges) == (nodes, edges)
    assert set(graph.names) == set(network)
    assert edges_of(graph) == {frozenset(edge) for edge in network.edges}


def test_lesmis_counts_chapters():
    graph, network = load("lesmis"), nx.les_miserables_graph()
    for u, v, weight in zip(*graph.data.edge_index.tolist(), graph.data.edge_weight.tolist(), strict=True):
        assert weight == network[graph.names[u]][graph.names[v]]["weight"]


def test_davis_has_women_and_events():
    graph, network = load("davis"), nx.davis_southern_women_graph()
    parts = dict(zip(graph.names, graph.data.part.tolist(), strict=True))
    assert parts == dict(network.nodes(data="bipartite"))
    assert Counter(parts.values()) == {0: 18, 1: 14}
    assert all(len({parts[name] for name in edge}) == 2 for edge in edges_of(graph))
    assert graph.data.get("y") is None


def test_the_build_script_writes_what_is_bundled(tmp_path):
    subprocess.run([sys.executable, FOLDER / "build.py", tmp_path], check=True, timeout=60)
    built = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parent.name for path in built} == set(BUNDLED)
    assert built == {path: (FOLDER / path).read_bytes() for path in built}
    assert len(built) == 3 * len(BUNDLED)


def test_everybody_in_the_company_but_the_chief_has_one_boss():
    people = {person["name"]: person for person in rows_of(FOLDER / "company" / "nodes.csv")}
    bosses = {
        "senior manager": "chief",
        "middle manager": "senior manager",
        "employee": "middle manager",
        "intern": "employee",
    }
    colleagues = {name: [] for name in people}
    for edge in edges_of(load("company")):
        one, other = edge
        colleagues[one].append(other)
        colleagues[other].append(one)
    for name, person in people.items():
        above = [other for other in colleagues[name] if people[other]["role"] == bosses.get(person["role"])]
        assert len(above) == (person["role"] != "chief")
        if person["role"] not in ("chief", "senior manager"):
            assert people[above[0]]["department"] == person["department"]


def test_the_company_has_sane_numbers_of_every_role():
    people = rows_of(FOLDER / "company" / "nodes.csv")
    count = Counter(person["role"] for person in people)
    assert (count["chief"], count["senior manager"]) == (1, 5)
    assert 15 <= count["middle manager"] <= 20
    assert 4 * count["middle manager"] <= count["employee"] <= 7 * count["middle manager"]
    assert 0.2 < count["intern"] / count["employee"] < 0.5
    assert len({person["name"] for person in people}) == len(people) == count.total()


@pytest.mark.parametrize("file", ["edges.csv", "nodes.csv"])
def test_a_bundled_file_that_was_changed_is_refused(tmp_path, monkeypatch, file):
    shutil.copytree(FOLDER / "karate", tmp_path / "karate")
    with (tmp_path / "karate" / file).open("a") as changed:
        changed.write("1,34\n")
    monkeypatch.setattr(bundled, "_folder", lambda: tmp_path)
    with pytest.raises(DataError, match=rf"{file} has been changed: its sha256 is not the one in card.toml; reinstall"):
        load("karate")


# ── by name ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_name_suggests_a_close_one():
    with pytest.raises(UnknownNameError, match="there is no data set 'karat'; did you mean 'karate'"):
        load("karat")


def test_an_unknown_name_lists_what_is_known():
    with pytest.raises(
        UnknownNameError, match=rf"there is no data set 'qqq' \(known: {', '.join([*BUNDLED, *PUBLIC])}\)"
    ):
        load("qqq")


def test_a_name_or_a_path_can_be_read(tmp_path):
    path = tmp_path / "edges.tsv"
    path.write_text("a\tb\n")
    assert read("florentine").num_edges == 20
    assert read(path).names == read(str(path)).names == ("a", "b")
    assert read(path, directed=True).directed is True


def test_a_file_goes_before_a_data_set_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "karate").write_text("a\tb\n")
    monkeypatch.chdir(tmp_path)
    assert read("karate").names == ("a", "b")


def test_reading_an_unknown_name_suggests_a_close_one():
    with pytest.raises(UnknownNameError, match="did you mean 'lesmis'"):
        read("lesmiz")


@pytest.mark.parametrize("path", ["nowhere.tsv", "some/where"])
def test_reading_a_missing_path_is_not_found(path):
    with pytest.raises(FileNotFoundError, match=f"there is no file {path}, and no data set of that name"):
        read(path)


LOOPS = {
    "ppi": 894,
    "wikipedia": 222,
    "cnr2000": 87442,
    "amazon-photo": 1,
    "polblogs": 3,
    "email-eu-core": 642,
    "brazil-airports": 71,
    "europe-airports": 2,
    "actor": 112,
}

# ── public ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "nodes", "edges"),
    [
        ("cora", 2708, 5278),
        ("citeseer", 3327, 4552),
        ("usair", 332, 2126),
        ("ns", 1589, 2742),
        ("pb", 1222, 16714),
        ("celegans", 297, 2148),
        ("power", 4941, 6594),
        ("facebook", 4039, 88234),
        ("pubmed-topology", 19717, 44324),
        ("drug-target", 2220, 1923),
        ("blogcatalog", 10312, 333983),
        ("ppi", 3890, 37845),
        ("wikipedia", 4777, 92295),
        ("blogcatalog-attributed", 5196, 171743),
        ("dblp", 17716, 52867),
        ("amazon-photo", 7650, 119081),
        ("cora_ml", 2995, 8158),
        ("cnr2000", 325557, 2738969),
        ("dolphins", 62, 159),
        ("football", 115, 613),
        ("polbooks", 105, 441),
        ("polblogs", 1490, 19022),
        ("email-eu-core", 1005, 16064),
        ("brazil-airports", 131, 1003),
        ("europe-airports", 399, 5993),
        ("actor", 7779, 26752),
        ("karate-mirrored", 68, 155),
        ("barbell", 30, 101),
    ],
)
def test_public_data_have_the_published_size(public_data, name, nodes, edges):
    graph = load(name)
    assert (graph.num_nodes, graph.num_edges - graph.self_loops) == (nodes, edges)
    assert graph.self_loops == LOOPS.get(name, 0)
    assert (graph.directed, graph.weighted) == (name == "polblogs", False)


def test_communities_are_those_of_the_files(public_data):
    for name, file in (("football", "football.gml"), ("polbooks", "polbooks.gml"), ("dolphins", "dolphins.gml")):
        graph, network = load(name), nx.read_gml(public_data / "community_gml" / file)
        assert edges_of(graph) == {frozenset(edge) for edge in network.edges}
        group = dict(zip(graph.names, graph.data.y.tolist(), strict=True))
        known = dict(network.nodes(data="gt"))
        assert (
            len({(known[node], group[node]) for node in network}) == len(set(known.values())) == max(group.values()) + 1
        )
    assert load("football").names[0] == "BrighamYoung"


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("football", [5, 7, 8, 8, 9, 10, 10, 11, 12, 12, 13, 10]),
        ("polbooks", [49, 43, 13]),
        ("polblogs", [758, 732]),
        ("dolphins", [20, 42]),
        ("actor", [1945, 1947, 1943, 1944]),
        ("brazil-airports", [32, 32, 32, 35]),
        ("europe-airports", [99, 99, 99, 102]),
    ],
)
def test_known_groups_have_the_published_sizes(public_data, name, sizes):
    assert sorted(np.bincount(load(name).data.y).tolist()) == sorted(sizes)


def test_most_links_of_football_and_few_of_email_are_within_a_group(public_data):
    for name, low, high in (("football", 0.6, 0.7), ("polblogs", 0.85, 0.95), ("email-eu-core", 0.3, 0.4)):
        graph = load(name)
        inside = graph.data.y.numpy()[graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]]]
        assert low < (inside[:, 0] == inside[:, 1]).mean() < high


def test_busy_airports_have_more_neighbours(public_data):
    graph = load("brazil-airports")
    degree = np.bincount(graph.pairs.ravel(), minlength=graph.num_nodes)
    means = [degree[graph.data.y == role].mean() for role in range(4)]
    assert max(means) > 10 * min(means)


def test_drugs_have_proteins_as_targets_and_both_their_names(public_data):
    graph = load("drug-target")
    part = graph.data.part.numpy()
    assert (part[graph.pairs] == [0, 1]).all()
    assert np.bincount(part).tolist() == [708, 1512]
    imatinib, abl1 = graph.row["DB00619"], graph.row["P00519"]  # what it was made for
    assert [imatinib, abl1] in graph.pairs.tolist()


def test_the_size_of_every_public_data_set_is_tested():
    (marks,) = [mark for mark in test_public_data_have_the_published_size.pytestmark if mark.name == "parametrize"]
    assert {case[0] for case in marks.args[1]} == set(PUBLIC)


@pytest.mark.parametrize(
    ("name", "features", "classes"),
    [
        ("cora", 1433, 7),
        ("citeseer", 3703, 6),
        ("blogcatalog-attributed", 8189, 6),
        ("dblp", 1639, 4),
        ("amazon-photo", 745, 8),
        ("cora_ml", 2879, 7),
    ],
)
def test_attributed_networks_have_features_and_classes(public_data, name, features, classes):
    graph = load(name)
    assert tuple(graph.data.x.shape) == (graph.num_nodes, features)
    assert set(graph.data.y.tolist()) == set(range(classes))


@pytest.mark.parametrize(
    ("name", "classes", "labels"), [("blogcatalog", 39, 14476), ("ppi", 50, 6640), ("wikipedia", 40, 6770)]
)
def test_nodes_of_some_networks_have_several_classes(public_data, name, classes, labels):
    graph = load(name)
    assert tuple(graph.data.y.shape) == (graph.num_nodes, classes)
    assert graph.data.y.dtype == torch.bool
    assert int(graph.data.y.sum()) == labels
    assert graph.data.y.any(dim=1).all()
    assert graph.data.y.sum(dim=1).max() > 1


@pytest.fixture
def copied(public_data, tmp_path, monkeypatch):
    """A copy of Cora, USAir and DBLP that tests may tamper with."""
    for file in [
        *(public_data / "planetoid" / "Cora" / "raw").iterdir(),
        *(public_data / file for file in ("seal/USAir.mat", "graphdata_npz/dblp.npz")),
    ]:
        target = tmp_path / "data" / file.relative_to(public_data)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    monkeypatch.setenv("GRAPHEMBED_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_nothing_is_written_among_public_data(copied):
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*")}
    load("cora")
    load("usair")
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("*")} == before


class _Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("part", ["x", "tx", "allx", "y", "ty", "ally", "graph"])
def test_a_tampered_planetoid_file_is_refused_before_it_is_unpickled(copied, part):
    path = copied / "planetoid" / "Cora" / "raw" / f"ind.cora.{part}"
    path.write_bytes(pickle.dumps(_Trap(copied / "sprung")))
    with pytest.raises(
        DataError, match=rf"ind\.cora\.{part} is not the known file \(its sha256 differs\), so it is not opened"
    ):
        load("cora")
    assert not (copied / "sprung").exists()


def test_a_tampered_archive_is_refused_before_it_is_unpickled(copied):
    with (copied / "graphdata_npz" / "dblp.npz").open("wb") as file:
        np.savez(file, adj_matrix=np.array([_Trap(copied / "sprung")], object))
    with pytest.raises(DataError, match=r"dblp\.npz is not the known file \(its sha256 differs\), so it is not opened"):
        load("dblp")
    assert not (copied / "sprung").exists()


def test_a_changed_matrix_is_refused(copied):
    with (copied / "seal" / "USAir.mat").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match=r"USAir\.mat is not the known file"):
        load("usair")


@pytest.mark.parametrize(("name", "file"), [("cora", "planetoid/Cora/raw/ind.cora"), ("ns", "seal/NS.mat")])
def test_without_a_folder_the_error_says_what_to_set(monkeypatch, name, file):
    monkeypatch.delenv("GRAPHEMBED_DATA", raising=False)
    with pytest.raises(
        FileNotFoundError, match=f"{name} does not come with the package: set GRAPHEMBED_DATA to a folder .*{file}"
    ):
        load(name)


@pytest.mark.parametrize(("name", "file"), [("citeseer", "planetoid/CiteSeer/raw/ind.citeseer"), ("pb", "seal/PB.mat")])
def test_with_an_empty_folder_the_error_says_where_to_put_the_file(monkeypatch, tmp_path, name, file):
    monkeypatch.setenv("GRAPHEMBED_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{name} needs {tmp_path}/{file}.*: put the file there"):
        load(name)
