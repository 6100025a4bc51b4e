"""The memory of events: a database, snapshots and clips, within limits."""
