"""The user's devices and password in the web client, and tokens that are renewed while it is open."""

import pytest
import requests

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.keys import Keys

from support.client import befriend, leave, login, token_of
from support.proxy import Proxy
from support.stack import Stack

IPHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/17.5 Mobile/15E148 Safari/604.1")
ENDED = "this device was logged out from another one, the password was changed, or the account was deleted"


@pytest.fixture
def page(windows, stack):
    return windows.open("first", stack.url(0))


@pytest.fixture
def other(windows, stack):
    """A second browser."""
    return windows.open("second", stack.url(0))


def log_in(page, user, password=None):
    page.fill("#sign-in-email", user.email)
    page.fill("#sign-in-password", password or user.password)
    page.click(".card .main")


def enter_by_form(page, user):
    page.load()
    page.wait_sign_in()
    log_in(page, user)
    page.wait_messenger()
    return page


def new_session(user, **extra):
    """The token of another log-in; `extra`: a `device`, or an `agent`."""
    body = {"email": user.email, "password": user.password, **({"device": extra["device"]} if "device" in extra else {})}
    headers = {"User-Agent": extra["agent"]} if "agent" in extra else {}
    return token_of(requests.post(user.stack.url() + "/login", json={"user": body}, headers=headers, timeout=30))


def names(page):
    return [name for _, name, _ in page.devices()]


def wait_devices(page, count):
    page.wait(lambda: len(page.devices()) == count, lambda: f"{count} devices, not {page.devices()}")


def problem_at(page, field):
    return page.texts(f".password [data-field={field}] .problem")


# Devices

def test_the_devices_are_named_and_this_one_comes_first(page, anna):
    page.enter(anna)  # its session is the oldest: that of the sign-up, which came from a program
    new_session(anna, agent=IPHONE)
    new_session(anna, device="Küche")
    new_session(anna, agent="curl/8.5.0")
    page.open_devices()
    wait_devices(page, 4)
    assert [is_this for _, _, is_this in page.devices()] == [True, False, False, False]
    assert sorted(names(page)[1:]) == sorted(["Safari on iPhone", "Küche", "The program curl"])
    for text in page.texts(".device > p"):
        assert text.startswith("127.0.0.1 · Last seen: "), text
    assert len(page.find_all(".device button")) == 3


def test_a_name_of_a_device_is_text(page, anna):
    name = "<img src=x onerror=alert(1)>" + "w" * 60 + "\u202e"
    new_session(anna, device=name)
    page.enter(anna).open_devices()
    wait_devices(page, 2)
    assert page.run("return document.querySelectorAll('.device b')[1].textContent") == name
    assert page.find_all(".device img") == []


def test_a_device_that_is_ended_from_another_one_shows_why_and_keeps_nothing(page, other, anna, ben):
    befriend(ben.socket(), anna)
    enter_by_form(other, anna)
    other.open(ben)
    other.find("#message").send_keys("half of a secret")
    other.wait(lambda: "half of a secret" in other.kept() and "hello" in other.kept(), "it to be stored")
    page.enter(anna).open_devices()
    wait_devices(page, 2)
    (_, _, _), (id, name, _) = page.devices()
    assert name == "Chrome on Linux"
    page.end_device(id, sure=False)
    assert len(page.devices()) == 2
    page.end_device(id)
    wait_devices(page, 1)
    assert "No other device" in page.text(".devices .hint")
    assert not page.is_shown(".devices > .danger")
    assert page.focused().tag_name == "ul"
    other.wait_sign_in()
    assert ENDED in other.text(".note")
    kept = other.kept()
    assert "half of a secret" not in kept and "hello" not in kept and anna.tag not in kept
    assert "#" not in other.driver.current_url
    other.reload()
    other.wait_sign_in()
    assert not other.is_shown(".note")
    log_in(other, anna)
    other.wait_messenger()
    other.open(ben)
    assert other.find("#message").get_property("value") == ""


def test_a_tab_without_a_connection_forgets_with_the_one_that_is_told(page, stack, anna, ben):
    befriend(ben.socket(), anna)
    page.enter(anna)
    first = page.driver.current_window_handle
    page.run("messenger.session.close()")
    page.run("Object.defineProperty(messenger.session, 'connection', { get: () => 'waiting' })")
    page.driver.switch_to.new_window("tab")
    second = page.driver.current_window_handle
    try:
        page.load()
        page.wait_messenger()
        end_others(anna, new_session(anna))
        page.wait_sign_in()
        page.driver.switch_to.window(first)
        page.wait_sign_in()
        assert ENDED in page.text(".note")
        assert anna.tag not in page.kept()
    finally:
        page.driver.switch_to.window(second)
        page.driver.close()
        page.driver.switch_to.window(first)


def end_others(user, token):
    with user.socket(token=token) as socket:
        socket.call("revokeOtherSessions")


def test_log_out_everywhere_else(page, other, anna):
    new_session(anna, device="Küche")
    enter_by_form(other, anna)
    page.enter(anna).open_devices()
    wait_devices(page, 3)
    page.end_other_devices(sure=False)
    assert len(page.devices()) == 3
    page.end_other_devices()
    wait_devices(page, 1)
    other.wait_sign_in()
    assert ENDED in other.text(".note")
    assert page.run("return messenger.session.connection") == "current"


def test_a_device_that_is_gone_already_is_no_error(page, anna):
    token = new_session(anna, device="Küche")
    page.enter(anna).open_devices()
    wait_devices(page, 2)
    id = page.devices()[1][0]
    leave(anna.stack.url(), token)
    page.end_device(id)
    wait_devices(page, 1)
    assert page.texts(".devices .problem") == []


def test_a_list_that_cannot_be_read_can_be_tried_again(page, anna):
    page.enter(anna)
    page.run("window.ask = messenger.session.listSessions;"
             "messenger.session.listSessions = () => Promise.reject(new Error('an example'))")
    page.open_profile_sheet("devices")
    page.wait_shown(".devices .failed")
    assert page.devices() == []
    page.run("messenger.session.listSessions = window.ask")
    page.click(".devices .failed button")
    wait_devices(page, 1)
    assert not page.is_shown(".devices .failed")


def test_an_end_that_fails_is_not_called_one(page, anna):
    new_session(anna, device="Küche")
    page.enter(anna).open_devices()
    wait_devices(page, 2)
    page.run("messenger.session.endSession = () => Promise.reject(new Error('an example'))")
    page.end_device(page.devices()[1][0])
    page.wait_shown(".devices > .problem")
    assert "may still be logged in" in page.text(".devices > .problem")
    assert len(page.devices()) == 2


def test_without_a_connection_nothing_can_be_ended_until_it_is_back(windows, stack, anna):
    new_session(anna, device="Küche")
    line = Proxy(int(stack.url(0).rsplit(":", 1)[1]))
    try:
        page = windows.open("first", f"http://localhost:{line.port}").enter(anna)
        page.expected_problems = ["WebSocket", "ERR_", "Failed to load resource"]
        page.open_devices()
        wait_devices(page, 2)
        line.cut()
        page.wait(lambda: all(not button.is_enabled() for button in page.find_all(".devices button")), "them to be disabled")
        assert "Not connected" in page.text(".devices .hint")
        page.press(Keys.ESCAPE)
        page.open_profile_sheet("password")
        assert not page.find(".password form .main").is_enabled()
        assert "Not connected" in page.text(".password .hint")
        page.press(Keys.ESCAPE)
        page.open_profile_sheet("devices")
        line.heal()
        page.run("dispatchEvent(new Event('online'))")
        wait_devices(page, 2)
        page.wait(lambda: page.find(".devices > .danger").is_enabled(), "it to be possible again")
        assert not page.is_shown(".devices .hint")
    finally:
        line.close()


def test_the_keyboard_alone_ends_a_device(page, anna):
    new_session(anna, device="Küche")
    page.enter(anna).open_devices()
    wait_devices(page, 2)
    page.wait(lambda: page.focused().get_attribute("aria-label") == "Close", "the sheet to have the focus")
    page.press(Keys.TAB)
    assert page.focused().get_attribute("aria-label") == "Log out: Küche"
    page.press(Keys.ENTER)
    page.wait_shown(".question")
    assert page.focused().text == "Cancel"
    page.press(Keys.TAB)
    page.press(Keys.ENTER)
    wait_devices(page, 1)
    page.press(Keys.ESCAPE)
    page.wait_gone(".devices")
    assert page.focused().get_attribute("data-opens") == "devices"


# The password

def test_changing_the_password_logs_all_other_devices_out(page, other, stack, anna):
    enter_by_form(other, anna)
    enter_by_form(page, anna)
    page.open_profile_sheet("password")
    assert page.focused().get_attribute("id") == "password-oldPassword"
    assert [page.find(f"#password-{name}").get_attribute("autocomplete") for name in ("oldPassword", "newPassword")] \
        == ["current-password", "new-password"]
    user = page.find(".password input[autocomplete=username]")
    assert user.get_property("value") == anna.email
    page.change_password(anna.password, "another password")
    page.wait_shown(".password > .main")
    assert "All other devices are logged out" in page.text(".password > [role=status]")
    assert page.run("return [...document.querySelectorAll('.password input')].map((input) => input.value).join('')") == "on"
    other.wait_sign_in()
    assert ENDED in other.text(".note")
    log_in(other, anna)
    other.wait_shown("form > .problem")
    assert other.text("form > .problem") == "The e-mail or the password is wrong."
    log_in(other, anna, "another password")
    other.wait_messenger()
    page.click(".password > .main")
    page.wait_gone(".password")
    assert page.run("return messenger.session.connection") == "current"
    other.expected_problems = ["401"]


@pytest.mark.parametrize("old, new, field, says", [
    ("", "another password", "oldPassword", "Required"),
    ("right", "", "newPassword", "Required"),
    ("a guess", "another password", "oldPassword", "not your current password"),
    ("right", "short", "newPassword", "At least 8"),
    ("right", "x" * 1025, "newPassword", "at most 1,024"),
])
def test_what_is_wrong_with_a_password_stands_at_its_field(page, anna, old, new, field, says):
    page.enter(anna).open_profile_sheet("password")
    page.change_password(anna.password if old == "right" else old, new)
    page.wait(lambda: problem_at(page, field), "the error")
    assert says in problem_at(page, field)[0]
    assert page.focused().get_attribute("id") == f"password-{field}"
    assert page.focused().get_attribute("aria-invalid") == "true"
    assert len(page.texts(".password .problem")) == 1
    page.focused().send_keys("x")
    assert page.texts(".password .problem") == []
    assert login(anna.stack.url(), anna.email, anna.password).status_code == 200


@pytest.mark.parametrize("error, says", [
    ({"code": -32002, "message": "Too many requests", "data": {"retryAfterMs": 6100}}, "Try again in 7 seconds"),
    ({"code": -32002, "message": "Too many requests"}, "Try again in a second"),
    ({"code": -32003, "message": "Conflict"}, "Nothing was changed here"),
    ({"code": -32001, "message": "Service unavailable"}, "Perhaps the password was changed"),
    ({"reason": "closed", "message": "The connection ended."}, "Perhaps the password was changed"),
    ({"reason": "timeout", "message": "No answer."}, "Perhaps the password was changed"),
    ({"code": -32602, "message": "Invalid params", "data": {"reason": "newPassword: must not contain control characters"}},
     "control characters"),
    ({"code": -32602, "message": "Invalid params", "data": {"reason": "newPassword: must have 12 to 64 bytes"}}, "At least 12"),
    ({"code": -32000, "message": "Server error"}, "The server refused this: Server error"),
])
def test_why_a_password_was_not_changed_is_explained(page, anna, error, says):
    page.enter(anna).open_profile_sheet("password")
    page.run("messenger.session.changePassword = () => Promise.reject(arguments[0])", error)
    page.change_password("one password", "another password")
    page.wait(lambda: page.texts(".password .problem"), "the error")
    assert says in page.texts(".password .problem")[0]
    assert page.find(".password form .main").is_enabled()


def test_passwords_can_be_shown_and_are_hidden_again(page, anna):
    page.enter(anna).open_profile_sheet("password")
    types = lambda: [page.find(f"#password-{name}").get_attribute("type") for name in ("oldPassword", "newPassword")]
    assert types() == ["password"] * 2
    page.fill("#password-newPassword", "typed")
    page.click(".password [role=switch]")
    assert types() == ["text"] * 2
    page.press(Keys.ESCAPE)
    page.open_profile_sheet("password")
    assert types() == ["password"] * 2
    assert page.find("#password-newPassword").get_property("value") == ""


# Tokens

SHORT_S = 10


@pytest.fixture(scope="module")
def short():
    """Its tokens expire soon."""
    with Stack(settings={"JWT.expiresIn": f"{SHORT_S}s"}) as short:
        yield short


def renewals(page):
    """When the window has renewed the token, in s."""
    return page.run("""
        return performance.getEntriesByType("resource").filter(({ name }) => new URL(name).pathname === "/renew")
            .map(({ startTime }) => (performance.timeOrigin + startTime) / 1000);
        """)


def test_a_page_that_stays_open_stays_logged_in(windows, short, crowd):
    """Beyond the end of the token with which its socket was opened, which the gateway then closes."""
    page = enter_by_form(windows.open("first", short.url(0)), crowd.user(short))
    page.run("""
        window.seen = new Set();
        messenger.session.addEventListener("connection", () => seen.add(messenger.session.connection));
        """)
    page.wait(lambda: page.run("return seen.has('waiting')") or page.is_shown(".sign-in"), "the token to expire")
    page.wait(lambda: page.run("return messenger.session?.connection") == "current", "the connection")
    assert not page.is_shown(".sign-in")
    assert len(renewals(page)) >= 2
    page.reload()
    page.wait_messenger()
    page.open_devices()
    assert len(page.devices()) == 1, "it is still the same session"


def test_two_tabs_renew_in_turns(windows, short, crowd):
    page = enter_by_form(windows.open("first", short.url(0)), crowd.user(short))
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    second = page.driver.current_window_handle

    def of_both():
        found = []
        for window in (first, second):
            page.driver.switch_to.window(window)
            found += renewals(page)
        return sorted(found)
    try:
        page.load()
        page.wait_messenger()
        page.wait(lambda: len(of_both()) >= 5, "some renewals")
        at = of_both()
        assert all(later - earlier > SHORT_S / 3 - 1 for earlier, later in zip(at, at[1:])), at
    finally:
        page.driver.switch_to.window(second)
        page.driver.close()
        page.driver.switch_to.window(first)


def test_a_session_that_has_expired_keeps_what_was_not_sent(windows, short, crowd):
    """Other than one that was ended by somebody: nobody asked for that."""
    anna, ben = crowd.users(short, 2)
    befriend(ben.socket(), anna)
    page = enter_by_form(windows.open("first", short.url(0)), anna)
    page.open(ben)
    page.find("#message").send_keys("half of it")
    page.wait(lambda: "half of it" in page.kept(), "it to be stored")
    page.driver.delete_all_cookies()
    page.expected_problems = ["401"]
    page.wait_sign_in()
    assert "Your session ended. Log in again." in page.text(".note")
    assert "half of it" in page.kept() and "hello" not in page.kept()
