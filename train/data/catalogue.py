"""The public data sets that can be fetched: where they lie, whose they are, how they are sorted."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from edge.errors import SettingError

SPECIES, BREED = "species", "breed"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a member of an archive goes.

    Attributes:
        label: Folder to put it into; `None` for a document that goes beside the folders.
        name: Of the file, without any folder.
    """

    label: str | None
    name: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set as its makers publish it.

    Attributes:
        name: What `edge data fetch` calls it.
        url: Of the official archive, `.zip` or `.tar.gz`.
        homepage: Of the data set.
        licence: What may be done with it, in a line.
        citation: What to cite.
        size_bytes: Of the archive; `None` when not known beforehand.
        sha256: Likewise; then the one of the first use is remembered and held to.
        groupings: What the folders can be sorted by; the first is the default.
        place: From a member's path and a grouping to where it goes; `None` leaves it out.
    """

    name: str
    url: str
    homepage: str
    licence: str
    citation: str
    size_bytes: int | None
    sha256: str | None
    groupings: tuple[str, ...]
    place: Callable[[PurePosixPath, str], Placement | None]

    @property
    def file_name(self) -> str:
        """Of the archive."""
        return self.url.rpartition("/")[2]


def find_data_set(name: str) -> DataSet:
    """Look a data set up by name.

    Raises:
        SettingError: There is none of that name.
    """
    if name not in CATALOGUE:
        raise SettingError(
            "The data set must be one of " + ", ".join(CATALOGUE),
            received=name,
            fix="Use for example: edge data fetch cats-vs-dogs -o photos/",
        )
    return CATALOGUE[name]


def place_cats_vs_dogs(path: PurePosixPath, grouping: str) -> Placement | None:
    """Sort a member of Microsoft's archive.

    Example:
        >>> place_cats_vs_dogs(PurePosixPath("PetImages/Cat/7.jpg"), SPECIES)
        Placement(label='cat', name='7.jpg')
        >>> place_cats_vs_dogs(PurePosixPath("PetImages/Cat/Thumbs.db"), SPECIES)
    """
    del grouping
    found = re.fullmatch(r"PetImages/(Cat|Dog)/([0-9]+\.jpg)", str(path))
    if found:
        return Placement(found[1].lower(), found[2])
    if re.fullmatch(r"[\w\[\] -]+\.(txt|docx)", str(path)):  # the readme and the licence
        return Placement(None, path.name)
    return None


def place_oxford_pets(path: PurePosixPath, grouping: str) -> Placement | None:
    """Sort a member of the Oxford-IIIT archive; breeds of cats begin with a capital letter.

    Example:
        >>> place_oxford_pets(PurePosixPath("images/Egyptian_Mau_12.jpg"), SPECIES)
        Placement(label='cat', name='Egyptian_Mau_12.jpg')
        >>> place_oxford_pets(PurePosixPath("images/basset_hound_3.jpg"), BREED)
        Placement(label='basset hound', name='basset_hound_3.jpg')
    """
    found = re.fullmatch(r"images/([A-Za-z][A-Za-z_]*)_[0-9]+\.jpg", str(path))
    if not found:
        return None
    breed = found[1]
    species = "cat" if breed[0].isupper() else "dog"
    return Placement(breed.replace("_", " ") if grouping == BREED else species, path.name)


# Neither source publishes a checksum. These are the ones that others have written down for the
# same addresses: GoMLX's example for the first, TensorFlow Datasets for the second.
CATALOGUE = {
    "cats-vs-dogs": DataSet(
        name="cats-vs-dogs",
        url="https://download.microsoft.com/download/3/E/1/"
        "3E1C3F21-ECDB-4869-8368-6DEBA77B919F/kagglecatsanddogs_5340.zip",
        homepage="https://www.microsoft.com/en-us/download/details.aspx?id=54765",
        licence="Microsoft Research License Agreement, in the archive (MSR-LA - 3467.docx)",
        citation="J. Elson, J. Douceur, J. Howell, J. Saul: Asirra: A CAPTCHA that Exploits "
        "Interest-Aligned Manual Image Categorization. ACM CCS 2007",
        size_bytes=None,
        sha256="b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
        groupings=(SPECIES,),
        place=place_cats_vs_dogs,
    ),
    "oxford-pets": DataSet(
        name="oxford-pets",
        url="https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
        homepage="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        licence="Creative Commons Attribution-ShareAlike 4.0 International (CC BY-SA 4.0)",
        citation="O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar: Cats and Dogs. "
        "IEEE CVPR 2012",
        size_bytes=791_918_971,
        sha256="67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
        groupings=(SPECIES, BREED),
        place=place_oxford_pets,
    ),
}
"""By name."""
