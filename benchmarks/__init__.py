"""Speed, measured per CPU-second and beside a peer in the same run.

`galapagos bench` finds every module here that has a function named after it: ``bench_NAME(repeats, scale)`` takes each
work ``repeats`` times on ``scale`` of the usual number of strategies, and returns figures as JSON values.
"""
