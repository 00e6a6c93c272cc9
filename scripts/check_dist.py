"""Checks what was built: the wheel and the sdist in a folder hold every file of the embedded models and of
the prior.

Usage: python scripts/check_dist.py dist
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("tts_select/data/world/weights", "tts_select/data/prior/router")


def main() -> None:
    """Exits with a message that names the files which are missing."""
    folder = Path(sys.argv[1])
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    files = [file for folder in SHIPPED for file in (ROOT / folder).rglob("*") if file.is_file()]
    wanted = {file.relative_to(ROOT).as_posix() for file in files}
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    missing = sorted(wanted - in_wheel) + sorted(wanted - in_sdist)
    if missing or not wanted:
        sys.exit(f"{wheel.name} or {sdist.name} lacks {', '.join(missing) or 'the weights'}")
    print(f"{wheel.name}: {len(in_wheel)} files, {wheel.stat().st_size / 1e6:.1f} MB, weights included")


if __name__ == "__main__":
    main()
