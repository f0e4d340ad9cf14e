"""`graphembed embed`, `nearest` and `datasets`: vectors, who is near, and which graphs there are."""

from pathlib import Path

import click

from graphembed.cli.common import (
    DIRECTED,
    ENCODERS,
    ROLE_ENCODERS,
    check_out,
    maker,
    options,
    print_alike,
    print_json,
    read_source,
    say,
    using,
)


@click.command(short_help="Learn one vector for each node.", epilog="""\b
Examples:
  graphembed embed karate --encoder node2vec --out vectors.tsv
  graphembed embed edges.csv --encoder sage --seed 7 --out vectors.npz

\b
Encoders that see who is near: deepwalk, node2vec, line, spectral, netmf, prone,
fastrp, cleora, sage, gcn. That see who plays the same part: structural, refex,
rolx, graphwave, xnetmf, segk, struc2vec, riwalk, anonymous_walks, role_gnn.

\b
The suffix decides the format: .npz keeps everything, .tsv and .parquet are
tables, .w2v is what gensim reads.""")  # fmt: skip
@click.argument("source")
@click.option(
    "--encoder",
    default="node2vec",
    show_default=True,
    metavar="NAME",
    type=click.Choice((*ENCODERS, *ROLE_ENCODERS)),
    help="What learns; see below.",
)
@click.option("--dim", type=click.IntRange(min=1), help="Length of a vector.  [128, for GNNs 64]")
@DIRECTED
@options(out="Where to write the vectors (.npz, .tsv, .parquet or .w2v).")
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
    from graphembed.files import EMBEDDINGS, write_embedding

    check_out(out, force, EMBEDDINGS)
    with using(threads):
        graph = read_source(source, directed)
        embedding = maker(encoder, dim)(seed).fit_transform(graph)
    write_embedding(embedding, out)
    say(f"wrote {len(embedding)} vectors of {embedding.shape[1]} numbers to {out}")
    if as_json:
        print_json({"out": str(out), "items": len(embedding), "dim": embedding.shape[1], "made_by": embedding.source})


@click.command(short_help="Print the names nearest to one.", epilog="""\b
Example:
  graphembed nearest vectors.tsv Valjean -k 5""")  # fmt: skip
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("-k", default=10, show_default=True, type=click.IntRange(min=1), help="How many.")
@options(out=None)
def nearest(file: Path, name: str, k: int, as_json: bool) -> None:
    """Print the names in FILE whose vectors are nearest to NAME's, by cosine similarity."""
    from graphembed.files import read_embedding

    found = read_embedding(file).nearest(name, k)
    print_alike(found, "cosine", as_json)


@click.command(short_help="List the graphs that can be had by name.", epilog="""\b
Examples:
  graphembed datasets
  GRAPHEMBED_DATA=~/data graphembed link-prediction cora""")  # fmt: skip
@options(out=None)
def datasets(as_json: bool) -> None:
    """List the graphs that can be had by name."""
    from graphembed.datasets import BUNDLED, PUBLIC, card

    cards = [{"name": name, **card(name)} for name in BUNDLED]
    if as_json:
        print_json({"bundled": cards, "public": list(PUBLIC)})
        return
    click.echo("bundled:")
    for about in cards:
        click.echo(f"  {about['name']:<11}{about['nodes']:>5} nodes {about['edges']:>5} edges   {about['title']}")
    click.echo(f"\nread from the folder GRAPHEMBED_DATA names, if they are there:\n  {', '.join(PUBLIC)}")
