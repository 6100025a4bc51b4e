"""The desktop: a run folder -> one deployable .tflite, checked against its float original."""
