"""Why two nodes are thought to be linked: what they share, the paths between them, and what each score adds."""

import dataclasses as dc
from typing import Any

import numpy as np
import pandas as pd

from graphembed.kernels.csr import CSR
from graphembed.scores import Facts


@dc.dataclass(frozen=True, eq=False)
class Explanation:
    """What speaks for and against a link; `str` says it in words.

    Args:
        source: Name of u.
        target: Name of v.
        log_odds: Of a link, calibrated for lots of which half are linked; the contributions do not add up to it unless
            the classifier is a regression, and then to its difference from ``usual``.
        usual: Log-odds of a pair whose every score is the mean of those learnt from.
        shared: Names of shared neighbours, the rarest (of lowest degree) first.
        paths: Paths of three edges between them, by name, those through the rarest nodes first.
        contributions: Columns ``score``, ``value``, ``adds``: by how much the log-odds would fall if the score were the
            mean of those learnt from; the largest first.
    """

    source: str
    target: str
    log_odds: float
    usual: float
    shared: list[str]
    paths: list[tuple[str, ...]]
    contributions: pd.DataFrame

    def __str__(self) -> str:
        odds = "more likely" if self.log_odds > self.usual else "less likely"
        lines = [f"{self.source} and {self.target}: a link is {odds} than usual (log-odds {self.log_odds:+.2f})"]
        some = ", ".join(self.shared[:5]) + (", ..." if len(self.shared) > 5 else "")
        lines.append(f"  shared neighbours: {len(self.shared)}" + (f" ({some})" if self.shared else ""))
        for path in self.paths[:3]:
            lines.append("  path: " + " - ".join(path))
        for row in self.contributions.head(5).itertuples():
            lines.append(f"  {row.score} = {row.value:.4g} adds {row.adds:+.2f}")
        return "\n".join(lines)

    def plot(self, most: int = 10) -> Any:
        """Draw the largest contributions as bars; returns matplotlib's Axes (needs the extra ``plot``)."""
        from matplotlib.figure import Figure

        rows = self.contributions.head(most).iloc[::-1]
        axes = Figure(figsize=(6, 0.6 + 0.3 * len(rows)), layout="constrained").add_subplot()
        axes.barh(rows.score, rows.adds, color=np.where(rows.adds > 0, "tab:blue", "tab:orange"))
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set(title=f"{self.source} - {self.target}", xlabel="adds to the log-odds of a link")
        return axes


def between(known: Facts, u: int, v: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the shared neighbours of u and v and the middles of their paths of three edges, the rarest first."""
    rare = 1 / np.sqrt(np.maximum(known.between, 1))
    after, before = _row(known.out, u), _row(known.into, v)
    shared = sorted((after & before) - {u, v}, key=lambda x: (-rare[x], x))
    ends = before - {u}
    paths = [(x, y) for x in after - {v} for y in sorted((_row(known.out, x) & ends) - {u, v})]
    return shared, sorted(paths, key=lambda path: (-rare[path[0]] * rare[path[1]], path))[:20]


def _row(csr: CSR, node: int) -> set[int]:
    return set(csr.indices[csr.indptr[node] : csr.indptr[node + 1]].tolist())
