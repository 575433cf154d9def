"""What a person notices of the web client while looking elsewhere."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.client import befriend, send

RECORD = """
    window.shown = [];
    window.asked = 0;
    window.Notification = class {
        static permission = "default";
        static requestPermission() {
            window.asked += 1;
            window.Notification.permission = "granted";
            return Promise.resolve("granted");
        }
        constructor(title, { body }) { window.shown.push([title, body]); }
        close() {}
    };
    ServiceWorkerRegistration.prototype.showNotification = function (title, { body }) {
        window.shown.push([title, body]);
        return Promise.resolve();
    };
    window.tones = 0;
    window.AudioContext = class {
        currentTime = 0;
        constructor() { window.tones += 1; }
        close() {}
    };
    for (const name of ["OscillatorNode", "GainNode"]) {
        window[name] = class {
            gain = { setValueAtTime() {}, exponentialRampToValueAtTime() {} };
            connect() { return this; }
            start() {}
            stop() {}
        };
    }
    """


@pytest.fixture
def page(windows, stack, anna, ben):
    """With the browser's notifications and sounds recorded instead of shown."""
    befriend(anna.socket(), ben)
    page = windows.open("first", stack.url(0))
    added = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": RECORD})
    page.enter(anna)
    yield page
    page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def switch_on(page, number):
    """The first or the second switch of the settings."""
    page.click(".own")
    page.find_all("dialog[open] input[role=switch]")[number].click()
    page.click("dialog[open] .icon")


def test_nothing_is_asked_or_shown_by_itself(page, anna, ben):
    page.look(False)
    send(ben.socket(), anna, "hello")
    page.wait(lambda: page.badge(ben) == 1, "the badge")
    assert page.run("return [window.asked, window.shown, window.tones]") == [0, [], 0]


def test_the_title_and_the_icon_show_that_something_is_unread(page, anna, ben):
    icon = page.run("return document.querySelector('link[rel=icon]').href")
    icons = [icon]
    for number in (1, 2):
        send(ben.socket(), anna, f"hello {number}")
        page.wait(lambda n=number: page.driver.title == f"({n}) Messenger", "the number")
        icons.append(page.run("return document.querySelector('link[rel=icon]').href"))
    assert len(set(icons)) == 3 and all(address.startswith("data:image/png") for address in icons[1:])
    page.open(ben)
    page.wait(lambda: page.driver.title == "Messenger", "the number to go")
    assert page.run("return document.querySelector('link[rel=icon]').href") == icon


def test_a_notification_is_shown_once_it_was_asked_for_and_only_while_one_looks_elsewhere(page, anna, ben):
    switch_on(page, 0)
    assert page.run("return window.asked") == 1
    send(ben.socket(), anna, "while looking")
    page.wait(lambda: page.badge(ben) == 1, "the badge")
    page.look(False)
    send(ben.socket(), anna, "while away")
    page.wait(lambda: page.run("return window.shown") == [["Ben Jones", "while away"]], "the notification")
    assert page.run("return window.tones") == 0


def test_a_sound_is_made_once_it_was_switched_on(page, anna, ben):
    switch_on(page, 1)
    before = page.run("return window.tones")
    page.look(False)
    send(ben.socket(), anna, "while away")
    page.wait(lambda: page.run("return window.tones") == before + 1, "the sound")
    assert page.run("return window.shown") == []
    page.reload()
    page.wait_messenger()
    page.look(False)
    send(ben.socket(), anna, "once more")
    page.wait(lambda: page.run("return window.tones") == 1, "the sound, after a reload")
