"""How a second Ctrl-C travels: as an exception of its own, since Typer keeps KeyboardInterrupt to itself."""


class StoppedAtOnceError(Exception):
    """People asked twice; what had been reached is saved."""
