"""Which user the demo page offers as receiver, and when its list of users is refreshed."""

from types import SimpleNamespace

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from conftest import lend_page
from support.client import send, unique
from support.stack import Stack
from support.wait import wait_until

SEARCH_RESULTS_MAX = 30


@pytest.fixture
def empty_stack():
    with Stack() as stack:
        yield stack


@pytest.fixture
def lone_page(browsers, empty_stack):
    """On a server without users."""
    yield from lend_page(browsers, empty_stack, "first")


@pytest.fixture
def newcomer(stack, crowd):
    """Makes a user with a tag like the page's examples, who is known to be online."""
    observer = crowd.user(stack).socket()

    def make():
        user = crowd.user(stack, tag="@demo_0" + unique())
        user.socket()
        wait_until(lambda: observer.call("findUsersByTag", [user.tag])[0]["isOnline"],
                   "the newcomer to be online")
        return user
    return make


@pytest.fixture
def strangers(stack, crowd):
    """Users from before: more than a search returns, before and after the newest in the order of tags."""
    for number in range(SEARCH_RESULTS_MAX + 1):
        for prefix in ("a0", "demo_w0"):
            crowd.user(stack, tag=f"@{prefix}{number:02}{unique()}")
    crowd.user(stack, tag=f"@zz{unique()}").socket()


def test_the_next_step_follows_the_visitor(lone_page, empty_stack, crowd):
    page = lone_page
    page.sign_up()
    page.wait_text("#next-step", "sign up a second user")
    assert page.text("#nobody") == "No other user yet: sign one up in a private window."
    assert page.params()[0] == "@somebody"
    peer = crowd.user(empty_stack)
    page.wait_text("#next-step", f"press Send in step 3 to write to {peer.tag}")
    assert not page.find("#nobody").is_displayed()
    socket = peer.socket()
    page.send()
    socket.wait_notification(3001, {"text": "Hello! \N{WAVING HAND SIGN}"})
    page.wait_text("#next-step", "call the other methods")


def test_two_people_are_offered_each_other_among_strangers(strangers, page, other_page):
    first = page.sign_up()
    second = other_page.sign_up()
    page.wait_receiver(second)
    other_page.wait_receiver(first)
    page.send()
    other_page.wait_entry("[data-kind=notification][data-name=newMessage]", f"{first}: Hello!")


def test_a_user_who_has_just_signed_up_is_offered_before_being_online(page, newcomer, stack, crowd):
    page.sign_up()
    page.wait_receiver(newcomer().tag)
    page.wait_receiver(crowd.user(stack, tag="@demo_0" + unique()).tag)


def test_the_user_last_written_with_is_offered_after_a_reload(page, alice, bob):
    me = page.sign_up()
    for user in (bob, alice):
        page.run("sendMessageToUser", [user.tag, "Hi"])
        page.wait_messages(user.tag, [["Hi", "own"]])
    page.driver.refresh()
    page.wait_signed_in(me)
    page.wait_receiver(alice.tag)
    assert page.people()[:2] == [alice.tag, bob.tag]


def test_the_sender_of_a_message_is_offered_first(page, bob, newcomer):
    me = page.sign_up()
    later = newcomer()
    page.wait_receiver(later.tag)
    send(bob.socket(), SimpleNamespace(tag=me), "Hello there")
    page.wait_receiver(bob.tag)
    assert page.people()[:2] == [bob.tag, later.tag]


def test_a_message_from_an_unknown_user_refreshes_the_list(strangers, page, bob, newcomer):
    """Then the page knows the names, too."""
    with page.only_refresh_on("nothing"):
        me = page.sign_up()
        other = newcomer()
        unknown = newcomer()
        send(unknown.socket(), SimpleNamespace(tag=me), "Do you know me?")
        page.wait(lambda: page.people()[:2] == [unknown.tag, other.tag], "both")
    page.wait(lambda: page.first_person_title() == "Test User, online", "the name")


def test_a_click_on_a_user_offers_that_user_for_the_other_methods(page, alice, bob):
    page.sign_up()
    for user in (bob, alice):
        page.run("findUsersByTag", [user.tag])
        page.wait_first_person(user.tag)
    page.choose("sendMessageToUser")
    page.wait_receiver(alice.tag)
    page.click_person(bob.tag)
    page.wait_receiver(bob.tag)
    page.choose("markMessagesWithUserAsRead")
    assert page.params() == [bob.tag]


@pytest.mark.parametrize("occasion", ["focus", "visibilitychange"])
def test_the_list_is_refreshed_when_the_visitor_comes_back(page, newcomer, occasion):
    with page.only_refresh_on(occasion):
        page.sign_up()
        newest = newcomer()
        page.driver.execute_script(
            'document.dispatchEvent(new Event(arguments[0], { bubbles: true })); window.dispatchEvent(new Event(arguments[0]));',
            occasion)
        page.wait_first_person(newest.tag)


def test_the_list_is_refreshed_after_a_sign_up_in_another_window_of_the_browser(page, stack):
    with page.only_refresh_on("message"):
        page.sign_up()
        first = page.driver.current_window_handle
        page.driver.switch_to.new_window("window")
        try:
            page.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
            page.driver.get(stack.url(0) + "/example")
            page.wait_state("unauthenticated")
            newest = page.sign_up()
            page.driver.switch_to.window(first)
            page.wait_first_person(newest)
        finally:
            for handle in set(page.driver.window_handles) - {first}:
                page.driver.switch_to.window(handle)
                page.driver.close()
            page.driver.switch_to.window(first)


def test_the_list_is_refreshed_while_the_visitor_only_looks(page, newcomer):
    with page.only_refresh_on("interval"):
        page.sign_up()
        page.wait_first_person(newcomer().tag)


def test_the_list_is_refreshed_by_its_button(page, newcomer):
    with page.only_refresh_on("nothing"):
        page.sign_up()
        newest = newcomer()
        page.click("#refresh-people")
        page.wait_first_person(newest.tag)


def test_the_list_is_refreshed_when_a_method_is_chosen_that_takes_a_user(page, newcomer):
    with page.only_refresh_on("nothing"):
        page.sign_up()
        newest = newcomer()
        page.choose("getMessagesWithUser")
        page.wait_receiver(newest.tag)


def test_the_receiver_stays_while_the_visitor_is_about_to_send(page, bob, newcomer):
    page.sign_up()
    page.run("findUsersByTag", [bob.tag])
    page.choose("sendMessageToUser")
    page.wait_receiver(bob.tag)
    page.driver.execute_script("document.querySelector('#send').focus()")
    page.wait_first_person(newcomer().tag)
    assert page.params()[0] == bob.tag


def test_an_edited_receiver_stays(page, newcomer):
    page.sign_up()
    page.choose("sendMessageToUser")
    page.write_params(["@edited", "Hi"])
    page.driver.execute_script("document.activeElement.blur()")
    page.wait_first_person(newcomer().tag)
    assert page.params() == ["@edited", "Hi"]


def test_who_deletes_the_account_is_not_offered_any_more_and_its_messages_go(page, other_page):
    peer, own = other_page.sign_up(), page.sign_up()
    password = other_page.value("#log-in [name=password]")
    other_page.run("sendMessageToUser", [own, "a secret"])
    page.wait_messages(peer, [["a secret", ""]])
    page.wait(lambda: peer in page.people(), "the peer to be offered")
    tone, _ = other_page.run("deleteAccount")
    assert tone == "bad"  # the example has no password
    other_page.run("deleteAccount", [password])
    other_page.wait_state("unauthenticated")
    page.wait_messages(peer, [["(deleted)", ""]])
    page.wait(lambda: peer not in page.people(), "the peer not to be offered")
    page.wait_entry("[data-name=contactDeleted]", f"{peer} was deleted")
