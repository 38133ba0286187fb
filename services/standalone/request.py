"""From what the user typed to a run specification and its bars; on resume, whether both agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from common.backtest.windows import check_sealed
from common.errors import ConfigurationError, DataError
from common.events.spec import DataSpec, RunSpec
from common.events.strict import parse_json
from common.market.bars import Bars
from common.run.stretches import cut_of

MINUTES_DEFAULT = 2.0
ISLANDS_MAX = 256


@dataclass(frozen=True, slots=True)
class Request:
    """Options of `galapagos run`; None where none was given."""

    data: Sequence[Path] = ()
    generations: int | None = None
    minutes: float | None = None
    seed: int | None = None
    islands: int | None = None
    config: Path | None = None
    knowledge: Path | None = None

    def overrides(self) -> dict[str, Any]:
        """Fields of the specification that were asked for, the config file first, options over it."""
        fields = _config(self.config) if self.config is not None else {}
        if self.knowledge is not None:
            fields["evolution"] = {**fields.get("evolution", {}), "knowledge": lessons_of(self.knowledge)}
        given = {"generations": self.generations, "seed": self.seed, "islands": self.islands}
        return fields | {name: value for name, value in given.items() if value is not None}


def lessons_of(path: Path) -> Any:
    """What a run takes of a knowledge base. Raises ConfigurationError for a file that is none."""
    if not path.is_file():
        raise ConfigurationError(f"--knowledge {path}: no such file; `galapagos knowledge mine` writes one")
    document = parse_json(path.read_bytes(), f"--knowledge {path}")
    if not isinstance(document, dict) or "knowledge" not in document:
        raise ConfigurationError(f"--knowledge {path}: is no knowledge base; `galapagos knowledge mine` writes one")
    return document["knowledge"]


def _config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigurationError(f"--config {path}: no such file; give a JSON object of run specification fields")
    document = parse_json(path.read_bytes(), f"--config {path}")
    if not isinstance(document, dict):
        raise ConfigurationError(f"--config {path}: holds no JSON object")
    if "data" in document:
        raise ConfigurationError(f"--config {path}: data: is made from the files; use --data PATH")
    return document


def read_data(paths: Sequence[Path]) -> list[Bars]:
    """The bars of the files, or the built-in ones where there are none. Raises DataError."""
    if not paths:
        from common.market.defaults import default_bars

        return default_bars()
    from common.market.importing import read_bars

    found = [read_bars(path)[0] for path in paths]
    names = [bars.name for bars in found]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"--data: two files are called {name}; rename one, instruments are told apart by name")
    return found


def data_spec(bars: Bars) -> DataSpec:
    """How a specification names these bars."""
    return DataSpec(name=bars.name, digest=bars.digest, bars=len(bars), bars_per_year=bars.bars_per_year)


def build_spec(bars: Sequence[Bars], overrides: Mapping[str, Any]) -> RunSpec:
    """The specification; raises ConfigurationError that names the field, DataError when there is too little history."""
    try:
        spec = RunSpec.model_validate({**overrides, "data": [data_spec(series) for series in bars]})
    except ValidationError as error:
        raise ConfigurationError("; ".join(map(_complaint, error.errors()))) from error
    cuts = []
    for series in bars:
        try:
            cuts.append(cut_of(len(series), spec.windows))
        except DataError as error:
            raise DataError(f"{series.name}: {error}") from error
    check_sealed(bars, cuts)
    return spec


def _complaint(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    value = error.get("input")
    shown = f" {value!r}" if isinstance(value, int | float | str) else ""
    reason = error["msg"].removeprefix("Value error, ")
    if reason.startswith(where):  # who looked at several fields has named them
        return reason
    return f"{where}{shown}: {reason[:1].lower()}{reason[1:]}"


def check_resume(request: Request, spec: RunSpec) -> None:
    """Raise ConfigurationError, naming the field, where an option differs from the run that is resumed."""
    saved = spec.model_dump(mode="json")
    _compare(request.overrides(), saved, "")
    if request.data:
        asked = [data_spec(series).model_dump(mode="json") for series in read_data(request.data)]
        if asked != saved["data"]:
            names = ", ".join(data["name"] for data in saved["data"])
            raise ConfigurationError(f"data: differs from the bars of the run ({names}); leave --data out to resume")


def _compare(asked: Mapping[str, Any], saved: Mapping[str, Any], prefix: str) -> None:
    for name, value in asked.items():
        if name not in saved:
            raise ConfigurationError(f"{prefix}{name}: a run specification has no such field; remove it")
        if isinstance(value, dict) and isinstance(saved[name], dict):
            _compare(value, saved[name], f"{prefix}{name}.")
        elif value != saved[name]:
            raise ConfigurationError(
                f"{prefix}{name}: {value!r} was asked for, but the run has {saved[name]!r}; "
                "leave it out to resume, or start a new run"
            )
