"""Examples run, and check their own claims; the README's code runs as written and prints what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
README = (ROOT / "README.md").read_text()


def run(code_or_path: list[str], folder: Path) -> str:
    """Run Python in an empty folder, as a newcomer would, and return what it prints."""
    environment = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, *code_or_path], cwd=folder, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_its_claim_holds(path, tmp_path):
    run([str(path)], tmp_path)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_under_120_lines(path):
    assert len(path.read_text().splitlines()) < 120


def test_the_code_of_the_readme_prints_what_the_readme_says(tmp_path):
    code, printed = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL).groups()
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    shown = run(["-c", code], tmp_path)
    numbers, letters = re.compile(r"\b[01]\.\d+"), re.compile(r"[^\W\d]{3,}")
    assert letters.findall(shown)[:12] == letters.findall(printed)[:12]  # the first links may depend on the processor
    assert len(shown.splitlines()) == len(printed.splitlines())
    values = [np.array(numbers.findall(text), float) for text in (shown, printed)]
    np.testing.assert_allclose(*values, rtol=0, atol=0.05)


def test_commands_of_the_readme_exist():
    from graphembed.cli import main

    named = set(re.findall(r"^graphembed ([a-z-]+)", README, re.MULTILINE))
    assert named
    assert named <= set(main.commands)
