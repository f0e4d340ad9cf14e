"""Tables of facts become numbers by one rule, whatever is missing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import graphembed as ge
from graphembed.errors import DataError
from graphembed.features import FeatureTable


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"size": rng.normal(5, 2, 34), "kind": rng.choice(["a", "b", "c"], 34), "old": rng.random(34) < 0.5}
    )
    table.index = pd.Index(list(ge.load("karate").names))
    return table


def test_a_full_table_is_standardised_and_one_hot_as_scikit_learn_does_it(table):
    features = FeatureTable().fit(table)
    expected = ColumnTransformer(
        [("n", StandardScaler(), ["size"]), ("w", OneHotEncoder(sparse_output=False), ["kind", "old"])]
    ).fit_transform(table)
    where = [words != "size is missing" for words in features.columns_]
    np.testing.assert_allclose(features.transform(table)[:, where], expected, atol=1e-6)


def test_missing_numbers_are_the_mean_and_say_so(table):
    table.loc[table.index[:5], "size"] = np.nan
    found = FeatureTable().fit(table).transform(table)
    scale = make_pipeline(SimpleImputer(strategy="mean", add_indicator=True))
    expected = scale.fit_transform(table[["size"]])
    np.testing.assert_array_equal(found[:, 1], expected[:, 1])
    assert (found[:5, 0] == 0).all()
    there = table["size"].dropna()
    np.testing.assert_allclose(found[5:, 0], (there - there.mean()) / there.std(ddof=0), atol=1e-6)


def test_a_new_word_is_none_of_those_that_are_known(table):
    features = FeatureTable().fit(table)
    new = table.assign(kind="unheard of")
    kinds = [k for k, words in enumerate(features.columns_) if words.startswith("kind")]
    assert (features.transform(new)[:, kinds] == 0).all()


def test_rows_find_their_nodes_by_name(table):
    karate = ge.load("karate")
    features = FeatureTable().fit(table)
    shuffled = table.sample(frac=1, random_state=1).iloc[:30]
    graph = features.attach(karate, shuffled)
    assert graph.names == karate.names
    full = features.transform(table)
    for row, name in enumerate(karate.names):
        expected = full[row] if name in shuffled.index else [0, 1, 0, 0, 0, 0, 0]
        np.testing.assert_array_equal(graph.data.x[row], expected)
    assert karate.data.x is None, "the graph given stays as it was"


def test_an_encoder_learns_from_it_and_embeds_a_node_nobody_knows_anything_of(table):
    features = FeatureTable().fit(table)
    graph = features.attach(ge.load("karate"), table.iloc[:20])
    z = ge.sage(dim=8, epochs=2).set_params(progress=False).fit_transform(graph)
    assert np.isfinite(z.values).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.iloc[:0], "needs rows and columns, got 0 x 3"),
        (lambda t: t.assign(size=np.inf), "column 'size' is infinite in 34 rows"),
    ],
)
def test_what_cannot_be_read_is_refused(table, change, message):
    with pytest.raises(DataError, match=message):
        FeatureTable().fit(change(table))


def test_tables_that_do_not_fit_are_refused(table):
    features = FeatureTable().fit(table)
    with pytest.raises(DataError, match=r"lacks 1 columns.*kind"):
        features.transform(table.drop(columns="kind"))
    with pytest.raises(DataError, match="more than once"):
        features.attach(ge.load("karate"), pd.concat([table, table]))
    with pytest.raises(DataError, match="none of the table's 34 rows"):
        features.attach(ge.load("karate"), table.set_axis([f"x{k}" for k in range(34)]))
