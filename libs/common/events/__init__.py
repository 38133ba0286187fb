"""Events: what travels between services, one type per topic."""
