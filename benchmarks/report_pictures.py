"""Pictures of a report for the docs, taken by a headless Chromium.

    PYTHONPATH=. python benchmarks/report_pictures.py

writes docs/images/report_desktop.png and report_phone.png.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples"))
from report import make_report  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
# Window, width of the page, and where it begins.
PICTURES = {
    "report_desktop": ((1040, 1330), 1040, "#"),
    "report_phone": ((500, 1330), 390, "#personas"),
}
FRAME = (
    "<body style='margin:0'><iframe src='report.html{place}' "
    "style='border:0;width:{width}px;height:{height}px' scrolling='no'></iframe>"
)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_report().to_html(folder / "report.html")
        for name, (size, width, place) in PICTURES.items():
            page = folder / "frame.html"
            frame = FRAME.format(width=width, height=size[1], place=place)
            page.write_text(frame)
            shot = folder / "shot.png"
            subprocess.run(
                [
                    BROWSER,
                    "--headless=new",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--hide-scrollbars",
                    f"--user-data-dir={folder / 'profile'}",
                    f"--window-size={size[0]},{size[1]}",
                    f"--screenshot={shot}",
                    f"file://{page}",
                ],
                check=True,
                capture_output=True,
            )
            picture = Image.open(shot).convert("RGB").crop((0, 0, width, size[1]))
            path = ROOT / "docs" / "images" / f"{name}.png"
            picture.quantize(48).save(path, optimize=True)
            print(path.relative_to(ROOT), path.stat().st_size)


if __name__ == "__main__":
    main()
