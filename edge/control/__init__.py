"""The local socket over which a running instance is asked and told."""
