"""What all commands share: options, errors, talk and tables."""

import inspect
import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphembed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from graphembed.encoders.protocol import Encoder
    from graphembed.graph import Graph

DIRECTED = click.option("--directed", is_flag=True, default=None, help="Read a list of edges as directed.")
SEED = click.IntRange(0, 2**32 - 1)
ENCODERS = ("deepwalk", "node2vec", "line", "spectral", "netmf", "prone", "fastrp", "cleora", "sage", "gcn")
ROLE_ENCODERS = (
    "structural", "refex", "rolx", "graphwave", "xnetmf", "segk", "struc2vec", "riwalk", "anonymous_walks", "role_gnn",
)  # fmt: skip


class _BadData(click.ClickException):
    exit_code = 3


class Group(click.Group):
    """Turns errors of the library into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (DataError, FileNotFoundError, PermissionError, IsADirectoryError) as error:
            if ctx.params.get("debug"):
                raise
            raise _BadData(str(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click knows what to do
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(f"{type(error).__name__}: {error} (graphembed --debug shows where)") from error


def options(*, out: str | None) -> Callable[[Any], Any]:
    """Add the options that mean the same everywhere."""

    def decorate(function: Any) -> Any:
        wanted = [click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout instead of a table.")]
        if out:
            wanted += [
                click.option(
                    "--seed", default=0, show_default=True, type=SEED, help="Everything random comes from it."
                ),
                click.option(
                    "--threads", type=click.IntRange(min=1), help="Threads to use; results do not depend on it."
                ),
                click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help=out),
                click.option("--force", is_flag=True, help="Overwrite the file if it exists."),
            ]
        for option in reversed(wanted):
            function = option(function)
        return function

    return decorate


def maker(name: str, dim: int | None = None) -> "Callable[[int], Encoder]":
    """Return what makes an encoder by its name, from a seed."""
    from graphembed.encoders import recipes, structural

    recipe = getattr(structural if name in ROLE_ENCODERS else recipes, name)
    takes = inspect.signature(recipe).parameters
    if dim is not None and "dim" not in takes:
        raise click.UsageError(f"{name} has as many numbers as it finds: it takes no --dim")
    settings = {} if dim is None else {"dim": dim}

    def make(seed: int) -> "Encoder":
        encoder: Encoder = recipe(**settings, **({"seed": seed} if "seed" in takes else {}))
        return encoder

    return make


def read_source(source: str, directed: bool | None) -> "Graph":
    """Read a graph and say what it is."""
    from graphembed.datasets import read

    graph = read(source, directed=directed)
    say(f"{source}: {graph}")
    return graph


def using(count: int | None) -> AbstractContextManager[None]:
    """Use so many threads within, or as many as there are."""
    if count is None:
        return nullcontext()
    from graphembed.parallel import threads

    try:
        return threads(count)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--threads") from error


def check_out(out: Path | None, force: bool, formats: tuple[str, ...]) -> None:
    """Refuse an output that cannot be written before any work is done."""
    if out is None:
        return
    from graphembed.files import check_writable

    try:
        check_writable(out, formats)
    except DataError as error:
        raise click.BadParameter(str(error), param_hint="--out") from error
    if out.exists() and not force:
        raise click.UsageError(f"{out} exists; choose another name or overwrite it with --force")


def plain_table(frame: "pd.DataFrame") -> str:
    """Lay out a frame without its index."""
    rows = [
        [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]
        for row in frame.itertuples(index=False)
    ]
    return columns([list(frame.columns), *rows])


def columns(lines: list[list[str]]) -> str:
    """Align columns: those of numbers to the right, all others to the left."""
    columns = list(zip(*lines, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(cell[:1] in "+-0123456789" for cell in column[1:]) for column in columns]
    right[0] = False  # names, be they numbers
    layout = [f"{{:{'>' if flush else '<'}{width}}}" for flush, width in zip(right, widths, strict=True)]
    return "\n".join("  ".join(layout).format(*line).rstrip() for line in lines)


def print_alike(found: list[tuple[str, float]], measure: str, as_json: bool) -> None:
    """Print names and how alike they are, one a line, or as JSON."""
    if as_json:
        print_json([{"name": other, measure: alike} for other, alike in found])
        return
    for other, alike in found:
        click.echo(f"{other}\t{alike:.4f}")


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """Write a value as JSON."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    """Write what JSON has no word for, the spread over one seed, as null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(text: str) -> None:
    """Talk on stderr."""
    click.echo(text, err=True)
