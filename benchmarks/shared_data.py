"""Where the benchmarks' data lies: MATHPIPE_SHARED_DATA, or `../shared/data` beside the project."""

import os
from pathlib import Path


def shared_data() -> Path | None:
    """The folder, or None after one line that says what is missing."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("MATHPIPE_SHARED_DATA", default))
    if folder.is_dir():
        return folder
    print("skipped: the data folder is missing; set MATHPIPE_SHARED_DATA to it")
    return None
