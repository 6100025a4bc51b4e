"""Clips run through model and rules, held against what a person saw on them.

`expectations` reads what is to be seen, `recording` runs a clip and keeps what the model said of
each frame, `rules` decides on that again as often as wanted, `scoring` holds events against
expectations, `cost` weighs what went wrong, `tune` searches the cheapest rules, and `shortage`
says what the clips are too few for. All but `recording` and `clips` are pure.
"""
