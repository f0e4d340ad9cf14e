"""`FeatureTable`: a table of facts about nodes, in whatever state it is, becomes numbers a GNN can read.

One rule for everything: numbers are brought to mean 0 and variance 1, and one that is missing becomes 0, the mean, with
a column of its own that says so; words (and truth values) become one column per value seen in ``fit``, and a missing or
new word is in none of them. A node that is not in the table at all is one whose every entry is missing. Numbers that
are only labels should be words: ``table["group"].astype(str)``.

To embed another graph: ``fit`` on the table of the first, ``attach`` to both graphs, and let `graphembed.Inductive` fit
one and transform the other.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from sklearn.base import BaseEstimator
from torch_geometric.data import Data

from graphembed.errors import DataError, first_few
from graphembed.graph import Graph, as_graph


class FeatureTable(BaseEstimator):
    """Learns from one table how to turn tables with the same columns into features.

    Attributes:
        columns_: What each feature is, in words.

    Example:
        >>> table = pd.DataFrame({"age": [20, None, 40], "job": ["cook", "smith", None]}, index=["ann", "bob", "cy"])
        >>> features = FeatureTable().fit(table)
        >>> features.columns_
        ('age', 'age is missing', 'job is cook', 'job is smith')
        >>> features.transform(table)
        array([[-1.,  0.,  1.,  0.],
               [ 0.,  1.,  0.,  1.],
               [ 1.,  0.,  0.,  0.]], dtype=float32)
        >>> graph = Graph.from_edges([0, 1], [1, 2], names=["cy", "dan", "ann"])
        >>> features.attach(graph, table).data.x[1]
        tensor([0., 1., 0., 0.])
    """

    def fit(self, table: pd.DataFrame, /) -> Self:
        """Learn means, spreads and values.

        Raises:
            DataError: There are no rows or columns, or a number is infinite.
        """
        if not table.size:
            raise DataError(f"a table of features needs rows and columns, got {table.shape[0]} x {table.shape[1]}")
        self.numbers_: dict[str, tuple[float, float]] = {}
        self.values_: dict[str, list[Any]] = {}
        for name in table.columns:
            column = table[name]
            if is_numeric_dtype(column) and not is_bool_dtype(column):
                there = _numbers(column)
                there = there[~np.isnan(there)]
                spread = float(there.std()) if there.size else 0.0
                self.numbers_[name] = (float(there.mean()) if there.size else 0.0, spread or 1.0)
            else:
                self.values_[name] = sorted(column.dropna().unique(), key=str)
        self.columns_ = tuple(words for name in table.columns for words in self._words(name))
        return self

    def transform(self, table: pd.DataFrame, /) -> NDArray[np.float32]:
        """Turn a table into (rows, features) numbers.

        Raises:
            DataError: A column it was fitted on is not there or does not hold numbers any more, or one is infinite.
        """
        known = [*self.numbers_, *self.values_]
        if missing := [name for name in known if name not in table.columns]:
            raise DataError(f"the table lacks {len(missing)} columns that were there in fit: {first_few(missing)}")
        x = np.zeros((len(table), len(self.columns_)), np.float32)
        place = {words: k for k, words in enumerate(self.columns_)}
        for name, (mean, spread) in self.numbers_.items():
            number, missing_words = (place[words] for words in self._words(name))
            values = _numbers(table[name])
            gone = np.isnan(values)
            x[:, number] = np.where(gone, 0, (values - mean) / spread)
            x[:, missing_words] = gone
        for name, known_values in self.values_.items():
            for value, words in zip(known_values, self._words(name), strict=True):
                x[:, place[words]] = (table[name] == value).fillna(False).to_numpy(bool)
        return x

    def attach(self, graph: Any, table: pd.DataFrame, /) -> Graph:
        """Give a graph the features of its nodes, which ``table.index`` names; the graph given is not changed.

        Raises:
            DataError: The table names a node twice, or none of the graph's.
        """
        graph = as_graph(graph)
        table = table.set_axis(table.index.map(str), axis=0)
        if (twice := table.index[table.index.duplicated()]).size:
            raise DataError(f"the table names {twice.size} nodes more than once: {first_few(list(twice))}")
        rows = table.reindex(list(graph.names))
        if not table.index.isin(list(graph.names)).any():
            raise DataError(
                f"none of the table's {len(table)} rows is named like one of the {graph.num_nodes} nodes: the index "
                f"should hold names, it holds {first_few(list(table.index))}; nodes are {first_few(list(graph.names))}"
            )
        data = Data(**(graph.data.to_dict() | {"x": torch.from_numpy(self.transform(rows))}))
        return Graph(data, graph.names, graph.directed)

    def _words(self, name: str) -> list[str]:
        if name in self.numbers_:
            return [f"{name}", f"{name} is missing"]
        return [f"{name} is {value}" for value in self.values_[name]]


def _numbers(column: "pd.Series[Any]") -> NDArray[np.float64]:
    try:
        values: NDArray[np.float64] = column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"column {column.name!r} held numbers in fit and now something else: {error}") from error
    if (bad := np.flatnonzero(np.isinf(values))).size:
        raise DataError(f"column {column.name!r} is infinite in {bad.size} rows, first {column.index[bad[0]]!r}")
    return values
