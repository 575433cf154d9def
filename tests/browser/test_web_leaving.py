"""Leaving for good in the web client, and what others see of an account that is deleted."""

import contextlib

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.client import befriend, login, RpcError, send
from support.stack import Stack
from support.wait import wait_until
from test_web_screens import look_at

ERASED = "Message deleted"
TEXT_BYTES_MAX = 16_384
SECRET = "the combination is 7-4-9"


@pytest.fixture
def page(windows, stack):
    return windows.open("first", stack.url(0))


@pytest.fixture
def other(windows, stack):
    """A second browser."""
    return windows.open("second", stack.url(0))


@contextlib.contextmanager
def elsewhere(windows, **settings):
    """A stack of its own, and a window at it, which leaves before the stack ends."""
    with Stack(settings={name.replace("_", "."): value for name, value in settings.items()}) as stack:
        page = windows.open("first", stack.url(0))
        yield stack, page
        page.driver.get("about:blank")


def enter_by_form(page, user):
    page.load()
    page.wait_sign_in()
    page.fill("#sign-in-email", user.email)
    page.fill("#sign-in-password", user.password)
    page.click(".card .main")
    page.wait_messenger()


def ask_to_leave(page, password, sure=True):
    if not page.is_shown("dialog[open] .leaving"):
        page.open_profile_sheet("leaving")
    page.fill("#leaving-password", password)
    if page.find("#leaving-sure").is_selected() != sure:
        page.click("#leaving-sure")
    page.click(".leaving form .danger")


def problems(page):
    return page.texts(".leaving .problem")


def delete(user):
    with user.socket() as socket:
        assert socket.call("deleteAccount", [user.password]) == {"status": "OK"}


def note(page):
    return page.text(".note") if page.is_shown(".note") else ""


def is_gone(page, user):
    return page.texts(page.row(user) + " b bdi") == ["Deleted account"]


def wait_kept_without(page, text):
    page.wait(lambda: text not in page.kept(), f"{text!r} not to be kept")


# One's own account

def test_the_sheet_names_what_goes_and_what_stays_and_offers_the_data_first(page, anna, ben, tmp_path):
    with anna.socket() as phone:
        send(phone, ben, SECRET)
    page.enter(anna).open_profile_sheet("leaving")
    goes, stays = page.texts(".leaving ul")
    assert "picture" in goes and "devices" in goes and "texts of the messages" in goes and "Some servers leave" in goes
    assert anna.tag in stays and "others have written" in stays and "Backups" in stays
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.run("messenger.session.ask = messenger.session.exportData;"
             "messenger.session.exportData = () => new Promise((resolve) => { window.goOn = resolve; })")
    page.click(".leaving [data-runs=export]")
    assert not page.find(".leaving form .danger").is_enabled()
    page.run("messenger.session.exportData = messenger.session.ask; window.goOn(null)")
    page.wait(lambda: problems(page) == ["The server does not answer. Try again in a moment."], "that it was not saved")
    page.click(".leaving [data-runs=export]")
    path = tmp_path / f"messenger-{anna.tag[1:]}.ndjson"
    wait_until(lambda: path.exists() and SECRET in path.read_text(), "the file")
    assert page.is_shown(".leaving form")


def test_without_the_password_or_the_confirmation_nothing_is_deleted(page, anna):
    page.enter(anna)
    ask_to_leave(page, "", sure=False)
    assert problems(page) == ["Required.", "Required."]
    assert page.focused().get_attribute("id") == "leaving-password"
    ask_to_leave(page, anna.password, sure=False)
    assert problems(page) == ["Required."]
    assert page.focused().get_attribute("id") == "leaving-sure"
    ask_to_leave(page, "a guess")
    page.wait(lambda: problems(page) == ["This is not your current password."], "the refusal")
    assert page.find("#leaving-password").get_attribute("aria-invalid") == "true"
    assert page.focused().get_attribute("id") == "leaving-password"
    page.run("document.querySelector('.leaving').closest('dialog').close()")
    page.wait(lambda: page.find_all("#leaving-password") == [], "the sheet to be gone")
    page.open_profile_sheet("leaving")
    assert page.find("#leaving-password").get_property("value") == ""
    assert not page.find("#leaving-sure").is_selected() and problems(page) == []
    assert login(anna.stack.url(), anna.email, anna.password).status_code == 200


def test_after_too_many_guesses_the_sheet_shows_how_long_to_wait(windows, crowd):
    with elsewhere(windows, limits_failedLoginsPerAccount=2) as (stack, page):
        anna = crowd.user(stack)
        page.enter(anna)
        for _ in range(6):
            ask_to_leave(page, "a guess")
            page.wait(lambda: page.find(".leaving form .danger").is_enabled() and problems(page), "the answer")
            if "Too many attempts" in problems(page)[0]:
                break
        assert "Too many attempts. Try again in" in problems(page)[0]
        assert page.is_shown(".messenger .list") and note(page) == ""


def test_an_account_is_deleted_with_all_that_this_browser_keeps_in_all_tabs(page, anna, ben):
    with ben.socket() as his:
        befriend(his, anna)
        send(his, anna, "for Anna")
        enter_by_form(page, anna)
        page.wait_kept()
        page.open(ben)
        page.wait_message("for Anna")
        page.find("#message").send_keys(SECRET)
        page.wait(lambda: SECRET in page.kept() and "for Anna" in page.kept(), "it to be stored")
        page.run("localStorage.setItem('messenger recent emoji', '🎨')")
        first = page.driver.current_window_handle
        page.driver.switch_to.new_window("tab")
        try:
            page.load()
            page.wait_messenger()
            page.driver.switch_to.window(first)
            ask_to_leave(page, anna.password)
            page.wait_sign_in()
            assert note(page) == "Your account was deleted."
            kept = page.kept()
            assert SECRET not in kept and "for Anna" not in kept and anna.tag not in kept and ben.tag not in kept
            assert "#" not in page.driver.current_url
            page.wait(lambda: page.driver.get_cookies() == [], "the cookie to be cleared")
            page.driver.switch_to.window(page.driver.window_handles[-1])
            page.wait_sign_in()
            page.wait(lambda: note(page) == "Your account was deleted.", lambda: f"the same line, not {note(page)!r}")
            page.reload()
            page.wait_sign_in()
            assert note(page) == ""
        finally:
            page.driver.switch_to.window(page.driver.window_handles[-1])
            page.driver.close()
            page.driver.switch_to.window(first)
        his.wait_notification(3204)
    assert login(anna.stack.url(), anna.email, anna.password).status_code == 401


def test_an_account_that_is_deleted_elsewhere_ends_this_device_like_a_revoked_session(page, anna, ben):
    befriend(ben.socket(), anna)
    enter_by_form(page, anna)
    page.open(ben)
    page.find("#message").send_keys(SECRET)
    page.wait(lambda: SECRET in page.kept(), "it to be stored")
    delete(anna)
    page.wait_sign_in()
    assert "or the account was deleted" in note(page)
    wait_kept_without(page, SECRET)
    assert ben.tag not in page.kept()


def test_without_a_connection_nothing_can_be_deleted(page, anna):
    page.expected_problems = ["WebSocket"]
    page.enter(anna).open_profile_sheet("leaving")
    page.run("messenger.session.close()")
    page.wait_shown(".leaving form .hint")
    assert not page.find(".leaving form .danger").is_enabled()
    page.run("messenger.session.connect()")
    page.wait(lambda: page.find(".leaving form .danger").is_enabled(), "the connection")


# That of another user

@pytest.fixture
def talk(page, anna, ben):
    """Ben has written a secret and Anna an answer; she looks at it."""
    with ben.socket() as his, anna.socket() as hers:
        send(his, anna, SECRET + " https://example.com/secret")
        send(hers, ben, "thank you")
        send(his, anna, "you are welcome")
    page.enter(anna)
    page.open(ben)
    page.wait_message("you are welcome")
    page.wait(lambda: SECRET in page.kept() and "you are welcome" in page.kept(), "it to be stored")
    return page


def test_a_deleted_account_is_shown_as_such_at_once(talk, ben):
    talk.find("#message").send_keys("dear Ben")
    delete(ben)
    talk.wait(lambda: is_gone(talk, ben), "the list to show it")
    talk.wait(lambda: talk.messages() == [ERASED, "thank you", ERASED], lambda: f"the placeholders, not {talk.messages()}")
    assert talk.text(".talk > header h1") == "Deleted account"
    assert talk.text(".talk > header .presence") == ben.tag
    assert talk.text(talk.row(ben) + " p") == f"{ben.tag} · {ERASED}"
    assert not talk.is_online(ben) and not talk.is_shown(".talk .face.online")
    assert talk.run("return document.querySelector('.talk > header .face img').hidden")
    assert talk.texts(".foot") == ["This account was deleted."]
    assert not talk.is_shown(".compose") and not talk.is_shown(".talk > header .icon:not(.back)")
    assert talk.focused().tag_name == "h1"
    assert talk.find_all(".msg a") == []
    assert "Ben" not in talk.run("return document.body.innerText") and "secret" not in talk.run("return document.body.innerHTML")


def test_nothing_of_a_deleted_account_is_left_in_the_browser(talk, ben, crowd, stack, anna):
    carl = crowd.user(stack, firstName="Carl", lastName="Reed")
    with carl.socket() as his:
        send(his, anna, "the other secret")
    talk.wait(lambda: "the other secret" in talk.kept() and "Reed" in talk.kept(), "it to be stored")
    delete(carl)
    delete(ben)
    for text in (SECRET, "you are welcome", "Jones", "the other secret", "Reed"):
        wait_kept_without(talk, text)
    assert "thank you" in talk.kept()


def test_notifications_of_what_a_deleted_account_has_written_are_closed(talk, ben):
    talk.wait_kept()
    talk.run("""
        window.shut = [];
        const shown = arguments[0].map((tag) => ({ tag, close() { window.shut.push(tag); } }));
        ServiceWorkerRegistration.prototype.getNotifications = () => Promise.resolve(shown);
        """, [ben.tag, "@somebody"])
    delete(ben)
    talk.wait(lambda: talk.run("return window.shut") == [ben.tag], "the one of the deleted account to be closed")


def test_a_question_about_somebody_who_leaves_is_closed(talk, ben):
    talk.click(".talk > header .icon[title='Block this user']")
    talk.wait_shown(".question")
    delete(ben)
    talk.wait_gone(".question")


def test_who_was_away_sees_it_with_the_next_connection_and_offline_after_it(talk, ben, anna):
    talk.expected_problems = ["WebSocket", "ERR_", "Failed to load resource"]
    talk.wait_kept()
    talk.load("/example")
    delete(ben)
    with anna.socket() as hers:
        wait_until(lambda: hers.call("getDialogsList")[0].get("isDeleted"), "the texts to be erased")
    talk.load(f"/#{ben.tag}")
    talk.wait(lambda: is_gone(talk, ben), "the list to show it")
    talk.wait(lambda: talk.messages() == [ERASED, "thank you", ERASED], lambda: f"the placeholders, not {talk.messages()}")
    wait_kept_without(talk, SECRET)
    wait_kept_without(talk, "welcome")
    talk.offline(True)
    talk.reload()
    talk.wait(lambda: talk.messages() == [ERASED, "thank you", ERASED], "the same without the server")
    assert is_gone(talk, ben) and talk.texts(".foot") == ["This account was deleted."]


def test_a_placeholder_is_read_but_not_copied_and_read_marks_are_settled(talk, ben, anna):
    with ben.socket() as his:
        send(his, anna, "unread")
    delete(ben)
    talk.wait(lambda: talk.messages() == [ERASED, "thank you", ERASED, ERASED], "the placeholders")
    copied = talk.run("""
        getSelection().selectAllChildren(document.querySelector(".log ol"));
        return getSelection().toString();
        """)
    assert [line for line in copied.splitlines() if line] == ["thank you"]
    assert talk.find(".msg").get_property("textContent").startswith("They:" + ERASED)
    assert talk.run("return getComputedStyle(document.querySelector('.msg .erased')).fontStyle") == "italic"
    talk.wait(lambda: talk.badge(ben) == 0, "what was seen to be read")
    talk.wait(lambda: talk.run("return [...messenger.store.state.dialogs.values()].every(({ toReport }) => toReport === 0)"),
              "the server to know it")
    with anna.socket() as hers:
        assert hers.call("getDialogsList")[0]["unreadIncoming"] == 0


def test_where_the_server_keeps_the_texts_they_are_fetched_again(windows, crowd):
    with elsewhere(windows, accounts_eraseMessages="false") as (stack, page):
        anna, ben = crowd.user(stack), crowd.user(stack, firstName="Ben")
        with ben.socket() as his:
            send(his, anna, "for the record")
        page.enter(anna)
        page.open(ben)
        page.wait_message("for the record")
        delete(ben)
        page.wait(lambda: page.texts(".foot") == ["This account was deleted."], "the end")
        page.wait(lambda: page.messages() == ["for the record"] and page.text(page.row(ben) + " p") == f"{ben.tag} · for the record",
                  "the text")


def is_refused(socket, receiver, text):
    try:
        send(socket, receiver, text)
        return False
    except RpcError:
        return True


def test_what_is_written_to_somebody_who_has_left_cannot_be_sent_again(page, anna, ben, stack, crowd):
    """Written while it was not known."""
    page.enter(anna)
    page.open_by_search(ben)
    delete(ben)
    with crowd.user(stack).socket() as third:
        wait_until(lambda: is_refused(third, ben, "hello?"), "the account to be unknown")
    page.write("are you there?")
    page.wait(lambda: page.ticks() == ["failed"], "the refusal")
    assert "there is no such account" in page.text(".msg.failed footer")
    assert page.texts(".msg.failed footer button") == ["Discard"]


# Erased because it is old, or refused because there is no space

def test_a_text_that_the_server_has_erased_replaces_the_one_that_was_kept(page, anna, ben):
    """A conversation that is kept here, with texts that the server does not have any more: as its answers show them."""
    with ben.socket() as his, anna.socket() as hers:
        send(his, anna, "old news")
        send(hers, ben, "old answer")
        send(his, anna, "fresh")
    page.enter(anna)
    page.open(ben)
    page.wait_message("fresh")
    page.run("""
        const { tag } = messenger.store.state.dialogs.get(messenger.store.state.open);
        const message = (seq, senderTag) => ({ _id: `m${seq}`, seq, senderTag, text: "", date: Date.now(), isDeleted: true });
        messenger.store.dispatch({ type: "pageRead", tag, messages: [message(2, messenger.store.state.self.tag), message(1, tag)] });
        """)
    page.wait(lambda: page.messages() == [ERASED, ERASED, "fresh"], "the placeholders")
    wait_kept_without(page, "old news")
    wait_kept_without(page, "old answer")
    assert "fresh" in page.kept() and page.is_shown(".compose")


def test_who_has_stored_too_much_sees_why_and_can_try_again(windows, crowd):
    with elsewhere(windows, limits_storedMibPerUser=1, limits_messageKibPerMinute=100_000) as (stack, page):
        anna, ben = crowd.user(stack), crowd.user(stack, firstName="Ben")
        with anna.socket() as hers:
            wait_until(lambda: is_refused(hers, ben, "x" * TEXT_BYTES_MAX), "the quota to be used up")
        page.enter(anna)
        page.open(ben)
        page.run("const field = document.querySelector('#message'); field.value = 'y'.repeat(arguments[0]);"
                 "field.dispatchEvent(new Event('input', { bubbles: true }))", TEXT_BYTES_MAX)
        page.click(".send")
        page.wait(lambda: page.ticks()[-1:] == ["failed"], "the refusal")
        assert "you have stored as many messages as this server allows" in page.text(".msg.failed footer")
        assert page.texts(".msg.failed footer button") == ["Retry", "Discard"]
        page.click(".msg.failed footer button + button")
        page.wait(lambda: page.find_all(".msg.failed") == [], "it to be gone")


# How it looks

def test_the_sheet_and_the_page_after_it(page, axe_source, anna):
    page.enter(anna).open_profile_sheet("leaving")
    look_at(page, axe_source, "leaving")
    ask_to_leave(page, "", sure=False)
    look_at(page, axe_source, "leaving-errors")
    ask_to_leave(page, anna.password)
    page.wait_sign_in()
    look_at(page, axe_source, "log-in-deleted")


def test_a_conversation_with_a_deleted_account(talk, axe_source, ben):
    delete(ben)
    talk.wait(lambda: talk.messages() == [ERASED, "thank you", ERASED], "the placeholders")
    look_at(talk, axe_source, "deleted-account")
    talk.run("location.hash = ''")
    talk.wait(lambda: not talk.is_shown(".talk"), "the list alone")
    look_at(talk, axe_source, "deleted-account-list")


def test_messages_that_are_refused_for_good(talk, axe_source):
    talk.run("""
        const { tag, user } = messenger.store.state.dialogs.get(messenger.store.state.open);
        const reasons = ["text: you have stored as many messages as this server allows", "receiverTag: no such user"];
        for (const [id, reason] of reasons.entries()) {
            messenger.store.dispatch({ type: "written", tag, user, id: `refused ${id}`, text: "see you", date: Date.now() });
            messenger.store.dispatch({ type: "refused", tag, id: `refused ${id}`, reason });
        }
        """)
    talk.wait(lambda: talk.ticks()[-2:] == ["failed", "failed"], "both")
    look_at(talk, axe_source, "refused")


@pytest.mark.parametrize("language", ["de", "ar"])
def test_in_another_language(page, axe_source, anna, ben, language):
    befriend(ben.socket(), anna)
    delete(ben)
    page.load()
    page.run("localStorage.setItem('messenger language', arguments[0])", language)
    page.enter(anna)
    page.open(ben)
    look_at(page, axe_source, f"deleted-account-{language}")
    page.open_profile_sheet("leaving")
    look_at(page, axe_source, f"leaving-{language}")
