"""Losses of single rows, pairs of rows, and views: each is a mean over its rows."""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float, Int
from torch import Tensor

_SMALL = 1e-7  # shorter vectors count as zero, smaller squared sines as this
_FLAT = 1e-8  # added to the squared length of an axis, which is zero if it does not vary


def link_loss(positive: Float[Tensor, " edges"], negative: Float[Tensor, " others"]) -> Float[Tensor, ""]:
    """Binary cross-entropy of link scores: mean softplus(-s) over edges plus mean softplus(s) over unlinked pairs.

    Args:
        positive: Scores (log-odds) of edges.
        negative: Scores of unlinked pairs; how many does not matter, the two means weigh the same.

    Example:
        >>> link_loss(torch.zeros(3), torch.zeros(5))
        tensor(1.3863)

    References:
        Kipf and Welling 2016, "Variational graph auto-encoders", equation 3 without the KL term.
    """
    return F.softplus(-wide(positive)).mean() + F.softplus(wide(negative)).mean()


def margin_ranking(
    positive: Float[Tensor, " edges"], negative: Float[Tensor, " others"], margin: float = 1.0
) -> Float[Tensor, ""]:
    """Ask of each edge to score above an unlinked pair by a margin: mean max(0, margin - s_edge + s_other).

    Args:
        positive: Scores of edges.
        negative: Scores of unlinked pairs. The k-th edge meets the k-th pair; where one of the two runs out it begins
            again.
        margin: How far above.

    Example:
        >>> margin_ranking(torch.tensor([2.0, 0.0]), torch.tensor([0.5]))
        tensor(0.7500)

    References:
        Bordes et al. 2013, "Translating embeddings for modeling multi-relational data", equation 1.
    """
    rows = torch.arange(max(len(positive), len(negative)), device=positive.device)
    better, worse = (wide(side).index_select(0, rows % len(side)) for side in (positive, negative))
    return torch.relu(margin - better + worse).mean()


def gaussian_kl(mean: Float[Tensor, "nodes dim"], log_sigma: Float[Tensor, "nodes dim"]) -> Float[Tensor, ""]:
    """Divergence of N(mean, sigma^2) from N(0, 1), per node: mean over nodes sum_k (mu^2 + s^2 - 1 - 2 log s) / 2.

    Example:
        >>> gaussian_kl(torch.ones(2, 3), torch.zeros(2, 3))
        tensor(1.5000)

    References:
        Kingma and Welling 2014, "Auto-encoding variational Bayes", appendix B.
    """
    mean, log_sigma = wide(mean), wide(log_sigma)
    return 0.5 * (mean**2 + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(dim=1).mean()


def info_nce(
    anchors: Float[Tensor, "anchors dim"],
    candidates: Float[Tensor, "candidates dim"] | Float[Tensor, "anchors candidates dim"],
    positive: Int[Tensor, " anchors"] | None = None,
    *,
    temperature: float = 1.0,
    log_q: Float[Tensor, "*anchors candidates"] | None = None,
    excluded: Bool[Tensor, "anchors candidates"] | None = None,
) -> Float[Tensor, ""]:
    """Pick the positive out of the candidates: mean -log softmax(s)[positive], s = anchor . candidate / temperature.

    Its slope with respect to an anchor is (expectation - positive) / temperature, where the expectation is over the
    candidates with the chances of the softmax.

    With ``log_q``, s - log q takes the place of s for all candidates, the positive as well: if the negatives are drawn
    with chances q, the scores at the minimum are log p plus a constant, p being the chance of an item to be the
    positive. Without it they are log p - log q plus a constant: the expectation leans towards what is often drawn,
    which is pushed down too far. Away from the minimum, the slope with ``log_q`` is that of a softmax over all items
    only in the limit of many negatives.

    Args:
        anchors: Vectors, as they are; bring them to length one for cosines.
        candidates: The same for all anchors, or some for each.
        positive: Which candidate is the right one; by default the i-th for the i-th anchor.
        temperature: The lower, the more the nearest candidates count.
        log_q: Log chance that a draw of a negative gives this candidate; for the positive, too.
        excluded: True where a candidate does not count for an anchor; never at the positive.

    Example:
        >>> z = torch.eye(3)
        >>> info_nce(z, z, temperature=0.5)
        tensor(0.2395)

    References:
        van den Oord et al. 2018, "Representation learning with contrastive predictive coding", equation 4.
        Bengio and Senecal 2008, "Adaptive importance sampling to accelerate training of a neural probabilistic
        language model", and Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item
        recommendations", section 3, for the correction.
    """
    anchors, candidates = wide(anchors), wide(candidates)
    if candidates.dim() == 3:
        score = (anchors[:, None] * candidates).sum(dim=-1) / temperature
    else:
        score = anchors @ candidates.T / temperature
    if log_q is not None:
        score = score - log_q
    if excluded is not None:
        score = score.masked_fill(excluded, -torch.inf)
    if positive is None:
        positive = torch.arange(len(anchors), device=score.device)
    return F.cross_entropy(score, positive)


def triplet(
    anchor: Float[Tensor, "triplets dim"],
    positive: Float[Tensor, "triplets dim"],
    negative: Float[Tensor, "triplets dim"],
    margin: float = 1.0,
) -> Float[Tensor, ""]:
    """Be nearer to the positive than to the negative by a margin: mean max(0, |a - p|^2 - |a - n|^2 + margin).

    The slope of an active triplet with respect to its anchor is 2 (n - p), over the number of triplets.

    Example:
        >>> triplet(torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1, 2))
        tensor(1.)

    References:
        Schroff et al. 2015, "FaceNet: a unified embedding for face recognition and clustering", equation 3.
    """
    anchor, positive, negative = wide(anchor), wide(positive), wide(negative)
    near, far = ((anchor - positive) ** 2).sum(dim=1), ((anchor - negative) ** 2).sum(dim=1)
    return torch.relu(near - far + margin).mean()


def infomax(
    z: Float[Tensor, "nodes dim"], corrupted: Float[Tensor, "others dim"], weight: Float[Tensor, "dim dim"]
) -> Float[Tensor, ""]:
    """Tell nodes of the graph from nodes of a corrupted one by the graph's summary.

    `link_loss` of z_v W s / sqrt(dim) and z'_v W s / sqrt(dim), where s = sigmoid(mean of z).

    Example:
        >>> infomax(torch.zeros(3, 2), torch.zeros(3, 2), torch.eye(2))
        tensor(1.3863)

    References:
        Velickovic et al. 2019, "Deep graph infomax", equations 1 to 4.
    Differs from the paper: twice its loss; scores are scaled, or else long vectors of features of unit size are told
    apart at once and nothing is learnt.
    """
    z, corrupted = wide(z), wide(corrupted)
    direction = wide(weight) @ torch.sigmoid(z.mean(dim=0)) / len(weight) ** 0.5
    return link_loss(z @ direction, corrupted @ direction)


def graph_infomax(
    z: Float[Tensor, "nodes dim"], summary: Float[Tensor, "graphs dim"], graph: Int[Tensor, " nodes"]
) -> Float[Tensor, ""]:
    """Tell which graph a node is of: mean softplus(-s) with its own graph plus mean softplus(s) with all others.

    s = z_v . s_G. With one graph there are no others, and their mean is 0.

    Args:
        z: Of the nodes.
        summary: Of the graphs.
        graph: Row of the summary of each node's own graph.

    Example:
        >>> graph_infomax(torch.zeros(3, 2), torch.zeros(2, 2), torch.tensor([0, 0, 1]))
        tensor(1.3863)

    References:
        Sun et al. 2020, "InfoGraph", equation 4 (the Jensen-Shannon estimate of mutual information).
    Differs from the paper: its negative, plus 2 log 2 where all scores are 0.
    """
    score = wide(z) @ wide(summary).T
    own = graph[:, None] == torch.arange(len(summary), device=graph.device)
    apart = F.softplus(score.masked_fill(own, -torch.inf)).sum() / max(score.numel() - len(score), 1)
    return F.softplus(-score[own]).sum() / max(len(score), 1) + apart


def decorrelation(
    z1: Float[Tensor, "nodes dim"], z2: Float[Tensor, "nodes dim"], balance: float = 1e-3
) -> Float[Tensor, ""]:
    """Let two views agree while axes do not: |Z1 - Z2|^2 / 2 + balance (|Z1'Z1 - I|^2 + |Z2'Z2 - I|^2).

    Z1 and Z2 are z1 and z2 with columns of mean zero and length one.

    Example:
        >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> decorrelation(z, z)
        tensor(0.)

    References:
        Zhang et al. 2021, "From canonical correlation analysis to self-supervised graph neural networks", equation 5.
    Differs from the paper: half of the first term, as in the authors' code, so that ``balance`` is their lambda.
    """
    first, second = _standard(z1), _standard(z2)
    apart = ((first - second) ** 2).sum() / 2
    return apart + balance * (_overlap(first) + _overlap(second))


def bootstrap(prediction: Float[Tensor, "nodes dim"], target: Float[Tensor, "nodes dim"]) -> Float[Tensor, ""]:
    """Turn predictions towards targets: mean 2 - 2 cos(prediction, target), the squared distance at length one.

    Example:
        >>> bootstrap(torch.eye(2), torch.eye(2).flip(0))
        tensor(2.)

    References:
        Grill et al. 2020, "Bootstrap your own latent", equation 2; Thakoor et al. 2022, "Large-scale representation
        learning on graphs via bootstrapping", equation 1.
    """
    return 2 - 2 * cosine(prediction, target).mean()


def scaled_cosine_error(
    prediction: Float[Tensor, "nodes features"], target: Float[Tensor, "nodes features"], power: float = 2.0
) -> Float[Tensor, ""]:
    """Cosine error in which easy nodes count less: mean (1 - cos(prediction, target))^power.

    Example:
        >>> scaled_cosine_error(torch.eye(2), torch.ones(2, 2), power=3.0)
        tensor(0.0251)

    References:
        Hou et al. 2022, "GraphMAE: self-supervised masked graph autoencoders", equation 2.
    """
    return (1 - cosine(prediction, target)).clamp(min=0).pow(power).mean()


def view_loss(
    a: Float[Tensor, "nodes dim"], b: Float[Tensor, "others width"], pairs: Tensor | None = None
) -> Float[Tensor, ""]:
    """How differently two views see how alike their own nodes are: mean |s_k - t_k| over the sorted cosines of each.

    It is the Wasserstein distance between the cosines within one view and within the other, from 0 (one shape) to 2.

    The slope goes through the sorted values; where two cosines are equal it is that of one order of them.

    Args:
        a: Vectors of the nodes in one view.
        b: Of the same number of nodes in the other.
        pairs: (2, pairs) which to compare; by default all, whose number grows as the square of the nodes.

    Example:
        >>> z = torch.eye(3)
        >>> view_loss(z, z[[1, 2, 0]]), view_loss(z, torch.ones(3, 3))
        (tensor(0.), tensor(1.0000))
    """
    if len(a) != len(b):
        raise ValueError(f"both views must have the same number of nodes, got {len(a)} and {len(b)}")
    i, j = torch.triu_indices(len(a), len(a), 1, device=a.device) if pairs is None else pairs
    if not i.numel():
        return (a.sum() + b.sum()) * 0
    one, other = (F.normalize(z.to(torch.promote_types(z.dtype, torch.float32)), dim=1) for z in (a, b))
    first, second = ((z[i] * z[j]).sum(dim=1).sort().values for z in (one, other))
    apart: Tensor = first - second
    return apart.abs().mean()


def soft_modularity(
    share: Float[Tensor, "nodes communities"],
    edge_index: Int[Tensor, "2 edges"],
    weight: Float[Tensor, " edges"] | None = None,
) -> Float[Tensor, ""]:
    """Modularity of communities that nodes belong to in shares: tr(C^T A C) / 2m - |C^T d|^2 / (2m)^2; 0 without edges.

    Args:
        share: Rows that add up to one.
        edge_index: Both directions of each edge; of one-way edges, the direction does not count.
        weight: Of the edges; 1 by default.

    Example:
        >>> edges = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
        >>> soft_modularity(torch.eye(2).repeat_interleave(2, dim=0), edges)
        tensor(0.5000)

    References:
        Newman 2006, "Modularity and community structure in networks"; Tsitsulin et al. 2023, "Graph clustering with
        graph neural networks", equation 4.
    """
    share = wide(share)
    weight = torch.ones_like(share[:1, 0]).expand(edge_index.shape[1]) if weight is None else weight
    total = weight.sum().clamp(min=_SMALL)
    source, target = edge_index
    attraction = (weight * (share[source] * share[target]).sum(dim=1)).sum() / total
    degree = torch.zeros_like(share[:, 0]).index_add(0, source, weight).index_add(0, target, weight) / (2 * total)
    return attraction - (degree @ share).square().sum()


def collapse(share: Float[Tensor, "nodes communities"]) -> Float[Tensor, ""]:
    """How unequal communities are: sqrt(k) / n |sum of rows| - 1, from 0 (all of one size) to sqrt(k) - 1 (one only).

    Example:
        >>> collapse(torch.eye(4)), collapse(torch.eye(4)[[0, 0, 0]])
        (tensor(0.), tensor(1.))

    References:
        Tsitsulin et al. 2023, "Graph clustering with graph neural networks", equation 5.
    """
    nodes, communities = share.shape
    length: Tensor = wide(share).sum(dim=0).norm()
    return math.sqrt(communities) / max(nodes, 1) * length - 1


def arcface(
    cosines: Float[Tensor, "nodes classes"], label: Int[Tensor, " nodes"], margin: float = 0.5
) -> Float[Tensor, "nodes classes"]:
    """Put an angle between each vector and its own class: cos(theta + margin) there, cos(theta) elsewhere.

    Where theta + margin is beyond pi, cos(theta) - margin sin(margin), which falls on as theta grows. Times a scale
    these are the logits of a cross-entropy.

    Example:
        >>> arcface(torch.tensor([[1.0, 0.0]]), torch.tensor([0])).round(decimals=4)
        tensor([[0.8774, 0.0000]])

    References:
        Deng et al. 2019, "ArcFace: additive angular margin loss for deep face recognition", equation 3.
    """
    cosines = wide(cosines)
    own = cosines.gather(1, label[:, None])
    sine = (1 - own**2).clamp(min=_SMALL).sqrt()
    moved = own * math.cos(margin) - sine * math.sin(margin)
    moved = torch.where(own > -math.cos(margin), moved, own - margin * math.sin(margin))
    return cosines.scatter(1, label[:, None], moved)


def cosface(
    cosines: Float[Tensor, "nodes classes"], label: Int[Tensor, " nodes"], margin: float = 0.35
) -> Float[Tensor, "nodes classes"]:
    """Ask for more of each vector's own class: cos(theta) - margin there, cos(theta) elsewhere.

    Example:
        >>> cosface(torch.tensor([[1.0, 0.5]]), torch.tensor([0]))
        tensor([[0.6500, 0.5000]])

    References:
        Wang et al. 2018, "CosFace: large margin cosine loss for deep face recognition", equation 4.
    """
    cosines = wide(cosines)
    return cosines.scatter_add(1, label[:, None], torch.full_like(cosines[:, :1], -margin))


def cosine(a: Float[Tensor, "nodes dim"], b: Float[Tensor, "nodes dim"]) -> Float[Tensor, " nodes"]:
    """Cosine of the angle between the rows of two matrices; 0 with a row of zeros.

    Example:
        >>> cosine(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]]))
        tensor([0.6000])
    """
    return (unit(a) * unit(b)).sum(dim=1)


def unit(z: Float[Tensor, "nodes dim"]) -> Float[Tensor, "nodes dim"]:
    """Bring rows to length one; rows of zeros stay as they are, and slopes there are those of z itself.

    Example:
        >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    z = wide(z)
    square = z.square().sum(dim=1, keepdim=True)
    return z / torch.where(square > _SMALL**2, square, 1.0).sqrt()


def wide(x: Tensor) -> Tensor:
    """Return float32 for half precision, all else as it is."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _standard(z: Tensor) -> Tensor:
    """Give columns mean zero and length one; a column that does not vary becomes zero."""
    z = wide(z)
    z = z - z.mean(dim=0)
    return z / (z.square().sum(dim=0) + _FLAT).sqrt()


def _overlap(z: Tensor) -> Tensor:
    return (z.T @ z - torch.eye(z.shape[1], dtype=z.dtype, device=z.device)).square().sum()
