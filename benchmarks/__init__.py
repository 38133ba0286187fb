"""Speed, measured per CPU-second and beside a peer in the same run."""
