"""Data sets: fetched, laid out as folders per label."""
