"""The source `demo:`: a person and then a cat come to a door, without camera, display or network.

`show` plays it; `scene` is the stage, made of `garden` and `doorway`; `actors` cuts the visitors
out of two photos.
"""

from edge.sources.demo.show import DemoScene, Phase

__all__ = ["DemoScene", "Phase"]
