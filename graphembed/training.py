"""`train`: the only training loop in the package.

Batch ``i`` of epoch ``e`` is made from (seed, e) by the objective, and what the module draws while it sees that batch
(dropout, augmentations) from (seed, e, i). So it does not matter in which thread or process a batch is made or seen:
training that was killed and goes on, and training spread over several processes, give the numbers of one quiet run.
"""

import dataclasses as dc
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed import get_rank, get_world_size, is_available, is_initialized
from torch.nn.parallel import DistributedDataParallel
from torch_geometric.data import Data
from tqdm.auto import tqdm

from graphembed.atomic import whole_file
from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.objectives import Objective
from graphembed.objectives.protocol import check_inputs
from graphembed.parallel import one_thread

_AHEAD = 2  # batches made while another is learnt from
_BEST = "best."  # what stands before the names of the best parameters in a checkpoint


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torch draw from ``seed`` within the block; its global state comes out as it went in.

    Example:
        >>> with seeded(0):
        ...     torch.rand(1)
        tensor([0.4963])
    """
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices=devices):
        _draw_from(seed)
        yield


@dc.dataclass(frozen=True)
class Training:
    """How to train: settings of `train`.

    Args:
        epochs: Rounds over the batches.
        lr: Step of Adam.
        weight_decay: Pull towards zero.
        accumulate: Batches whose mean gradient makes one step. With several processes each of them sees as many.
        patience: Stop when the objective's ``valid`` has not risen for so many epochs, and return the best parameters.
            None trains all epochs.
        device: ``"cpu"``, ``"cuda"``, ``"mps"``, ...; the module ends where it was trained.
        bfloat16: Multiply in bfloat16 (autocast): faster on recent GPUs, other bits.
        checkpoint: A file to go on from if it is there, and to write to every ``minutes`` and at the end.
        minutes: Time between two checkpoints.

    Raises:
        ValueError: A setting is out of range.

    Example:
        >>> Training(epochs=10, patience=3).lr
        0.01
    """

    epochs: int = 100
    lr: float = 0.01
    weight_decay: float = 0.0
    accumulate: int = 1
    patience: int | None = None
    device: str = "cpu"
    bfloat16: bool = False
    checkpoint: str | Path | None = None
    minutes: float = 10.0

    def __post_init__(self) -> None:
        if self.epochs < 0 or not 0 < self.lr < np.inf or self.weight_decay < 0:
            raise ValueError(
                "epochs and weight_decay must be at least 0 and lr positive, got "
                f"epochs={self.epochs}, lr={self.lr}, weight_decay={self.weight_decay}"
            )
        if self.accumulate < 1 or (self.patience is not None and self.patience < 1) or self.minutes < 0:
            raise ValueError(
                "accumulate and patience must be at least 1 and minutes at least 0, got "
                f"accumulate={self.accumulate}, patience={self.patience}, minutes={self.minutes}"
            )


@dc.dataclass
class History:
    """How training went.

    Args:
        losses: Mean loss of each epoch.
        valid: The objective's ``valid`` after each epoch, with ``patience``; higher is better.
        seconds: How long each epoch took.

    Example:
        >>> History([2.0, 1.0], [0.5, 0.7]).best
        1
    """

    losses: list[float] = dc.field(default_factory=list)
    valid: list[float] = dc.field(default_factory=list)
    seconds: list[float] = dc.field(default_factory=list)

    @property
    def best(self) -> int | None:
        """The epoch of the highest ``valid``, counted from 0; None if nothing was validated."""
        return int(np.argmax(self.valid)) if self.valid else None

    def plot(self, ax: Any = None) -> Any:
        """Draw loss and validation over epochs; returns matplotlib's axes.

        Raises:
            ImportError: matplotlib is not installed.
        """
        if ax is None:
            try:
                from matplotlib.figure import Figure
            except ImportError as error:
                raise ImportError('History.plot needs matplotlib: pip install "graphembed[plot]"') from error
            ax = Figure(layout="constrained").subplots()
        epochs = np.arange(1, len(self.losses) + 1)
        ax.plot(epochs, self.losses, color="C0", label="loss")
        ax.set(xlabel="epoch", ylabel="loss")
        if self.valid:
            other = ax.twinx()
            other.plot(epochs, self.valid, color="C1", linestyle="--", label="validation")
            other.set_ylabel("validation")
        ax.figure.legend(loc="outside upper center", ncols=2)
        return ax


def train(
    module: nn.Module,
    graph: Graph,
    objective: Objective,
    training: Training | None = None,
    *,
    seed: int = 0,
    progress: bool = True,
) -> tuple[History, nn.Module]:
    """Train a module in place for an objective, with Adam.

    The same seed gives the same bits on the CPU, whatever the number of threads: torch runs on one, because the order
    of the sums in a matrix product depends on their number, and batches are made ahead in another. Where
    ``torch.distributed`` is initialised (``torchrun``), every process calls this alike; each sees its share of the
    batches, and all end with the same parameters, those of one process with ``accumulate`` times as many.

    Args:
        module: Has a PyG forward; changed.
        graph: What to learn from.
        objective: Which batches to see, and how wrong the module is on one.
        training: Settings.
        seed: Everything random comes from it.
        progress: Show a bar on a terminal.

    Returns:
        How it went, and what was trained beside the module (a classifier, a decoder; empty for some objectives).

    Raises:
        FloatingPointError: The loss is not finite.
        DataError: The graph has no nodes or no inputs, or inputs that are not finite; the checkpoint is of another run.
        TypeError: ``patience`` is set and the objective cannot validate.
        ValueError: ``patience`` is set and the objective has been given nothing to validate on.
    """
    training = training or Training()
    if training.patience is not None and not hasattr(objective, "valid"):
        raise TypeError(f"patience needs an objective with valid(encoder, beside, graph), {objective} has none")
    check_inputs(graph)
    module = module.to(training.device)
    with seeded(seed), one_thread():
        run = _Run(module, objective.prepare(module, graph).to(training.device), objective, training, seed)
        run.resume()
        if training.patience is not None and not run.history.valid:
            run.score(graph)  # if it cannot be done, it fails now and not after an epoch
        hidden = not progress or run.rank > 0 or None
        with tqdm(
            total=training.epochs, initial=run.epoch, desc="training", disable=hidden, delay=1, leave=False
        ) as bar:
            while run.epoch < training.epochs and not run.exhausted():
                run.one_epoch(graph)
                shown = {"loss": f"{run.history.losses[-1]:.4f}"}
                if run.history.valid:
                    shown["valid"] = f"{run.history.valid[-1]:.4f}"
                bar.set_postfix(shown, refresh=False)
                bar.update()
        run.finish()
    return run.history, run.beside


class _Learner(nn.Module):
    """Encoder and what is trained beside it, as one module whose forward is the loss."""

    def __init__(self, encoder: nn.Module, beside: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.encoder = encoder
        self.beside = beside
        self.objective = objective

    def forward(self, batch: Data) -> Tensor:
        loss: Tensor = self.objective.loss(self.encoder, self.beside, batch)
        return loss


class _Run:
    """One training: its state and how to go on."""

    def __init__(
        self, module: nn.Module, beside: nn.Module, objective: Objective, training: Training, seed: int
    ) -> None:
        self.beside = beside
        self.learner = _Learner(module, beside, objective)
        self.training = training
        self.seed = seed
        several = is_available() and is_initialized() and get_world_size() > 1
        self.rank, self.world = (get_rank(), get_world_size()) if several else (0, 1)
        trained = [p for p in self.learner.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, training.lr, weight_decay=training.weight_decay, fused=True)
        self.stepper = DistributedDataParallel(self.learner, find_unused_parameters=True) if several else self.learner
        self.history = History()
        self.epoch = self.batch = 0  # where to go on
        self.total = 0.0  # sum of the losses of the epoch's batches so far
        self.best: dict[str, Tensor] = {}
        self.saved = time.monotonic()

    def exhausted(self) -> bool:
        """Say whether validation has not risen for too long."""
        best, patience = self.history.best, self.training.patience
        return patience is not None and best is not None and len(self.history.valid) - 1 - best >= patience

    def one_epoch(self, graph: Graph) -> None:
        """See every batch once, from where the last checkpoint left off."""
        begin = time.perf_counter()
        self.learner.train()
        epoch_seed = _mix(self.seed, self.epoch)
        batches = self.learner.objective.batches(graph, epoch_seed)
        together = self.training.accumulate * self.world
        for after, group in _groups(batches, self.batch, together, self.rank, self.world):
            self._step(group, epoch_seed)
            self.batch = after
            self._checkpoint_in_time()
        loss = self._agreed(self.total) / max(len(batches), 1)
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} in epoch {self.epoch + 1}: lower lr, now {self.training.lr}")
        self.history.losses.append(loss)
        self.epoch, self.batch, self.total = self.epoch + 1, 0, 0.0
        if self.training.patience is not None:
            self._validate(graph)
        self.history.seconds.append(time.perf_counter() - begin)

    def _step(self, group: list[tuple[int, Data, float]], epoch_seed: int) -> None:
        """Step down the sum of the gradients of (number, batch, weight)."""
        self.optimizer.zero_grad()
        device = torch.device(self.training.device)
        for place, (number, batch, weight) in enumerate(group):
            _draw_from(_mix(epoch_seed, number))
            quiet = self.world > 1 and place < len(group) - 1  # gradients are exchanged with the last one only
            with self.stepper.no_sync() if quiet else nullcontext():  # type: ignore[operator]
                with torch.autocast(device.type, torch.bfloat16, enabled=self.training.bfloat16):
                    loss = self.stepper(batch.to(self.training.device))
                (weight * loss).backward()
            if weight:
                self.total += loss.item()
        self.optimizer.step()
        objective = self.learner.objective
        if hasattr(objective, "stepped"):
            objective.stepped(self.learner.encoder, self.beside)

    def score(self, graph: Graph) -> float:
        """Validate; all processes get the same number, so that they stop together."""
        self.learner.eval()
        with torch.no_grad():
            _draw_from(_mix(self.seed, self.epoch))
            score = float(self.learner.objective.valid(self.learner.encoder, self.beside, graph))  # type: ignore[attr-defined]
        return self._agreed(score) / self.world

    def _validate(self, graph: Graph) -> None:
        self.history.valid.append(self.score(graph))
        if self.history.best == len(self.history.valid) - 1:
            self.best = {name: value.detach().clone() for name, value in self.learner.state_dict().items()}

    def _agreed(self, value: float) -> float:
        """Add a number up over all processes."""
        if self.world == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.training.device)
        torch.distributed.all_reduce(total)
        return total.item()

    def finish(self) -> None:
        """Save, and go back to the best parameters."""
        if self.training.checkpoint is not None:
            self._save()
        if self.best:
            self.learner.load_state_dict(self.best)
        self.learner.eval()

    # ── checkpoints: tensors in safetensors, numbers in its header; no pickle ──

    def _checkpoint_in_time(self) -> None:
        if self.training.checkpoint is None:
            return
        late = time.monotonic() - self.saved >= 60 * self.training.minutes
        if self._agreed(float(late and self.rank == 0)):  # the clock of the first process counts
            self._save()
            self.saved = time.monotonic()

    def _save(self) -> None:
        total = self._agreed(self.total)
        if self.rank > 0:
            return
        tensors = {f"learner.{name}": value for name, value in self.learner.state_dict().items()}
        tensors |= {_BEST + name: value for name, value in self.best.items()}
        for parameter, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{parameter}.{name}": value for name, value in state.items()}
        tensors = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
        facts = {"run": self._identity(), "epoch": self.epoch, "batch": self.batch, "total": total}
        with whole_file(str(self.training.checkpoint)) as temporary:
            save_file(tensors, temporary, {"graphembed": json.dumps(facts | dc.asdict(self.history))})

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        path = self.training.checkpoint
        if path is None or not Path(path).is_file():
            return
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get("graphembed", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if facts.get("run") != self._identity():
            raise DataError(
                f"{path} is a checkpoint of another run (module, objective, settings or seed differ): give another "
                "file or delete this one"
            )
        self.learner.load_state_dict(_under("learner.", tensors))
        self.best = {name: value.to(self.training.device) for name, value in _under(_BEST, tensors).items()}
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("adam.", tensors).items():
            parameter, key = name.split(".", 1)
            state.setdefault(int(parameter), {})[key] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.epoch, self.batch = facts["epoch"], facts["batch"]
        self.total = facts["total"] if self.rank == 0 else 0.0
        self.history = History(facts["losses"], facts["valid"], facts["seconds"])

    def _identity(self) -> str:
        """Say which run this is; more epochs, another place or interval are still the same run."""
        shapes = [(name, list(value.shape)) for name, value in self.learner.state_dict().items()]
        settings = dc.replace(self.training, epochs=0, checkpoint=None, minutes=0.0, device="")
        what = (repr(self.learner), repr(self.learner.objective), shapes, repr(settings), self.seed, self.world)
        return hashlib.sha256(repr(what).encode()).hexdigest()


def _groups(
    batches: Sequence[Data], start: int, together: int, rank: int, world: int
) -> Iterator[tuple[int, list[tuple[int, Data, float]]]]:
    """Yield, for each step, how many batches are done after it, and our part of it: (number, batch, weight).

    A process for which the last step has nothing left gets a batch of weight zero: the others wait for its gradient.
    """
    steps = []
    for first in range(start, len(batches), together):
        after = min(first + together, len(batches))
        ours = list(range(first + rank, after if world == 1 else first + together, world))
        # DistributedDataParallel takes the mean over the processes, hence their number.
        steps.append((after, [(i, world / (after - first) if i < after else 0.0) for i in ours]))
    made = _ahead(batches, [min(i, len(batches) - 1) for _, group in steps for i, _ in group])
    for after, group in steps:
        yield after, [(i, next(made), weight) for i, weight in group]


def _ahead(batches: Sequence[Data], numbers: Sequence[int]) -> Iterator[Data]:
    """Make batches in another thread, a few before they are needed; their making must not use torch's generator."""
    if len(numbers) < 2:
        yield from (batches[i] for i in numbers)
        return
    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[Data]] = []
        for i in numbers:
            waiting.append(pool.submit(batches.__getitem__, i))
            if len(waiting) > _AHEAD:
                yield waiting.pop(0).result()
        for batch in waiting:
            yield batch.result()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _mix(seed: int, number: int) -> int:
    """Draw a seed from a seed and a number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)


def _draw_from(seed: int) -> None:
    """Move torch's generators; within `seeded` only."""
    torch.default_generator.manual_seed(seed)
    for device in range(torch.cuda.device_count()):
        torch.cuda.default_generators[device].manual_seed(seed)
