"""catseye on the device: frames to predictions to decisions."""

__version__ = "0.1.0"
