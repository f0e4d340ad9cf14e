"""`train`: the only training loop in the package."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from tqdm.auto import trange

from graphembed.graph import Graph
from graphembed.objectives import Objective
from graphembed.parallel import one_thread


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
        torch.default_generator.manual_seed(seed)
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(seed)
        yield


def train(
    module: nn.Module,
    graph: Graph,
    objective: Objective,
    *,
    epochs: int = 100,
    lr: float = 0.01,
    weight_decay: float = 0.0,
    seed: int = 0,
    device: str = "cpu",
    progress: bool = True,
) -> list[float]:
    """Train a module in place for an objective, with Adam.

    The same seed gives the same bits: everything random is drawn under ``seed`` and, on the CPU, torch runs on one
    thread, because the order of the sums in a matrix product depends on their number.

    Args:
        module: Has a PyG forward; changed.
        graph: What to learn from.
        objective: Which batches to see, and how wrong the module is on one.
        epochs: Rounds over the batches.
        lr: Step of Adam.
        weight_decay: Pull towards zero.
        seed: Everything random comes from it.
        device: ``"cpu"``, ``"cuda"``, ...; the module ends where it was trained.
        progress: Show a bar on a terminal.

    Returns:
        (epochs,) mean loss of each epoch.

    Raises:
        FloatingPointError: The loss is not finite.
    """
    module = module.to(device)
    losses: list[float] = []
    with seeded(seed), one_thread():
        optimizer = torch.optim.Adam(module.parameters(), lr, weight_decay=weight_decay)
        bar = trange(epochs, desc="training", disable=None if progress else True, delay=1, leave=False)
        for epoch in bar:
            module.train()
            total, count = 0.0, 0
            for batch in objective.batches(graph):
                optimizer.zero_grad()
                loss = objective.loss(module, batch.to(device))
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total, count = total + loss.item(), count + 1
            losses.append(total / max(count, 1))
            if not torch.isfinite(torch.tensor(losses[-1])):
                raise FloatingPointError(f"the loss is {losses[-1]} in epoch {epoch + 1}: lower lr, now {lr}")
            bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
    module.eval()
    return losses
