"""Browsers for tests: each with a profile of its own, kept between tests, emptied before each."""

import pytest

from chromium import CHROMEDRIVER, CHROMIUM, start_browser


class Browsers:
    """Started when first asked for."""

    def __init__(self, profiles):
        self._profiles = profiles
        self._drivers = {}

    def get(self, name):
        if name not in self._drivers:
            self._drivers[name] = start_browser(self._profiles.mktemp(f"profile-{name}"))
        driver = self._drivers[name]
        if driver.current_url != "about:blank":  # each page costs a process
            driver.get("about:blank")
        driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        driver.get_log("browser")
        return driver

    def quit(self):
        for driver in self._drivers.values():
            driver.quit()


@pytest.fixture(scope="session")
def browsers(tmp_path_factory):
    pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")
    if not CHROMIUM.exists() or not CHROMEDRIVER.exists():
        pytest.skip("chromium and its driver are not installed: no test in a browser")
    browsers = Browsers(tmp_path_factory)
    yield browsers
    browsers.quit()


@pytest.fixture(scope="session")
def axe_source():
    import axe

    if axe.installed_version() != axe.pinned_version():
        problem = axe.install_axe()
        if problem:
            pytest.skip(f"no accessibility check with axe-core: {problem}")
    return axe.axe_text()


def lend_page(browsers, stack, name):
    from demo_page import DemoPage

    page = DemoPage(browsers.get(name), stack.url(0))
    yield page
    problems = page.console_problems()
    page.driver.get("about:blank")
    assert problems == [], "the browser complained"


@pytest.fixture
def page(browsers, stack):
    """The demo page of a visitor who is not signed in. The browser must not have complained."""
    yield from lend_page(browsers, stack, "first")


@pytest.fixture
def other_page(browsers, stack):
    """The same for a second visitor, in a browser of their own."""
    yield from lend_page(browsers, stack, "second")


class WebPages:
    """Windows at the web client, each in a browser of its own: the one of that name."""

    def __init__(self, browsers):
        self._browsers = browsers
        self._pages = {}

    def open(self, name, address):
        from web_page import WebPage

        page = WebPage(self._browsers.get(name), address)
        page.forget()
        self._pages[name] = page
        return page

    def close(self):
        problems = []
        for page in self._pages.values():
            problems += page.problems()
            page.offline(False)
            page.forget()
            page.driver.get("about:blank")
        assert problems == [], "the browser complained"


@pytest.fixture
def windows(browsers):
    """Makes windows at the web client. The browsers must not have complained."""
    windows = WebPages(browsers)
    yield windows
    windows.close()


@pytest.fixture
def anna(stack, crowd):
    return crowd.user(stack, firstName="Anna", lastName="Smith")


@pytest.fixture
def ben(stack, crowd):
    return crowd.user(stack, firstName="Ben", lastName="Jones")
