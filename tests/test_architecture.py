"""Who may import whom: read off the code, compared with the layers that CONTRIBUTING.md draws."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "graphembed"

# A module may import its own layer and those below, but for the exceptions and the bans further down.
LAYERS = {
    "errors": 0,
    "atomic": 0,
    "edges": 0,
    "names": 0,
    "folders": 0,
    "version": 0,
    "kernels": 0,
    "graph": 1,
    "embedding": 1,
    "parallel": 1,
    "walks": 2,
    "losses": 2,
    "nn": 2,
    "metrics": 2,
    "features": 2,
    "nearest": 2,
    "scores": 2,
    "bethe": 2,
    "pooling": 2,
    "sampling": 3,
    "splits": 3,
    "files": 3,
    "recast": 3,
    "objectives": 4,
    "training": 4,
    "encoders": 5,
    "heads": 5,
    "datasets": 5,
    "testing": 6,
    "bench": 6,
    "geometry": 6,
    "space": 6,
    "cli": 7,
    "__init__": 7,
}
SIDE_BY_SIDE = {"encoders", "heads", "datasets"}  # no arrows between these, though they are on one layer
KERNELS_MAY = {"numpy", "numba", "collections", "contextlib", "ctypes", "functools", "os", "sys", "threading", "typing"}
NO_TORCH = {"edges", "names", "folders", "errors", "atomic", "version", "embedding", "kernels", "metrics", "pooling"}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name within it."""
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}


def unit(module: str) -> str:
    """The part of the package a module belongs to: the first component of its name."""
    return module.split(".")[0]


def imports(path: Path) -> set[str]:
    """Every module a file imports, anywhere in it; imports for type checkers only are left out."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide arrows"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def targets(module: str, path: Path) -> set[str]:
    """The parts of the package a module imports."""
    inside = {name.removeprefix("graphembed.") for name in imports(path) if name.startswith("graphembed.")}
    assert "graphembed" not in imports(path) or module == "__init__", f"{module} imports the whole package"
    return {unit(name) for name in inside if unit(name) in LAYERS} - {unit(module)}


@pytest.mark.parametrize("module", modules())
def test_arrows_point_down(module):
    assert unit(module) in LAYERS, f"{module} is new: give it a layer here and in CONTRIBUTING.md"
    upward = {name for name in targets(module, modules()[module]) if LAYERS[name] > LAYERS[unit(module)]}
    assert not upward, f"{module} (layer {LAYERS[unit(module)]}) imports from above: {sorted(upward)}"


@pytest.mark.parametrize("module", [name for name in modules() if unit(name) in SIDE_BY_SIDE])
def test_encoders_heads_and_datasets_never_see_each_other(module):
    sideways = targets(module, modules()[module]) & SIDE_BY_SIDE
    assert not sideways, f"{module} imports {sorted(sideways)}"


@pytest.mark.parametrize("module", [name for name in modules() if unit(name) == "kernels"])
def test_kernels_import_numpy_and_numba_only(module):
    outside = {name.split(".")[0] for name in imports(modules()[module])} - {"graphembed"}
    assert outside <= KERNELS_MAY, f"{module} imports {sorted(outside - KERNELS_MAY)}"
    assert not targets(module, modules()[module])


@pytest.mark.parametrize("module", [name for name in modules() if unit(name) in NO_TORCH])
def test_these_need_no_torch(module):
    assert not {name for name in imports(modules()[module]) if name.split(".")[0] in ("torch", "torch_geometric")}


def test_there_are_no_circles_between_parts():
    arrows = {name: set() for name in LAYERS}
    for module, path in modules().items():
        if unit(module) != "__init__":
            arrows[unit(module)] |= targets(module, path) - {"__init__"}
    done: set[str] = set()
    while ready := {name for name in arrows if name not in done and arrows[name] <= done}:
        done |= ready
    assert done == set(arrows), f"these import each other in a circle: {sorted(set(arrows) - done)}"


def test_the_page_draws_the_layers_that_are_tested():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    drawn = {
        name: int(line[0])
        for line in re.search(r"```layers\n(.*?)```", page, re.DOTALL)[1].splitlines()
        for name in re.findall(r"[a-z_]+", line.split("  ")[1])
    }
    assert drawn == LAYERS


def test_importing_the_package_loads_nothing_heavy():
    code = "import graphembed, sys; print(sorted({'torch', 'numba', 'numpy', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_module_opens_with_a_docstring():
    assert [name for name, path in modules().items() if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_nobody_touches_global_random_state_or_prints():
    forbidden = re.compile(r"np\.random\.(seed|rand|randn|randint|choice|shuffle)\(|torch\.manual_seed\(|^\s*print\(")
    found = [
        f"{name}: {line.strip()}"
        for name, path in modules().items()
        for line in path.read_text().splitlines()
        if forbidden.search(line) and "file=file" not in line
    ]
    assert found == []
