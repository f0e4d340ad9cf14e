"""Encoders for the linear probe, one per objective, with settings for three data sets.

No objective sees a label. Decorrelation begins with the settings of its authors; the share of edges that views lose
(one for both citation graphs, 0.4 or 0.6), steps and epochs were chosen on validation nodes. The others have settings
near those of their papers, few epochs, and for each the better of two or three settings on Cora's validation nodes:
they show what a minute on one core gives, not what the objective can do.
"""

from collections.abc import Callable
from functools import partial

from graphembed.encoders.inductive import Inductive
from graphembed.nn.stack import ConvStack
from graphembed.objectives import (
    Bootstrap,
    Contrast,
    Decorrelation,
    Infomax,
    LinkReconstruction,
    MaskedFeatures,
    Objective,
    Triplets,
    VariationalLinks,
)
from graphembed.training import Training, seeded

# Data set: layers, objective, training.
_DECORRELATION = {
    "cora": (2, Decorrelation(1e-3, (0.6, 0.6), (0.1, 0.1)), Training(epochs=50, lr=1e-3)),
    "citeseer": (1, Decorrelation(5e-4, (0.6, 0.6), (0.0, 0.0)), Training(epochs=20, lr=1e-3)),
    "amazon-photo": (2, Decorrelation(1e-3, (0.3, 0.3), (0.0, 0.0)), Training(epochs=15, lr=2e-3)),
}
_OTHERS: dict[str, tuple[int, int, bool, Objective, Training]] = {  # layers, width, relu at the end, ...
    "links (GAE)": (2, 256, False, LinkReconstruction(), Training(epochs=60, lr=1e-3)),
    "links (VGAE)": (2, 256, False, VariationalLinks(), Training(epochs=60, lr=1e-3)),
    "triplets": (2, 256, False, Triplets(), Training(epochs=60, lr=1e-3)),
    "infomax (DGI)": (1, 512, True, Infomax(), Training(epochs=100, lr=1e-3)),
    "contrast (GRACE)": (2, 128, False, Contrast(0.4, count=32), Training(epochs=60, lr=2e-3)),
    "bootstrap (BGRL)": (2, 256, False, Bootstrap(), Training(epochs=100, lr=1e-3)),
    "masked features (GraphMAE)": (2, 256, True, MaskedFeatures(), Training(epochs=100, lr=1e-3)),
}
DATASETS = tuple(_DECORRELATION)


def encoders(dataset: str) -> dict[str, Callable[[int], Inductive]]:
    """Return for each objective the function that makes its encoder from a seed: for `graphembed.bench.probe.compare`.

    Args:
        dataset: ``"cora"``, ``"citeseer"`` or ``"amazon-photo"``.

    Raises:
        ValueError: There are no settings for this data set.

    Example:
        >>> list(encoders("cora"))[0]
        'decorrelation (CCA-SSG)'
    """
    if dataset not in DATASETS:
        raise ValueError(f"there are settings for {', '.join(DATASETS)}, not for {dataset!r}")
    layers, objective, training = _DECORRELATION[dataset]
    settings = {"decorrelation (CCA-SSG)": (layers, 512, False, objective, training), **_OTHERS}
    return {name: partial(_make, *setting) for name, setting in settings.items()}


def _make(layers: int, width: int, end: bool, objective: Objective, training: Training, seed: int) -> Inductive:
    with seeded(seed):  # parameters are drawn anew in fit; this only keeps the global generator as it was
        module = ConvStack(-1, width, width, layers, end=end)
    return Inductive(module, objective, training=training, seed=seed, progress=False)
