"""Data sets that come with the package: ``edges.csv``, ``nodes.csv`` and ``card.toml`` each, checked by sha256."""

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pooch
import torch

from graphembed.errors import DataError
from graphembed.graph import Graph, frame_graph

BUNDLED = ("karate", "lesmis", "florentine", "davis", "company")


def card(name: str) -> dict[str, Any]:
    """Return what is known about a bundled data set: title, source, citation, licence, counts, sha256.

    Example:
        >>> card("karate")["classes"]
        ['Mr. Hi', 'Officer']
    """
    return tomllib.loads((_folder() / name / "card.toml").read_text(encoding="utf-8"))


def load_bundled(name: str) -> Graph:
    """Load a bundled data set; see `graphembed.datasets.load`."""
    folder, about = _folder() / name, card(name)
    for file, expected in about["sha256"].items():
        if pooch.file_hash(folder / file) != expected:
            raise DataError(
                f"{folder / file} has been changed: its sha256 is not the one in card.toml; reinstall graphembed"
            )
    nodes = pd.read_csv(folder / "nodes.csv", dtype=str, keep_default_na=False)
    edges = pd.read_csv(folder / "edges.csv", dtype={"source": str, "target": str}, keep_default_na=False)
    graph = frame_graph(edges, nodes=nodes["name"])
    if "label" in about:
        codes = pd.Categorical(nodes[about["label"]], categories=about["classes"]).codes
        graph.data["part" if about["label"] == "part" else "y"] = torch.tensor(codes.tolist())
    return graph


def _folder() -> Path:
    installed = Path(__file__).parent / "bundled"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "datasets"
