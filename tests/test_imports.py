"""Imports go one way, and no door's library reaches the words or the hall."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINTER = Path(sys.executable).with_name("lint-imports")


def test_imports_go_one_way():
    run = subprocess.run([LINTER, "--config", "pyproject.toml", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]


def test_pages_hold_no_sql():
    for page in (ROOT / "pages").glob("*.py"):
        source = page.read_text()
        assert "sqlalchemy" not in source, page.name
        assert "select " not in source.lower().replace("st.select", "").replace("to select", ""), page.name
