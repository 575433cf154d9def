"""Several people, and several tabs, at one browser with the web client."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.client import befriend, leave, send
from support.proxy import Proxy


@pytest.fixture
def page(windows, stack):
    return windows.open("first", stack.url(0))


@pytest.fixture
def carl(stack, crowd):
    return crowd.user(stack, firstName="Carl", lastName="Meyer")


def sign_in(page, user):
    page.fill("#sign-in-email", user.email)
    page.fill("#sign-in-password", user.password)
    page.click(".card .main")
    page.wait_messenger()


def leave_unsent(page, anna, ben, text):
    """Writes a message that the page cannot send."""
    befriend(ben.socket(), anna)
    page.enter(anna)
    page.open(ben)
    page.run("messenger.session.close()")
    page.write(text)
    page.wait(lambda: page.ticks() == ["sending"], "it to wait")
    page.wait(lambda: text in page.kept(), "it to be stored")


def end_session(page, stack, user):
    leave(stack.url(0), user.token)
    page.reload()
    page.wait_sign_in()


def texts(reader, writer):
    return [message["text"] for message in reader.socket().call("getMessagesWithUser", [writer.tag])][::-1]


def test_what_was_not_sent_when_a_session_ended_is_sent_after_the_next_log_in(page, stack, anna, ben):
    leave_unsent(page, anna, ben, "left unsent")
    end_session(page, stack, anna)
    assert "One message will be sent" in page.text(".note")
    assert "hello" not in page.kept()
    sign_in(page, anna)
    page.open(ben)
    page.wait_ticks(["sent"])
    assert texts(ben, anna) == ["hello", "left unsent"]


def test_what_one_user_left_unsent_is_shown_to_nobody_else(page, stack, anna, ben, carl):
    leave_unsent(page, anna, ben, "left unsent")
    end_session(page, stack, anna)
    sign_in(page, carl)
    assert page.rows() == []
    page.wait(lambda: "left unsent" not in page.kept(), "it to be erased")
    assert texts(ben, anna) == ["hello"]


def test_nothing_unsent_survives_a_log_out(page, anna, ben):
    leave_unsent(page, anna, ben, "left unsent")
    page.log_out()
    assert not page.is_shown(".note")
    assert "left unsent" not in page.kept() and anna.tag not in page.kept()


def test_the_next_user_has_a_profile_of_their_own(page, anna, carl):
    page.enter(anna)
    page.click(".own")
    page.click("dialog[open] .icon")
    page.log_out()
    sign_in(page, carl)
    page.click(".own")
    assert len(page.find_all("#profile-first")) == 1
    assert page.find("#profile-first").get_property("value") == "Carl"
    assert page.text("dialog[open] .tag") == carl.tag


def test_a_browser_that_cannot_reach_the_server_says_so(windows, stack, anna):
    line = Proxy(int(stack.url(0).rsplit(":", 1)[1]))
    try:
        page = windows.open("first", f"http://localhost:{line.port}").enter(anna)
        page.expected_problems = ["WebSocket", "ERR_", "Failed to load resource"]
        page.wait_kept()
        page.reload()
        page.wait_messenger()
        line.cut()
        # As in a window in which nothing is kept.
        page.driver.execute_async_script("""
            const [done] = arguments;
            indexedDB.deleteDatabase("messenger").onsuccess = done;
            """)
        page.reload()
        page.wait_shown(".start")
        assert page.text(".start") == "Connecting to the server…"
        line.heal()
        page.run("dispatchEvent(new Event('online'))")
        page.wait_messenger()
        assert not page.is_shown(".start")
    finally:
        line.close()


def test_an_address_with_the_tag_of_nobody_leads_to_the_search(page, anna):
    page.enter(anna, "/#@nobody_has_this_tag")
    page.wait_shown(".none")
    assert page.find("#search").get_property("value") == "@nobody_has_this_tag"
    assert "#" not in page.driver.current_url


def test_an_address_with_a_tag_opens_the_conversation(page, anna, ben):
    befriend(ben.socket(), anna)
    page.enter(anna, "/#" + ben.tag)
    page.wait_open(ben)
    page.driver.get("about:blank")
    page.load("/#" + ben.tag)
    page.wait_open(ben)
    page.wait_message("hello")


def test_a_draft_is_one_of_all_tabs(page, anna, ben):
    befriend(ben.socket(), anna)
    page.enter(anna)
    page.open(ben)
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    second = page.driver.current_window_handle
    try:
        page.load()
        page.wait_messenger()
        page.driver.switch_to.window(first)
        page.find("#message").send_keys("half of it")
        page.driver.switch_to.window(second)
        page.wait(lambda: "Draft: half of it" in page.text(page.row(ben)), "the draft in the other tab")
        send(ben.socket(), anna, "meanwhile")
        page.wait(lambda: "meanwhile" in page.kept(), "both tabs to have stored it")
        page.driver.switch_to.window(first)
        page.wait_message("meanwhile")
        page.reload()
        page.wait_open(ben)
        assert page.find("#message").get_property("value") == "half of it"
    finally:
        page.driver.switch_to.window(second)
        page.driver.close()
        page.driver.switch_to.window(first)
