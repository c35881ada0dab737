"""Packs one binary as Lambda takes it: a zip with `bootstrap`, executable, and the same bytes whenever it is packed.

Looks first whether Lambda can run it: provided.al2023 has glibc 2.34.
"""

import re
import sys
import zipfile
from pathlib import Path

AL2023_GLIBC = (2, 34)


def needed_glibc(binary: bytes) -> tuple[int, int]:
    """The newest glibc whose symbols a binary names."""
    versions = re.findall(rb"GLIBC_(\d+)\.(\d+)[.\d]*\x00", binary)
    return max(((int(major), int(minor)) for major, minor in versions), default=(2, 0))


def pack(binary: Path, archive: Path, *, only_here: bool) -> None:
    """Writes the zip. One that is only for the sandbox on this machine may need what Lambda has not."""
    content = binary.read_bytes()
    if (glibc := needed_glibc(content)) > AL2023_GLIBC:
        words = f"{binary} needs glibc {glibc[0]}.{glibc[1]}, and Lambda's provided.al2023 has 2.34"
        if not only_here:
            sys.exit(f"{words}: build on an older system, such as a container of debian:bookworm, or for arm64")
        print(f"{words}: the zip is for the sandbox on this machine; bin/package without --built makes one for Lambda", file=sys.stderr)
    file = zipfile.ZipInfo("bootstrap")
    file.external_attr = 0o755 << 16
    file.compress_type = zipfile.ZIP_DEFLATED
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(file, content)
    print(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(sys.argv[2]), only_here=sys.argv[3] == "here")
