"""Two people chat in the web client, each in a browser of their own, at two gateways."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.keys import Keys

from support.client import befriend, send
from support.images import png


@pytest.fixture
def anna(pair, crowd):
    return crowd.user(pair, gateway=0, firstName="Anna", lastName="Smith")


@pytest.fixture
def ben(pair, crowd):
    return crowd.user(pair, gateway=1, firstName="Ben", lastName="Jones")


@pytest.fixture
def hers(windows, pair, anna):
    return windows.open("first", pair.url(0)).enter(anna)


@pytest.fixture
def his(windows, pair, ben):
    return windows.open("second", pair.url(1)).enter(ben)


def test_two_browsers_chat_through_two_gateways(hers, his, anna, ben):
    hers.open_by_search(ben)
    assert "Say hello to Ben Jones" in hers.text(".history .nothing")
    hers.write("hi, Ben")
    hers.wait_ticks(["sent"])
    his.wait_shown(his.row(anna))
    his.wait(lambda: his.rows() == ["Anna Smith"], "her name")
    his.wait(lambda: his.badge(anna) == 1, "the badge")
    his.wait(lambda: his.driver.title == "(1) Messenger", "the number in the title")
    his.open(anna)
    his.wait_message("hi, Ben")
    hers.wait_ticks(["read"])
    his.wait(lambda: his.badge(anna) == 0, "the badge to go")
    his.wait(lambda: his.driver.title == "Messenger", "the number in the title to go")
    his.write("hello, Anna")
    hers.wait_message("hello, Anna")
    his.wait_ticks(["read"])
    assert hers.messages() == his.messages() == ["hi, Ben", "hello, Anna"]


def test_what_is_not_looked_at_is_not_read(hers, his, anna, ben):
    hers.open_by_search(ben)
    his.look(False)
    hers.write("one")
    his.open(anna)
    his.wait_message("one")
    hers.write("two")
    his.wait_message("two")
    hers.wait_ticks(["sent", "sent"])
    assert his.badge(anna) == 2
    assert his.run("return messenger.store.state.dialogs.get(arguments[0]).toReport", anna.tag.lower()) == 0
    his.look(True)
    hers.wait_ticks(["read", "read"])
    his.wait(lambda: his.badge(anna) == 0, "the badge to go")


def test_presence_is_shown_without_a_reload(hers, windows, pair, anna, ben):
    befriend(anna.socket(), ben)
    hers.wait_shown(hers.row(ben))
    assert not hers.is_online(ben)
    socket = ben.socket()
    hers.wait(lambda: hers.is_online(ben), "the dot")
    hers.open(ben)
    assert hers.text(".presence") == "online"
    socket.close()
    hers.wait(lambda: not hers.is_online(ben), "the dot to go")
    hers.wait(lambda: hers.text(".presence") == ben.tag, "the line below the name")


def test_a_changed_profile_is_shown_at_once(hers, his, anna, ben, tmp_path):
    befriend(anna.socket(), ben)
    his.open(anna)
    hers.click(".own")
    hers.fill("#profile-first", "Annabel")
    hers.click("dialog[open] form .main")
    his.wait(lambda: his.rows() == ["Annabel Smith"], "the new name in the list")
    assert his.text(".talk h1") == "Annabel Smith"
    picture = tmp_path / "picture.png"
    picture.write_bytes(png(300, 200))
    hers.click(".own")
    hers.find("dialog[open] input[type=file]").send_keys(str(picture))
    hers.click(".crop .main")
    his.wait(lambda: his.run("return document.querySelector('.conversation img').naturalWidth"), "the picture")
    hers.wait(lambda: hers.run("return document.querySelector('.own img').naturalWidth"), "her own picture")


def test_a_name_that_is_refused_is_explained(hers):
    hers.click(".own")
    hers.fill("#profile-last", "123")
    hers.click("dialog[open] form .main")
    hers.wait_shown(".profile .problem")
    assert "Names consist of letters" in hers.text(".profile .problem")


def test_the_newest_conversation_is_at_the_top_and_names_filter(hers, crowd, pair, anna, ben):
    carl = crowd.user(pair, firstName="Çarl", lastName="Meyer")
    for user in (carl, ben):
        send(user.socket(), anna, "hello")
    hers.wait(lambda: hers.rows() == ["Ben Jones", "Çarl Meyer"], "both")
    send(carl.socket(), anna, "me again")
    hers.wait(lambda: hers.rows() == ["Çarl Meyer", "Ben Jones"], "the newest first")
    hers.fill("#search", "CARL m")
    hers.wait(lambda: hers.rows() == ["Çarl Meyer"], "the filter")
    hers.find("#search").send_keys(Keys.ESCAPE)
    hers.wait(lambda: hers.rows() == ["Çarl Meyer", "Ben Jones"], "both again")
    hers.fill("#search", "nobodyatall")
    hers.wait_shown(".none")


def test_the_browsers_back_leads_back(hers, crowd, pair, anna, ben):
    carl = crowd.user(pair, firstName="Carl")
    for user in (carl, ben):
        send(user.socket(), anna, "hello")
    hers.open(ben)
    hers.open(carl)
    hers.driver.back()
    hers.wait_open(ben)
    hers.driver.back()
    hers.wait(lambda: hers.run("return messenger.store.state.open") == "", "the list")
    hers.load("/#" + carl.tag)
    hers.wait_open(carl)


def test_the_same_person_in_two_windows(hers, windows, pair, crowd, anna, ben):
    other = windows.open("second", pair.url(1)).enter(anna)
    hers.open_by_search(ben)
    hers.write("from the first window")
    other.wait_shown(other.row(ben))
    other.open(ben)
    other.wait_message("from the first window")
    send(ben.socket(), anna, "an answer")
    hers.wait_message("an answer")
    other.wait(lambda: other.badge(ben) == 0, "read in both")


def test_logging_out_and_in_in_one_tab_does_so_in_the_others(hers, pair, anna, ben):
    first = hers.driver.current_window_handle
    hers.driver.switch_to.new_window("tab")
    second = hers.driver.current_window_handle
    try:
        hers.load()
        hers.wait_messenger()
        hers.log_out()
        hers.driver.switch_to.window(first)
        hers.wait_sign_in()
        hers.driver.switch_to.window(second)
        hers.fill("#sign-in-email", anna.email)
        hers.fill("#sign-in-password", anna.password)
        hers.click(".card .main")
        hers.wait_messenger()
        hers.driver.switch_to.window(first)
        hers.wait_messenger()
    finally:
        hers.driver.switch_to.window(second)
        hers.driver.close()
        hers.driver.switch_to.window(first)


def test_tabs_agree_on_what_is_written_while_offline(hers, pair, anna, ben):
    hers.open_by_search(ben)
    hers.write("before")
    hers.wait_ticks(["sent"])
    hers.run("messenger.session.close()")  # this tab will not send
    first = hers.driver.current_window_handle
    hers.driver.switch_to.new_window("tab")
    second = hers.driver.current_window_handle
    try:
        hers.load("/#" + ben.tag)
        hers.wait_messenger()
        hers.wait_open(ben)
        hers.driver.switch_to.window(first)
        hers.write("left behind")
        assert hers.ticks() == ["sent", "sending"]
        hers.driver.switch_to.window(second)
        hers.wait_message("left behind")
        hers.driver.switch_to.window(first)
        hers.driver.close()
        first = None
        hers.driver.switch_to.window(second)
        hers.wait_ticks(["sent", "sent"])
        socket = ben.socket()
        assert [m["text"] for m in socket.call("getMessagesWithUser", [anna.tag])] == ["left behind", "before"]
    finally:
        if first:
            hers.driver.switch_to.window(second)
            hers.driver.close()
            hers.driver.switch_to.window(first)
