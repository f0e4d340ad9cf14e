"""Scores of pairs of nodes, read off the graph.

around    `pair_scores`: what is around the two, each score as if they were not linked
likeness  how alike the features of the two and of their neighbourhoods are; part of `pair_scores`
latent    `Latent`: what the shape of the whole graph says of pairs that are not linked
"""

from graphembed.scores.around import EPSILON as EPSILON
from graphembed.scores.around import FAR as FAR
from graphembed.scores.around import Facts as Facts
from graphembed.scores.around import facts as facts
from graphembed.scores.around import matrix as matrix
from graphembed.scores.around import pair_scores as pair_scores
from graphembed.scores.latent import Latent as Latent
