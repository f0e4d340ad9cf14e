"""Train PyG's GraphSAGE on mini-batches, on PyG as it comes: no pyg-lib, no torch-sparse.

A PyG script changes by one argument, ``neighbor_sampler=``. Everything else here is PyG and torch.

    python examples/neighbor_loader.py
"""

import torch
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import GraphSAGE

import graphembed as ge
from graphembed.bench.graphs import planted_partition

FANOUT = [10, 5]


def make_data(seed: int = 0) -> tuple[torch.Tensor, ge.Graph]:
    """Make a graph of 8 communities and, for each node, features that hint at its own but faintly."""
    graph = planted_partition(3000, 20_000, 2.5, 8, seed=seed)
    noise = torch.randn(3000, 16, generator=torch.Generator().manual_seed(seed))
    noise[:, :8] += torch.nn.functional.one_hot(graph.data.y, 8)
    return noise, graph


def accuracy(scores: torch.Tensor, labels: torch.Tensor) -> float:
    return float((scores.argmax(dim=1) == labels).float().mean())


def main() -> None:
    torch.manual_seed(0)
    x, graph = make_data()
    data = graph.data
    data.x = x
    test = torch.rand(data.num_nodes) < 0.5

    loader = NeighborLoader(
        data,
        num_neighbors=FANOUT,
        input_nodes=~test,
        batch_size=256,
        shuffle=True,
        neighbor_sampler=ge.NeighborSampler(data, FANOUT),  # the one argument
    )
    model = GraphSAGE(16, 32, num_layers=2, out_channels=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(1, 11):
        total = 0.0
        for batch in loader:
            optimizer.zero_grad()
            scores = model(batch.x, batch.edge_index)[: batch.batch_size]
            loss = torch.nn.functional.cross_entropy(scores, batch.y[: batch.batch_size])
            loss.backward()
            optimizer.step()
            total += float(loss) * batch.batch_size
        if epoch % 5 == 0:
            print(f"epoch {epoch:2d}   loss {total / int((~test).sum()):.3f}")

    model.eval()
    everyone = NeighborLoader(data, [-1], batch_size=512, neighbor_sampler=ge.NeighborSampler(data, [-1]))
    with torch.no_grad():
        found = accuracy(model.inference(everyone)[test], data.y[test])  # exact, layer by layer
    alone = accuracy(x[test, :8], data.y[test])
    print(f"accuracy on {int(test.sum())} test nodes: {found:.3f}; of the features alone: {alone:.3f}")
    assert found > alone + 0.2


if __name__ == "__main__":
    main()
