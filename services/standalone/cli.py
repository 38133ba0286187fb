"""The command `galapagos`: what it can do, and one clear line when it cannot."""

import os
import sys
from typing import Annotated

import typer

from standalone.commands import (
    bench,
    champions,
    checkpoint,
    coevolve,
    data,
    explain,
    graph,
    knowledge,
    landscape,
    leaderboard,
    league,
    meta,
    query,
    run,
    seed,
    store,
    topics,
    tune,
    up,
)

EXIT_BUG = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
DEBUG = "GALAPAGOS_DEBUG"

app = typer.Typer(
    name="galapagos",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=(
        "Breed, test and select trading strategies, and refuse to sell noise.\n\n"
        "[bold]galapagos run[/] breeds strategies on built-in daily prices for two minutes and writes a report.\n\n"
        "[bold]galapagos up[/] does the same on Kafka, Redis and ClickHouse, with as many processes as you like.\n\n"
        "[bold]galapagos champions list[/] shows what survived; [bold]galapagos explain ID[/] says what it does.\n\n"
        "[bold]galapagos seed example > mine.json[/] writes a strategy to edit; "
        "[bold]galapagos seed publish mine.json[/] lets it compete."
    ),
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"galapagos {installed('galapagos')}")
        raise typer.Exit
    from common.run.logs import quiet_libraries

    quiet_libraries()


app.command("run", epilog=run.EXAMPLES)(run.run)
app.command("up", epilog=up.EXAMPLES)(up.up)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain_genome)
app.command("graph", epilog=graph.EXAMPLES)(graph.graph)
app.command("landscape", epilog=landscape.EXAMPLES)(landscape.landscape)
app.command("coevolve", epilog=coevolve.EXAMPLES)(coevolve.coevolve)
app.command("leaderboard", epilog=leaderboard.EXAMPLES)(leaderboard.leaderboard)
app.command("league", epilog=league.EXAMPLES)(league.league)
app.command("meta", epilog=meta.EXAMPLES)(meta.meta)
app.command("tune", epilog=tune.EXAMPLES)(tune.tune)
app.command("query", epilog=query.EXAMPLES)(query.query)
app.command("bench", epilog=bench.EXAMPLES, no_args_is_help=True)(bench.bench)
app.add_typer(seed.app, name="seed")
app.add_typer(champions.app, name="champions")
app.add_typer(checkpoint.app, name="checkpoint")
app.add_typer(data.app, name="data")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(store.app, name="store")
app.add_typer(topics.app, name="topics")


def main() -> None:
    """The entry point. Exit codes: 0 done, 2 usage or bad input, 1 a bug, 130 a second Ctrl-C."""
    from common.errors import GalapagosError
    from standalone.interrupt import StoppedAtOnceError

    try:
        app()
    except GalapagosError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except (KeyboardInterrupt, StoppedAtOnceError):
        typer.echo(f"stopped; a run goes on with {_going_on()}", err=True)
        # At once: an ordinary exit waits for threads, and set-up may have left a compiler at work.
        sys.stdout.flush()
        os._exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`galapagos seed conditions | head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"error: {where}{error.strerror or error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except Exception as error:
        if DEBUG in os.environ:
            raise
        first = (str(error).splitlines() or [""])[0]
        typer.echo(
            f"bug: {type(error).__name__}: {first}; what a run had reached is kept, {_going_on()} goes on; "
            f"{DEBUG}=1 shows where",
            err=True,
        )
        sys.exit(EXIT_BUG)


def _going_on() -> str:
    """The command that goes on with what this command began."""
    command = sys.argv[1] if sys.argv[1:2] in (["up"], ["tune"]) else "run"
    return f"`galapagos {command} --resume`"
