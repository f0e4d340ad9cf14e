"""`graphembed bench links`: every protocol asks what it says, of the default, its members and the free scores alike."""

import dataclasses as dc

import pandas as pd
import pytest
from click.testing import CliRunner

from graphembed import LinkEnsemble, LinkPredictor
from graphembed.bench import protocols
from graphembed.bench.baselines import baselines
from graphembed.bench.protocols import DEFAULT, PROTOCOLS, summary, table
from graphembed.cli import main
from graphembed.cli.bench import PROTOCOLS as PROTOCOL_NAMES
from graphembed.datasets import PUBLIC, load
from graphembed.splits import split_edges


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The same protocols with a head that is quick."""

    def quick(split, seed):
        head = LinkEnsemble([LinkPredictor(classifier="regression", seed=seed)], seed)
        return head.fit(split.observed, split.train, split.valid if len(split.valid) else None)

    monkeypatch.setattr(protocols, "_default", quick)


def test_the_command_line_knows_all_protocols_and_their_graphs_are_there():
    assert set(PROTOCOLS) == set(PROTOCOL_NAMES)
    for protocol in PROTOCOLS.values():
        assert set(protocol.graphs) <= set(PUBLIC)
        assert set(protocol.published) <= set(protocol.graphs)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_table_has_all_figures_of_all_methods(name):
    (found,) = table(name, "lesmis", seeds=1, seed=4)
    assert {"seconds", "peak MiB", "seed", *PROTOCOLS[name].figures} <= set(found.columns)
    free = set(baselines(load("lesmis")))
    assert {DEFAULT, *free} <= set(found.method)
    assert ("pair scores" in set(found.method)) == (name != "lists")
    figure = PROTOCOLS[name].figures[0]
    assert found[figure].between(0, 1).all()
    rows = found.set_index("method")[figure]
    assert rows[DEFAULT] > rows["random"]
    assert (found.seed == 4).all()


def test_free_scores_are_judged_on_the_test_of_the_protocol():
    (found,) = table("hits", "lesmis", seeds=1, seed=2)
    split = split_edges(load("lesmis"), 0.2, 0.1, 2)
    score = baselines(split.observed, 2)["resource allocation"](split.test.pairs)
    others = score[~split.test.label]
    ranks = [1 + (others > own).sum() + (others == own).sum() / 2 for own in score[split.test.label]]
    expected = sum(rank <= 50 for rank in ranks) / len(ranks)
    assert found.set_index("method").loc["resource allocation", "Hits@50"] == pytest.approx(expected)


def test_summaries_show_means_spreads_and_published_figures_in_order():
    rows = [
        pd.DataFrame(
            {"method": ["a", "b"], "seed": seed, "AUC": [0.5 + seed / 10, 0.9], "seconds": [1.0, 2.0], "peak MiB": 10.0}
        )
        for seed in (0, 2)
    ]
    protocol = dc.replace(PROTOCOLS["seal"], published={"g": {"SEAL": (0.7,)}}, source="somebody")
    found = summary(rows, protocol, "g")
    assert found.index.tolist() == ["b", "SEAL (somebody)", "a"]
    assert found.loc["a", "AUC"] == "0.6000 ± 0.1414"
    assert found.loc["b", "seconds"] == "2.0"


def test_the_command_prints_a_table(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "seal", dc.replace(PROTOCOLS["seal"], graphs=("lesmis",)))
    result = CliRunner().invoke(main, ["bench", "links", "seal", "--seeds", "1"])
    assert result.exit_code == 0, result.output
    assert "seal, lesmis, 1 split\n" in result.stdout
    assert "resource allocation" in result.stdout
    refused = CliRunner().invoke(main, ["bench", "links", "seal", "--graph", "cora"])
    assert refused.exit_code == 2
    assert "seal has no graph 'cora'; it has: lesmis" in refused.output
