"""A long conversation in the web client: what one reads stays where it is."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.client import befriend, send

NODES_MAX = 150
AT_ONCE = 256


@pytest.fixture
def page(windows, stack):
    return windows.open("first", stack.url(0))


def write_many(writer, reader, count, first=1):
    """From `writer`, of different lengths: "1 …", "2 …", … Read by nobody."""
    socket = writer.socket()
    for begin in range(first, first + count, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, first + count))
        for id in [socket.start_call("sendMessageToUser", [reader.tag, text_of(number)]) for number in numbers]:
            socket.wait_answer(id)


def text_of(number):
    return f"{number} " + "lorem ipsum " * (number % 7 * 3 % 11)


def mark_read(reader, writer):
    reader.socket().call("markMessagesWithUserAsRead", [writer.tag])


def open_read(page, anna, ben, count):
    """Anna opens a conversation in which Ben has written so much, all of it read."""
    write_many(ben, anna, count)
    mark_read(anna, ben)
    page.enter(anna)
    page.open(ben)


def numbers(page):
    return [int(text.split()[0]) for text in page.messages()]


def loaded(page):
    return page.run("const { state } = messenger.store; return state.dialogs.get(state.open).messages.length")


def test_all_older_messages_come_while_one_scrolls_up(page, anna, ben):
    open_read(page, anna, ben, 400)
    page.wait(lambda: numbers(page) and numbers(page)[-1] == 400, "the newest")
    assert page.at_end()
    for _ in range(400):
        if loaded(page) == 400:
            break
        page.scroll_to(500)
        page.wait(lambda: loaded(page) == 400 or page.run("return document.querySelector('.log').scrollTop") > 500,
                  "the next page")
    page.wait(lambda: page.scroll_to(0) or numbers(page)[0] == 1, "the beginning")  # the last page may move it
    assert numbers(page) == list(range(1, len(numbers(page)) + 1))
    assert len(page.find_all(".log li")) < NODES_MAX


def test_what_is_read_stays_where_it_is_while_a_page_arrives(page, anna, ben):
    open_read(page, anna, ben, 300)
    page.wait(lambda: numbers(page) and numbers(page)[-1] == 300, "the newest")
    # The page is held back until the place of a message has been noted.
    page.run("""
        const { session } = messenger;
        const real = session.loadOlder.bind(session);
        window.pages = [];
        session.loadOlder = (tag) => { window.pages.push(() => real(tag)); };
        """)
    page.scroll_to(300)
    page.wait(lambda: page.run("return window.pages.length"), "a page to be wanted")
    text = page.messages()[10]
    place = page.position_of(text)
    count = loaded(page)
    page.run("window.pages[0]()")
    page.wait(lambda: loaded(page) > count, "the page")
    page.wait(lambda: page.run("return document.querySelector('.log').scrollTop") > 1000, "the page to be shown")
    assert abs(page.position_of(text) - place) <= 1


def test_a_message_that_arrives_moves_nothing_while_one_reads_above(page, anna, ben):
    open_read(page, anna, ben, 60)
    page.wait(lambda: page.at_end() and numbers(page), "the end")
    page.scroll_to(800)
    page.wait_shown(".jump")
    text = page.messages()[8]
    place = page.position_of(text)
    send(ben.socket(), anna, "at the end")
    page.wait(lambda: page.texts(".jump .badge") == ["1"], "the number at the arrow")
    assert abs(page.position_of(text) - place) <= 1
    assert page.badge(ben) == 1
    page.click(".jump")
    page.wait_message("at the end")
    page.wait(page.at_end, "the end")
    page.wait(lambda: page.badge(ben) == 0, "it to be read")
    page.wait_gone(".jump")


def test_the_end_is_followed(page, anna, ben):
    open_read(page, anna, ben, 40)
    page.wait(lambda: page.at_end() and numbers(page), "the end")
    for number in range(3):
        send(ben.socket(), anna, f"new {number} " + "long " * 100)
        page.wait(lambda n=number: any(text.startswith(f"new {n}") for text in page.messages()), "the new one")
        page.wait(page.at_end, "the end")


def test_each_conversation_keeps_its_place(page, crowd, stack, anna, ben):
    carl = crowd.user(stack, firstName="Carl")
    for writer in (ben, carl):
        write_many(writer, anna, 60)
        mark_read(anna, writer)
    page.enter(anna)
    page.open(ben)
    page.wait(lambda: numbers(page) and page.at_end(), "the end")
    page.scroll_to(600)
    page.wait_shown(".jump")
    text = page.messages()[6]
    place = page.position_of(text)
    page.open(carl)
    page.wait(page.at_end, "the end of the other one")
    page.open(ben)
    page.wait(lambda: page.position_of(text) is not None, "the place")
    assert abs(page.position_of(text) - place) <= 1


def test_new_messages_stand_below_a_line(page, anna, ben):
    write_many(ben, anna, 30)
    mark_read(anna, ben)
    write_many(ben, anna, 50, first=31)
    page.enter(anna)
    page.open(ben)
    page.wait_shown(".new")
    after = page.run("return document.querySelector('.new').nextElementSibling.querySelector('p').innerText")
    assert after.startswith("31 ")
    line = page.run("return document.querySelector('.new').getBoundingClientRect().top"
                    " - document.querySelector('.log').getBoundingClientRect().top")
    assert 0 < line < 300
    # Only what was on the screen is read.
    page.wait(lambda: page.badge(ben) < 50, "what is on the screen to be read")
    assert page.badge(ben) > 20
    page.wait(lambda: 20 < ben.socket().call("getDialogsList")[0]["unreadOutgoing"] < 50, "the server to know")
    page.click(".jump")
    page.wait(lambda: page.badge(ben) == 0, "all to be read")
    page.wait(lambda: ben.socket().call("getDialogsList")[0]["unreadOutgoing"] == 0, "all to be read")


def test_days_have_a_heading_and_groups_stand_together(page, anna, ben):
    befriend(ben.socket(), anna)
    for text in ("one", "two"):
        send(ben.socket(), anna, text)
    send(anna.socket(), ben, "three")
    page.enter(anna)
    page.open(ben)
    page.wait_message("three")
    assert page.texts(".day") == ["Today"]
    assert page.run("return [...document.querySelectorAll('.msg')].map((item) => item.className)") == [
        "msg first", "msg", "msg last", "msg mine first last"]


def test_of_ten_thousand_messages_few_are_loaded_and_in_the_document(page, anna, ben):
    open_read(page, anna, ben, 10_000)
    page.wait(lambda: numbers(page) and numbers(page)[-1] == 10_000, "the newest")
    assert loaded(page) <= 200
    for _ in range(15):
        before = loaded(page)
        page.wait(lambda: page.scroll_to(500) or loaded(page) > before, "the next page")
        assert len(page.find_all(".log li")) < NODES_MAX
    assert loaded(page) >= 1000
    assert numbers(page) == list(range(numbers(page)[0], numbers(page)[-1] + 1))
    page.reload()
    page.wait_messenger()
    page.wait(lambda: numbers(page) and numbers(page)[-1] == 10_000, "the newest")
    assert loaded(page) <= 300
