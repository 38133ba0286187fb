"""`galapagos data`: price files checked, imported, and downloaded from exchanges."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from common.market.import_report import ImportReport

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Price files: check what is in one, import it, download one.\n\n"
        "A file has one row per bar: when the bar [bold]opens[/], then open, high, low, close and, if there is one, "
        "volume. `galapagos run --data FILE` reads such files directly; import is for files to be mapped or mended."
    ),
)
Price = Annotated[Path, typer.Argument(metavar="PATH", help="A CSV (.csv, .csv.gz, .tsv, .txt) or Parquet file.")]
Column = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=NAME",
        help="Which column is time, open, high, low, close or volume, where the name is not a usual one. Repeatable.",
    ),
]
Timezone = Annotated[
    str, typer.Option(metavar="ZONE", help="Zone of times that carry none, such as America/New_York. Epochs are UTC.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command(
    "check",
    epilog="Examples: [bold]galapagos data check prices.csv[/]  ·  "
    "galapagos data check prices.csv --column time=when --timezone Europe/Berlin  ·  galapagos data check p.csv --json",
)
def check(path: Price, column: Column = None, timezone: Timezone = "UTC", json: Json = False) -> None:
    """Say what is in a price file: span, columns, gaps, and every bad row. Exit code 2 if there is one."""
    from common.errors import DataError
    from common.market.importing import examine

    _, report = examine(path, columns=_mapping(column), timezone=timezone)
    _show(report, json)
    if report.faults:
        raise DataError(report.refusal())


@app.command(
    "import",
    epilog="Examples: [bold]galapagos data import prices.csv --out prices.parquet[/]  ·  "
    "galapagos data import p.csv --column open=o1 --drop-bad --out p.parquet  ·  "
    "galapagos data import minutes.csv --resample 1h --out hours.parquet",
)
def import_file(
    path: Price,
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", help="Where to write the bars.")],
    column: Column = None,
    timezone: Timezone = "UTC",
    drop_bad: Annotated[
        bool, typer.Option("--drop-bad", help="Leave bad rows out (at most one in ten) instead of refusing the file.")
    ] = False,
    resample: Annotated[str, typer.Option(metavar="STEP", help="Make coarser bars: 15m, 4h, 1d, 1w, 1mo, ...")] = "",
    json: Json = False,
) -> None:
    """Turn a price file into a clean Parquet file in UTC, or refuse it and say which rows are bad."""
    from common.market.export_files import write_bars
    from common.market.importing import read_bars
    from common.market.resampling import resample as coarsen

    _check_out(out)
    bars, report = read_bars(path, None, _mapping(column), timezone, "drop" if drop_bad else "refuse")
    if resample:
        bars = coarsen(bars, resample)
    write_bars(bars, out, {"imported_from": path.name})
    _show(report, json)
    typer.echo(f"wrote {len(bars)} bars to {out}; next: galapagos run --data {out}", err=True)


@app.command(
    "download",
    epilog="Examples: [bold]galapagos data download --symbol BTC/USDT --since 2020-01-01 --out btc.parquet[/]  ·  "
    "galapagos data download --exchange kraken --symbol ETH/EUR --timeframe 1d --since 2024-01-01 --out eth.parquet",
)
def download_bars(
    symbol: Annotated[str, typer.Option(metavar="PAIR", help="As the exchange trades it: BTC/USDT, ETH/EUR, ...")],
    since: Annotated[
        str, typer.Option(metavar="DATE", help="Open of the first bar, UTC: 2020-01-01 or 2020-01-01T12:00.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", help="Where to write; an unfinished download goes on.")],
    exchange: Annotated[
        str, typer.Option(help="Any exchange of ccxt that shows its history without a key.")
    ] = "binance",
    timeframe: Annotated[str, typer.Option(help="Length of a bar: 1m, 5m, 15m, 1h, 4h, 1d, ...")] = "1h",
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="Ask a mirror or a proxy, not the exchange itself.")
    ] = "",
    json: Json = False,
) -> None:
    """Download closed bars from an exchange: no key, at the pace it allows, again from where it stopped."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from common.adapters.exchange import Wanted, download, open_exchange
    from common.market.importing import examine

    _check_out(out)
    wanted = Wanted(symbol, timeframe, _instant_ms(since), out)
    client = open_exchange(exchange, base_url or None)
    looks = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[bars]} bars"),
        TimeRemainingColumn(),
    )
    with Progress(*looks, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"{symbol} {timeframe}", total=1.0, bars=0)
        done = download(client, wanted, lambda bars, share: progress.update(task, completed=share, bars=bars))
    _show(examine(out)[1], json)
    typer.echo(f"{done.added} new bars in {out}; next: galapagos run --data {out}", err=True)


def _mapping(told: list[str] | None) -> dict[str, str]:
    from common.errors import ConfigurationError

    pairs = [option.partition("=") for option in told or []]
    for field, _, column in pairs:
        if not field or not column:
            raise ConfigurationError(f"--column {field}: is not FIELD=NAME; write it as in --column open=o1")
    return {field: column for field, _, column in pairs}


def _check_out(out: Path) -> None:
    from common.errors import ConfigurationError

    if out.suffix != ".parquet":
        raise ConfigurationError(f"--out {out}: is written as Parquet; give it the ending .parquet")


def _instant_ms(since: str) -> int:
    from datetime import UTC, datetime

    from common.errors import ConfigurationError

    try:
        instant = datetime.fromisoformat(since)
    except ValueError as error:
        raise ConfigurationError(f"--since {since!r}: is not a date; write it as 2020-01-01") from error
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def _show(report: "ImportReport", json: bool) -> None:
    if json:
        import orjson

        typer.echo(orjson.dumps(report.as_json()))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=report.name, show_header=False, title_justify="left")
    rows: list[tuple[str, Any]] = report.lines()
    for label, value in rows:
        table.add_row(label, value, style="bold red" if label == "bad" else None)
    Console().print(table)
