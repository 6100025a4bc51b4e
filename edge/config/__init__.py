"""`edge.toml`: one file says what is watched, what is believed and what happens."""
