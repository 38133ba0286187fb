"""Market data: bars, their import and validation, timeframes, regimes, indicators and the condition bank."""
