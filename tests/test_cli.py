"""The command line: what it prints, what it writes, and how it refuses."""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import graphembed as ge
from graphembed import cli
from graphembed.bench.baselines import DEGREE
from graphembed.bench.links import PAIR_SCORES
from graphembed.cli import main
from graphembed.encoders import structural
from graphembed.encoders.structural import refex
from graphembed.geometry import report
from graphembed.heads.roles import Roles
from graphembed.space import Space

COMMANDS = (
    "bench", "communities", "datasets", "embed", "geometry", "keypoints", "link-prediction", "nearest", "roles",
    "similar",
)  # fmt: skip
QUICK = ("--encoder", "deepwalk", "--head", "pair scores", "--seeds", "1")


def run(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def good(*arguments, stdin=None):
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result


def python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, env=os.environ | {"COLUMNS": "100"}
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ── the package's face ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "code",
    ["import graphembed", "from graphembed.cli import main; main(['--help'], standalone_mode=False)"],
    ids=["import", "--help"],
)
def test_neither_importing_nor_asking_for_help_loads_torch(code):
    heavy = "torch", "torch_geometric", "numba", "pandas", "sklearn", "networkx"
    found = python("-c", f"{code}\nimport sys; print([name for name in {heavy} if name in sys.modules])")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ge.__all__)
def test_every_public_name_is_there(name):
    value = getattr(ge, name)
    assert callable(value), f"{name} is {value!r}"
    assert value.__name__ == name
    assert name in dir(ge)


def test_what_type_checkers_see_is_what_is_resolved():
    tree = ast.parse(inspect.getsource(ge))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and node.test.id == "TYPE_CHECKING"]
    seen = {alias.asname: (line.module, alias.name) for line in block.body for alias in line.names}
    assert set(seen) == set(ge._HOME) == set(ge.__all__)
    for name, (module, original) in seen.items():
        assert original == name
        assert getattr(import_module(module), name) is getattr(ge, name)


def test_public_names_do_not_depend_on_what_was_imported_before():
    code = (
        "import graphembed as ge; ge.deepwalk, ge.sage; print([n for n in ge.__all__ if not callable(getattr(ge, n))])"
    )
    found = python("-c", code)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "[]"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'graphembed' has no attribute 'word2vec'"):
        _ = ge.word2vec


# ── help ────────────────────────────────────────────────────────────────────────────────────────────


def test_help_lists_every_command_with_examples():
    found = good("--help").stdout
    assert set(main.commands) == set(COMMANDS)
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", found, re.MULTILINE)
        assert f"graphembed {command}" in found


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(command):
    found = good(command, "--help").stdout
    assert re.search(rf"Examples?:\n  +graphembed {command}", found)
    assert good(command, "-h").stdout == found


def test_help_fits_a_terminal_of_a_hundred_columns():
    for arguments in [(), *[(command,) for command in COMMANDS]]:
        lines = CliRunner().invoke(main, [*arguments, "--help"], terminal_width=100).stdout.splitlines()
        assert max(map(len, lines)) <= 100, f"{arguments}: {max(lines, key=len)}"


def test_every_option_is_explained():
    for command in main.commands.values():
        for option in command.params:
            assert option.param_type_name == "argument" or option.help, f"{command.name} {option.name}"


def test_the_examples_of_the_help_can_be_parsed():
    """Each example line names a command and options that exist."""
    for command in main.commands.values():
        for line in re.findall(r"^ *graphembed (.*?)(?:  .*)?$", command.epilog or "", re.MULTILINE):
            name, *rest = line.split()
            main.commands[name].make_context(name, rest)


def test_the_version_is_printed():
    assert good("--version").stdout.strip() == f"graphembed, version {ge.__version__}"


@pytest.mark.parametrize("start", [("-m", "graphembed.cli"), ("-c", "from graphembed.cli import main; main()")])
def test_it_starts_as_a_program(start):
    found = python(*start, "datasets")
    assert found.returncode == 0, found.stderr
    assert "karate" in found.stdout
    assert found.stderr == ""


def test_data_sets_are_listed_with_their_sizes():
    found = good("datasets").stdout
    for name in ("karate", "lesmis", "florentine", "davis", "company"):
        graph = ge.load(name)
        assert re.search(rf"^  {name} +{graph.num_nodes} nodes +{graph.num_edges} edges   \w", found, re.MULTILINE)
    assert "cora, citeseer" in found
    listed = json.loads(good("datasets", "--json").stdout)
    assert [about["name"] for about in listed["bundled"]] == ["karate", "lesmis", "florentine", "davis", "company"]
    assert "cora" in listed["public"]


# ── link prediction ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("source", ["karate", "florentine", "davis"])
def test_link_prediction_prints_audit_methods_and_links(here, source):
    result = good("link-prediction", source, *QUICK, "-k", 7)
    audit, table, links = result.stdout.split("\n\n")
    assert re.fullmatch(r"audit: no leaks in 1 split, each with [289] hidden links to test on", audit)
    header, *rows = table.splitlines()
    assert header.split() == ["method", "AUC", "AP", "MRR", "Hits@10", "lift", "over", "degree", "seconds"]
    methods = [re.split(r"  +", row)[0] for row in rows]
    expected = {"deepwalk", PAIR_SCORES, DEGREE, "common neighbours", "resource allocation", "PageRank", "L3", "random"}
    assert len(methods) == len(set(methods))
    assert set(methods) == expected
    aucs = [float(re.split(r"  +", row)[1]) for row in rows]
    assert aucs == sorted(aucs, reverse=True)
    title, names, *found = links.splitlines()
    assert "missing links" in title
    assert names.split() == ["source", "target", "score", "probability"]
    assert len(found) == 7
    assert f"{source}: {ge.load(source)}\n" in result.stderr
    assert list(here.iterdir()) == []


def test_several_seeds_show_their_spread():
    table = good(
        "link-prediction", "florentine", "--encoder", "deepwalk", "--head", "pair scores", "--seeds", 2, "-k", 1
    ).stdout
    assert "no leaks in 2 splits" in table
    assert re.search(r"^deepwalk +0\.\d{3} ± 0\.\d{3} ", table, re.MULTILINE)


def test_json_is_all_there_is_on_stdout():
    result = good("link-prediction", "karate", *QUICK, "-k", 3, "--seed", 5, "--json")
    found = json.loads(result.stdout)
    assert found["seeds"] == [5]
    assert found["audit"] == []
    assert found["predicted_with"] in {"deepwalk", PAIR_SCORES}
    assert {row["method"] for row in found["methods"]} >= {"deepwalk", DEGREE}
    assert all(0 <= row["AUC"] <= 1 for row in found["methods"])
    assert len(found["links"]) == 3
    assert "34 nodes" in result.stderr
    assert "NaN" not in result.stdout, "NaN is not JSON: strict readers refuse it"


@pytest.mark.parametrize("kind", ["directed", "bipartite", "weighted"])
def test_a_list_of_edges_of_ones_own_needs_no_more_than_its_name(here, kind):
    rng = np.random.default_rng(0)
    edges = {
        (f"u {a}", f"v {b}" if kind == "bipartite" else f"u {b}") for a, b in rng.integers(0, 30, (120, 2)) if a != b
    }
    rows = [f"{a},{b}" + (f",{rng.random() + 0.1:.2f}" if kind == "weighted" else "") for a, b in sorted(edges)]
    head = "source,target,weight" if kind == "weighted" else "source,target"
    (here / "own.csv").write_text("\n".join([head, *rows]))
    directed = ["--directed"] if kind == "directed" else []
    result = good("link-prediction", "own.csv", *QUICK, *directed, "-k", 5, "--json")
    links = [(link["source"], link["target"]) for link in json.loads(result.stdout)["links"]]
    known = edges if kind == "directed" else edges | {(b, a) for a, b in edges}
    assert len(set(links)) == 5
    assert known.isdisjoint(links)
    assert ("in two parts, of " in result.stderr) == (kind == "bipartite")
    if kind == "bipartite":
        assert all(u[0] != v[0] for u, v in links)


def test_a_record_says_how_to_do_it_again(here):
    good("link-prediction", "florentine", *QUICK, "--seed", 3, "-k", 4, "--out", "one.tsv")
    first = json.loads((here / "one.json").read_text())
    split = ("--test", first["test"], "--valid", first["valid"], "--seed", first["seeds"][0])
    good("link-prediction", first["source"], *QUICK, *split, "-k", len(first["links"]), "--out", "two.tsv")
    assert json.loads((here / "two.json").read_text())["links"] == first["links"]
    assert (here / "two.tsv").read_text() == (here / "one.tsv").read_text()
    refused = run("link-prediction", "florentine", *QUICK, "--out", "one.csv")
    assert refused.exit_code == 2, "one.json is there"


def test_a_budget_ends_the_comparison_and_says_so():
    methods = ("--head", "pair scores", "--encoder", "fastrp", "--encoder", "deepwalk")
    result = good("link-prediction", "karate", *methods, "--seeds", 500, "--budget", 0.001, "--json")
    found = json.loads(result.stdout)
    assert found["seeds"] == [0]
    assert found["skipped"] == ["fastrp", "deepwalk"]
    assert found["predicted_with"] == PAIR_SCORES
    assert "enough for 1 of 500 splits, no time for fastrp, deepwalk" in " ".join(result.stderr.split())
    found = json.loads(good("link-prediction", "karate", *methods, "--seeds", 500, "--budget", 4, "--json").stdout)
    assert 1 <= len(found["seeds"]) < 500
    counts = pd.DataFrame(found["scores"]).groupby("method").seed.nunique().drop(found["skipped"], errors="ignore")
    assert set(counts) == {len(found["seeds"])}, "a split is for all methods or for none"


def test_heads_without_an_encoder_can_be_compared():
    result = good("link-prediction", "karate", "--encoder", "fastrp", "--head", "ncn", "--seeds", 1, "-k", 2, "--json")
    methods = {row["method"] for row in json.loads(result.stdout)["methods"]}
    assert {"ncn", "fastrp"} < methods
    assert PAIR_SCORES not in methods


@pytest.mark.parametrize("seeds", [1, 2])
def test_json_can_be_read_by_strict_readers(seeds):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    text = good("link-prediction", "florentine", *QUICK[:-1], seeds, "--json").stdout
    json.loads(text, parse_constant=refuse)


def test_the_same_seed_prints_the_same_on_any_number_of_threads():
    def without_seconds(*arguments):
        found = json.loads(good("link-prediction", "karate", *QUICK, "--json", *arguments).stdout)
        for rows in (found["methods"], found["scores"]):
            for row in rows:
                for key in [key for key in row if "seconds" in key]:
                    del row[key]
        return repr(found)  # repr, because nan differs from itself

    first = without_seconds("--threads", 1)
    assert without_seconds("--threads", 2) == first
    assert without_seconds("--threads", 1) == first
    assert without_seconds("--threads", 1, "--seed", 1) != first


READERS = {
    ".tsv": lambda path: pd.read_csv(path, sep="\t", dtype={"source": str, "target": str}),
    ".csv": lambda path: pd.read_csv(path, dtype={"source": str, "target": str}),
    ".parquet": pd.read_parquet,
}


@pytest.mark.parametrize("suffix", READERS)
def test_predicted_links_are_written_and_are_missing_ones(here, suffix):
    result = good("link-prediction", "davis", *QUICK, "-k", 9, "--out", f"links{suffix}")
    table = READERS[suffix](here / f"links{suffix}")
    assert list(table.columns) == ["source", "target", "score", "probability"]
    assert len(table) == 9
    assert table.score.is_monotonic_decreasing
    network = nx.davis_southern_women_graph()
    women = set(network.graph["top"])
    for u, v in zip(table.source, table.target, strict=True):
        assert not network.has_edge(u, v)
        assert (u in women) != (v in women), "in a bipartite graph links lie across"
    assert f"wrote 9 predicted links to links{suffix}" in result.stderr
    assert {path.name for path in here.iterdir()} == {f"links{suffix}", "links.json"}
    record = json.loads((here / "links.json").read_text())
    assert [link["source"] for link in record["links"]] == table.source.tolist()
    assert {row["part"] for row in record["scores"]} == {"valid", "test"}
    assert record["versions"]["torch"]


@pytest.mark.parametrize(
    "command", [("link-prediction", "karate", *QUICK), ("embed", "karate", "--dim", 4)], ids=lambda command: command[0]
)
def test_a_file_is_overwritten_only_by_force(here, command):
    out = here / "out.tsv"
    out.write_text("precious")
    result = run(*command, "--out", out)
    assert result.exit_code == 2
    assert "out.tsv exists; choose another name or overwrite it with --force" in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert out.read_text() == "precious"
    good(*command, "--out", out, "--force")
    assert out.read_text() != "precious"
    assert {path.name for path in here.iterdir()} <= {"out.tsv", "out.json"}


def test_every_direction_of_an_edge_counts_if_asked_for(here):
    network = nx.gnp_random_graph(30, 0.1, seed=1, directed=True)
    nx.write_edgelist(network, "arrows.txt", data=False)
    good("embed", "arrows.txt", "--directed", "--dim", 4, "--out", "z.npz")
    assert "directed" in good("embed", "arrows.txt", "--directed", "--dim", 4, "--out", "y.npz").stderr
    assert "undirected" in good("embed", "arrows.txt", "--dim", 4, "--out", "x.npz").stderr
    assert not np.allclose(
        ge.read_embedding("z.npz").values, ge.read_embedding("x.npz")[ge.read_embedding("z.npz").names].values
    )


# ── vectors ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", [".tsv", ".npz", ".parquet", ".w2v"])
def test_vectors_are_written_and_their_neighbours_read(here, suffix):
    file = f"vectors{suffix}"
    result = good("embed", "karate", "--dim", 8, "--out", file)
    assert result.stdout == ""
    assert f"to {file}" in result.stderr
    z = ge.node2vec(dim=8).fit_transform(ge.load("karate"))
    unit = z.values / np.linalg.norm(z.values, axis=1, keepdims=True)
    cosine = unit @ unit[z.row["34"]]
    expected = [z.names[row] for row in np.argsort(-cosine) if z.names[row] != "34"][:5]
    lines = [line.split("\t") for line in good("nearest", file, "34", "-k", 5).stdout.splitlines()]
    assert [name for name, _ in lines] == expected
    assert [float(value) for _, value in lines] == pytest.approx([cosine[z.row[name]] for name in expected], abs=1e-4)
    found = json.loads(good("nearest", file, "34", "-k", 5, "--json").stdout)
    assert [row["name"] for row in found] == expected


def test_names_with_blanks_are_found(here):
    good("embed", "davis", "--dim", 8, "--out", "z.tsv")
    assert "\t" in good("nearest", "z.tsv", "Evelyn Jefferson", "-k", 1).stdout


def test_more_neighbours_than_there_are_gives_all(here):
    good("embed", "florentine", "--dim", 4, "--out", "z.npz")
    assert len(good("nearest", "z.npz", "Medici", "-k", 99).stdout.splitlines()) == 14


@pytest.mark.parametrize("encoder", ["deepwalk", "node2vec", "gcn", "sage"])
def test_every_encoder_can_be_chosen_and_its_length(here, encoder):
    result = good("embed", "florentine", "--encoder", encoder, "--dim", 6, "--seed", 3, "--out", "z.npz", "--json")
    about = json.loads(result.stdout)
    assert (about["out"], about["items"], about["dim"]) == ("z.npz", 15, 6)
    assert about["made_by"]["seed"] == 3
    z = getattr(ge, encoder)(dim=6, seed=3).fit_transform(ge.load("florentine"))
    assert np.array_equal(ge.read_embedding("z.npz").values, z.values)


@pytest.mark.parametrize("text", ["a\tb\nb\tc\n", "a b\nb c\n", "source,target\na,b\nb,c\n"])
def test_a_list_of_edges_is_read_from_standard_input(here, text):
    result = good("embed", "-", "--dim", 4, "--out", "z.npz", stdin=text)
    assert "3 nodes, 2 edges, undirected" in result.stderr
    assert ge.read_embedding("z.npz").names == ("a", "b", "c")


def test_a_folder_with_the_name_of_a_data_set_is_no_file(here):
    (here / "karate").mkdir()
    assert "34 nodes" in good("embed", "karate", "--dim", 4, "--out", "z.npz").stderr


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────

FILES = {
    "empty.tsv": b"",
    "comments.tsv": b"# nothing\n\n",
    "one.tsv": b"a\nb\n",
    "lone.tsv": b"source\ttarget\na\t\nb\t\nc\t\n",
    "nan.tsv": b"a\tb\t1\nb\tc\tnan\n",
    "negative.tsv": b"a\tb\t1\nb\tc\t-2\n",
    "word.tsv": b"a\tb\t1\nb\tc\t1\nc\td\tmuch\n",
    "loop.tsv": b"a\ta\n",
    "small.tsv": b"a\tb\nb\tc\n",
    "dense.tsv": "".join(f"{u}\t{v}\n" for u in range(6) for v in range(u)).encode(),
    "binary.tsv": bytes(range(256)) * 4,
    "latin.tsv": "Zoë\tRené\n".encode("latin-1"),
    "bad.graphml": b"<graphml><graph>",
    "bad.gz": b"\x1f\x8b\x08 this is not gzip",
    "bad.npz": b"PK\x03\x04 no",
    "noise.npz": bytes(range(1, 256)) * 4,
    "bad.w2v": b"hello\n",
    "cut.w2v": b"3 2\na 1 2\nb 1 2\n",
    "bad.parquet": b"PAR1 no",
    "words.tsv": b"name\t0\t1\na\tx\ty\n",
    "vectors.xyz": b"a 1 2\n",
    "vectors.tsv": b"name\t0\t1\nAnna\t1\t0\nBert\t0\t1\n",
}
LINKS = ("link-prediction",)
REFUSED = {  # arguments: exit code, what the sentence says (offender, then remedy where there is one)
    "a missing file": (("embed", "no.tsv"), 3, "there is no file no.tsv.*graphembed datasets"),
    "an unknown data set": (("embed", "karatee"), 3, "no data set 'karatee'; did you mean 'karate'"),
    "an empty file": (("embed", "empty.tsv"), 3, "empty.tsv is empty"),
    "only comments": (("embed", "comments.tsv"), 3, "comments.tsv is empty: it holds no edges"),
    "one column": (("embed", "one.tsv"), 3, "one.tsv has one column, an edge needs two: source and target"),
    "no edges": (("embed", "lone.tsv"), 3, r"needs edges between nodes to learn from; got 3 nodes, 0 edges"),
    "no edges to split": ((*LINKS, "lone.tsv"), 3, "not enough edges to split: .* 3 nodes, 0 edges|0 linked pairs"),
    "a weight that is not a number": (
        ("embed", "nan.tsv"),
        3,
        "nan.tsv, line 2: .* positive .* nan .* drop or correct these edges",
    ),
    "a negative weight": (("embed", "negative.tsv"), 3, "negative.tsv, line 2: .* got -2 .* correct these edges"),
    "a weight of letters": (("embed", "word.tsv"), 3, "word.tsv, line 3: weights must be numbers, got 'much'"),
    "one node": (("embed", "loop.tsv"), 3, r"needs edges between nodes to learn from; got 1 node, 1 edge"),
    "one node to split": ((*LINKS, "loop.tsv"), 3, "not enough edges to split.*use a larger graph"),
    "too few edges": ((*LINKS, "small.tsv"), 3, "not enough edges to split: .* has 2 linked pairs; use a larger graph"),
    "a dense graph": ((*LINKS, "dense.tsv", *QUICK), 3, "unlinked nodes are needed but .* too dense or too small"),
    "a binary file": (("embed", "binary.tsv"), 3, "binary.tsv is not a text file"),
    "not UTF-8": (("embed", "latin.tsv"), 3, "latin.tsv, line 1: not UTF-8 text; save the file as UTF-8"),
    "broken GraphML": (("embed", "bad.graphml"), 3, "bad.graphml cannot be read as GRAPHML"),
    "broken gzip": (("embed", "bad.gz"), 3, "bad.gz is a damaged gzip file"),
    "a folder": (("embed", "."), 3, r"\. is a folder; give the path of a file"),
    "no such data here": (("embed", "cora"), 3, "cora does not come with the package: set GRAPHEMBED_DATA"),
    "k beyond the pairs": ((*LINKS, "karate", *QUICK, "-k", 999), 3, r"k must be between 1 and 483, .*; got 999"),
    "k of zero": ((*LINKS, "karate", "-k", 0), 2, "'-k': 0 is not in the range x>=1"),
    "no seeds": ((*LINKS, "karate", "--seeds", 0), 2, "'--seeds': 0 is not in the range x>=1"),
    "an unknown encoder": (("embed", "karate", "--encoder", "word2vec"), 2, "'word2vec' is not one of 'deepwalk'"),
    "no threads": (("embed", "karate", "--threads", 0), 2, "'--threads': 0 is not in the range x>=1"),
    "too many threads": (("embed", "karate", "--threads", 999), 2, r"--threads.* between 1 and \d+ .*, got 999"),
    "too many threads for links": ((*LINKS, "karate", "--threads", 999), 2, r"--threads.* between 1 and \d+"),
    "no dimensions": (("embed", "karate", "--dim", 0), 2, "'--dim': 0 is not in the range x>=1"),
    "an unknown option": (("embed", "karate", "--fast"), 2, "No such option.* '?--fast"),
    "an unknown command": (("cluster", "karate"), 2, "No such command 'cluster'"),
    "no source": (("embed",), 2, "Missing argument 'SOURCE'"),
}
READ = {
    "an unknown name": (("vectors.tsv", "Anne"), "no vector for 'Anne'; did you mean 'Anna'"),
    "a name unlike all": (("vectors.tsv", "xyz"), "no vector for 'xyz'; known are 'Anna', 'Bert'"),
    "a missing file": (("no.npz", "a"), "there is no file no.npz"),
    "half a zip file": (("bad.npz", "a"), "bad.npz is not an embedding saved by graphembed"),
    "noise": (("noise.npz", "a"), "noise.npz is not an embedding saved by graphembed"),
    "a word": (("bad.w2v", "a"), "bad.w2v is not word2vec text: its first line must say"),
    "a file cut off": (("cut.w2v", "a"), "cut.w2v is cut off: it says 3 vectors and holds 2"),
    "broken Parquet": (("bad.parquet", "a"), "bad.parquet is not a Parquet file of vectors"),
    "words for numbers": (("words.tsv", "a"), "words.tsv is not a table of vectors"),
    "binary for text": (("binary.tsv", "a"), "binary.tsv is not a table of vectors"),
    "an unknown suffix": (
        ("vectors.xyz", "a"),
        "cannot tell a format from 'vectors.xyz': the suffix must be one of .npz",
    ),
    "an empty file": (("empty.tsv", "a"), "empty.tsv is not a table of vectors"),
}


@pytest.fixture
def files(here, monkeypatch):
    """A working folder with every bad file."""
    monkeypatch.delenv("GRAPHEMBED_DATA", raising=False)
    for name, content in FILES.items():
        (here / name).write_bytes(content)
    return here


def refused(result, code, message, folder):
    """Check that a command ended with one sentence on stderr, and nothing else."""
    assert isinstance(result.exception, SystemExit), f"a traceback: {result.exception!r}"
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    assert result.stderr.splitlines()[-1] == errors[0], "the sentence is the last line"
    assert re.search(message, errors[0]), errors[0]
    assert not re.search(r"Traceback|\w(Error|Exception)\b|pickle|0x[0-9a-f]{6}|<class", errors[0][6:]), errors[0]
    assert {path.name for path in folder.iterdir()} == set(FILES), "a file was left"


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_gets_one_sentence(files, arguments, code, message):
    refused(run(*arguments, "--out", "new.tsv"), code, message, files)


@pytest.mark.parametrize(("arguments", "message"), READ.values(), ids=READ)
def test_bad_vectors_get_one_sentence(files, arguments, message):
    refused(run("nearest", *arguments), 3, message, files)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("new.xyz", "--out: cannot tell a format from 'new.xyz': the suffix must be one of .*tsv"),
        ("new", "--out: cannot tell a format from 'new': the suffix must be one of .*tsv"),
        ("nowhere/new.tsv", "--out: cannot write nowhere/new.tsv: there is no folder .*nowhere"),
    ],
)
@pytest.mark.parametrize("command", ["embed", "link-prediction"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(files, command, out, message):
    refused(run(command, "empty.tsv", "--out", out), 2, message, files)


def test_vectors_need_a_file_to_go_to(files):
    refused(run("embed", "karate"), 2, "Missing option '--out'.*e.g. --out vectors.tsv", files)


def test_formats_of_tables_and_of_vectors_are_told_apart(files):
    refused(run("embed", "karate", "--out", "z.csv"), 2, "one of .npz, .tsv, .parquet, .w2v", files)
    refused(run("link-prediction", "karate", "--out", "z.npz"), 2, "one of .tsv, .csv, .parquet", files)


def test_an_empty_standard_input_is_refused_by_a_name_people_understand(files):
    refused(run("embed", "-", "--out", "new.tsv", stdin=""), 3, "standard input is empty", files)


def test_a_program_that_fails_shows_no_traceback_unless_asked(files):
    found = python("-m", "graphembed.cli", "embed", "nan.tsv", "--out", "new.tsv")
    assert (found.returncode, found.stdout) == (3, "")
    assert found.stderr.startswith("Error: nan.tsv, line 2")
    assert len(found.stderr.splitlines()) == 1
    asked = python("-m", "graphembed.cli", "--debug", "embed", "nan.tsv", "--out", "new.tsv")
    assert asked.returncode != 0
    assert "Traceback" in asked.stderr
    assert not Path("new.tsv").exists()


# ── roles, communities, geometry ────────────────────────────────────────────────────────────────────


def test_similar_prints_whom_the_library_finds():
    expected = Space(ge.load("company")).similar("Tara Bauer", "role", 4)
    found = good("similar", "company", "Tara Bauer", "--by", "role", "-k", 4, "--json")
    assert json.loads(found.stdout) == [{"name": name, "similarity": value} for name, value in expected]
    assert good("similar", "company", "Tara Bauer", "--by", "role", "-k", 4).stdout.splitlines() == [
        f"{name}\t{value:.4f}" for name, value in expected
    ]
    assert "did you mean 'Tara Bauer'" in run("similar", "company", "Tara Bauers").output


def test_roles_are_described_written_and_judged(here):
    result = good("roles", "company", "-k", 5, "--out", "roles.tsv")
    head = Roles(k=5).fit(Space(ge.load("company")).alike, ge.load("company"))
    table = pd.read_csv("roles.tsv", sep="\t")
    assert table["role"].tolist() == head.labels_.tolist()
    assert table["name"].tolist() == list(head.names_)
    for words in head.describe()["words"]:
        assert words in result.stdout
    found = json.loads(good("roles", "company", "-k", 5, "--json").stdout)
    assert found["score"]["ARI"] == pytest.approx(head.score(ge.load("company").data.y.numpy())["ARI"])
    assert [row["nodes"] for row in found["roles"]] == np.bincount(head.labels_).tolist()


@pytest.mark.parametrize("method", ["leiden", "kmeans"])
def test_communities_are_listed_written_and_judged(here, method):
    result = good("communities", "lesmis", "--method", method, "-k", 6, "--out", "groups.csv")
    table = pd.read_csv("groups.csv")
    assert sorted(table["name"]) == sorted(ge.load("lesmis").names)
    assert table["community"].nunique() == 6
    found = json.loads(good("communities", "lesmis", "--method", method, "-k", 6, "--json").stdout)
    assert [len(group) for group in found["communities"]] == np.bincount(table["community"]).tolist()
    assert f"modularity {found['score']['modularity']:.3f}" in result.stdout


def test_geometry_prints_the_page_and_draws_the_map(here):
    good("embed", "lesmis", "--encoder", "prone", "--dim", 16, "--out", "z.npz")
    page = report(ge.read_embedding("z.npz"), ge.load("lesmis"))
    assert good("geometry", "z.npz", "lesmis", "--out", "map.png").stdout == f"{page}\n"
    assert (here / "map.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(good("geometry", "z.npz", "lesmis", "--other", "z.npz", "--json").stdout)
    assert found["verdict"] == page.verdict
    assert {row["measure"] for row in found["measures"]} > set(page.numbers)


def test_structural_encoders_embed_and_take_the_length_they_take(here):
    assert set(cli.ROLE_ENCODERS) == set(structural.__all__)
    good("embed", "karate", "--encoder", "refex", "--out", "z.npz")
    assert np.array_equal(ge.read_embedding("z.npz").values, refex().fit_transform(ge.load("karate")).values)
    refused = run("embed", "karate", "--encoder", "refex", "--dim", 8, "--out", "other.npz")
    assert refused.exit_code == 2
    assert "refex has as many numbers as it finds: it takes no --dim" in refused.output
