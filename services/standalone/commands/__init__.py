"""The sub-commands of `galapagos`; each imports what it needs only when it is called, so that help is instant."""
