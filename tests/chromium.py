"""A real browser for the tests of pages and pictures: Chromium, driven by the Python package playwright.

What a page says on the console, and every request beside the page itself, is written down: a good page says nothing.
"""

import contextlib
import shutil

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@contextlib.contextmanager
def pages(tmp_path_factory):
    """open_page(path, dark=False, javascript=True, size=(1200, 700)) → (page, what console and network said)."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    if BROWSER is None:
        pytest.skip("no Chromium on the PATH")
    contexts = []
    with playwright.sync_playwright() as driver:

        def open_page(path, *, dark=False, javascript=True, size=(1200, 700)):
            context = driver.chromium.launch_persistent_context(
                tmp_path_factory.mktemp("profile"), executable_path=BROWSER, headless=True, args=QUIET,
                color_scheme="dark" if dark else "light", java_script_enabled=javascript,
                viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce",
            )  # fmt: skip
            contexts.append(context)
            page, said = context.pages[0], []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda mistake: said.append(str(mistake)))
            page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
            page.goto(path.as_uri())
            return page, said

        yield open_page
        for context in contexts:
            context.close()
