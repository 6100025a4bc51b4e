"""The desktop's first half: folders of photos to a run folder with a Keras convnet in it."""
