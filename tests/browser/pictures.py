"""Pages at each width, light and dark. With `--pictures` there are pictures to look at, in tests/screenshots/, which git ignores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from tests.browser.conftest import SCREENSHOTS, wait_for
from tests.conftest import PICTURES

SCHEMES = ("light", "dark")


def are_taken() -> bool:
    return PICTURES in os.environ


def faces(page: Any, sizes: Mapping[str, dict[str, int]]) -> Iterator[str]:
    """The page at these sizes, light and dark, one after the other; answers what to call each. Without pictures each size and each scheme comes
    once: where things lie is the same in the light and in the dark."""
    page.mouse.move(1, 1)
    for width, scheme in product(sizes, SCHEMES) if are_taken() else zip(sizes, SCHEMES, strict=True):
        page.set_viewport_size(sizes[width])
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(450)
        yield f"{width}-{scheme}"


def picture(page: Any, name: str) -> None:
    """One to look at, where they are asked for."""
    if not are_taken():
        return
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def finds_nothing(page: Any, script: str, what: str) -> None:
    """The script answers nothing, or false, as soon as the page has drawn itself anew in its size."""
    found: list[Any] = []

    def is_clean() -> bool:
        found[:] = [page.evaluate(script)]
        return not found[0]

    try:
        wait_for(is_clean, what, seconds=20)
    except AssertionError:
        raise AssertionError(f"{what}: {found[0]}") from None
