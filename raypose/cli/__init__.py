"""The `raypose` command. One module a command, imported when it is called, so that `raypose --help` is instant."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

import click

from raypose.errors import Problem, RayPoseError, nearest

# Each names its module in this package, where the command has the same name, and the line that --help shows.
COMMANDS = {
    "init": "Write a starter search space for your annotations.",
    "check": "Check a search space without training anything.",
    "sample": "Print configurations drawn from a search space.",
    "tune": "Search a space: train its configurations and keep the best model.",
    "watch": "Watch a search that runs elsewhere.",
    "show": "Show the leaderboard of an experiment.",
    "report": "Write a report of an experiment: one HTML file with figures and predictions.",
    "best": "Show the best trial of an experiment, and how to use its model.",
    "train": "Train one configuration at its full length.",
    "evaluate": "Evaluate a trained model on a dataset.",
    "predict": "Predict the keypoints of images, draw them and write COCO results.",
    "export": "Write a trained model as ONNX, checked with onnxruntime.",
    "data": "Show, prepare and convert datasets.",
    "list": "List the components and their arguments.",
    "schema": "Write a JSON Schema of search spaces, for editors.",
    "version": "Print the versions of RayPose and what it runs on.",
}

# What follows from a path that was given, and what to do; anything else failed while running.
REFUSED = {
    errno.EACCES: "name another place, or ask for the right to it",
    errno.EPERM: "name another place, or ask for the right to it",
    errno.EROFS: "name another place",
    errno.ENOENT: "look at its spelling, and whether its folder is there",
    errno.ENOTDIR: "a part of this path is a file, no folder",
    errno.EISDIR: "name a file",
    errno.EEXIST: "name what is not there",
    errno.ENAMETOOLONG: "give a shorter name",
}


class Lazy(click.Group):
    """Commands that are imported when they are called: `known` has their names and lines, `package` their modules."""

    def __init__(self, *args: Any, package: str, known: Mapping[str, str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.package, self.known = package, known

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.known:
            return None
        return importlib.import_module(f"{self.package}.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.known and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"no command '{args[0]}'; {nearest(args[0], self.known)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.known.items()))


@click.group(
    cls=Lazy,
    package="raypose.cli",
    known=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def raypose() -> None:
    """Search hyperparameters and architectures of top-down 2D pose models.

    Exit status: 0 done, 1 failed while running, 2 wrong input, 130 interrupted.
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command; mistakes of the user's end in one clear message and exit status 2."""
    try:
        sys.exit(raypose(argv, standalone_mode=False) or 0)
    except RayPoseError as error:
        _tell(error)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        sys.exit(_not_possible(error))
    except Exception as error:
        traceback.print_exc()
        _tell(error)
        sys.exit(1)


def _not_possible(error: OSError) -> int:
    """Says what the system refused; the exit status. A traceback is printed where it is about no file of the user's."""
    if error.filename is None or error.strerror is None:
        traceback.print_exc()
        _tell(error)
        return 1
    hint = REFUSED.get(error.errno or 0, "")
    tell([Problem(error.strerror.lower(), str(error.filename), hint=hint, rule="no-access")])
    return 2 if hint else 1


def _tell(error: Exception) -> None:
    from raypose.plugins import located

    tell(located(error))


def tell(problems: Iterable[Problem]) -> None:
    """Print problems, each on its line; that of a warning says so by itself."""
    for problem in problems:
        click.echo(f"error: {problem}" if problem.level == "error" else str(problem), err=True)
