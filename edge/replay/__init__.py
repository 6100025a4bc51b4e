"""Clips run through model and rules, held against what a person saw on them.

`expectations` reads what is to be seen, `recording` runs a clip and keeps what was seen on each
frame, `playback` shows that to a watcher, `rules` lets it decide as often as wanted, `scoring`
holds events against expectations, `cost` weighs what went wrong, `tune` searches the cheapest
rules, and `shortage` says what the clips are too few for. All but `recording`, `session` and
`clips` are pure.
"""
