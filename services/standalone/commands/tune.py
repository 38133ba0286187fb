"""`galapagos tune`: settings of the engine, found by optuna on some markets and judged on others."""

from pathlib import Path
from typing import Annotated

import typer

from standalone.commands import options

EXAMPLES = (
    "Examples: [bold]galapagos tune[/]  (built-in prices)  ·  "
    "[bold]galapagos tune --data BTCUSDT-1h.csv --held-out ETHUSDT-1h.csv --trials 60[/]  ·  "
    "galapagos tune --resume  (go on, or add trials with --trials)  ·  galapagos run --config tuning/tuned.json"
)


def tune(
    data: Annotated[
        list[Path] | None, typer.Option(help="Bars to try settings on; repeatable; built-in ones by default.")
    ] = None,
    held_out: Annotated[
        list[Path] | None, typer.Option(help="Bars to judge the result on; repeatable; built-in ones by default.")
    ] = None,
    config: options.Config = None,
    trials: Annotated[int, typer.Option(help="Settings to try, in all; the first is the default.")] = 24,
    genomes: Annotated[int, typer.Option(help="Genomes of every run, whatever its sizes.")] = 131_072,
    seeds: Annotated[int, typer.Option(help="Runs of a trial on each market.")] = 2,
    held_out_seeds: Annotated[int, typer.Option(help="Runs on each held-out market.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random draws.")] = 7,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Threads; no effect on the result.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the tuning.")] = Path("tuning"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the tuning in --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print tuning.json, nothing else, on standard output.")] = False,
) -> None:
    """Tune rates, operators, sizes, selection, survival and archive, and say whether that added anything.

    Judged is what elites do in validation that training chose; no bar of a vault is read. The folder then holds
    tuning.json and tuned.json, which `galapagos run --config` takes. Ctrl-C keeps the trials that are done.
    """
    import os
    from concurrent.futures import ThreadPoolExecutor

    import orjson

    from standalone import tuning_page
    from standalone.interrupt import StoppedAtOnceError
    from standalone.request import Request
    from standalone.tuning import CONFIG, Asked, Tuning
    from standalone.tuning_bench import markets_of, same_days
    from standalone.tuning_study import locked

    base = Request(config=config).overrides()
    training, judging = markets_of(data or (), held_out or (), base)
    asked = Asked(training, judging, base, trials, genomes, seeds, held_out_seeds, seed)

    def say(text: str) -> None:
        typer.echo(text, err=True)

    for one, other in same_days(training, judging):
        say(f"note: {other} is judged on days on which {one} was trained; who moves together makes tuning look good")
    try:
        with locked(out), ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
            found = Tuning(asked, out, resume, pool, say).run()
    except KeyboardInterrupt:
        raise StoppedAtOnceError from None
    if json:
        typer.echo(orjson.dumps(found))
        return
    for sentence in tuning_page.sentences(found):
        typer.echo(sentence)
    typer.echo(f"settings: {out / CONFIG}, for `galapagos run --config`")
