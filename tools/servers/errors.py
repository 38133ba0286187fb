"""What the servers tool refuses with: one message that names what is wrong and the remedy."""


class ServersError(Exception):
    """The servers cannot do what was asked; the text says why and what to do."""


class CannotInstallError(ServersError):
    """A program is missing and cannot be installed from here; the text gives the command that installs it."""
