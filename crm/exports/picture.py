"""A chart of a report as a picture: the figure that its person looked at, with its title and what its figures are.

A worker that finds a Chromium draws it there; where none is found the reader's own browser runs the same script (`picture.js`).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from crm import clock, settings
from crm.access import Person
from crm.errors import CrmError, Refused
from crm.reports.export import reach_of_export
from crm.reports.registry import report_named

KIND = "chart.png"
SCRIPT = Path(__file__).with_name("picture.js")
MEDIA_TYPE = "image/png"
WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 960, 320, 2400
PATIENCE_SECONDS = 60
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PAGE = """<!doctype html><meta charset="utf-8">
<meta http-equiv="content-security-policy" content="default-src 'none'; script-src 'unsafe-inline' file:; style-src 'unsafe-inline'; img-src data: blob:">
<script src="{library}"></script><script>{script}</script>
<pre id="picture"></pre><iframe id="hold"></iframe>
<script>
  // What is printed is the page as of its load event; a frame that is being written to holds that back until the picture is there.
  const hold = document.getElementById('hold').contentDocument
  hold.open()
  drawPicture(Plotly, {picture}).then((made) => {{ document.getElementById('picture').textContent = made }}).finally(() => hold.close())
</script>
"""
_MADE = re.compile(rb'<pre id="picture">data:image/png;base64,([A-Za-z0-9+/=]+)</pre>')


class NotDrawn(CrmError):
    """No Chromium drew it: the reader's own browser can."""

    status = 503
    title = "The picture could not be drawn"


def wanted_of(report: str, title: str, footer: list[str], figure: Mapping[str, Any]) -> dict[str, Any]:
    """What a picture is asked for with: the figure as it was drawn for somebody, of this report."""
    return {"name": report, "title": title, "footer": footer, "figure": figure}


def check(person: Person, wanted: Mapping[str, Any]) -> None:
    """Raises `Refused` without the grants. A figure shows what `report: view` reaches, so nothing less may be taken away."""
    if reach_of_export(person, report_named(wanted["name"])) != "view":
        raise Refused(
            "You see more leads in this chart than you may export. An admin can set “report: export” as far as “report: view”.", grant="report: export"
        )


def file_name(wanted: Mapping[str, Any]) -> str:
    """ "win_rate-who-wins-2026-11-26.png": of letters and digits only, whatever the chart is called."""
    said = re.sub(r"[^a-z0-9]+", "-", wanted["title"].lower()).strip("-")[:60]
    return f"{report_named(wanted['name']).name}-{said or 'chart'}-{clock.now():%Y-%m-%d}.png"


def facts_of(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit says when it leaves."""
    return {"subject": f"report {wanted['name']}", "format": "PNG", "chart": wanted["title"], "states": wanted["footer"]}


def picture_of(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What `drawPicture` takes."""
    layout = wanted["figure"]["layout"]
    height = min(MOST_HEIGHT, max(LEAST_HEIGHT, int(layout.get("height", 0) * 1.15)))
    return {"figure": wanted["figure"], "title": wanted["title"], "footer": list(wanted["footer"]), "width": WIDTH, "height": height}


def write_png(person: Person, wanted: Mapping[str, Any], file: IO[bytes], _told: object = None) -> tuple[int, dict[str, Any]]:
    """The picture, drawn by a Chromium on this machine. Raises `NotDrawn`."""
    check(person, wanted)
    file.write(_drawn(picture_of(wanted)))
    return 0, facts_of(wanted)


@lru_cache(maxsize=1)
def chromium() -> str | None:
    """CRM_CHROMIUM, or one on the PATH; None where there is none."""
    return settings.current().chromium or next(filter(None, map(shutil.which, NAMES)), None)


def library() -> Path:
    """The plotly.js that comes with plotly."""
    found = find_spec("plotly")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"


def _drawn(picture: Mapping[str, Any]) -> bytes:
    executable = chromium()
    if executable is None:
        raise NotDrawn("This machine has no Chromium to draw with. Your own browser can draw the picture.")
    with tempfile.TemporaryDirectory(prefix="throughline-picture-", ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "page.html"
        page.write_text(_PAGE.format(library=library().as_uri(), script=SCRIPT.read_text(), picture=_in_script(picture)), encoding="utf-8")
        found = _MADE.search(_run(executable, page, Path(folder)))
    if found is None:
        raise NotDrawn("The Chromium of this machine did not draw it. Your own browser can draw the picture.")
    return base64.b64decode(found[1])


def _in_script(picture: Mapping[str, Any]) -> str:
    """JSON that cannot end the script it stands in."""
    return json.dumps(picture).replace("<", "\\u003c")


def _run(executable: str, page: Path, folder: Path) -> bytes:
    """What the page says after its script has run. It reaches no network, and it ends with its children when it takes too long."""
    command = [
        executable, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-background-networking",
        "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []), "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    environment = {**{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}, "HOME": str(folder), "TZ": "UTC"}
    try:
        child = subprocess.Popen(  # noqa: S603 - our own command
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise NotDrawn("The Chromium of this machine does not start. Your own browser can draw the picture.") from error
    try:
        return child.communicate(timeout=PATIENCE_SECONDS)[0]
    except subprocess.TimeoutExpired as error:
        raise NotDrawn("The Chromium of this machine took too long. Your own browser can draw the picture.") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
