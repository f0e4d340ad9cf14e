"""How good is a ranking, how sure is a figure, how different are a table's rows? Arrays in, numbers out.

ranking        AUC, average precision, MRR, Hits@k; places among own negatives; recall and NDCG of lists
counts         the same, exactly, for rankings longer than memory, and what the bootstrap needs
chance         bootstrap intervals; a paired test of two methods over several splits
calibration    reliability curve, expected calibration error, Brier score
oversmoothing  mean average distance, Dirichlet energy, effective rank
partitions     groups of nodes against known ones (NMI, ARI, ...) and by the edges (modularity, conductance, coverage)
"""

from graphembed.metrics.calibration import Reliability as Reliability
from graphembed.metrics.calibration import brier as brier
from graphembed.metrics.calibration import expected_calibration_error as expected_calibration_error
from graphembed.metrics.calibration import reliability as reliability
from graphembed.metrics.chance import Comparison as Comparison
from graphembed.metrics.chance import Interval as Interval
from graphembed.metrics.chance import compare_runs as compare_runs
from graphembed.metrics.chance import interval as interval
from graphembed.metrics.chance import mean_interval as mean_interval
from graphembed.metrics.counts import Counts as Counts
from graphembed.metrics.counts import auc_of as auc_of
from graphembed.metrics.counts import average_precision_of as average_precision_of
from graphembed.metrics.counts import count as count
from graphembed.metrics.counts import precision_of as precision_of
from graphembed.metrics.counts import ranks_of as ranks_of
from graphembed.metrics.counts import resampled as resampled
from graphembed.metrics.oversmoothing import dirichlet_energy as dirichlet_energy
from graphembed.metrics.oversmoothing import effective_rank as effective_rank
from graphembed.metrics.oversmoothing import mean_average_distance as mean_average_distance
from graphembed.metrics.partitions import accuracy as accuracy
from graphembed.metrics.partitions import against as against
from graphembed.metrics.partitions import conductance as conductance
from graphembed.metrics.partitions import coverage as coverage
from graphembed.metrics.partitions import modularity as modularity
from graphembed.metrics.partitions import overlap as overlap
from graphembed.metrics.ranking import auc as auc
from graphembed.metrics.ranking import average_precision as average_precision
from graphembed.metrics.ranking import hits as hits
from graphembed.metrics.ranking import mean_reciprocal_rank as mean_reciprocal_rank
from graphembed.metrics.ranking import ndcg as ndcg
from graphembed.metrics.ranking import rank_scores as rank_scores
from graphembed.metrics.ranking import ranks_among as ranks_among
from graphembed.metrics.ranking import recall as recall
