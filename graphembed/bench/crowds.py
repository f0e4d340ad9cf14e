"""What `graphembed.encoders.tags.people_tags` starts from: a `Tagger` that learnt from people who were only drawn.

    python -m graphembed.bench.crowds graphembed/encoders/tags.safetensors

draws a new crowd for each step size, 27 000 pictures in all; about fifteen minutes on one core. The same command gives
the same parameters, but for rounding on other processors.
"""

import dataclasses as dc
import tempfile
from pathlib import Path

import click
import torch
from safetensors.torch import save_file

from graphembed.atomic import whole_file
from graphembed.datasets.crowds import crowd
from graphembed.encoders.mixed import Mixed
from graphembed.encoders.tags import people_tags
from graphembed.objectives.people import SamePerson
from graphembed.recast.keypoints import keypoint_graph
from graphembed.training import Training

_STEPS = (2e-3, 2e-3, 2e-3, 1.3e-3, 1.3e-3, 8e-4, 4e-4, 2e-4, 1e-4)
_SEED = 1000  # of the first crowd


def learn_from_crowds(path: Path, images: int = 3000, steps: tuple[float, ...] = _STEPS) -> None:
    """Write the parameters of a `Tagger` that has seen each of some crowds once, one for each step size.

    Args:
        path: Where to; half precision is exact enough.
        images: Pictures in a crowd, of one to eight people.
        steps: Of Adam.
    """
    objective = SamePerson(6000, Mixed(pasted=0.15))
    start: Path | None = None
    with tempfile.TemporaryDirectory() as folder:
        for number, lr in enumerate(steps):
            seen = keypoint_graph(crowd(images, (1, 8), (0.0, 0.9), seed=_SEED + number))
            tags = dc.replace(people_tags(start=start), objective=objective, stages=(Training(1, lr),), seed=number)
            tags.fit(seen)
            start = Path(folder) / f"{number}.safetensors"
            _write(tags.module_.state_dict(), start)
            click.echo(f"step {lr}: loss {tags.histories_[0].losses[0]:.3f}")
        with whole_file(path) as temporary:
            _write({name: value.half() for name, value in tags.module_.state_dict().items()}, temporary)


def _write(parameters: dict[str, torch.Tensor], path: Path) -> None:
    save_file({name: value.contiguous() for name, value in parameters.items()}, path)


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def main(path: Path) -> None:
    """Learn from crowds, and write what was learnt to PATH."""
    learn_from_crowds(path)


if __name__ == "__main__":
    main()
