"""From lens to loop: a process of its own reads the source, shared memory holds the newest frame.

- `request`: what the process is asked for, as JSON over its standard input;
- `slot`: the memory that both share, and who may touch what of it;
- `message`: what the process says beside frames;
- `lens`: the process; `parent` is its side towards the parent;
- `nursery`: from which it is forked;
- `watch`: when it counts as stalled, frozen or dead;
- `rhythm`: when its next frame is to be expected;
- `child`: the parent's handle on one such process;
- `process`: `CaptureProcess`, the source that a run reads.
"""
