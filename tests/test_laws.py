"""Laws of the whole package, looked at from outside: in a process of their own, without the test suite's hooks."""

import subprocess
import sys

PIPELINE = """
import random
import numpy, torch
import graphembed as ge

def states():
    return random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

before = states()
graph = ge.load("karate")
split = ge.split_edges(graph, seed=3)
for encoder in (ge.deepwalk(dim=8), ge.node2vec(dim=8), ge.sage(epochs=3), ge.gcn(epochs=3)):
    vectors = encoder.fit_transform(split.observed)
    head = ge.LinkPredictor(classifier="regression").fit(vectors, split.observed, split.train, split.valid)
    head.score(split.test), head.predict_links(3)
assert states() == before
print("untouched")
"""


def test_the_global_random_state_of_python_numpy_and_torch_is_untouched():
    done = subprocess.run([sys.executable, "-c", PIPELINE], capture_output=True, text=True, check=False)
    assert done.stdout == "untouched\n", done.stderr
