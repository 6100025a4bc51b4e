"""Small archives laid out like the public ones, and how the tests fetch them from loopback."""

import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
from archive_server import serve
from PIL import Image
from textures import draw_texture

from edge.testing import ManualClock
from train.data.catalogue import CATALOGUE
from train.data.fetch import SOURCE_NAME, fetch


class Silent:
    def show(self, stage, *, done, total):
        assert 0 <= done <= (total or done), stage


def jpeg(seed):
    content = io.BytesIO()
    pixels = draw_texture("dots" if seed % 2 else "stripes", np.random.default_rng(seed))
    Image.fromarray(pixels).save(content, "JPEG")
    return content.getvalue()


def cats_vs_dogs_zip():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("PetImages/", "")
        for number in range(12):
            archive.writestr(f"PetImages/Cat/{number}.jpg", jpeg(2 * number))
            archive.writestr(f"PetImages/Dog/{number}.jpg", jpeg(2 * number + 1))
        archive.writestr("PetImages/Cat/Thumbs.db", b"thumbs")
        archive.writestr("PetImages/Cat/666.jpg", b"")  # empty in the original as well
        archive.writestr("readme[1].txt", "about")
        archive.writestr("MSR-LA - 3467.docx", "licence")
    return content.getvalue()


def oxford_pets_tar(names=("Abyssinian_1", "Abyssinian_2", "beagle_1", "basset_hound_10")):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name in (*(f"images/{name}.jpg" for name in names), "images/Abyssinian_100.mat"):
            entry = tarfile.TarInfo(name)
            picture = jpeg(len(name))
            entry.size = len(picture)
            archive.addfile(entry, io.BytesIO(picture))
    return content.getvalue()


ZIP = cats_vs_dogs_zip()
SHA256, SIZE = hashlib.sha256(ZIP).hexdigest(), len(ZIP)


def get(archive, output, *, name="cats-vs-dogs", sha256=SHA256, size_bytes=SIZE, grouping=None):
    """Fetch from a server that has the archive."""
    with serve(archive) as address:
        known = CATALOGUE[name]
        data_set = replace(
            known, url=f"{address}/{known.file_name}", sha256=sha256, size_bytes=size_bytes
        )
        return fetch(
            data_set,
            output,
            grouping=grouping or data_set.groupings[0],
            clock=ManualClock(),
            progress=Silent(),
        )


def check_whole(output):
    counts = json.loads((output / SOURCE_NAME).read_text())["counts"]
    assert counts == {"cat": 13, "dog": 12}
    assert (output / "dog/3.jpg").read_bytes() == jpeg(7)
    assert [path.name for path in output.parent.iterdir()] == [output.name]  # nothing left beside
