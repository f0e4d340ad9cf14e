"""Our tags with each decoder next to baselines: on real images, and on crowds that overlap more and more.

Real images are split and judged as `graphembed.bench.people` says. Tags are tuned once for each split, on the clean
points of the half to learn from; noise is mixed in while they learn. Settings were chosen on a part of the half to
learn from of split 100, which is not reported.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.bench.cost import measured
from graphembed.bench.limbs import BASELINES
from graphembed.bench.people import NOISE, halves, judged, table
from graphembed.datasets.crowds import crowd
from graphembed.encoders.tags import Tags, people_tags
from graphembed.heads.groups import DECODERS, Groups
from graphembed.metrics.groups import scores
from graphembed.recast.keypoints import disturbed, keypoint_graph
from graphembed.recast.people import Keypoints

SUBSET = Path("keypoints") / "coco_val2017_subset" / "person_keypoints_val2017.json.gz"
LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9)
_SLOW = (
    "spectral, true number",
    "average linkage",
    "one person",
    "true people",
)  # baselines that the crowds are not asked of
_Found = Callable[[Keypoints], NDArray[np.int64]]


def subset() -> Path:
    """Return where the images of COCO's validation set are, in ``GRAPHEMBED_DATA``.

    Raises:
        FileNotFoundError: They are not there.
    """
    path = Path(os.environ.get("GRAPHEMBED_DATA", "")) / SUBSET
    if not path.is_file():
        raise FileNotFoundError(f"real images need {SUBSET} in the folder that GRAPHEMBED_DATA names, or give a file")
    return path


def real(
    keypoints: Keypoints, seeds: int = 5, first: int = 0, tags: Callable[[int], Tags] | None = None
) -> pd.DataFrame:
    """Compare on real images.

    Args:
        keypoints: With the true people.
        seeds: How many splits.
        first: Seed of the first.
        tags: Makes the encoder from a seed; by default `people_tags`.

    Returns:
        A row for each method, split, noise and kind of image, as from `graphembed.bench.people.table`. The seconds of
        tags are those of learning, tagging and decoding.
    """
    make = tags or (lambda seed: people_tags(seed=seed))
    ours = [frame for seed in range(first, first + seeds) for frame in _of_split(keypoints, make, seed)]
    return pd.concat([table(keypoints, BASELINES, seeds, first), *ours], ignore_index=True)


def _of_split(keypoints: Keypoints, make: Callable[[int], Tags], seed: int) -> Iterator[pd.DataFrame]:
    learn, true = halves(keypoints, seed)
    tags, spent = measured(lambda: make(seed).fit(keypoint_graph(learn)))
    for noise, rates in NOISE.items():
        asked = disturbed(true, **rates, seed=2 * seed + 1)
        for name, found in decoded(tags).items():
            groups, cost = measured(lambda: found(asked))  # noqa: B023  # called at once
            about = {"method": name, "seed": seed, "noise": noise, "seconds": spent.seconds + cost.seconds}
            yield judged(groups, asked, true).reset_index().assign(**about)


def decoded(tags: Tags) -> dict[str, _Found]:
    """Return what groups points by trained tags, one for each decoder."""
    return {f"tags, {decoder}": lambda asked, decoder=decoder: group(tags, asked, decoder) for decoder in DECODERS}  # type: ignore[misc]


def group(tags: Tags, asked: Keypoints, decoder: str = "partition") -> NDArray[np.int64]:
    """Return the person of each point, numbered over all images; -1 for nobody's."""
    graph = keypoint_graph(asked)
    log_odds = tags.log_odds(graph) if decoder == "partition" else None
    return Groups(decoder).fit(tags.transform(graph), graph, log_odds).groups_


def overlap(
    levels: Sequence[float] = LEVELS,
    images: int = 100,
    people: tuple[int, int] = (2, 8),
    seed: int = 0,
    tags: Tags | None = None,
    baselines: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Group crowds that overlap more and more.

    Args:
        levels: Of overlap, see `graphembed.datasets.crowds.crowd`.
        images: At each level, to learn from and to be asked. Baselines learn lengths and reaches from crowds of the
            same level; tags know crowds of all levels, and are not tuned.
        people: Least and largest number of people in an image.
        seed: Everything random comes from it.
        tags: Trained; by default what `people_tags` starts from.
        baselines: As in `graphembed.bench.limbs.BASELINES`, by default those that take seconds.

    Returns:
        A row for each method and level: ``method``, ``overlap``, and `graphembed.metrics.groups.scores`.
    """
    known = {name: make for name, make in BASELINES.items() if name not in _SLOW} if baselines is None else baselines
    rows = []
    for at, level in enumerate(levels):
        learn, asked = (crowd(images, people, level, seed=2000 + 100 * seed + 2 * at + side) for side in (0, 1))
        trained = tags or people_tags(0).fit(keypoint_graph(learn))
        methods = {**{name: make(learn) for name, make in known.items()}, **decoded(trained)}
        image, person, joint = (asked.points[name].to_numpy() for name in ("image", "person", "joint"))
        for name, found in methods.items():
            rows.append({"method": name, "overlap": level, **scores(image, person, found(asked), joint)})
    return pd.DataFrame(rows)


def draw(rows: pd.DataFrame, figure: str = "exact", ax: Any = None) -> Any:
    """Draw a score of `overlap` against the overlap, a line for each method; returns matplotlib's axes.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if ax is None:
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError('drawing needs matplotlib: pip install "graphembed[plot]"') from error
        ax = Figure(figsize=(5.5, 3.8), layout="constrained").subplots()
    for name, line in rows.groupby("method", sort=False):
        ours = str(name).startswith("tags")
        ax.plot(line["overlap"], line[figure], marker="o" if ours else ".", linestyle="-" if ours else "--", label=name)
    ax.set(xlabel="overlap", ylabel={"exact": "share of people grouped exactly"}.get(figure, figure), ylim=(0, 1.02))
    ax.legend(fontsize="small")
    return ax
