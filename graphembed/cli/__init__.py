"""The command line: parse, call the library, print. Data goes to stdout, talk to stderr.

Nothing heavy is imported before a command needs it, so ``graphembed --help`` answers at once.
Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 bad data, 130 interrupted.
"""

import click

from graphembed.cli.answers import communities, geometry, roles, similar
from graphembed.cli.bench import bench
from graphembed.cli.common import ENCODERS as ENCODERS
from graphembed.cli.common import ROLE_ENCODERS as ROLE_ENCODERS
from graphembed.cli.common import Group
from graphembed.cli.keypoints import keypoints
from graphembed.cli.links import HEADS as HEADS
from graphembed.cli.links import link_prediction
from graphembed.cli.vectors import datasets, embed, nearest
from graphembed.version import __version__


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  graphembed link-prediction karate             compare encoders on a bundled graph
  graphembed link-prediction edges.tsv --out links.tsv
  graphembed embed edges.tsv --encoder node2vec --out vectors.tsv
  graphembed nearest vectors.tsv TP53
  graphembed similar lesmis Valjean --by role   who is like him
  graphembed roles company                      who plays which part
  graphembed communities lesmis                 who belongs together
  graphembed geometry vectors.npz lesmis        is the space any good
  graphembed keypoints people.json              who is who in pictures
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


for command in (link_prediction, similar, roles, communities, embed, nearest, geometry, keypoints, datasets, bench):
    main.add_command(command)
