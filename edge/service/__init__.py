"""A systemd unit, and what a process tells systemd."""
