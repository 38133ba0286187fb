"""Which process it is that speaks, and where to."""

import os
import socket
from typing import Literal, get_args

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from common.errors import ConfigurationError
from common.telemetry import names

Exporter = Literal["none", "console", "otlp"]


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
