"""Messages that wait on the disk until they are delivered."""
