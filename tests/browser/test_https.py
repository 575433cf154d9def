"""The web client through the containers' balancer with a certificate, in a browser that trusts the authority of it."""

import os
import shutil
import subprocess

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from chromium import start_browser
from support.authority import Authority
from support.balancer import HAPROXY, HOST, Balancer
from support.client import unique
from support.stack import Stack
from support.wait import wait_until
from web_page import WebPage

pytestmark = [
    pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed"),
    pytest.mark.skipif(shutil.which("certutil") is None, reason="certutil (libnss3-tools) is not installed: "
                       "no browser that trusts an authority of the tests"),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def balancer(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("certificates") / "messenger.pem"
    shutil.copy(authority.issue(HOST).both, path)
    with Stack(settings={"gateway.trustedProxies": "127.0.0.0/8"}) as stack, Balancer(stack, path) as balancer:
        yield balancer


def trust(authority, home):
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-n", "test", "-t", "C,,", "-i", str(authority.ca)]):
        subprocess.run(["certutil", "-d", f"sql:{database}", *arguments], check=True, capture_output=True)


def open_browser(folder, home):
    return start_browser(folder / "profile", f"--host-resolver-rules=MAP {HOST} 127.0.0.1", home=home, whole=True)


@pytest.fixture(scope="module")
def browser(browsers, authority, tmp_path_factory):  # `browsers` skips where there is none
    home = tmp_path_factory.mktemp("home")
    trust(authority, home)
    driver = open_browser(tmp_path_factory.mktemp("trusting"), home)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, balancer):
    page = WebPage(browser, balancer.secure_url())
    page.forget()
    yield page
    assert page.problems() == [], "the browser complained"


def sign_up(page):
    page.wait_sign_in()
    page.click(".card .link")
    name = unique()
    for field, text in (("firstName", "Ada"), ("lastName", "Lovelace"), ("tag", name), ("email", f"{name}@example.com"),
                        ("password", "difference")):
        page.fill(f"#sign-in-{field}", text)
    page.click(".card .main")
    page.wait_messenger()


def cookies(page):
    found = page.driver.execute_cdp_cmd("Network.getCookies", {"urls": [page.address]})["cookies"]
    return {cookie["name"]: cookie for cookie in found}


def test_an_address_typed_without_https_ends_in_a_conversation_over_tls(page, balancer, browser):
    """Signing up, the cookies, the WebSocket and a message: all of it secure, and the page says so."""
    browser.get(f"http://{HOST}:{balancer.port}/")
    assert browser.current_url == balancer.secure_url("/")
    assert page.run("return isSecureContext")
    sign_up(page)
    kept = cookies(page)
    assert set(kept) == {"auth", "__Host-auth"}
    for cookie in kept.values():
        assert cookie["secure"] and cookie["httpOnly"] and cookie["path"] == "/" and cookie["domain"] == HOST
    page.reload()
    page.wait_messenger()  # with a WebSocket: a page from https could not open one over plain HTTP
    page.log_out()


def test_a_socket_survives_a_renewal_and_the_next_visit_gets_the_new_certificate(page, balancer, authority):
    page.load()
    sign_up(page)
    page.run("window.lost = 0; setInterval(() => { if (messenger.session.connection !== 'current') lost++; }, 5);")
    renewed = authority.issue(HOST, file="renewed")
    shutil.copy(renewed.both, balancer.certificate.with_suffix(".new"))
    os.replace(balancer.certificate.with_suffix(".new"), balancer.certificate)
    wait_until(lambda: "the certificate was replaced" in balancer.log(), balancer.log)
    with balancer.connect(authority.ca) as connection:
        assert connection.getpeercert()["serialNumber"] == renewed.serial
    answer = page.driver.execute_async_script("""
        const [done] = arguments;
        messenger.session.listSessions().then((list) => done(list.length), (error) => done(String(error)));
        """)
    assert (answer, page.run("return lost")) == (1, 0)
    page.reload()
    page.wait_messenger()


def test_the_browser_remembers_to_use_https(page, balancer, browser):
    """HSTS: after a visit it uses TLS at the port of plain HTTP, too, where nobody speaks it. The last visit of this browser."""
    from selenium.common.exceptions import WebDriverException

    page.load()
    page.wait_sign_in()
    with pytest.raises(WebDriverException, match="ERR_SSL_PROTOCOL_ERROR"):
        browser.get(f"http://{HOST}:{balancer.port}/healthz")
    page.load()


def test_a_browser_that_does_not_know_the_authority_shows_a_warning(browsers, balancer, tmp_path):
    driver = open_browser(tmp_path, tmp_path)
    try:
        driver.get(balancer.secure_url("/"))
        assert "ERR_CERT_AUTHORITY_INVALID" in driver.page_source and driver.title != "Messenger"
    finally:
        driver.quit()
