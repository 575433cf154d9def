"""Debian's Chromium and its driver, without a window."""

import os
import pathlib
import shutil

CHROMIUM = pathlib.Path("/usr/bin/chromium")
CHROMEDRIVER = pathlib.Path("/usr/bin/chromedriver")
HEADLESS_SHELL = pathlib.Path(__file__).with_name("headless_shell.sh")
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1280,900",
    # One process for the pages of a browser: to start another costs more than a page.
    "--renderer-process-limit=1", "--disable-site-isolation-trials",
)


def start_browser(profile, *arguments, home=None, whole=False):
    """With further arguments, and a home of its own if given: there lie the authorities that it trusts. `whole`:
    with what a person has of a browser beside its pages."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    shell = shutil.which("chromium-headless-shell") and not whole
    options.binary_location = str(HEADLESS_SHELL if shell else CHROMIUM)
    for argument in (*ARGUMENTS, *arguments):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.accept_insecure_certs = False
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    env = {**os.environ, "HOME": str(home)} if home else None
    return webdriver.Chrome(service=Service(str(CHROMEDRIVER), env=env), options=options)
