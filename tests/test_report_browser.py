"""The report in a real browser: no complaint, no request, no sideways scrolling."""

import json
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from _fits import fitted

from sklearn_persona.report import PersonaReport

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium or Chrome is installed"
)
# Reads the report in frames of the widths of a phone and a desktop.
HARNESS = """<!DOCTYPE html><html><body><script>
const widths = [360, 1280], out = {};
const wait = widths.map(width => new Promise(done => {
  const frame = document.createElement('iframe');
  frame.width = width; frame.height = 900; frame.src = 'report.html';
  frame.onload = () => {
    const page = frame.contentDocument;
    const size = element => element.getBoundingClientRect();
    out[width] = {
      title: page.title,
      wide: page.documentElement.scrollWidth,
      outside: [...page.querySelectorAll('h1, h3, p, svg, .value, .label, pre, li')]
        .filter(e => size(e).right > width + 1 || size(e).left < -1)
        .map(e => e.outerHTML.slice(0, 80)),
      flat: [...page.querySelectorAll('svg')]
        .filter(e => size(e).width < 10 || size(e).height < 4).length,
      svgs: page.querySelectorAll('svg').length,
      scripts: page.scripts.length,
      globals: frame.contentWindow.attacked === undefined,
      font: Math.min(...[...page.querySelectorAll('p, td, th, span, small, text')]
        .filter(e => e.textContent.trim())
        .map(e => parseFloat(frame.contentWindow.getComputedStyle(e).fontSize))),
    };
    done();
  };
  document.body.append(frame);
}));
Promise.all(wait).then(() => {
  const pre = document.createElement('pre');
  pre.id = 'out'; pre.textContent = JSON.stringify(out);
  document.body.replaceChildren(pre);
});
</script></body></html>"""


class Silent(SimpleHTTPRequestHandler):
    """Remembers what was asked for."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def site(tmp_path):
    """A folder and the server that shows it."""
    folder = tmp_path / "site"
    folder.mkdir()
    handler = partial(Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, server
        server.shutdown()
        thread.join()


def browse(folder, url, *options):
    """Run the browser once; what it wrote, complained about and asked the network."""
    log = folder.parent / "net.json"
    run = subprocess.run(
        [
            BROWSER,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-sync",
            "--hide-scrollbars",
            "--virtual-time-budget=3000",
            "--enable-logging=stderr",
            f"--user-data-dir={folder.parent / 'profile'}",
            f"--log-net-log={log}",
            *options,
            url,
        ],
        capture_output=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-1000:]
    complaints = [
        line for line in run.stderr.decode().splitlines() if "CONSOLE" in line
    ]
    return run.stdout.decode(), complaints, _requests(log.read_text())


def _requests(text):
    """Addresses that pages asked the network for, not those of the browser itself."""
    try:
        log = json.loads(text)
    except json.JSONDecodeError:
        # The browser does not always close its log.
        log = json.loads(text.rstrip().rstrip(",") + "]}")
    kind = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    found = []
    for event in log["events"]:
        parameters = event.get("params", {})
        if event["type"] == kind and "url" in parameters:
            if parameters.get("initiator", "not an origin") != "not an origin":
                found.append(parameters["url"])
    return found


@pytest.mark.parametrize(
    ("kind", "hostile"), [("crossover", False), ("parallel", True), ("empty", False)]
)
def test_the_page_in_a_browser(site, kind, hostile):
    folder, server = site
    finder, data = fitted(kind, hostile)
    report = PersonaReport.from_estimator(
        finder,
        X=data["X"],
        y=data["y"],
        treatment=data["treatment"],
        title="<script>attacked = 1</script>" if hostile else "Trial",
    )
    html = report.to_html(folder / "report.html")
    (folder / "harness.html").write_text(HARNESS)
    root = f"http://127.0.0.1:{server.server_port}/"
    out, complaints, requests = browse(folder, root + "harness.html", "--dump-dom")
    assert complaints == []
    assert all(url.startswith(root) for url in requests)
    assert set(server.asked) <= {"/harness.html", "/report.html", "/favicon.ico"}
    measured = json.loads(out.split('<pre id="out">')[1].split("</pre>")[0])
    for width, page in measured.items():
        assert page["wide"] <= int(width)
        assert page["outside"] == []
        assert page["flat"] == 0 and page["scripts"] == 0 and page["globals"]
        assert page["svgs"] == html.count("<svg")
        assert page["font"] >= 12


@pytest.mark.parametrize("size", ["1280,900", "500,900"])
def test_screenshot(site, size):
    folder, server = site
    finder, _ = fitted("crossover")
    PersonaReport.from_estimator(finder).to_html(folder / "report.html")
    picture = folder.parent / "page.png"
    _, complaints, requests = browse(
        folder,
        f"file://{folder / 'report.html'}",
        f"--window-size={size}",
        f"--screenshot={picture}",
    )
    assert complaints == [] and requests == [] and server.asked == []
    pixels = pytest.importorskip("matplotlib.image").imread(picture)
    assert pixels.shape[1] == int(size.split(",")[0])
    # Neither empty nor black.
    assert 0.5 < pixels[..., :3].mean() < 0.999 and pixels[..., :3].std() > 0.05


def test_the_browser_would_tell(site):
    """Hand-made wrong variants: a script that complains, and a picture from outside."""
    folder, server = site
    finder, _ = fitted("crossover")
    html = PersonaReport.from_estimator(finder).to_html()
    policy = html[html.index("<meta http-equiv") :].split("\n")[0]
    other = f"http://localhost:{server.server_port}/pixel.png"
    wrong = html.replace(
        "<main>", f"<main><script>console.error('x')</script><img src='{other}'>"
    )
    page = folder / "report.html"
    page.write_text(wrong.replace(policy, ""), encoding="utf-8")
    _, complaints, requests = browse(folder, f"file://{page}", "--dump-dom")
    assert complaints and requests == [other]
    # The page's own policy stops both, even so.
    server.asked.clear()
    page.write_text(wrong, encoding="utf-8")
    _, complaints, requests = browse(folder, f"file://{page}", "--dump-dom")
    assert any("Content Security Policy" in line for line in complaints)
    assert requests == [] and server.asked == []
