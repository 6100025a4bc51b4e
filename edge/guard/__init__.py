"""A small process that owns an output, so that it is never energised longer than its limit."""

MODES = ("auto", "open", "lock")
"""What a person may ask of an output: leave it to the rules, keep it open, keep it locked."""
