"""The `liandong` command: subcommands in groups, one sentence and a non-zero exit for every error of ours."""

import sys

import typer

from liandong.cli import dlq, generate, keys, local, world
from liandong.cli.migration import migration
from liandong.cli.recover import recover
from liandong.cli.simulate import simulate
from liandong.errors import LiandongError

app = typer.Typer(
    name="liandong",
    help="联动: an event-driven city district on one machine and in a cluster.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
local.register(app)
generate.register(app)
app.command()(simulate)
app.command()(recover)
app.command()(migration)
app.add_typer(world.app, name="world")
app.add_typer(dlq.app, name="dlq")
app.add_typer(keys.app, name="keys")


def run() -> None:
    """Entry point: errors of ours become one sentence on standard error and exit code 1."""
    try:
        app()
    except LiandongError as error:
        print(f"liandong: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run()
