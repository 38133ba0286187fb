"""The run loop: what turns a service value into a running process."""
