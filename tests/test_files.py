"""Files are read as they were meant or refused with one clear sentence, and written whole or not at all."""

import gzip
import io
import os
import stat
import sys
import tempfile
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from gensim.models import KeyedVectors
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from graphembed.atomic import whole_file
from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.files import (
    EMBEDDINGS,
    TABLES,
    check_writable,
    read_edges,
    read_embedding,
    read_graph,
    write_embedding,
    write_table,
)

few = settings(max_examples=60, deadline=None)


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path."""

    def write(content, name="edges.tsv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def listed(graph):
    """The undirected edges as (name, name) in the order of rows, each once."""
    return [(graph.names[u], graph.names[v]) for u, v in graph.pairs.tolist()]


def weights(graph):
    """{(name, name): weight} of every edge once."""
    stored = dict(zip(map(tuple, graph.data.edge_index.T.tolist()), graph.data.edge_weight.tolist(), strict=True))
    return {(graph.names[u], graph.names[v]): stored[u, v] for u, v in graph.pairs.tolist()}


# ── lists of edges ──────────────────────────────────────────────────────────────────────────────────

SAME = {
    "tab": "a\tb\nb\tc\n",
    "comma": "a,b\nb,c\n",
    "comma and blank": "a, b\nb, c\n",
    "semicolon": "a;b\nb;c\n",
    "blank": "a b\nb c\n",
    "several blanks": "a   b\nb  c\n",
    "blanks around": "  a b  \n b   c\n",
    "no line end at the end": "a\tb\nb\tc",
    "windows": "a\tb\r\nb\tc\r\n",
    "byte order mark": "\ufeffa\tb\nb\tc\n",
    "byte order mark and header": "\ufeffsource,target\na,b\nb,c\n",
    "empty lines": "\n\na\tb\n\n \nb\tc\n\n",
    "comments": "# made by hand\n%%MatrixMarket\na\tb\n#b\tz\nb\tc\n",
    "repeats": "a\tb\nb\ta\nb\tc\na\tb\n",
    "header": "source\ttarget\na\tb\nb\tc\n",
    "capital header": "Source;Target\na;b\nb;c\n",
    "header of proteins": "protein1 protein2\na b\nb c\n",
    "header of genes": "gene_a,gene_b\na,b\nb,c\n",
    "header of nodes": "node_from,node_to\na,b\nb,c\n",
    "letters": "u v\na b\nb c\n",
    "quoted": '"a","b"\n"b",c\n',
    "a column of words": "a\tb\tbinds\nb\tc\tinhibits\n",
    "header after comments": "# x\n\nfrom\tto\na\tb\nb\tc\n",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_a_list_of_edges_is_read_in_all_its_spellings(file, text):
    graph = read_edges(file(text))
    assert graph.names == ("a", "b", "c")
    assert listed(graph) == [("a", "b"), ("b", "c")]
    assert not graph.weighted
    assert graph.directed is False


WEIGHTED = {
    "third column": "a\tb\t0.5\nb\tc\t2\n",
    "third column in scientific notation": "a b 5e-1\nb c 2e0\n",
    "called weight": "source,target,weight\na,b,0.5\nb,c,2\n",
    "called weight, further right": "source,target,kind,weight\na,b,x,0.5\nb,c,y,2\n",
    "called score, after numbers": "source\ttarget\tyear\tscore\na\tb\t1999\t.5\nb\tc\t2001\t2\n",
    "as STRING calls it": "protein1 protein2 combined_score\na b 0.5\nb a 0.5\nb c 2\nc b 2\n",
    "capital": "Source;Target;Weight\na;b;0.5\nb;c;2\n",
    "with decimal commas": "from;to;weight\na;b;0,5\nb;c;2\n",
    "with decimal commas and no header": "a;b;0,5\nb;c;2,0\n",
    "with blanks around": "a\tb\t 0.5\nb\tc\t2 \n",
}


@pytest.mark.parametrize("text", WEIGHTED.values(), ids=WEIGHTED)
def test_weights_are_found(file, text):
    assert weights(read_edges(file(text))) == {("a", "b"): 0.5, ("b", "c"): 2}


def test_direction_is_kept_if_asked_for(file):
    graph = read_edges(file("b\ta\na\tb\na\tc\n"), directed=True)
    assert graph.directed is True
    assert sorted(listed(graph)) == [("a", "b"), ("a", "c"), ("b", "a")]


def test_words_above_whole_numbers_are_a_header(file):
    assert read_edges(file("paper,cites\n10,20\n20,30\n")).names == ("10", "20", "30")


def test_words_above_whole_numbers_are_a_header_even_if_one_of_these_is_alone(file):
    assert read_edges(file("paper,cites\n10,20\n30\n")).names == ("10", "20", "30")


def test_words_above_numbers_are_a_header_even_if_a_name_is_alone(file):
    graph = read_edges(file("alpha,beta,gamma\na,b,0.5\nc\n"))
    assert graph.names == ("a", "b", "c")
    assert graph.num_edges == 1


@pytest.mark.parametrize("header", ["source,target,year", "alpha,beta,gamma"])
def test_numbers_under_another_name_are_no_weights(file, header):
    graph = read_edges(file(f"{header}\na,b,1999\nb,c,2001\n"))
    assert graph.names == ("a", "b", "c")
    assert not graph.weighted


@pytest.mark.parametrize("header", ["person,friend", "regulator,effect", "gene_a,partner"])
def test_one_telling_word_makes_a_header_if_no_name_repeats_it(file, header):
    assert read_edges(file(f"{header}\na,b\nb,c\n")).names == ("a", "b", "c")
    repeated = header.split(",")[0]
    assert repeated in read_edges(file(f"{header}\na,b\n{repeated},c\n")).names


def test_letters_that_recur_are_no_header(file):
    assert read_edges(file("u v\nv w\n")).num_edges == 2


def test_blanks_around_commas_belong_to_no_name(file):
    assert read_edges(file("a , b\na, c\n")).names == ("a", "b", "c")


def test_old_line_ends_end_lines(file):
    assert read_edges(file("a\tb\rb\tc\r")).num_edges == 2


def test_graphml_read_as_undirected_adds_the_weights_of_both_directions(file):
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([("a", "b", 2), ("b", "a", 5)])
    path = file("", "net.graphml")
    nx.write_graphml(graph, path)
    assert weights(read_graph(path, directed=False)) == {("a", "b"): 7}


def test_words_above_words_are_an_edge(file):
    assert read_edges(file("alpha,beta\na,b\n")).names == ("alpha", "beta", "a", "b")


@pytest.mark.parametrize(
    "name", ["007", "1.0", "1e3", "NA", "nan", "null", "None", "True", "-", "ünï☃", "a'b", 'a"b', "a#b"]
)
def test_names_are_kept_as_written(file, name):
    assert read_edges(file(f"{name}\tx\ny\t{name}\n")).names == (name, "x", "y")


def test_names_may_hold_blanks_between_tabs(file):
    assert listed(read_edges(file("New York\tLos Angeles\n"))) == [("New York", "Los Angeles")]


def test_quoted_names_may_hold_the_separator(file):
    graph = read_edges(file('"Doe, Ann","Roe, ""Bob"""\n"Doe, Ann",Cy\n'))
    assert listed(graph) == [("Doe, Ann", 'Roe, "Bob"'), ("Doe, Ann", "Cy")]


def test_quotes_between_tabs_are_letters(file):
    assert read_edges(file('"a\tb"\n')).names == ('"a', 'b"')


@pytest.mark.parametrize(
    "text", ["a\tb\nalone\nb\tc\n", "a,b\nalone\nb,c\n", "a b\nalone\nb c\n", "a,b\nalone,\nb,c\n"]
)
def test_a_lone_name_is_an_isolated_node(file, text):
    graph = read_edges(file(text))
    assert graph.names == ("a", "b", "alone", "c")
    assert listed(graph) == [("a", "b"), ("b", "c")]


@pytest.mark.parametrize("separator", ["\t", ",", ";", " "])
def test_a_lone_name_may_come_first(file, separator):
    graph = read_edges(file(f"alone\na{separator}b\n"))
    assert graph.names == ("alone", "a", "b")
    assert listed(graph) == [("a", "b")]


def test_a_lone_name_with_a_blank_may_come_first_between_tabs(file):
    graph = read_edges(file("New York\nLos Angeles\tBoston\n"))
    assert graph.names == ("New York", "Los Angeles", "Boston")


@pytest.mark.parametrize("line", [" a\tb", "a\t b", "a\tb "])
def test_blanks_between_tabs_belong_to_the_name(file, line):
    assert read_edges(file(line + "\n")).names == tuple(line.split("\t"))


def test_a_lone_name_among_weighted_edges_is_an_isolated_node(file):
    graph = read_edges(file("a\tb\t2\nalone\n"))
    assert graph.names == ("a", "b", "alone")
    assert weights(graph) == {("a", "b"): 2}


def test_a_self_loop_is_kept(file):
    assert read_edges(file("a\ta\na\tb\n")).self_loops == 1


@pytest.mark.parametrize("name", ["edges.tsv.gz", "edges.gz", "edges.tsv"])
def test_gzipped_lists_are_read_under_any_name(file, name):
    assert read_graph(file(gzip.compress(b"a\tb\nb\tc\n"), name)).names == ("a", "b", "c")


def test_a_file_that_only_claims_to_be_gzipped_is_read_too(file):
    assert read_edges(file("a\tb\n", "edges.tsv.gz")).names == ("a", "b")


def test_a_dash_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\nb c\n")))
    assert read_graph("-").names == ("a", "b", "c")


# Any text without tabs and line ends, seasoned with what trips readers up; a name does not start a comment.
odd_text = st.text(
    st.sampled_from(" \"',;#%\ufeff\u00a0\u2028\x0b\x1c\x85-.0a")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0")
)
names_between_tabs = odd_text.filter(lambda name: name.strip() and name[0] not in "#%")


@few
@given(st.lists(st.tuples(names_between_tabs, names_between_tabs), min_size=1, max_size=6), st.booleans())
@example([(" blank before", "b"), ("c", " blank before and after ")], False)
def test_any_names_come_back_as_written(edges, gzipped):
    text = "".join(f"{u}\t{v}\n" for u, v in [("source", "target"), *edges]).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "edges.tsv")
        path.write_bytes(gzip.compress(text) if gzipped else text)
        graph = read_edges(path, directed=True)
    assert graph.names == tuple(dict.fromkeys(name for edge in edges for name in edge))
    assert set(listed(graph)) == set(edges)


# ── lists that are refused ──────────────────────────────────────────────────────────────────────────

BAD = {
    "empty": ("", "is empty: it holds no edges"),
    "blank": ("\n \n\n", "is empty: it holds no edges"),
    "only comments": ("# a\tb\n% c\n", "is empty: it holds no edges"),
    "only a header": ("source\ttarget\n", "has a header but no edges"),
    "one column": ("# x\na\nb\n", "has one column, an edge needs two: .* line 2 is 'a'"),
    "one column under a header": ("gene\na\nb\n", "has one column, an edge needs two: .* line 1 is 'gene'"),
    "negative weight": ("a\tb\t1\nb\tc\t-2\n", "line 2: edge weights must be positive and finite, got -2"),
    "zero weight": ("a,b,1\nb,c,0\n", "line 2: edge weights must be positive and finite, got 0"),
    "NaN weight": ("a b 1\nb c nan\n", "line 2: edge weights must be positive and finite, got nan"),
    "infinite weight": ("a b 1\nb c inf\n", "line 2: edge weights must be positive and finite, got inf"),
    "weight below comments": ("# x\n\n% y\na\tb\t1\nb\tc\t-2\n", "line 5: edge weights must be positive"),
    "weight below a header": (
        "# x\nsource\ttarget\tweight\na\tb\t1\nb\tc\t-2\n",
        "line 4: edge weights must be positive",
    ),
    "weight below a lone name": ("a\tb\t1\nalone\n\nb\tc\t-2\n", "line 4: edge weights must be positive"),
    "several bad weights": (
        "a b -1\nb c 1\nc d -1\n",
        r"line 1: .*, got -1 \(2 such lines\); drop or correct these edges",
    ),
    "a word for a weight": ("# x\na\tb\t1\nb\tc\thigh\n", "line 3: weights must be numbers, got 'high'"),
    "no weight among weights": ("a\tb\t1\nb\tc\n", "line 2: weights must be numbers, got ''"),
    "words under weight": ("source,target,weight\na,b,high\n", "line 2: weights must be numbers, got 'high'"),
    "no first name": ("a\tb\n\tc\n", "line 2: the first name is empty; 1 lines are like that"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not a text file; a list of edges is plain text"),
    "Latin-1": ("a\tb\nc\td\nJosé\tx\n".encode("latin-1"), "line 3: not UTF-8 text; save the file as UTF-8"),
    "UTF-16": ("a\tb\n".encode("utf-16"), "is not a text file"),
    "gzip cut off": (gzip.compress(b"a\tb\n" * 50)[:-9], "is a damaged gzip file"),
    "gzip with a wrong byte": (gzip.compress(b"a\tb\n")[:-6] + b"\0" * 6, "is a damaged gzip file"),
    "gzip with wrong bits": (gzip.compress(b"a\tb\n")[:10] + b"\xff" * 20, "is a damaged gzip file"),
    "gzip in name only": (b"\x1f\x8b of no kind", "is a damaged gzip file"),
    "a quote that never ends": ('a,b\n"c,d\n', "edges.tsv.*line 2"),
    "a quote that ends lines later": ('a,b\n"c,d\ne",f\n', "edges.tsv.*line 2"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_list_is_refused_with_the_reason(file, content, message):
    path = file(content)
    with pytest.raises(DataError, match=message) as caught:
        read_edges(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_not_found(tmp_path):
    for name in ("nothing.tsv", "nothing.graphml"):
        with pytest.raises(FileNotFoundError, match=f"there is no file .*{name}"):
            read_graph(tmp_path / name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder; give the path of a file"):
        read_graph(tmp_path)


# ── GraphML and GML ─────────────────────────────────────────────────────────────────────────────────

WRITE = {".graphml": nx.write_graphml, ".gml": nx.write_gml}


@pytest.mark.parametrize("suffix", [".graphml", ".gml", ".graphml.gz", ".gml.gz"])
@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph])
def test_graphs_written_by_networkx_are_read(tmp_path, suffix, kind):
    network = kind()
    network.add_nodes_from(["Zoë", "b c", "alone", "007"])
    network.add_weighted_edges_from([("b c", "Zoë", 2.5), ("Zoë", "007", 1.5)])
    path = tmp_path / f"net{suffix}"
    WRITE[suffix.removesuffix(".gz")](network, path)
    graph = read_graph(path)
    assert graph.names == ("Zoë", "b c", "alone", "007")
    assert graph.directed is network.is_directed()
    ends = [("b c", "Zoë"), ("Zoë", "007")] if graph.directed else [("Zoë", "b c"), ("Zoë", "007")]
    assert weights(graph) == dict(zip(ends, [2.5, 1.5], strict=True))


@pytest.mark.parametrize("suffix", [".graphml", ".gml"])
def test_asking_for_another_direction_overrules_the_file(tmp_path, suffix):
    WRITE[suffix](nx.DiGraph([("a", "b")]), tmp_path / f"one{suffix}")
    WRITE[suffix](nx.Graph([("a", "b")]), tmp_path / f"both{suffix}")
    assert listed(read_graph(tmp_path / f"one{suffix}", directed=False)) == [("a", "b")]
    assert listed(read_graph(tmp_path / f"both{suffix}", directed=True)) == [("a", "b"), ("b", "a")]


def test_gml_without_labels_goes_by_id(file):
    graph = read_graph(file("graph [ node [ id 5 ] node [ id 3 ] edge [ source 5 target 3 ] ]", "net.gml"))
    assert listed(graph) == [("5", "3")]


def test_gml_with_repeated_labels_goes_by_id(file):
    nodes = 'node [ id 5 label "x" ] node [ id 3 label "x" ]'
    assert read_graph(file(f"graph [ {nodes} edge [ source 5 target 3 ] ]", "net.gml")).names == ("5", "3")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.graphml", "<graphml><gr", "net.graphml cannot be read as GRAPHML: unclosed token: line 1"),
        ("net.graphml", "", "net.graphml cannot be read as GRAPHML: no element found"),
        ("net.graphml.gz", "a\tb\n", "net.graphml.gz cannot be read as GRAPHML: syntax error: line 1"),
        ("net.gml", "graph [ node [", "net.gml cannot be read as GML: expected"),
        ("net.gml", "", "net.gml cannot be read as GML"),
        ("net.gml", 'graph [ node [ id 0 label "é" ] ]', "net.gml cannot be read as GML"),
    ],
)
def test_a_broken_graph_file_is_refused(file, name, content, message):
    with pytest.raises(DataError, match=message):
        read_graph(file(content, name))


@pytest.mark.parametrize("weight", ["-2", '"heavy"'])
def test_a_bad_weight_in_gml_names_the_file_and_the_edge(file, weight):
    nodes = 'node [ id 0 label "a" ] node [ id 1 label "b" ]'
    path = file(f"graph [ {nodes} edge [ source 0 target 1 weight {weight} ] ]", "net.gml")
    with pytest.raises(DataError, match=r"net\.gml.*a -> b"):
        read_graph(path)


# ── embeddings ──────────────────────────────────────────────────────────────────────────────────────

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
tables = arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 3)), elements=finite)
HOLDS = {  # which names each format promises to hold
    ".npz": st.text(),
    ".parquet": odd_text | st.text(st.characters(exclude_categories=["Cs"])),
    ".tsv": odd_text,
    ".w2v": odd_text.filter(lambda name: name.split() == [name]),
}


@pytest.mark.parametrize("suffix", EMBEDDINGS)
@settings(max_examples=40, deadline=None)
@given(values=tables, draw=st.data())
def test_an_embedding_comes_back_from_every_format(suffix, values, draw):
    size = len(values)
    names = draw.draw(st.lists(HOLDS[suffix], min_size=size, max_size=size, unique=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"z{suffix}")
        write_embedding(Embedding(values, tuple(names)), path)
        after = read_embedding(path)
    assert after.names == tuple(names)
    np.testing.assert_array_equal(after.values, values)


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_binary_formats_keep_where_vectors_come_from(tmp_path, suffix):
    source = {"encoder": "node2vec", "seed": 1, "p": 0.5}
    write_embedding(Embedding(np.eye(2), ("a", "b"), source), tmp_path / f"z{suffix}")
    assert dict(read_embedding(tmp_path / f"z{suffix}").source) == source


def test_gensim_reads_word2vec_text(tmp_path):
    z = Embedding(np.random.default_rng(0).normal(size=(4, 5)), ("a", "ünï", "007", '"'))
    write_embedding(z, tmp_path / "z.w2v")
    vectors = KeyedVectors.load_word2vec_format(str(tmp_path / "z.w2v"))
    assert tuple(vectors.index_to_key) == z.names
    for name in z.names:
        np.testing.assert_array_equal(vectors[name], z[name])


@pytest.mark.parametrize("suffix", [".w2v", ".txt", ".vec"])
def test_word2vec_text_written_by_gensim_is_read(tmp_path, suffix):
    vectors = KeyedVectors(3)
    vectors.add_vectors(["a", "ü", "NA"], np.arange(9, dtype=np.float32).reshape(3, 3) / 7)
    vectors.save_word2vec_format(str(tmp_path / f"z{suffix}"))
    z = read_embedding(tmp_path / f"z{suffix}")
    assert z.names == ("a", "ü", "NA")
    np.testing.assert_array_equal(z.values, vectors.vectors)


def test_word2vec_text_with_a_blank_at_the_end_of_lines_is_read(file):
    z = read_embedding(file("2 2\na 1 2 \nb 3 4 \n", "z.vec"))  # as word2vec.c and fastText write it
    assert z.names == ("a", "b")
    assert z.values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("content", ["a 1 2\nb 3 4\n", "3 2\na 1 2\nb 3 4\n"], ids=["no head", "a line is missing"])
def test_word2vec_text_whose_head_does_not_fit_is_refused(file, content):
    with pytest.raises(DataError, match=r"z\.txt"):
        read_embedding(file(content, "z.txt"))


def test_the_table_of_an_embedding_is_read_by_pandas(tmp_path):
    write_embedding(Embedding([[1, 0.5], [0, 2]], ("a b", "c")), tmp_path / "z.tsv")
    table = pd.read_csv(tmp_path / "z.tsv", sep="\t")
    assert table.columns.tolist() == ["name", "0", "1"]
    assert table.to_numpy().tolist() == [["a b", 1, 0.5], ["c", 0, 2]]


@pytest.mark.parametrize(
    ("suffix", "name", "what"),
    [
        (".tsv", "a\tb", "a tab or a line break"),
        (".tsv", "a\nb", "a tab or a line break"),
        (".tsv", "a\rb", "a tab or a line break"),
        (".w2v", "New York", "blanks"),
        (".w2v", "a\u00a0b", "blanks"),
        (".w2v", "", "blanks"),
    ],
)
def test_names_a_format_cannot_hold_are_refused(tmp_path, suffix, name, what):
    with pytest.raises(
        DataError, match=rf"{suffix} cannot hold names with {what}: .*; write \.npz or \.parquet instead"
    ):
        write_embedding(Embedding(np.eye(2), ("fine", name)), tmp_path / f"z{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["z.csv", "z", "z.pkl"])
def test_an_unknown_suffix_is_refused_with_those_known(tmp_path, name):
    message = f"cannot tell a format from '{name}': the suffix must be one of .npz, .tsv, .parquet, .w2v"
    with pytest.raises(DataError, match=message):
        write_embedding(Embedding(np.eye(1), ("a",)), tmp_path / name)
    (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=message):
        read_embedding(tmp_path / name)


def test_a_missing_embedding_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*z\.tsv"):
        read_embedding(tmp_path / "z.tsv")


@pytest.mark.parametrize("suffix", EMBEDDINGS)
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\0\0\xff", b"name\t0\na\tword\n", b"no table at all\n"])
def test_a_file_without_vectors_is_refused(file, suffix, content):
    with pytest.raises(DataError, match=rf"z\{suffix} is not"):
        read_embedding(file(content, f"z{suffix}"))


@pytest.mark.parametrize("suffix", EMBEDDINGS)
def test_a_folder_is_no_embedding(tmp_path, suffix):
    (tmp_path / f"z{suffix}").mkdir()
    with pytest.raises(DataError, match=rf"z\{suffix} is "):
        read_embedding(tmp_path / f"z{suffix}")


# ── whole or not at all ─────────────────────────────────────────────────────────────────────────────

UNWRITABLE = ("fine", "half of a letter \ud800")  # cannot be encoded as UTF-8, which is noticed while writing


@pytest.mark.parametrize("suffix", [".tsv", ".parquet", ".w2v"])
@pytest.mark.parametrize("existing", [None, b"what was there before"])
def test_an_embedding_is_written_whole_or_not_at_all(tmp_path, suffix, existing):
    path = tmp_path / f"z{suffix}"
    if existing is not None:
        path.write_bytes(existing)
    names = tuple(name.replace(" ", "_") for name in UNWRITABLE)
    with pytest.raises(ValueError, match=r"surrogate|UTF-8|utf-8"):
        write_embedding(Embedding(np.eye(2), names), path)
    assert [found.read_bytes() for found in tmp_path.iterdir()] == ([] if existing is None else [existing])


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize("existing", [None, b"what was there before"])
def test_a_table_is_written_whole_or_not_at_all(tmp_path, suffix, existing):
    path = tmp_path / f"links{suffix}"
    if existing is not None:
        path.write_bytes(existing)
    with pytest.raises(ValueError, match=r"surrogate|UTF-8|utf-8"):
        write_table(pd.DataFrame({"name": pd.Series(UNWRITABLE, dtype=object)}), path)
    assert [found.read_bytes() for found in tmp_path.iterdir()] == ([] if existing is None else [existing])


def test_a_file_appears_when_it_is_whole(tmp_path):
    with whole_file(tmp_path / "out.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "out.txt").exists()
        assert temporary.parent == tmp_path
    assert (tmp_path / "out.txt").read_text() == "new"
    assert list(tmp_path.iterdir()) == [tmp_path / "out.txt"]


def test_an_interrupted_file_leaves_nothing_behind(tmp_path):
    def interrupted():
        with whole_file(tmp_path / "out.txt") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    (tmp_path / "out.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == [tmp_path / "out.txt"]
    assert (tmp_path / "out.txt").read_text() == "old"


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_file_gets_the_permissions_of_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "out.tsv")
        (tmp_path / "usual").touch()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out.tsv", "usual")]
    assert modes[0] == modes[1]


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", TABLES)
def test_a_table_comes_back(tmp_path, suffix):
    table = pd.DataFrame({"source": ["a b", "ü,;"], "target": ["c", 'd"'], "score": [0.25, 1e-7]})
    write_table(table, tmp_path / f"links{suffix}")
    separators = {".tsv": "\t", ".csv": ","}
    if suffix == ".parquet":
        after = pd.read_parquet(tmp_path / "links.parquet")
    else:
        after = pd.read_csv(tmp_path / f"links{suffix}", sep=separators[suffix])
    pd.testing.assert_frame_equal(after, table)


def test_a_table_of_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"cannot tell a format from 'links\.xlsx': the suffix must be one of \.tsv, \.csv, \.par"
    ):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "links.xlsx")


def test_a_path_is_checked_before_work_is_done(tmp_path):
    check_writable(tmp_path / "links.tsv", TABLES)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match=r"cannot tell a format from 'links\.doc'"):
        check_writable(tmp_path / "links.doc", TABLES)
    with pytest.raises(DataError, match=r"cannot write .*links\.tsv: there is no folder .*nowhere"):
        check_writable(tmp_path / "nowhere" / "links.tsv", TABLES)
