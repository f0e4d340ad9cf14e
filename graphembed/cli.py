"""The command line: parse, call the library, print. Data goes to stdout, talk to stderr.

Nothing heavy is imported before a command needs it, so ``graphembed --help`` answers at once.
Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 bad data, 130 interrupted.
"""

import json
import math
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphembed.errors import DataError
from graphembed.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from graphembed.encoders.protocol import Encoder

_LARGE = 50_000  # edges from which on all encoders on three splits take more than ten minutes on two cores
_SEED = click.IntRange(0, 2**32 - 1)
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_LABELLED = ("blogcatalog", "ppi", "wikipedia")
_PROTOCOLS = ("seal", "hits", "citation", "large", "lists")
_PROBED = ("cora", "citeseer", "amazon-photo")
_PARTS = ("walks", "skipgram", "text", "web", "sampling", "epochs")
ENCODERS = ("deepwalk", "node2vec", "line", "spectral", "netmf", "prone", "fastrp", "cleora", "sage", "gcn")
HEADS = ("pair scores", "ensemble", "refined_gae", "hlgnn", "maskgae", "ncn", "ncnc", "mplp")


class _BadData(click.ClickException):
    exit_code = 3


class _Group(click.Group):
    """Turns errors of the library into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (DataError, FileNotFoundError, PermissionError, IsADirectoryError) as error:
            if ctx.params.get("debug"):
                raise
            raise _BadData(str(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click knows what to do
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(f"{type(error).__name__}: {error} (graphembed --debug shows where)") from error


def _options(*, out: str | None) -> Callable[[Any], Any]:
    """Add the options that mean the same everywhere."""

    def decorate(function: Any) -> Any:
        wanted = [click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout instead of a table.")]
        if out:
            wanted += [
                click.option(
                    "--seed", default=0, show_default=True, type=_SEED, help="Everything random comes from it."
                ),
                click.option(
                    "--threads", type=click.IntRange(min=1), help="Threads to use; results do not depend on it."
                ),
                click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help=out),
                click.option("--force", is_flag=True, help="Overwrite the file if it exists."),
            ]
        for option in reversed(wanted):
            function = option(function)
        return function

    return decorate


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  graphembed link-prediction karate             compare encoders on a bundled graph
  graphembed link-prediction edges.tsv --out links.tsv
  graphembed embed edges.tsv --encoder node2vec --out vectors.tsv
  graphembed nearest vectors.tsv TP53
  graphembed datasets                           which graphs can be had by name
  graphembed bench speed                        how fast this is next to its peers

\b
Each command has its own --help. SOURCE is the name of a data set, a list of
edges (TSV, CSV or blanks; header, weights and .gz welcome), a .graphml or .gml
file, or - for a list of edges on standard input.""",
)
@click.version_option(__version__, prog_name="graphembed")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Turn graphs into vectors and answer questions with them: who is linked, who is near."""


@main.command("link-prediction", short_help="Compare encoders and heads, predict missing links.", epilog="""\b
Examples:
  graphembed link-prediction lesmis
  graphembed link-prediction edges.tsv --encoder node2vec --encoder sage --seeds 5
  graphembed link-prediction edges.csv --directed --out links.tsv -k 100
  graphembed link-prediction edges.csv --budget 120 --out links.tsv

\b
For each seed, some linked pairs are hidden; every method sees the same rest.
AUC is the chance that a hidden link scores above an unlinked pair; AP, MRR and
Hits@10 look at the top of the ranking. "degree" knows nothing but how many
links each node has: what is not above it has learnt nothing else. Heads need no
encoder: "pair scores" is a classifier over what is around two nodes, their own
link out of sight; "ensemble" adds a network that is trained on them. What is
best on the validation pairs predicts. --out also writes a .json beside the
links, with all scores and all that is needed to repeat them.""")  # fmt: skip
@click.argument("source")
@click.option(
    "--encoder", "encoders", multiple=True, type=click.Choice(ENCODERS), help="Which to compare; may be repeated. [all]"
)
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=click.Choice(HEADS),
    help="Which to compare; may be repeated.  [pair scores, ensemble]",
)
@click.option("--budget", type=click.FloatRange(min=0, min_open=True), help="Seconds to compare within.  [no end]")
@click.option(
    "--seeds", default=3, show_default=True, type=click.IntRange(min=1), help="How many splits to average over."
)
@click.option("--test", default=0.1, show_default=True, type=_SHARE, help="Share of links hidden for the test.")
@click.option("--valid", default=0.05, show_default=True, type=_SHARE, help="Share hidden for choosing.")
@click.option("--directed", is_flag=True, default=None, help="Read a list of edges as directed.")
@click.option("-k", type=click.IntRange(min=1), help="How many missing links to predict.  [20, or all there are]")
@_options(out="Write the predicted links here (.tsv, .csv or .parquet).")
def link_prediction(
    source: str,
    encoders: tuple[str, ...],
    heads: tuple[str, ...],
    budget: float | None,
    seeds: int,
    test: float,
    valid: float,
    directed: bool | None,
    k: int | None,
    seed: int,
    threads: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Compare encoders and heads with baselines on hidden links of SOURCE, and predict its missing ones."""
    from graphembed.bench.baselines import DEGREE
    from graphembed.bench.links import ENSEMBLE, PAIR_SCORES, compare, on_vectors
    from graphembed.bench.links import HEADS as METHODS
    from graphembed.datasets import read
    from graphembed.files import TABLES, write_table
    from graphembed.heads.head import check_number
    from graphembed.sampling.pairs import count_missing_links

    record = out.with_suffix(".json") if out else None
    _check_out(out, force, TABLES)
    _check_out(record, force, (".json",))
    if test + valid >= 1:
        raise click.UsageError(f"--test and --valid must leave links to learn from: together they are {test + valid:g}")
    with _threads(threads):
        graph = read(source, directed=directed)
        _say(f"{source}: {graph}")
        if (side := graph.data.get("part")) is not None:
            second = int(side.sum())
            _say(f"in two parts, of {len(side) - second} and {second} nodes: links are looked for between them only")
        if graph.num_edges > _LARGE and not encoders and budget is None:
            _say("a large graph: this takes many minutes; --budget 300 is a quicker first look")
        if k is None:
            k = min(20, count_missing_links(graph))
        else:
            check_number(k, graph)
        makers = {name: _maker(name) for name in dict.fromkeys(encoders or ENCODERS)}
        methods = list(dict.fromkeys(heads or (PAIR_SCORES, ENSEMBLE)))
        table = compare(graph, makers, methods, seeds=seeds, seed=seed, test=test, valid=valid, budget=budget)
        if table.skipped or len(table.seeds) < seeds:
            left = f", no time for {', '.join(table.skipped)}" if table.skipped else ""
            _say(f"the budget of {budget:g} s was enough for {len(table.seeds)} of {seeds} splits{left}")
        best = table.best([name for name in (*methods, *makers) if name not in table.skipped])
        _say(f"predicting with {best}, which has the best AUC on the validation pairs")
        method = METHODS[best] if best in METHODS else on_vectors(makers[best], table.pair(best))
        links = method(graph, None, None, seed).predict_links(k)
    splits = f"{len(table.seeds)} {'split' if len(table.seeds) == 1 else 'splits'}"
    summary = table.summary()
    found: dict[str, Any] = {"source": source, "graph": str(graph), "directed": directed, "test": test, "valid": valid}
    found |= {"seeds": table.seeds, "audit": table.leaks, "methods": summary.reset_index().to_dict("records")}
    found |= {"skipped": table.skipped, "predicted_with": best, "links": links.to_dict("records")}
    found |= {"scores": table.rows.to_dict("records"), "versions": _versions()}
    if out and record:
        write_table(links, out)
        record.write_text(_as_json(found) + "\n", encoding="utf-8")
        _say(f"wrote {len(links)} predicted links to {out}, and all that is needed to repeat them to {record}")
    if as_json:
        click.echo(_as_json(found))
        return
    hidden = f"{splits}, each with {table.hidden} hidden links to test on"
    click.echo(f"audit: {'; '.join(table.leaks) or 'no leaks'} in {hidden}\n")
    click.echo(_score_table(summary, DEGREE))
    click.echo(f"\nmost plausible missing links ({best} fitted on the whole graph):")
    click.echo(_plain_table(links.head(5 if out else k)))
    if table.leaks:
        raise click.ClickException("the splits leak, see the audit: do not trust these scores")


@main.command(short_help="Learn one vector for each node.", epilog="""\b
Examples:
  graphembed embed karate --encoder node2vec --out vectors.tsv
  graphembed embed edges.csv --encoder sage --seed 7 --out vectors.npz

\b
The suffix decides the format: .npz keeps everything, .tsv and .parquet are
tables, .w2v is what gensim reads.""")  # fmt: skip
@click.argument("source")
@click.option("--encoder", default="node2vec", show_default=True, type=click.Choice(ENCODERS), help="What learns.")
@click.option("--dim", type=click.IntRange(min=1), help="Length of a vector.  [128, for GNNs 64]")
@click.option("--directed", is_flag=True, default=None, help="Read a list of edges as directed.")
@_options(out="Where to write the vectors (.npz, .tsv, .parquet or .w2v).")
def embed(
    source: str,
    encoder: str,
    dim: int | None,
    directed: bool | None,
    seed: int,
    threads: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Learn one vector for each node of SOURCE and write them to a file."""
    if out is None:
        raise click.UsageError("Missing option '--out': where to write the vectors, e.g. --out vectors.tsv")
    from graphembed.datasets import read
    from graphembed.files import EMBEDDINGS, write_embedding

    _check_out(out, force, EMBEDDINGS)
    with _threads(threads):
        graph = read(source, directed=directed)
        _say(f"{source}: {graph}")
        embedding = _maker(encoder, dim)(seed).fit_transform(graph)
    write_embedding(embedding, out)
    _say(f"wrote {len(embedding)} vectors of {embedding.shape[1]} numbers to {out}")
    if as_json:
        _print_json({"out": str(out), "items": len(embedding), "dim": embedding.shape[1], "made_by": embedding.source})


@main.command(short_help="Print the names nearest to one.", epilog="""\b
Example:
  graphembed nearest vectors.tsv Valjean -k 5""")  # fmt: skip
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("-k", default=10, show_default=True, type=click.IntRange(min=1), help="How many.")
@_options(out=None)
def nearest(file: Path, name: str, k: int, as_json: bool) -> None:
    """Print the names in FILE whose vectors are nearest to NAME's, by cosine similarity."""
    from graphembed.files import read_embedding

    found = read_embedding(file).nearest(name, k)
    if as_json:
        _print_json([{"name": other, "cosine": cosine} for other, cosine in found])
        return
    for other, cosine in found:
        click.echo(f"{other}\t{cosine:.4f}")


@main.command(short_help="List the graphs that can be had by name.", epilog="""\b
Examples:
  graphembed datasets
  GRAPHEMBED_DATA=~/data graphembed link-prediction cora""")  # fmt: skip
@_options(out=None)
def datasets(as_json: bool) -> None:
    """List the graphs that can be had by name."""
    from graphembed.datasets import BUNDLED, PUBLIC, card

    cards = [{"name": name, **card(name)} for name in BUNDLED]
    if as_json:
        _print_json({"bundled": cards, "public": list(PUBLIC)})
        return
    click.echo("bundled:")
    for about in cards:
        click.echo(f"  {about['name']:<11}{about['nodes']:>5} nodes {about['edges']:>5} edges   {about['title']}")
    click.echo(f"\nread from the folder GRAPHEMBED_DATA names, if they are there:\n  {', '.join(PUBLIC)}")


@main.group(short_help="Compare speed and quality with peers.", epilog="""\b
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
@click.option("--seed", default=0, show_default=True, type=_SEED, help="Of the split of the links.")
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
@click.option("--seed", default=0, show_default=True, type=_SEED, help="Everything random comes from it.")
def labels(names: tuple[str, ...], shuffles: int, seed: int) -> None:
    """Print F1 scores of encoders and of trivial baselines on the labels of public data sets."""
    from graphembed.bench.labels import public

    for name in names or _LABELLED:
        table = public(name, shuffles, seed).round(4)
        click.echo(f"{name}\n{_plain_table(table)}\n")


@bench.command(short_help="Link prediction by published protocols.", epilog="""\b
Examples:
  GRAPHEMBED_DATA=~/data graphembed bench links seal --graph usair --seeds 10
  GRAPHEMBED_DATA=~/data graphembed bench links citation

\b
Protocols: seal (90/10; AUC), hits (70/10/20; Hits@50), citation (85/5/10; AUC,
AP, Hits@100, HeaRT MRR, calibration), large (85/5/10; MRR) and lists (85/5/10;
MRR among all nodes). Each table has the default head, its members, and scores
that need no training; seconds and memory are those of one split.""")  # fmt: skip
@click.argument("protocols", nargs=-1, type=click.Choice(_PROTOCOLS))
@click.option("--graph", "graphs", multiple=True, help="Which of the protocol's graphs; may be repeated. [all]")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(min=1), help="How many splits.")
@click.option("--seed", default=0, show_default=True, type=_SEED, help="The first.")
def links(protocols: tuple[str, ...], graphs: tuple[str, ...], seeds: int, seed: int) -> None:
    """Print the default head next to baselines and published figures, one table a graph."""
    from graphembed.bench.protocols import PROTOCOLS, summary, table

    for name in protocols or _PROTOCOLS:
        protocol = PROTOCOLS[name]
        if unknown := [graph for graph in graphs if graph not in protocol.graphs]:
            raise click.UsageError(f"{name} has no graph {unknown[0]!r}; it has: {', '.join(protocol.graphs)}")
        for graph in graphs or protocol.graphs:
            found = list(table(name, graph, seeds, seed))
            click.echo(f"{name}, {graph}, {seeds} {'split' if seeds == 1 else 'splits'}")
            click.echo(_plain_table(summary(found, protocol, graph).reset_index(names="method")) + "\n")


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
@click.option("--seed", default=0, show_default=True, type=_SEED, help="The first.")
def probe(names: tuple[str, ...], seeds: int, first: bool, seed: int) -> None:
    """Print the accuracy of objectives, raw features and smoothed features on public data sets."""
    from graphembed.bench.pretraining import encoders
    from graphembed.bench.probe import compare, summary
    from graphembed.datasets import load

    for name in names or _PROBED:
        makers = dict(list(encoders(name).items())[: 1 if first else None])
        table = summary(compare(load(name), makers, seeds=seeds, seed=seed)).round(4).reset_index()
        click.echo(f"{name}\n{_plain_table(table)}\n")


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
        _say(f"wrote {out}")


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


def _maker(name: str, dim: int | None = None) -> "Callable[[int], Encoder]":
    from graphembed.encoders import recipes

    settings = {} if dim is None else {"dim": dim}

    def make(seed: int) -> "Encoder":
        encoder: Encoder = getattr(recipes, name)(seed=seed, **settings)
        return encoder

    return make


def _threads(count: int | None) -> AbstractContextManager[None]:
    if count is None:
        return nullcontext()
    from graphembed.parallel import threads

    try:
        return threads(count)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--threads") from error


def _check_out(out: Path | None, force: bool, formats: tuple[str, ...]) -> None:
    """Refuse an output that cannot be written before any work is done."""
    if out is None:
        return
    from graphembed.files import check_writable

    try:
        check_writable(out, formats)
    except DataError as error:
        raise click.BadParameter(str(error), param_hint="--out") from error
    if out.exists() and not force:
        raise click.UsageError(f"{out} exists; choose another name or overwrite it with --force")


def _score_table(summary: "pd.DataFrame", degree: str) -> str:
    """Lay out mean and spread of each score, with the lift over degree alone."""
    scores = [name for name in summary.columns if f"{name} sd" in summary.columns and name != "seconds"]
    lines = [["method", *scores, "lift over degree", "seconds"]]
    for method, row in summary.iterrows():
        cells = [
            f"{row[name]:.3f}" + (f" ± {row[f'{name} sd']:.3f}" if row[f"{name} sd"] == row[f"{name} sd"] else "")
            for name in scores
        ]
        lines.append([str(method), *cells, f"{row['AUC'] - summary.loc[degree, 'AUC']:+.3f}", f"{row['seconds']:.1f}"])
    return _columns(lines)


def _plain_table(frame: "pd.DataFrame") -> str:
    rows = [
        [str(cell) if isinstance(cell, str) else f"{cell:.3f}" for cell in row] for row in frame.to_numpy().tolist()
    ]
    return _columns([list(frame.columns), *rows])


def _columns(lines: list[list[str]]) -> str:
    """Align columns: those of numbers to the right, all others to the left."""
    columns = list(zip(*lines, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(cell[:1] in "+-0123456789" for cell in column[1:]) for column in columns]
    right[0] = False  # names, be they numbers
    layout = [f"{{:{'>' if flush else '<'}{width}}}" for flush, width in zip(right, widths, strict=True)]
    return "\n".join("  ".join(layout).format(*line).rstrip() for line in lines)


def _print_json(value: Any) -> None:
    click.echo(_as_json(value))


def _as_json(value: Any) -> str:
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)


def _versions() -> dict[str, str]:
    """Return those of what results depend on."""
    packages = ("graphembed", "numpy", "numba", "scikit-learn", "torch", "torch-geometric")
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in packages}


def _finite(value: Any) -> Any:
    """Write what JSON has no word for, the spread over one seed, as null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
