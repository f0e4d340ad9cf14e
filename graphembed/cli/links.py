"""`graphembed link-prediction`: compare encoders and heads, predict missing links."""

import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphembed.cli.common import (
    DIRECTED,
    ENCODERS,
    check_out,
    columns,
    json_text,
    maker,
    options,
    plain_table,
    read_source,
    say,
    using,
)

if TYPE_CHECKING:
    import pandas as pd

_LARGE = 50_000  # edges from which on all encoders on three splits take more than ten minutes on two cores
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
HEADS = ("pair scores", "ensemble", "refined_gae", "hlgnn", "maskgae", "ncn", "ncnc", "mplp")


@click.command("link-prediction", short_help="Compare encoders and heads, predict missing links.", epilog="""\b
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
@DIRECTED
@click.option("-k", type=click.IntRange(min=1), help="How many missing links to predict.  [20, or all there are]")
@options(out="Write the predicted links here (.tsv, .csv or .parquet).")
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
    from graphembed.files import TABLES, write_table
    from graphembed.heads.head import check_number
    from graphembed.sampling.pairs import count_missing_links

    record = out.with_suffix(".json") if out else None
    check_out(out, force, TABLES)
    check_out(record, force, (".json",))
    if test + valid >= 1:
        raise click.UsageError(f"--test and --valid must leave links to learn from: together they are {test + valid:g}")
    with using(threads):
        graph = read_source(source, directed)
        if (side := graph.data.get("part")) is not None:
            second = int(side.sum())
            say(f"in two parts, of {len(side) - second} and {second} nodes: links are looked for between them only")
        if graph.num_edges > _LARGE and not encoders and budget is None:
            say("a large graph: this takes many minutes; --budget 300 is a quicker first look")
        if k is None:
            k = min(20, count_missing_links(graph))
        else:
            check_number(k, graph)
        makers = {name: maker(name) for name in dict.fromkeys(encoders or ENCODERS)}
        methods = list(dict.fromkeys(heads or (PAIR_SCORES, ENSEMBLE)))
        table = compare(graph, makers, methods, seeds=seeds, seed=seed, test=test, valid=valid, budget=budget)
        if table.skipped or len(table.seeds) < seeds:
            left = f", no time for {', '.join(table.skipped)}" if table.skipped else ""
            say(f"the budget of {budget:g} s was enough for {len(table.seeds)} of {seeds} splits{left}")
        best = table.best([name for name in (*methods, *makers) if name not in table.skipped])
        say(f"predicting with {best}, which has the best AUC on the validation pairs")
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
        record.write_text(json_text(found) + "\n", encoding="utf-8")
        say(f"wrote {len(links)} predicted links to {out}, and all that is needed to repeat them to {record}")
    if as_json:
        click.echo(json_text(found))
        return
    hidden = f"{splits}, each with {table.hidden} hidden links to test on"
    click.echo(f"audit: {'; '.join(table.leaks) or 'no leaks'} in {hidden}\n")
    click.echo(_score_table(summary, DEGREE))
    click.echo(f"\nmost plausible missing links ({best} fitted on the whole graph):")
    click.echo(plain_table(links.head(5 if out else k)))
    if table.leaks:
        raise click.ClickException("the splits leak, see the audit: do not trust these scores")


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
    return columns(lines)


def _versions() -> dict[str, str]:
    """Return those of what results depend on."""
    packages = ("graphembed", "numpy", "numba", "scikit-learn", "torch", "torch-geometric")
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in packages}
