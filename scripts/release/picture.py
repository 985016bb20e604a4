#!/usr/bin/env python3
"""Makes README's pictures of report.html, light and dark: `scripts/release/picture.py [--binary BINARY]`. Exports the made-up account, opens
the page in Chromium, and keeps its first part as docs/images/report-light.png and report-dark.png with few colours, so that each is
small. Run it again when the page changes. Whether the pictures look good is for people to say."""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts"))

PACKAGES = ["pillow==13.0.0", "websocket-client==1.9.2"]
WIDTH, HEIGHT, COLOURS = 1100, 1160, 256
MOST_BYTES = 120_000


def main(binary):
    """Both pictures; the program is built if none is named."""
    if binary is None:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        binary = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / "apify-runs"
    with tempfile.TemporaryDirectory(prefix="apify-runs-picture-") as scratch:
        export = Path(scratch) / "export"
        subprocess.run([binary, "export", "--demo", "--quiet", "--out", export], check=True)
        for scheme in ["light", "dark"]:
            save(picture(export / "report.html", scheme), ROOT / "docs" / "images" / f"report-{scheme}.png")


def picture(page, scheme):
    """The first part of the page as PNG."""
    from checks.support.chromium import tab

    with tab() as window:
        window.look(WIDTH, HEIGHT, scheme)
        window.open(page)
        return window.picture()


def save(png, path):
    """Writes the upper part of a picture with few colours; too many bytes are an error."""
    from PIL import Image

    whole = Image.open(io.BytesIO(png)).convert("RGB")
    part = whole.crop((0, 0, whole.width, min(HEIGHT, whole.height)))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Colours by how far they are apart: by how often they occur, those of the chart's small parts would be lost.
    part.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size:,} bytes")
    if size > MOST_BYTES:
        sys.exit(f"{path.name} is larger than {MOST_BYTES:,} bytes: fewer COLOURS, or a lower HEIGHT")


if __name__ == "__main__":
    from checks.support.environments import Parser, program, python_with

    parser = Parser(prog="scripts/release/picture.py", description=__doc__)
    parser.add_argument("--binary", metavar="BINARY", type=program, help="apify-runs [it is built]")
    binary = parser.parse_args().binary
    if "PICTURE" not in os.environ:
        python = python_with(*PACKAGES)
        os.execve(python, [str(python), *sys.argv], {**os.environ, "PICTURE": "1"})
    main(binary)
