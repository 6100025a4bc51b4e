"""How good a classifier is, beyond its accuracy: intervals, curves, calibration, mistakes.

`edge.quality.judgement.judge` takes scores and the truth, wherever they come from; the desktop
and the device share every definition.
"""
