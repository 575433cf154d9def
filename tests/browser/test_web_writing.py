"""Writing a message in the web client."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.keys import Keys

from support.client import befriend

TEXT_BYTES_MAX = 16384


@pytest.fixture
def page(windows, stack, anna, ben):
    befriend(ben.socket(), anna)
    page = windows.open("first", stack.url(0)).enter(anna)
    page.open(ben)
    page.wait_message("hello")
    return page


def field(page):
    return page.find("#message").get_property("value")


def put(page, text):
    """As a paste does."""
    page.run("""
        const field = document.querySelector("#message");
        field.value = arguments[0];
        field.dispatchEvent(new Event("input", { bubbles: true }));
        """, text)


def test_enter_sends_and_shift_enter_breaks_the_line(page, anna, ben):
    page.find("#message").send_keys("one", Keys.SHIFT, Keys.ENTER, Keys.SHIFT, "two", Keys.ENTER)
    page.wait_message("one\ntwo")
    assert field(page) == ""
    page.wait_ticks(["sent"])
    assert ben.socket().call("getMessagesWithUser", [anna.tag])[0]["text"] == "one\ntwo"


def test_an_empty_text_is_not_sent(page):
    page.write("  ")
    page.find("#message").send_keys(Keys.SHIFT, Keys.ENTER)
    assert not page.find(".send").is_enabled()
    page.press(Keys.ENTER)
    page.find("#message").clear()
    page.write("real")
    page.wait_message("real")
    assert page.messages() == ["hello", "real"]


def test_the_limit_is_counted_in_bytes_and_shown_before_it_bites(page):
    assert page.texts(".count") == []
    put(page, "a" * (TEXT_BYTES_MAX - 1000))
    assert page.texts(".count") == ["1,000 bytes left"]
    put(page, "👩" * (TEXT_BYTES_MAX // 4))  # 4 bytes, 2 UTF-16 units
    assert page.texts(".count") == ["0 bytes left"]
    assert page.find(".send").is_enabled()
    put(page, "👩" * (TEXT_BYTES_MAX // 4) + "!")
    assert page.texts(".count") == ["one byte too long"]
    assert not page.find(".send").is_enabled()
    put(page, "👩" * (TEXT_BYTES_MAX // 4))
    page.click(".send")
    page.wait_ticks(["sent"])
    assert page.texts(".count") == []


def test_a_draft_survives_another_conversation_and_a_reload(page, crowd, stack, anna, ben):
    carl = crowd.user(stack, firstName="Carl")
    befriend(carl.socket(), anna)
    page.find("#message").send_keys("not yet")
    page.open(carl)
    assert field(page) == ""
    assert "Draft: not yet" in page.text(page.row(ben))
    page.open(ben)
    assert field(page) == "not yet"
    page.find("#message").send_keys(" done")
    page.reload()
    page.wait_open(ben)
    assert field(page) == "not yet done"
    page.press(Keys.ENTER)
    page.wait_message("not yet done")
    page.wait(lambda: "Draft" not in page.text(page.row(ben)), "the draft to be gone")


def test_emoji_are_picked_with_the_mouse_and_with_the_keys(page):
    page.find("#message").send_keys("ab", Keys.ARROW_LEFT)
    page.click(".compose .icon")
    page.wait_shown(".emoji .grid button")
    first = page.texts(".emoji .grid button")[0]
    page.press(Keys.ARROW_RIGHT)
    second = page.focused().text
    assert second != first
    page.press(Keys.ARROW_DOWN)
    assert page.focused().text not in (first, second)
    page.press(Keys.ARROW_UP)
    assert page.focused().text == second
    page.press(Keys.ENTER)
    page.wait(lambda: field(page) == f"a{second}b", "the emoji where the cursor was")
    assert not page.is_shown(".emoji")
    assert page.focused().get_attribute("id") == "message"
    page.click(".compose .icon")
    page.wait(lambda: page.texts(".emoji .grid button")[0] == second, "the last one to be offered first")
    page.press(Keys.ESCAPE)
    page.wait_gone(".emoji")
    assert page.is_shown(".talk")


def test_what_the_server_refuses_can_be_sent_again_or_discarded(page, anna, ben):
    """A message with an id that was used before for another text, which no client does by itself."""
    anna.socket().call("sendMessageToUser", [ben.tag, "another text", "taken"])
    page.wait_message("another text")
    page.run("""
        const { user } = messenger.store.state.dialogs.get(messenger.store.state.open);
        const item = { id: "taken", text: "refused", date: Date.now() };
        messenger.store.dispatch({ type: "written", tag: user.tag, user, ...item });
        messenger.session.send(user.tag, item);
        """)
    page.wait(lambda: page.ticks() == ["sent", "failed"], "it to be refused")
    assert "Not sent" in page.text(".msg.failed")
    page.click(".msg.failed footer button")
    page.wait(lambda: page.ticks() == ["sent", "failed"], "it to be refused again")
    discard = """
        const button = document.querySelector(".msg.failed footer button + button"); // not while it is sent again
        button?.click();
        return button !== null;
        """
    page.wait(lambda: page.run(discard), "the button")
    page.wait(lambda: page.messages() == ["hello", "another text"], "it to be gone")
    page.reload()
    page.wait_message("another text")
    assert page.messages() == ["hello", "another text"]


def test_links_open_elsewhere_and_know_nothing_of_this_page(page, ben, anna):
    page.write("see (https://example.com/a_(b)), www.example.org. and javascript:alert(1)")
    page.wait_ticks(["sent"])  # until then the row is that of a message that is being sent
    links = page.find_all(".msg.mine a")
    assert [link.get_attribute("href") for link in links] == ["https://example.com/a_(b)", "https://www.example.org/"]
    assert all("noopener" in link.get_attribute("rel") and link.get_attribute("target") == "_blank" for link in links)


def test_a_selection_of_messages_is_copied_without_times(page):
    page.write("second line")
    page.wait_ticks(["sent"])
    copied = page.run("""
        getSelection().selectAllChildren(document.querySelector(".log ol"));
        return getSelection().toString();
        """)
    assert [line for line in copied.splitlines() if line] == ["hello", "second line"]


def test_a_selection_stays_when_its_message_is_read(page, ben, anna):
    page.write("mark me")
    page.wait_ticks(["sent"])
    page.run("getSelection().selectAllChildren(document.querySelector('.msg.mine p'));")
    ben.socket().call("markMessagesWithUserAsRead", [anna.tag])
    page.wait_ticks(["read"])
    assert page.run("return getSelection().toString();") == "mark me"
