"""Prints what MediaPipe Tasks says of pictures; takes a model and picture files."""

import json
import sys


def main(model, *pictures):
    import mediapipe
    from mediapipe.tasks.python import vision

    with vision.ImageClassifier.create_from_model_path(model) as classifier:
        for picture in pictures:
            said = classifier.classify(mediapipe.Image.create_from_file(picture))
            categories = said.classifications[0].categories
            scores = {category.category_name: category.score for category in categories}
            sys.stdout.write(json.dumps(scores) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
