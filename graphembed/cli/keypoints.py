"""`graphembed keypoints`: who is who among the joints that were seen in pictures."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from graphembed.cli.common import check_out, options, plain_table, print_json, say, using

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from graphembed.embedding import Embedding
    from graphembed.recast.people import Keypoints

_DECODERS = ("partition", "greedy", "assignment")
_PICTURES = (".png", ".pdf", ".svg")
_DRAWN, _LISTED = 4, 20


@click.command(short_help="Group the keypoints of people in pictures.", epilog="""\b
Examples:
  graphembed keypoints people.json
  graphembed keypoints people.json --plot people.png --image 397133
  graphembed keypoints found.json --tune labelled.json.gz --out grouped.json

\b
FILE is COCO's JSON: ground truth (its people are not looked at, but compared
with what is found) or a results array; it may be gzipped. What is known of
people comes from drawn crowds, and from the pictures that --tune names.""")  # fmt: skip
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tune", type=click.Path(path_type=Path), help="Learn from the people in this file, too (minutes).")
@click.option("--decoder", default="partition", show_default=True, type=click.Choice(_DECODERS), help="Who decides.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw people and tags (.png, .pdf, .svg)."
)
@click.option("--image", "images", multiple=True, type=int, help="Which to draw.  [the four with most people]")
@options(out="Write who was found here, as COCO's results (.json or .json.gz).")
def keypoints(
    file: Path,
    tune: Path | None,
    decoder: str,
    plot: Path | None,
    images: tuple[int, ...],
    seed: int,
    threads: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Group the points in FILE into people, and print how many there are."""
    from graphembed.metrics.groups import scores
    from graphembed.recast import draw, read_coco, write_results

    check_out(out, force, (".json", ".gz"))
    check_out(plot, force, _PICTURES)
    seen = read_coco(file)
    say(f"{file}: {seen}" + (f", {seen.crowds} groups marked as crowds left out" if seen.crowds else ""))
    with using(threads):
        groups, sure, tags = _grouped(seen, None if tune is None else read_coco(tune), decoder, seed)
    table = (
        seen.points.assign(group=groups)
        .groupby("image", sort=False)["group"]
        .agg(people=lambda of: of[of >= 0].nunique(), points="size", alone=lambda of: int((of < 0).sum()))
    )
    if out:
        say(f"wrote {write_results(seen, out, groups, sure)} people to {out}")
    if plot:
        shown = list(images) or table["people"].nlargest(_DRAWN).index.tolist() or seen.images["image"][:1].tolist()
        draw.draw_groups(seen, groups, shown, tags.values).savefig(plot)
        say(f"wrote {plot}")
    person = seen.points["person"].to_numpy()
    known = {}
    if (person >= 0).any():
        known = scores(seen.points["image"].to_numpy(), person, groups, seen.points["joint"].to_numpy())
    total = {"people": int(table["people"].sum()), "images": len(seen.images), "points": len(seen.points)}
    if as_json:
        print_json({**total, "score": known, "by image": table.reset_index().to_dict("records")})
        return
    click.echo(plain_table(table.reset_index().head(_LISTED)))
    if len(table) > _LISTED:
        click.echo(f"... and {len(table) - _LISTED} more images (--json lists all)")
    click.echo("\n{people} people in {images} images, of {points} points".format(**total))
    if known:
        click.echo("against the people in the file: " + "  ".join(f"{key} {value:.3f}" for key, value in known.items()))


def _grouped(
    seen: "Keypoints", known: "Keypoints | None", decoder: str, seed: int
) -> "tuple[NDArray[np.int64], NDArray[np.float64], Embedding]":
    """Return the person of each point, how sure it is, and the tags."""
    import numpy as np

    from graphembed.encoders.tags import people_tags
    from graphembed.errors import DataError
    from graphembed.heads.groups import Groups
    from graphembed.recast import COCO, keypoint_graph

    for given in (seen, known):
        if given is not None and given.skeleton.joints != COCO.joints:
            raise DataError(
                f"people are known by COCO's {len(COCO.joints)} joints, the file has {len(given.skeleton.joints)} "
                f"others: {', '.join(given.skeleton.joints[:3])} ..."
            )
    graph = keypoint_graph(seen)
    tags = people_tags(0).fit(graph) if known is None else people_tags(seed=seed).fit(keypoint_graph(known))
    z = tags.transform(graph)
    head = Groups(decoder).fit(z, graph, tags.log_odds(graph) if decoder == "partition" else None)
    sure = np.append(head.people()["score"].to_numpy(np.float64), 0.0)  # the last is that of nobody
    return head.groups_, sure[head.groups_], z
