"""What numbers of a space mean, in plain words: a mark and a sentence for each measure of `report`.

Limits were chosen on spaces whose answer is known (random directions, one vector for all, planted groups, the same with
one axis stretched); they are rules of thumb, and stand here and nowhere else.
"""

import dataclasses as dc
from collections.abc import Sequence
from typing import Literal

import numpy as np

from graphembed.geometry.curved import Triangles
from graphembed.geometry.learnt import Cosines, Hubness

_LEARNT, _CURVED, _MAP, _STABLE = "Is it learnt?", "Is it curved?", "Is the map lying?", "Is it stable?"


@dc.dataclass(frozen=True)
class Line:
    """One measure: the question it answers, its name, its value, a mark (good, fair, bad or none), and words."""

    question: str
    measure: str
    value: float
    mark: Literal["good", "fair", "bad", ""]
    verdict: str


def cosines(of: Cosines, nodes: int) -> Line:
    """Distance of cosines from those of random directions."""
    noise = 0.02 + 1.63 / np.sqrt(nodes * (nodes - 1) / 2)  # the second is the 1 % point of Kolmogorov and Smirnov
    told = f"mean {of.mean:.2f}, variance {of.variance:.3f}; of random directions 0 and {of.expected_variance:.3f}"
    if of.mean > 0.95:
        return Line(_LEARNT, "cosines from chance", of.distance, "bad", f"all vectors point one way: {told}")
    if of.distance < noise:
        return Line(_LEARNT, "cosines from chance", of.distance, "bad", f"like random directions: {told}")
    if of.mean > 0.5:
        return Line(_LEARNT, "cosines from chance", of.distance, "fair", f"vectors share one direction: {told}")
    return Line(_LEARNT, "cosines from chance", of.distance, "good", f"not random directions: {told}")


def linked(area: float) -> Line:
    """AUC of edges against unlinked pairs by cosine."""
    if area >= 0.75:
        return Line(_LEARNT, "linked are nearer (AUC)", area, "good", "linked nodes are nearer than others")
    if area >= 0.6:
        return Line(_LEARNT, "linked are nearer (AUC)", area, "fair", "linked nodes are a little nearer than others")
    words = "linked nodes are no nearer than others (right for roles, not for proximity)"
    return Line(_LEARNT, "linked are nearer (AUC)", area, "bad", words)


def aligned(near: float, far: float) -> Line:
    """Alignment of edges beside that of unlinked pairs."""
    told = f"squared distance of linked nodes; of unlinked ones {far:.3f}"
    if far < 0.05:
        return Line(_LEARNT, "alignment", near, "bad", f"small only because all vectors are alike: {told}")
    mark: Literal["good", "fair", "bad"] = "good" if near < 0.6 * far else "fair" if near < 0.9 * far else "bad"
    words = {"good": "linked nodes lie together", "fair": "linked nodes lie a little nearer", "bad": "no pull of links"}
    return Line(_LEARNT, "alignment", near, mark, f"{words[mark]}: {told}")


def uniform(value: float, sphere: float) -> Line:
    """Uniformity beside that of random directions."""
    told = f"0 collapsed, {sphere:.2f} spread evenly"
    share = value / sphere
    if share < 0.1:
        return Line(_LEARNT, "uniformity", value, "bad", f"all vectors in one place: {told}")
    if share < 0.4:
        return Line(_LEARNT, "uniformity", value, "fair", f"much of the sphere is empty: {told}")
    return Line(_LEARNT, "uniformity", value, "good", f"the sphere is used: {told}")


def rank(value: float, most: int) -> Line:
    """Effective rank beside the number of dimensions."""
    told = f"{value:.1f} of {most} directions are used"
    if value < max(min(1.5, 0.9 * most), 0.05 * most):
        return Line(_LEARNT, "effective rank", value, "bad", f"collapsed to a few directions: {told}")
    if value < 0.3 * most:
        return Line(_LEARNT, "effective rank", value, "fair", f"fewer dimensions would do: {told}")
    return Line(_LEARNT, "effective rank", value, "good", f"the dimensions are used: {told}")


def isotropic(value: float, dim: int) -> Line:
    """IsoScore; times dim - 1, plus 1, it is a number of axes."""
    axes = 1 + value * (dim - 1)
    told = f"around the mean as much as of {axes:.1f} even axes"
    if value == 0:
        return Line(_LEARNT, "isotropy (IsoScore)", value, "bad", "one axis carries all variance, or there is none")
    if axes < min(2, 0.9 * dim):
        return Line(_LEARNT, "isotropy (IsoScore)", value, "bad", f"one axis carries almost all variance: {told}")
    if value < 0.3:
        return Line(_LEARNT, "isotropy (IsoScore)", value, "fair", f"some axes carry more variance than others: {told}")
    return Line(_LEARNT, "isotropy (IsoScore)", value, "good", f"variance is spread over the axes: {told}")


def hubs(of: Hubness) -> Line:
    """Hubness."""
    told = f"the largest is near to {of.largest:.1%} of the nodes, {of.never:.1%} are near to nobody"
    if of.skewness > 4:
        return Line(_LEARNT, "hubness (skewness)", of.skewness, "bad", f"hubs crowd out other neighbours: {told}")
    if of.skewness > 1.5:
        return Line(_LEARNT, "hubness (skewness)", of.skewness, "fair", f"some hubs: {told}")
    return Line(_LEARNT, "hubness (skewness)", of.skewness, "good", f"no hubs: {told}")


def smooth(value: float) -> Line:
    """Mean average distance."""
    if value < 0.05:
        return Line(_LEARNT, "mean cosine distance", value, "bad", "oversmoothed: nodes cannot be told apart")
    if value < 0.3:
        return Line(_LEARNT, "mean cosine distance", value, "fair", "nodes are rather alike")
    return Line(_LEARNT, "mean cosine distance", value, "good", "nodes can be told apart")


def energy(value: float, mixed: float) -> Line:
    """Dirichlet energy beside that of the same vectors dealt to other nodes."""
    told = f"{mixed:.3f} with the vectors dealt out at random"
    ratio = value / mixed if mixed > 0 else 0.0
    if ratio < 0.02:
        return Line(_LEARNT, "Dirichlet energy", value, "bad", f"oversmoothed along edges: {told}")
    if ratio > 0.9:
        return Line(_LEARNT, "Dirichlet energy", value, "bad", f"edges join nodes no more alike than chance: {told}")
    return Line(_LEARNT, "Dirichlet energy", value, "good", f"changes little along edges: {told}")


def excess(measure: str, of: Triangles) -> Line:
    """Degrees that triangles have too many."""
    there = np.isfinite(of.curvature)
    if not there.any():
        return Line(_CURVED, measure, 0.0, "", "there are no triangles: vectors lie on one circle or in one place")
    degrees = float(of.excess[there].mean())
    told = f"degrees over 180; implied curvature {np.median(of.curvature[there]):.2f} (unit sphere: 1)"
    if degrees < 5:
        return Line(_CURVED, measure, degrees, "good", f"nearly flat: {told}")
    if degrees < 30:
        return Line(_CURVED, measure, degrees, "fair", f"bent: {told}")
    return Line(_CURVED, measure, degrees, "fair", f"no flat picture can keep these angles: {told}")


def lengths(members: float, spread: float) -> Line:
    """Share of neighbours that change from cosine to dot product; ``spread`` of lengths in units of their mean."""
    told = f"{members:.0%} of the neighbours differ, lengths vary by {spread:.0%}"
    if members < 0.1:
        return Line(_CURVED, "cosine or dot product", members, "good", f"lengths hardly matter: {told}")
    if spread < 0.5 or members < 0.5:
        return Line(_CURVED, "cosine or dot product", members, "fair", f"lengths matter: {told}")
    return Line(_CURVED, "cosine or dot product", members, "bad", f"lengths decide under the dot product: {told}")


def map_lines(method: str, quality: dict[str, float]) -> list[Line]:
    """Lines about one map."""
    trust, recall, density = quality["trustworthiness"], quality["neighbors"], quality["density"]
    if np.isnan(trust):
        return [Line(_MAP, f"{method}: trustworthiness", trust, "", "all are equally far: there is nothing to show")]
    mark: Literal["good", "fair", "bad"] = "good" if trust >= 0.95 else "fair" if trust >= 0.85 else "bad"
    words = {
        "good": "neighbours on the map can be believed",
        "fair": "some neighbours on the map are none",
        "bad": "do not believe neighbours on the map",
    }
    told = f"{words[mark]}; it shows {recall:.0%} of the true ones (continuity {quality['continuity']:.2f})"
    lines = [Line(_MAP, f"{method}: trustworthiness", trust, mark, told)]
    for measure, value, yes, no in (
        ("distances", quality["distances"], "far and near can be believed", "far and near cannot be believed"),
        ("density", density, "crowds can be believed", "crowds and gaps cannot be believed"),
    ):
        if np.isnan(value):
            lines.append(Line(_MAP, f"{method}: {measure}", value, "", "all are equal: there is nothing to show"))
        else:
            good = value >= 0.7
            lines.append(Line(_MAP, f"{method}: {measure}", value, "good" if good else "bad", yes if good else no))
    return lines


def stable_lines(left: float, overlap: float, chance: float) -> list[Line]:
    """Lines about two runs."""
    mark: Literal["good", "fair", "bad"] = "good" if overlap >= 0.7 else "fair" if overlap > 3 * chance else "bad"
    words = {"good": "the runs agree on neighbours", "fair": "the runs agree in part", "bad": "the runs hardly agree"}
    return [
        Line(_STABLE, "left after rotation", left, "good" if left < 0.3 else "fair" if left < 0.7 else "bad",
             "of the length remains unexplained by a rotation"),
        Line(_STABLE, "neighbours in common", overlap, mark, f"{words[mark]}; by chance {chance:.3f}"),
    ]  # fmt: skip


def whole(lines: Sequence[Line]) -> str:
    """Say it in one sentence."""
    mark = {line.measure: line.mark for line in lines}
    value = {line.measure: line.value for line in lines}
    if mark["uniformity"] == "bad" or mark["mean cosine distance"] == "bad":
        return "collapsed: all vectors are alike"
    unlinked = mark.get("linked are nearer (AUC)", "bad") == "bad"
    if mark["cosines from chance"] == "bad":
        return "random: nothing learnt shows" if unlinked else "nearly random: only linked nodes are near"
    if unlinked:
        return "unrelated to this graph's edges: structure, but not of who is linked"
    wrong = [
        measure
        for measure in ("effective rank", "isotropy (IsoScore)", "hubness (skewness)", "cosine or dot product")
        if mark.get(measure) == "bad"
    ]
    if wrong:
        return "distorted: " + " and ".join(f"{measure} {value[measure]:.2f}" for measure in wrong)
    return "good: linked nodes are near and the space is used"
