"""What two or more services share: errors, the genome, events, ports, adapters and the run loop."""
