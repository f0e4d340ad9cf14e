"""`graphembed similar`, `roles`, `communities` and `geometry`: who is like whom, and is the space any good."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from graphembed.cli.common import (
    DIRECTED,
    check_out,
    options,
    plain_table,
    print_alike,
    print_json,
    read_source,
    say,
    using,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from graphembed.graph import Graph

_BY = ("proximity", "role", "community")
_METHODS = ("leiden", "louvain", "kmeans", "spherical", "mixture", "hdbscan")
_MAPS = ("pca", "tsne", "umap")
_PICTURES = (".png", ".pdf", ".svg")


@click.command(short_help="Who is like a node: near, in role, in community.", epilog="""\b
Examples:
  graphembed similar lesmis Valjean
  graphembed similar lesmis Valjean --by role -k 5

\b
By proximity: the cosine of vectors that see who is near. By role: how close
vectors are that see the pattern of links around a node, wherever it is. By
community: those of the same community, nearest first.""")  # fmt: skip
@click.argument("source")
@click.argument("name")
@click.option("--by", default="proximity", show_default=True, type=click.Choice(_BY), help="Like in what.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(min=1), help="How many.")
@DIRECTED
@options(out=None)
def similar(source: str, name: str, by: str, k: int, directed: bool | None, as_json: bool) -> None:
    """Print the nodes of SOURCE most like NAME."""
    from graphembed.datasets import read
    from graphembed.space import Space

    found = Space(read(source, directed=directed)).similar(name, by, k)  # type: ignore[arg-type]  # click has checked it
    print_alike(found, "similarity", as_json)


@click.command(short_help="Which nodes play the same part.", epilog="""\b
Examples:
  graphembed roles company
  graphembed roles edges.csv -k 5 --out roles.tsv""")  # fmt: skip
@click.argument("source")
@click.option("-k", type=click.IntRange(min=1), help="How many roles.  [chosen]")
@DIRECTED
@options(out="Write the role of each node here (.tsv, .csv or .parquet).")
def roles(
    source: str,
    k: int | None,
    directed: bool | None,
    seed: int,
    threads: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Find roles among the nodes of SOURCE and say what each looks like and whom it deals with."""
    from graphembed.files import TABLES, write_table
    from graphembed.heads.roles import Roles
    from graphembed.space import Space

    check_out(out, force, TABLES)
    with using(threads):
        graph = read_source(source, directed)
        head = Roles(k=k, seed=seed).fit(Space(graph, seed=seed).alike, graph)
        about, dealings = head.describe(), head.connections()
        score = head.score(_truth(graph))
    table = head.predict()
    if out:
        write_table(table, out)
        say(f"wrote the roles of {len(table)} nodes to {out}")
    if as_json:
        print_json({
            "score": score,
            "roles": about.reset_index().to_dict("records"),
            "connections": dealings.to_numpy().tolist(),
            "nodes": table.to_dict("records"),
        })  # fmt: skip
        return
    click.echo(plain_table(about.reset_index(names="role")))
    click.echo("\nlinks from one role (row) to another (column), over those expected from degrees alone:")
    click.echo(plain_table(dealings.reset_index(names="role").rename(columns=str)))
    click.echo(f"\n{_in_line(score)}")


@click.command(short_help="Which nodes belong together.", epilog="""\b
Examples:
  graphembed communities lesmis
  graphembed communities edges.csv --method kmeans -k 8 --out communities.tsv

\b
leiden and louvain cluster the edges; the others cluster vectors that see who
is near (ProNE).""")  # fmt: skip
@click.argument("source")
@click.option("--method", default="leiden", show_default=True, type=click.Choice(_METHODS), help="Who finds them.")
@click.option("-k", type=click.IntRange(min=1), help="How many communities.  [chosen]")
@click.option("--runs", default=1, show_default=True, type=click.IntRange(min=1), help="Seeds to find a consensus of.")
@DIRECTED
@options(out="Write the community of each node here (.tsv, .csv or .parquet).")
def communities(
    source: str,
    method: str,
    k: int | None,
    runs: int,
    directed: bool | None,
    seed: int,
    threads: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Find communities of SOURCE, and say how good they are."""
    from graphembed.files import TABLES, write_table
    from graphembed.heads.communities import Communities
    from graphembed.space import Space

    check_out(out, force, TABLES)
    with using(threads):
        graph = read_source(source, directed)
        head = Space(
            graph, communities=Communities(method, k=k, choose="modularity", runs=runs, seed=seed), seed=seed
        ).groups
        score = head.score(_truth(graph))
    table = head.table()
    if out:
        write_table(table, out)
        say(f"wrote the communities of {len(table)} nodes to {out}")
    if as_json:
        print_json({"score": score, "communities": head.groups(), "nodes": table.to_dict("records")})
        return
    for number, members in enumerate(head.groups()):
        shown = ", ".join(members[:8]) + (", ..." if len(members) > 8 else "")
        click.echo(f"{number:>3}  {len(members):>6} nodes  {shown}")
    click.echo(f"\n{_in_line(score)}")


@click.command(short_help="Is a space of vectors any good?", epilog="""\b
Examples:
  graphembed geometry vectors.npz lesmis
  graphembed geometry vectors.npz lesmis --other second.npz --map pca --out map.png""")  # fmt: skip
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("source")
@click.option("--other", type=click.Path(path_type=Path), help="Vectors of another run: is the space stable?")
@click.option("--map", "maps", multiple=True, type=click.Choice(_MAPS), help="Maps to judge; may be repeated.  [pca]")
@DIRECTED
@options(out="Draw the first map, and where not to believe it (.png, .pdf or .svg).")
def geometry(
    file: Path,
    source: str,
    other: Path | None,
    maps: tuple[str, ...],
    directed: bool | None,
    seed: int,
    threads: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Ask of the vectors in FILE and the graph SOURCE: learnt, stable, curved, and is their map lying."""
    from graphembed.datasets import read
    from graphembed.files import read_embedding
    from graphembed.geometry import draw_map, flat_map, report

    check_out(out, force, _PICTURES)
    with using(threads):
        embedding, graph = read_embedding(file), read(source, directed=directed)
        again = None if other is None else read_embedding(other)
        page = report(embedding, graph, other=again, maps=maps or ("pca",), seed=seed)  # type: ignore[arg-type]
        if out:
            flat = flat_map(embedding, (maps or ("pca",))[0], seed=seed)  # type: ignore[arg-type]
            draw_map(embedding, flat).figure.savefig(out)
            say(f"wrote {out}")
    if as_json:
        print_json({"verdict": page.verdict, "measures": page.table.reset_index().to_dict("records")})
        return
    click.echo(str(page))


def _truth(graph: "Graph") -> "NDArray[np.int64] | None":
    """Return the class of each node, where each has one."""
    y = graph.data.get("y")
    return y.numpy() if y is not None and y.dim() == 1 else None


def _in_line(score: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in score.items())
