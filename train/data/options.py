"""Options that several commands on photos share; light, because every command imports it."""

from typing import Annotated

import typer

GroupByOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="Regular expression on a photo's path; photos with the same match (of its first "
        "group) belong together and stay on one side of the split.",
        show_default=False,
    ),
]
