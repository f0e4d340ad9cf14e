"""Things that are not graphs yet: keypoints of people in pictures.

people       the tables: `Keypoints`, and the `Skeleton` that says which joints there are
coco         from COCO's files
writing      into COCO's files
draw         as pictures
keypoints    as a graph; as a detector would have seen them
"""

from graphembed.recast.coco import read_coco as read_coco
from graphembed.recast.keypoints import disturbed as disturbed
from graphembed.recast.keypoints import keypoint_graph as keypoint_graph
from graphembed.recast.people import COCO as COCO
from graphembed.recast.people import Keypoints as Keypoints
from graphembed.recast.people import Skeleton as Skeleton
from graphembed.recast.people import chosen as chosen
from graphembed.recast.writing import coco_dict as coco_dict
from graphembed.recast.writing import write_coco as write_coco
from graphembed.recast.writing import write_results as write_results
