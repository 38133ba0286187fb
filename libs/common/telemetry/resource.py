"""Which process it is that speaks, and where to."""

import os
import socket
from typing import Literal, get_args

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from common.errors import ConfigurationError
from common.telemetry import names

Exporter = Literal["none", "console", "otlp"]
PATIENCE_S = 2.0
"""For one export: the last one, with nobody to take it, must not hold up the end of a process."""


def resource_of(service: str, run: str = "") -> Resource:
    """Service name, instance and run; what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before."""
    attributes = {
        names.SERVICE_NAME: names.SERVICE_PREFIX + service,
        names.INSTANCE: f"{socket.gethostname()}-{os.getpid()}",
    }
    if run:
        attributes[names.RUN] = run
    return Resource.create({**attributes, **OTELResourceDetector().detect().attributes})


def check_exporter(exporter: str) -> None:
    """Raises ConfigurationError for one that is not known."""
    if exporter not in get_args(Exporter):
        known = ", ".join(get_args(Exporter))
        raise ConfigurationError(f"telemetry exporter {exporter!r} is not allowed; use one of {known}")


def patience_s() -> float | None:
    """For the exporters; None where OTEL_EXPORTER_OTLP_TIMEOUT or one of its kind says, which they read themselves."""
    is_set = any(name.startswith("OTEL_EXPORTER_OTLP") and name.endswith("TIMEOUT") for name in os.environ)
    return None if is_set else PATIENCE_S
