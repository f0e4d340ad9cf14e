"""`graphembed bench`: speed and quality next to peers and baselines."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from graphembed.cli.common import SEED, plain_table, say

_LABELLED = ("blogcatalog", "ppi", "wikipedia")
PROTOCOLS = ("seal", "hits", "citation", "large", "lists")
_PROBED = ("cora", "citeseer", "amazon-photo")
_GROUPED = ("football", "polbooks", "polblogs", "email-eu-core", "cora", "citeseer", "amazon-photo")
_AIRPORTS = ("brazil-airports", "europe-airports")
_MANY = ("mutag", "proteins", "imdb-binary")
_JUDGED = ("air", "orbits", "tiling")
_PEOPLE = ("real", "crowds")
_OF_PEOPLE = ("F1", "exact", "ARI", "count error", "AP", "violations")
_COUNT = click.IntRange(min=1)
_PARTS = ("walks", "skipgram", "text", "web", "sampling", "epochs")


@click.group(short_help="Compare speed and quality with peers.", epilog="""\b
Example:
  graphembed bench speed --part walks --rounds 3""")  # fmt: skip
def bench() -> None:
    """Measure speed and quality next to peers and baselines, in one run; takes minutes."""


@bench.command(short_help="Walks, skip-gram, text, memory, samplers.", epilog="""\b
Examples:
  graphembed bench speed --part walks
  GRAPHEMBED_DATA=~/data graphembed bench speed --part skipgram --rounds 3

\b
Peers that are compared if they are installed: ensmallen (grape), gensim, DGL;
PyG's own layers.
A ratio is the peer's time over ours, for the same work, the median of the
rounds (least to most).""")  # fmt: skip
@click.option("--part", "parts", multiple=True, type=click.Choice(_PARTS), help="Which to run; may be repeated. [all]")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1), help="Medians of how many.")
@click.option(
    "--graphs", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Read S, T and C.npz from here."
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of the split of the links.")
def speed(parts: tuple[str, ...], rounds: int, graphs: Path | None, seed: int) -> None:
    """Print our speed and its ratio to that of peers, row by row."""
    from graphembed.bench import speed as benchmark
    from graphembed.bench.epochs import epochs
    from graphembed.bench.graphs import GRAPHS
    from graphembed.bench.sampling import sampling

    makers = {name: partial(benchmark.load_graph, name, graphs) if graphs else GRAPHS[name] for name in GRAPHS}
    runs: dict[str, Callable[[], Any]] = {
        "walks": lambda: benchmark.walks(rounds, makers),
        "skipgram": lambda: benchmark.skipgram(rounds, makers, seed),
        "text": lambda: benchmark.text(rounds),
        "web": benchmark.web,
        "sampling": lambda: sampling(rounds, makers),
        "epochs": lambda: epochs(rounds, makers),
    }
    for part in parts or _PARTS:
        for row in runs[part]():
            click.echo(_facts(row))


@bench.command(short_help="Find the labels of nodes.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench labels ppi

\b
One-vs-rest logistic regression learns from a share of the nodes and is told
how many labels each other node has; means over random choices of the share.""")  # fmt: skip
@click.argument("names", nargs=-1, type=click.Choice(_LABELLED))
@click.option("--shuffles", default=10, show_default=True, type=click.IntRange(min=2), help="Choices of the share.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Everything random comes from it.")
def labels(names: tuple[str, ...], shuffles: int, seed: int) -> None:
    """Print F1 scores of encoders and of trivial baselines on the labels of public data sets."""
    from graphembed.bench.labels import public

    for name in names or _LABELLED:
        table = public(name, shuffles, seed).round(4)
        click.echo(f"{name}\n{plain_table(table)}\n")


@bench.command(short_help="Link prediction by published protocols.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench links seal --graph usair --seeds 10
  GRAPHEMBED_DATA=~/data graphembed bench links citation

\b
Protocols: seal (90/10; AUC), hits (70/10/20; Hits@50), citation (85/5/10; AUC,
AP, Hits@100, HeaRT MRR, calibration), large (85/5/10; MRR) and lists (85/5/10;
MRR among all nodes). Each table has the default head, its members, and scores
that need no training; seconds and memory are those of one split.""")  # fmt: skip
@click.argument("protocols", nargs=-1, type=click.Choice(PROTOCOLS))
@click.option("--graph", "graphs", multiple=True, help="Which of the protocol's graphs; may be repeated. [all]")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(min=1), help="How many splits.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="The first.")
def links(protocols: tuple[str, ...], graphs: tuple[str, ...], seeds: int, seed: int) -> None:
    """Print the default head next to baselines and published figures, one table a graph."""
    from graphembed.bench.protocols import PROTOCOLS, summary, table

    for name in protocols or PROTOCOLS:
        protocol = PROTOCOLS[name]
        if unknown := [graph for graph in graphs if graph not in protocol.graphs]:
            raise click.UsageError(f"{name} has no graph {unknown[0]!r}; it has: {', '.join(protocol.graphs)}")
        for graph in graphs or protocol.graphs:
            found = list(table(name, graph, seeds, seed))
            click.echo(f"{name}, {graph}, {seeds} {'split' if seeds == 1 else 'splits'}")
            click.echo(plain_table(summary(found, protocol, graph).reset_index(names="method")) + "\n")


@bench.command(short_help="What a linear probe reads off vectors.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench probe cora --seeds 20 --first

\b
Encoders learn without labels; a logistic regression learns the classes of a
few nodes from their vectors and is chosen on others. Baselines: the features
as they are, and smoothed along the edges (S^4 X).""")  # fmt: skip
@click.argument("names", nargs=-1, type=click.Choice(_PROBED))
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=2), help="How many to average over.")
@click.option("--first", is_flag=True, help="Only the encoder whose settings were chosen on validation nodes.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="The first.")
def probe(names: tuple[str, ...], seeds: int, first: bool, seed: int) -> None:
    """Print the accuracy of objectives, raw features and smoothed features on public data sets."""
    from graphembed.bench.pretraining import encoders
    from graphembed.bench.probe import compare, summary
    from graphembed.datasets import load

    for name in names or _PROBED:
        makers = dict(list(encoders(name).items())[: 1 if first else None])
        table = summary(compare(load(name), makers, seeds=seeds, seed=seed)).round(4).reset_index()
        click.echo(f"{name}\n{plain_table(table)}\n")


@bench.command(short_help="Who plays the same part.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench roles air
  graphembed bench roles orbits tiling

\b
air: the quarter of activity of airports, read off vectors; differences to log
degree alone are paired over the splits. orbits: are the vectors of the nodes
of an orbit, and only those, equal? tiling: the star of each vertex of a Penrose
tiling.""")  # fmt: skip
@click.argument("parts", nargs=-1, type=click.Choice(_JUDGED))
@click.option("--splits", default=50, show_default=True, type=click.IntRange(min=2), help="Of the airports.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of splits and encoders.")
def roles(parts: tuple[str, ...], splits: int, seed: int) -> None:
    """Print how well encoders see roles, next to degree alone."""
    from graphembed.bench import roles as benchmark

    for part in parts or _JUDGED:
        if part == "air":
            for name in _AIRPORTS:
                click.echo(f"{name}, {splits} splits\n{plain_table(benchmark.air(name, splits, seed))}\n")
        else:
            click.echo(f"{part}\n{plain_table(getattr(benchmark, part)(seed=seed))}\n")


@bench.command(short_help="Who belongs together.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench communities football --seeds 5
  graphembed bench communities threshold --out threshold.png

\b
Encoders x clusterers next to Leiden and Louvain on the edges: accuracy, NMI,
ARI and modularity. threshold: sparse planted groups on both sides of the line
below which nobody finds them.""")  # fmt: skip
@click.argument("names", nargs=-1, type=click.Choice((*_GROUPED, "threshold")))
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(min=1), help="How many to average over.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="The first.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Draw the threshold here (.png, .pdf).")
def communities(names: tuple[str, ...], seeds: int, seed: int, out: Path | None) -> None:
    """Print how well communities are found, one table a graph."""
    from graphembed.bench import communities as benchmark

    for name in names or (*_GROUPED, "threshold"):
        if name == "threshold":
            found = benchmark.threshold(seeds=seeds, seed=seed)
            click.echo(f"threshold, {seeds} graphs each\n{plain_table(found)}\n")
            if out:
                benchmark.draw(found).figure.savefig(out)
                say(f"wrote {out}")
            continue
        table = benchmark.summary(list(benchmark.table(name, seeds, seed)), name)
        click.echo(f"{name}, {seeds} {'seed' if seeds == 1 else 'seeds'}")
        click.echo(plain_table(table.reset_index(names="method")) + "\n")


@bench.command(short_help="Who is who among keypoints.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench keypoints real --seeds 5
  graphembed bench keypoints crowds --out overlap.png
  graphembed bench keypoints crowds --people 1 4

\b
real: COCO's people, half of the images to learn from, the other half asked;
clean points and noisy ones; tags with three decoders next to limbs, spectral
clustering that is told how many people there are, and others. crowds: people
who were drawn, more and more piled up.""")  # fmt: skip
@click.argument("parts", nargs=-1, type=click.Choice(_PEOPLE))
@click.option("--file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Real people, as COCO JSON.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(min=1), help="Splits to average over.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="The first.")
@click.option("--people", default=(2, 8), show_default=True, type=(_COUNT, _COUNT), help="In a drawn crowd.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Draw the crowds' curve here (.png, .pdf)."
)
def keypoints(
    parts: tuple[str, ...], file: Path | None, seeds: int, seed: int, people: tuple[int, int], out: Path | None
) -> None:
    """Print how well points are grouped into people, one table a score."""
    from graphembed.bench import keypoints as benchmark
    from graphembed.bench.people import summary
    from graphembed.recast.coco import read_coco

    for part in parts or _PEOPLE:
        if part == "crowds":
            found = benchmark.overlap(people=people, seed=seed)
            for score in ("F1", "exact"):
                table = found.pivot_table(index="method", columns="overlap", values=score, sort=False).round(3)
                table.columns = [str(level) for level in table.columns]
                click.echo(f"crowds, {score} by overlap\n{plain_table(table.reset_index())}\n")
            if out:
                benchmark.draw(found).figure.savefig(out)
                say(f"wrote {out}")
            continue
        rows = benchmark.real(read_coco(file or benchmark.subset()), seeds, seed)
        for score in _OF_PEOPLE:
            table = summary(rows, score)
            table.columns = [", ".join(name) for name in table.columns]
            click.echo(f"real, {score}, {seeds} {'split' if seeds == 1 else 'splits'}")
            click.echo(plain_table(table.reset_index()) + "\n")
        say(rows.groupby("method", sort=False)["seconds"].mean().round(1).to_string())


@bench.command(short_help="Classes of whole graphs, ten folds.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench graphs mutag
  graphembed bench graphs proteins --method Weisfeiler-Lehman

\b
Frozen vectors and a linear classifier, chosen inside the nine folds it learns
from; a supervised GIN by the best average epoch, as papers report it, and by
an epoch chosen on graphs held out. All of it takes an hour.""")  # fmt: skip
@click.argument("names", nargs=-1, type=click.Choice(_MANY))
@click.option("--method", "only", multiple=True, help="Which rows; may be repeated. [all]")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of everything but the folds.")
def graphs(names: tuple[str, ...], only: tuple[str, ...], seed: int) -> None:
    """Print the accuracy of readouts and networks on the literature's ten folds."""
    from graphembed.bench import wholes

    known = (*wholes.methods(seed), wholes.GIN)
    if unknown := [method for method in only if method not in known]:
        raise click.UsageError(f"there is no method {unknown[0]!r}; there are: {', '.join(known)}")
    for name in names or _MANY:
        found = wholes.summary(list(wholes.table(name, seed, only)))
        click.echo(f"{name}, ten folds\n{plain_table(found)}\n")


@bench.command(short_help="Stacks of 2 to 64 layers.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench depth --out depth.png
  graphembed bench depth --arm "last layer" --arm jump --depth 2 --depth 32

\b
Accuracy on Cora's public split, and how alike the last layer makes the nodes:
mean average distance, Dirichlet energy, effective rank. All of it takes hours.""")  # fmt: skip
@click.option("--arm", "arms", multiple=True, help="Which way of stacking; may be repeated. [all]")
@click.option("--depth", "depths", multiple=True, type=click.IntRange(min=1), help="Layers. [2 4 8 16 32 64]")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1), help="How many to average over.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Draw the curves here (.png, .pdf, .svg).")
def depth(arms: tuple[str, ...], depths: tuple[int, ...], seeds: int, out: Path | None) -> None:
    """Print how accuracy and diversity of nodes change with depth, row by row."""
    from graphembed.bench.depth import ARMS, DEPTHS, draw, sweep
    from graphembed.datasets import load

    if unknown := [arm for arm in arms if arm not in ARMS]:
        raise click.UsageError(f"there is no arm {unknown[0]!r}; there are: {', '.join(ARMS)}")
    rows = []
    for row in sweep(load("cora"), {name: ARMS[name] for name in arms or ARMS}, depths or DEPTHS, seeds=seeds):
        rows.append(row)
        click.echo(
            "  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{value}" for key, value in row.items())
        )
    if out:
        draw(rows).savefig(out)
        say(f"wrote {out}")


def _facts(row: dict[str, Any]) -> str:
    """Lay out one row of a benchmark: what, then its figures by name."""
    row = dict(row)
    what, peer = row.pop("what"), row.pop("peer", None)
    ratio = None
    if "ratio" in row:
        ratio = f"{row.pop('ratio'):.1f} times {peer} ({row.pop('least'):.1f} to {row.pop('most'):.1f})"
    elif peer and "skipped" in peer:
        ratio = peer
    figures = [f"{name} {value:.3f}" if abs(value) < 1 else f"{name} {value:.2f}" for name, value in row.items()]
    return "  ".join([f"{what:<32}", *figures, *([ratio] if ratio else [])]).rstrip()
