"""Is this space any good, or a flat-earth illusion? Vectors in, numbers out.

page      `report`: one page of numbers about an embedding of a graph, each with a verdict in plain words (verdicts)
learnt    cosines against random directions, alignment and uniformity, rank, isotropy, hubs
stable    what is left between runs after rotation, drift of every node, batch normalisation behind its input
curved    angle excess of triangles and the curvature it implies; decisions that are the lengths' alone
views     do two views of a graph see one shape? a number, and a loss
recode    sparse and population codes, and what they cost
maps      PCA, t-SNE and UMAP, and how far to believe them
jacobian  the map around a node: stretch, shear, what is hidden; an arrow and its shadow
draw      the map with all this on it

Oversmoothing (`dirichlet_energy`, `mean_average_distance`) is in `graphembed.metrics`.
"""

from graphembed.geometry.curved import Triangles as Triangles
from graphembed.geometry.curved import cosine_or_dot as cosine_or_dot
from graphembed.geometry.curved import implied_curvature as implied_curvature
from graphembed.geometry.curved import near_triples as near_triples
from graphembed.geometry.curved import rescaling as rescaling
from graphembed.geometry.curved import triangles as triangles
from graphembed.geometry.draw import draw_cosines as draw_cosines
from graphembed.geometry.draw import draw_map as draw_map
from graphembed.geometry.jacobian import Jacobians as Jacobians
from graphembed.geometry.jacobian import Shadow as Shadow
from graphembed.geometry.jacobian import jacobians as jacobians
from graphembed.geometry.jacobian import shadow as shadow
from graphembed.geometry.learnt import Cosines as Cosines
from graphembed.geometry.learnt import Hubness as Hubness
from graphembed.geometry.learnt import alignment as alignment
from graphembed.geometry.learnt import cosine_null as cosine_null
from graphembed.geometry.learnt import hubness as hubness
from graphembed.geometry.learnt import iso_score as iso_score
from graphembed.geometry.learnt import rank_me as rank_me
from graphembed.geometry.learnt import uniformity as uniformity
from graphembed.geometry.learnt import uniformity_of_sphere as uniformity_of_sphere
from graphembed.geometry.maps import flat_map as flat_map
from graphembed.geometry.maps import map_quality as map_quality
from graphembed.geometry.page import Report as Report
from graphembed.geometry.page import report as report
from graphembed.geometry.recode import population_code as population_code
from graphembed.geometry.recode import recodings as recodings
from graphembed.geometry.recode import sparse_code as sparse_code
from graphembed.geometry.stable import batch_norm_drift as batch_norm_drift
from graphembed.geometry.stable import drift as drift
from graphembed.geometry.stable import neighbor_overlap as neighbor_overlap
from graphembed.geometry.stable import procrustes as procrustes
from graphembed.geometry.stable import stability as stability
from graphembed.geometry.views import view_distance as view_distance
from graphembed.geometry.views import view_loss as view_loss
