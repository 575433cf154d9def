"""The demo page in a real browser: what a visitor can do, see, and is protected from."""

import json
import re
from types import SimpleNamespace

import pytest
import requests

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.client import leave, send
from support.docs import block_with
from support.process import REPOSITORY
from support.wait import PATIENCE_SECONDS

METHODS = ["getSelfInfo", "setSelfInfo", "sendMessageToUser", "getDialogsList",
           "getMessagesWithUser", "markMessagesWithUserAsRead", "findUsersByTag", "hello", "sync"]


@pytest.fixture
def image_file(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="PIL is not installed: no picture to upload")
    path = tmp_path / "landscape.png"
    image.new("RGB", (900, 600), (40, 120, 200)).save(path)
    return path


def stylesheet_applies(page):
    return page.find("body").value_of_css_property("margin-top") == "0px"


# The page

def test_the_page_comes_with_a_strict_policy_and_obeys_it(page, stack):
    policy = requests.get(stack.url(0) + "/example", timeout=PATIENCE_SECONDS).headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'",
                 "require-trusted-types-for 'script'"):
        assert part in policy
    assert "unsafe" not in policy
    assert stylesheet_applies(page)


def test_every_module_is_revalidated_after_an_update(stack):
    for path in (REPOSITORY / "gateway/www").glob("*.js"):
        answer = requests.get(stack.url(0) + f"/assets/{path.name}", timeout=PATIENCE_SECONDS)
        assert (answer.status_code, answer.content) == (200, path.read_bytes()), path.name
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_example_of_the_documentation(page, stack, bob):
    """On a page whose visitor is signed in."""
    example = block_with("docs/clients.md", "js", "MessengerClient")
    me = page.sign_up()
    script = re.sub(r"import (\{.*\}) from (.*);", r"const \1 = await import(\2);", example)
    script = script.replace("localhost:8000", stack.url(0).removeprefix("http://")).replace("@bob", bob.tag)
    message = page.driver.execute_async_script("""
        const [done] = arguments;
        window.logged = [];
        const console = { log: (...items) => window.logged.push(items) };
        (async () => { %s return message; })().then(done, (error) => done(String(error)));
        """ % script)
    assert (message["text"], message["receiverTag"]) == ("hi, Bob", bob.tag), message
    send(bob.socket(), SimpleNamespace(tag=me), "hi yourself")

    def logged(is_it):
        return [items for items in page.driver.execute_script("return window.logged") if is_it(items)]
    page.wait(lambda: logged(lambda items: items[0] == "newMessage"), "the example to log a message")
    page.wait(lambda: logged(lambda items: isinstance(items[0], list)), "the example to log the dialogs")
    [[_, body]] = logged(lambda items: items[0] == "newMessage")
    [[[dialog]]] = logged(lambda items: isinstance(items[0], list))
    assert (body["text"], dialog["userInfo"]["tag"]) == ("hi yourself", bob.tag)


def test_the_first_sight_names_the_page_and_the_first_step_without_an_error(page):
    assert page.state() == "unauthenticated"
    page.wait_entry("[data-name=closed]", "not signed in")
    assert "send messages" in page.text(".welcome")
    assert page.text("#next-step").startswith("First: press Sign up")
    assert page.is_in_sight("#sign-up [type=submit]")
    page.wait_text("#connection-message", "when you sign up or log in")
    assert page.texts_in_error_colours() == []


def test_an_ended_session_is_an_error(page, stack):
    page.sign_up()
    leave(stack.url(0), page.driver.get_cookie("auth")["value"])
    page.wait_state("unauthenticated")
    assert page.text("#state") == "Session ended"
    assert page.text("#connection-message") == "The session has ended. Log in again."
    assert page.text("#state") in page.texts_in_error_colours()


def test_everything_comes_from_the_server_itself(page, stack):
    page.sign_up()
    sources = page.driver.execute_script("""
        return performance.getEntriesByType("resource").map(({ name }) => name)""")
    assert len(sources) > 10
    assert [source for source in sources if not source.startswith(stack.url(0) + "/")] == []


def test_every_control_has_a_name(page):
    nameless = page.driver.execute_script("""
        return [...document.querySelectorAll("input, select, textarea, button")].filter((control) =>
            !control.labels?.length && !control.textContent.trim() && !control.ariaLabel
        ).map((control) => control.outerHTML)""")
    assert nameless == []


# Account and connection

def test_two_people_sign_up_and_a_message_arrives(page, other_page):
    sender = page.sign_up()
    receiver = other_page.sign_up()
    tone, _ = page.run("sendMessageToUser", [receiver, "Good morning to you"])
    assert tone == "good"
    other_page.wait_entry("[data-kind=notification][data-name=newMessage]", "Good morning to you")
    entry = other_page.wait_entry("[data-name=newMessage]")
    assert f"{sender}: Good morning to you" in entry.text
    assert '"code": 3001' in entry.text
    page.wait_entry("[data-kind=answer][data-name=sendMessageToUser]")


def test_a_failed_sign_up_says_why(page):
    page.expected_problems.append("400 (Bad Request)")
    page.fill("#sign-up [name=tag]", "no-at-sign")
    page.click("#sign-up [type=submit]")
    page.wait_text("#account-message", "IncorrectDataError")
    assert page.find("#account-message").get_attribute("data-tone") == "bad"
    page.wait_entry("[data-kind=error]", "400 /signup")
    assert page.state() == "unauthenticated"


def test_logging_out_closes_the_socket_and_ends_the_token(page):
    page.sign_up()
    page.log_out()
    page.wait_state("closed")
    assert page.text("#state") == "Not connected"
    page.driver.refresh()
    page.wait_state("unauthenticated")
    assert not page.find("#signed-in").is_displayed()


def test_the_log_in_form_keeps_what_was_signed_up(page):
    tag = page.sign_up()
    page.log_out()
    page.log_in()
    page.wait_signed_in(tag)


def test_a_wrong_password_is_refused(page):
    page.expected_problems.append("401 (Unauthorized)")
    page.sign_up()
    page.log_out()
    page.fill("#log-in [name=password]", "not the password")
    page.log_in()
    page.wait_text("#account-message", "AuthError")
    assert page.state() == "closed"


def test_the_token_survives_a_reload(page):
    tag = page.sign_up()
    page.driver.refresh()
    page.wait_signed_in(tag)


def test_disconnecting_and_connecting(page):
    tag = page.sign_up()
    page.click("#disconnect")
    page.wait_state("closed")
    page.choose("getSelfInfo")
    page.send()
    page.wait_text("#params-problem", "Not connected")
    page.click("#connect")
    page.wait_signed_in(tag)


def test_another_user_signs_in_in_another_tab(page, other_page, alice):
    """The cookie is theirs then: the page becomes theirs too, and shows nothing of the other's."""
    page.sign_up()
    peer = other_page.sign_up()
    page.run("sendMessageToUser", [peer, "from the first"])
    page.wait_messages(peer, [["from the first", "own"]])
    page.driver.add_cookie({"name": "auth", "value": alice.token, "httpOnly": True, "path": "/"})
    page.click("#disconnect")
    page.wait_state("closed")
    page.click("#connect")
    page.wait_signed_in(alice.tag)
    assert page.messages(peer) == []


def test_no_password_is_shown_in_the_log(page):
    password = page.value("#sign-up [name=password]")
    page.sign_up()
    page.click("#expand")
    page.wait_entry("[data-name='POST /signup']", '"password"')
    assert password not in page.text("#log")


# Methods

def test_every_method_of_the_menu_runs_with_its_example(page, other_page):
    peer = other_page.sign_up()
    page.sign_up()
    page.run("findUsersByTag", [peer])
    page.wait_text("#people", peer)
    for method in METHODS:
        tone, title = page.run(method)
        assert (tone, title.split(":")[0]) == ("good", method)
        page.wait_entry(f"[data-kind=answer][data-name={method}]")


def test_every_method_of_the_menu_runs_by_name(page, other_page):
    peer = other_page.sign_up()
    page.sign_up()
    page.run("findUsersByTag", [peer])
    page.wait_text("#people", peer)
    page.click("#params-style label:last-of-type")
    for method in METHODS:
        page.choose(method)
        assert isinstance(page.params(), dict)
        assert page.run(method)[0] == "good", method


def test_params_change_their_form_and_keep_their_values(page):
    page.choose("getMessagesWithUser")
    page.write_params(["@anna", 5, 7])
    page.click("#params-style label:last-of-type")
    assert page.params() == {"receiverTag": "@anna", "startIndex": 5, "endIndex": 7}
    page.click("#params-style label:first-of-type")
    assert page.params() == ["@anna", 5, 7]


def test_a_known_person_is_put_into_the_params_with_one_click(page, other_page):
    peer = other_page.sign_up()
    page.sign_up()
    page.run("findUsersByTag", [peer])
    page.choose("sendMessageToUser")
    page.wait_text("#people", peer)
    page.write_params(["@nobody", "Hi"])
    page.click_person(peer)
    assert page.params() == [peer, "Hi"]


def test_an_error_shows_its_code_and_reason(page):
    page.sign_up()
    tone, title = page.run("sendMessageToUser", ["@nobody_has_this_tag_1", "Hi"])
    assert tone == "bad"
    assert "-32602 Invalid params" in title
    assert page.answer() == {"reason": "receiverTag: no such user"}
    page.wait_entry("[data-kind=error][data-name=sendMessageToUser]", "-32602")


def test_each_answer_is_shown_once(page, bob):
    page.sign_up()
    page.run("sendMessageToUser", [bob.tag, "Once"])
    page.wait_entry("[data-kind=answer][data-name=sendMessageToUser]")
    page.wait(lambda: page.answer()["status"] == "OK", "the answer")
    assert page.text("body").count(page.answer()["message"]["_id"]) == 1
    page.run("sendMessageToUser", ["@nobody_has_this_tag_1", "Hi"])
    page.wait_entry("[data-kind=error][data-name=sendMessageToUser]")
    assert page.text("body").count("no such user") == 1


def test_the_answer_to_a_raw_frame_is_shown_once_in_the_log(page):
    page.sign_up()
    page.choose("Raw frame")
    page.write_text('{"jsonrpc": "2.0", "method": "getSelfInfo", "id": "raw-single"}')
    page.send()
    entry = page.wait_entry("[data-kind=answer][data-name=getSelfInfo]", '"id": "raw-single"')
    assert entry.text.count("raw-single") == 1
    assert not page.find("#answer-json").is_displayed()


def test_hello_returns_the_position_with_which_sync_is_filled_in(page, bob):
    me = page.sign_up()
    page.choose("sync")
    page.wait(lambda: page.params()[1:] == [0, 100], "sync with the position at the start")
    send(bob.socket(), SimpleNamespace(tag=me), "for sync")
    page.wait(lambda: page.params()[1:] == [1, 100], "sync with the position of the page")
    epoch = page.params()[0]
    assert page.run("hello")[0] == "good"
    assert (page.answer()["epoch"], page.answer()["position"]) == (epoch, 1)
    assert page.run("sync")[0] == "good"
    assert (page.answer()["dialogs"], page.answer()["reset"]) == ([], False)
    assert page.run("sync", [epoch, 0, 100])[0] == "good"
    page.wait(lambda: page.answer()["dialogs"], "the changes since the start")
    [dialog] = page.answer()["dialogs"]
    assert [message["text"] for message in dialog["messages"]] == ["for sync"]


def test_each_method_shows_its_parameters(page):
    for method, signature in (("hello", "hello()"), ("sync", "sync(epoch?, since?, limit?)"),
                              ("sendMessageToUser", "sendMessageToUser(receiverTag, text, clientMessageId?)")):
        page.choose(method)
        assert page.text("#method-signature") == signature


def test_params_that_are_no_json_are_not_sent(page):
    page.sign_up()
    page.choose("findUsersByTag")
    before = len(page.entries("[data-kind=call]"))
    page.write_text('["@a"')
    page.send()
    page.wait_text("#params-problem", "JSON list")
    assert page.find("#params").get_attribute("aria-invalid") == "true"
    assert len(page.entries("[data-kind=call]")) == before


def test_a_raw_frame_carries_a_batch(page):
    page.sign_up()
    assert page.run("Raw frame")[0] == "plain"
    entry = page.wait_entry("[data-kind=answer][data-name='batch of 2']")
    page.wait(lambda: '"raw-1"' in entry.text and '"raw-2"' in entry.text, "both answers")


def test_a_raw_frame_may_be_invalid(page):
    page.sign_up()
    page.choose("Raw frame")
    page.write_text("{ this is not JSON")
    page.send()
    page.wait_entry("[data-kind=error]", "-32700")
    assert page.state() == "open"


# Picture

def test_an_uploaded_picture_is_shown_and_can_be_used(page, image_file):
    page.sign_up()
    page.find("#image").send_keys(str(image_file))
    page.wait(lambda: page.find("#preview").get_property("naturalWidth") == 900, "the preview")
    page.click("#upload-button")
    page.wait(lambda: page.find("#uploaded").is_displayed(), "the uploaded picture")
    name = page.text("#uploaded-name")
    page.wait(lambda: page.find("#uploaded-picture").get_property("naturalWidth") == 512,
              "the scaled picture")
    page.click("#use-picture")
    page.wait(lambda: page.find("#self-picture").get_attribute("src").endswith(f"/img/{name}"),
              "the picture as one's own")
    assert page.answer()["img"] == name


def test_a_file_that_is_no_picture_is_rejected(page, tmp_path):
    page.expected_problems += ["400 (Bad Request)", "blob:"]
    path = tmp_path / "fake.png"
    path.write_bytes(b"<script>alert(1)</script>")
    page.sign_up()
    page.find("#image").send_keys(str(path))
    page.click("#upload-button")
    page.wait_text("#upload-message", "IncorrectDataError")
    assert not page.find("#uploaded").is_displayed()


# The log

def test_hostile_text_stays_text(page, other_page):
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202eevil"
    page.sign_up()
    receiver = other_page.sign_up()
    page.run("sendMessageToUser", [receiver, hostile])
    entry = other_page.wait_entry("[data-name=newMessage]", "<script>alert(2)</script>")
    assert entry.find_elements(By.CSS_SELECTOR, "img, script") == []
    pretty = entry.find_element(By.CSS_SELECTOR, ".json").text
    assert "\\u202eevil" in pretty and "\u202e" not in pretty


def test_the_log_can_be_filtered_and_cleared(page):
    page.sign_up()
    page.run("getDialogsList")
    page.fill("#filter", "getdialogslist")
    page.wait(lambda: len(page.entries()) == 2, "the call and its answer only")
    assert page.text("#log-count").startswith("2 of ")
    page.fill("#filter", "")
    page.find("#filter").send_keys("x", Keys.BACKSPACE)
    page.click("#kind option[value=http]")
    page.wait(lambda: {entry.get_attribute("data-kind") for entry in page.entries()} == {"http"},
              "HTTP entries only")
    page.click("#kind option[value='']")
    page.click("#clear")
    assert page.entries() == []
    assert page.find("#log-empty").is_displayed()


def test_the_background_calls_of_the_page_are_in_the_log_on_request(page):
    with page.only_refresh_on("nothing"):
        page.sign_up()
        page.wait(lambda: len(page.find_all("#log [data-kind=answer][data-name=findUsersByTag]")) == 2, "the calls")
        assert page.entries("[data-name=findUsersByTag]") == []
        page.click("#background")
        assert len(page.entries("[data-kind=call][data-name=findUsersByTag]")) == 2
        assert len(page.entries("[data-kind=answer][data-name=findUsersByTag]")) == 2


def test_entries_unfold_into_pretty_json(page):
    page.sign_up()
    page.run("findUsersByTag", ["@nobody"])
    page.wait_entry("[data-kind=answer][data-name=findUsersByTag]")
    entry = page.wait_entry("[data-kind=call][data-name=findUsersByTag]")
    assert not entry.find_element(By.CSS_SELECTOR, ".json").is_displayed()
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", entry)
    entry.find_element(By.CSS_SELECTOR, "summary").click()
    page.wait(lambda: entry.find_element(By.CSS_SELECTOR, ".json").text, "the unfolded JSON")
    request = json.loads(entry.find_element(By.CSS_SELECTOR, ".json").text)
    assert (request["method"], request["params"]) == ("findUsersByTag", ["@nobody"])


# The keyboard

def test_the_keyboard_is_enough(page):
    tag = page.value("#sign-up [name=tag]")
    page.find("#sign-up-tab").send_keys(Keys.ARROW_RIGHT)
    assert page.find("#log-in").is_displayed()
    page.driver.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    page.find("#sign-up [name=password]").send_keys(Keys.ENTER)
    page.wait_signed_in(tag)
    page.find("#method-choices input:checked").send_keys(Keys.ARROW_RIGHT)
    page.find("#params").send_keys(Keys.CONTROL, Keys.ENTER)
    page.wait_text("#answer-title", "getDialogsList: done")
