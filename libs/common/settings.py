"""Settings of a process: GALAPAGOS_* from the environment, secrets from files, anything that is wrong named."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.errors import ConfigurationError

PREFIX = "GALAPAGOS_"
FILE = "_FILE"


class Settings(BaseSettings):
    """``GALAPAGOS_BUS`` and so on; ``GALAPAGOS_BUS_FILE`` names a file that holds the value, for a URL with a password.

    What is empty is not given. An option of the command line wins over the environment: see ``read_settings``.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    bus: str = ""
    """Where events go: ``kafka://host:port/NAMESPACE``."""
    cache: str = ""
    """Where evaluators remember figures: ``redis://host:port/0``; empty: what GALAPAGOS_EVALUATOR_CACHE says."""
    store: str = ""
    """Where the recorder writes: ``clickhouse://host:port/database``."""
    run: Path | None = None
    """The folder of the run: its specification and its bars."""
    traces: str = "none"
    """Where spans go: none, console, or otlp."""
    partitions: int = Field(default=8, ge=1, le=4096)
    """Of the topics that are spread, where they have to be made."""
    health_port: int | None = Field(default=None, ge=0, le=65535)
    """Of the health endpoints, on the loopback; None: none."""
    health_host: str = "127.0.0.1"
    """The address that the health endpoints bind to."""
    workers: int | None = Field(default=None, ge=1, le=64)
    """Threads that share a cohort; None: one for each core."""
    live_s: float = Field(default=60.0, gt=0, le=86_400)
    """A loop without work that has not turned for so many seconds is not alive."""
    step_s: float = Field(default=3600.0, gt=0, le=86_400)
    """So many seconds may the work of one turn take: longer than the longest cohort does."""
    supervisor: int | None = Field(default=None, ge=1)
    """The process that started this one and must outlive it."""


def read_settings(**options: Any) -> Settings:
    """The settings of this process; ``options`` that are not None come from the command line and win.

    Raises ConfigurationError that names option or variable, value and remedy.
    """
    typed = {name: value for name, value in options.items() if value is not None}
    files = {field: _in_file(field) for field in Settings.model_fields if os.environ.get(variable(field) + FILE)}
    try:
        return Settings(**(files | typed))
    except ValidationError as error:
        raise ConfigurationError("; ".join(complaint(_where(each, typed), each) for each in error.errors())) from error


def variable(field: str) -> str:
    """The name of a setting in the environment."""
    return PREFIX + field.upper()


def _in_file(field: str) -> str:
    name = variable(field) + FILE
    if os.environ.get(variable(field)):
        raise ConfigurationError(f"{variable(field)} and {name}: both are set; unset one of them")
    path = Path(os.environ[name])
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name} {path}: cannot be read ({error}); name a file with the value") from error
    if not text:
        raise ConfigurationError(f"{name} {path}: is empty; write the value into it")
    return text


def complaint(where: str, error: ErrorDetails) -> str:
    """What pydantic has against the value of the setting that people call ``where``."""
    return f"{where} {error['input']!r}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _where(error: ErrorDetails, typed: Mapping[str, Any]) -> str:
    field = str(error["loc"][0])
    return f"--{field.replace('_', '-')}" if field in typed else variable(field)


def required(settings: Settings, field: str, example: str) -> str:
    """The value of a setting without which nothing works. Raises ConfigurationError where it is not given."""
    value = getattr(settings, field)
    if not value:
        name = variable(field)
        raise ConfigurationError(f"--{field}: is missing; give it, {name}, or {name}{FILE}: {example}")
    return str(value)
