"""Prints what the TFLite Task Library says of pictures; takes a model and picture files."""

import json
import sys


def main(model, *pictures):
    from tflite_support.task import vision

    classifier = vision.ImageClassifier.create_from_file(model)
    for picture in pictures:
        said = classifier.classify(vision.TensorImage.create_from_file(picture))
        categories = said.classifications[0].categories
        scores = {category.category_name: category.score for category in categories}
        sys.stdout.write(json.dumps(scores) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
