"""The demo page on small screens, in the dark, by keyboard, and for assistive technology."""

import json
from types import SimpleNamespace

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from axe import findings
from support.client import send

SIZES = {"desktop": (1280, 800), "phone": (390, 844), "small phone": (320, 568)}


def check_views(page, axe_source, size):
    assert findings(page.driver, axe_source) == []
    if size != "desktop":
        page.click("#log-view")
        assert findings(page.driver, axe_source) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_before_the_sign_up(axe_source, page, size, scheme):
    page.emulate(*SIZES[size], scheme)
    check_views(page, axe_source, size)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_in_a_conversation(axe_source, page, bob, size, scheme):
    """With a dialog and a log that scroll, an answer, an error, and all kinds of entries."""
    page.emulate(*SIZES[size], scheme)
    socket, me = bob.socket(), SimpleNamespace(tag=page.sign_up())
    for number in range(12):
        send(socket, me, f"message {number} of a dialog that scrolls")
    page.run("sendMessageToUser", [bob.tag, "an answer"])
    page.wait(lambda: len(page.messages(bob.tag)) == 13, "all messages")
    page.run("sendMessageToUser", ["@nobody", "an error"])
    page.wait_text("#answer-title", "-32602")
    check_views(page, axe_source, size)


def test_axe_finds_nothing_when_something_went_wrong(axe_source, page):
    page.expected_problems.append("400 (Bad Request)")
    page.fill("#sign-up [name=tag]", "no-at-sign")
    page.click("#sign-up [type=submit]")
    page.wait_text("#account-message", "IncorrectDataError")
    page.send()
    page.wait_text("#params-problem", "Not connected")
    page.click("#log-in-tab")
    assert findings(page.driver, axe_source) == []


# Small screens

@pytest.mark.parametrize("size", ["phone", "small phone"])
def test_a_narrow_screen_needs_no_horizontal_scrolling(page, bob, size):
    width, height = SIZES[size]
    page.emulate(width, height)
    me = page.sign_up()
    send(bob.socket(), SimpleNamespace(tag=me), "a-word-without-end-" * 20)
    page.run("getDialogsList")
    page.wait_messages(bob.tag, [["a-word-without-end-" * 20, ""]])
    for view in ("#steps-view", "#log-view"):
        page.click(view)
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("size", ["phone", "small phone"])
def test_the_log_is_one_tap_away_on_a_phone(page, size):
    page.emulate(*SIZES[size])
    page.sign_up()
    assert not page.find("#log").is_displayed()
    scroll = page.driver.execute_script
    for y in (0, 700):
        scroll("window.scrollTo(0, arguments[0])", y)
        assert page.is_in_sight("#log-view")
        page.find("#log-view").click()
        entry = page.entries("[data-name=open]")[0]
        assert page.is_in_sight("#log-title")
        assert page.find("#log").rect["y"] - scroll("return scrollY") < SIZES[size][1] * 0.6
        assert entry.is_displayed() and not page.find("#call").is_displayed()
        assert page.find("#log-view").get_attribute("aria-pressed") == "true"
        page.find("#steps-view").click()
        assert scroll("return Math.round(scrollY)") == y


def test_the_button_of_the_log_counts_its_entries(page):
    page.emulate(*SIZES["phone"])
    page.sign_up()
    page.wait(lambda: page.text("#log-view") == f"Log ({len(page.find_all('#log > li:not([hidden])'))})", "the count")


def test_a_wide_screen_shows_the_steps_and_the_log_at_once(page):
    assert page.is_in_sight("#sign-up [type=submit]") and page.is_in_sight("#log-title")
    assert not page.find("#log-view").is_displayed()


def test_the_page_follows_the_preferred_colour_scheme(page):
    def brightness():
        red, green, blue = json.loads(
            "[" + page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")[4:-1] + "]")
        return red + green + blue
    page.emulate(*SIZES["desktop"], "light")
    assert brightness() > 600
    page.emulate(*SIZES["desktop"], "dark")
    assert brightness() < 150


# The keyboard

def names_of_tab_stops(page):
    """Presses the tab key from the top of the page until it is back there, or has left the page."""
    names = ["skip-link"]
    page.driver.execute_script("document.querySelector('#skip-link').focus()")
    for _ in range(100):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        name = page.driver.execute_script("""
            const item = document.activeElement;
            return item === document.body ? "" : item.id || item.name || item.textContent.trim();""")
        if name in ("", "skip-link"):
            return names
        names.append(name)
    raise AssertionError(f"the tab key does not come to an end: {names}")


def test_the_tab_key_reaches_every_part(page, bob):
    me = page.sign_up()
    send(bob.socket(), SimpleNamespace(tag=me), "Hello")
    page.wait_messages(bob.tag, [["Hello", ""]])
    stops = names_of_tab_stops(page)
    for name in ("log-out", "address", "disconnect", "method", "style", "params", "refresh-people",
                 bob.tag, "send", "reset", "image", "filter", "kind", "background", "expand", "copy", "clear", "log"):
        assert name in stops, (name, stops)
    assert any("Hello" in name for name in stops), "the messages scroll, but have no focus"


def test_the_keyboard_is_enough_on_a_phone(page):
    page.emulate(*SIZES["phone"])
    page.find("#log-view").send_keys(Keys.ENTER)
    assert page.find("#log").is_displayed()
    page.find("#skip-link").send_keys(Keys.ENTER)
    page.wait(lambda: page.find("#call").is_displayed(), "the methods")
    assert page.driver.switch_to.active_element.get_attribute("id") == "methods-title"


def test_the_keyboard_disconnects_and_connects_without_losing_its_place(page):
    tag = page.sign_up()
    page.find("#disconnect").send_keys(Keys.ENTER)
    page.wait_state("closed")
    assert page.driver.switch_to.active_element.get_attribute("id") == "connect"
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.wait_signed_in(tag)
    assert page.driver.switch_to.active_element.get_attribute("id") == "disconnect"
