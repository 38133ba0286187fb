"""The backtest: windows, costs, the truth engine and its metrics."""
