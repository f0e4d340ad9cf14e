"""The wheel holds what users need; the pins allow a CPU build of torch; the top level is complete."""

import itertools
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> set[str]:
    """The files of a wheel built from this tree."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return set(zipfile.ZipFile(path).namelist())


def test_the_wheel_ships_the_bundled_data(wheel):
    for folder in sorted(path for path in (ROOT / "datasets").iterdir() if path.is_dir() and path.name[0] != "_"):
        for name in ("edges.csv", "nodes.csv", "card.toml"):
            assert f"graphembed/datasets/bundled/{folder.name}/{name}" in wheel


def test_the_wheel_ships_code_and_types_but_no_tests(wheel):
    assert {"graphembed/__init__.py", "graphembed/py.typed", "graphembed/cli/__init__.py"} <= wheel
    assert not [name for name in wheel if name.startswith("tests/")]


def test_the_wheel_is_pure_python(wheel):
    assert not [name for name in wheel if re.search(r"\.(so|pyd|dylib)$", name)]


def test_every_dependency_is_pinned():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if line and line[0] != "#"}
    wanted = [*PROJECT["dependencies"], *itertools.chain(*PROJECT["optional-dependencies"].values())]
    assert {re.match(r"[a-zA-Z0-9-]+", name)[0].lower() for name in wanted} <= pinned
    assert "torch==2.13.0" in lines


def test_nothing_that_must_be_compiled_is_needed():
    text = " ".join(PROJECT["dependencies"])
    assert not re.search(r"pyg.lib|torch.(cluster|sparse|scatter|spline)", text)


def test_the_version_has_an_entry_in_the_changelog():
    import graphembed

    assert f"## {graphembed.__version__}" in (ROOT / "CHANGELOG.md").read_text()
