"""Every example of the document the project was created from, shape for shape. Where an answer
here differs from the original's, the contract says so: "jsonrpc" is the string "2.0", errors
carry data, messages and dialogs have some more fields."""

import json

import pytest
import requests

from support.client import NO_AUTH_REASON, Socket, is_online, send, token_of, unique
from support.shapes import (
    DIALOG_KEYS, PUSHED_KEYS, SENT_KEYS, STORED_KEYS, assert_dialog, assert_stored, assert_user, numbered,
    is_id, is_now_ms)
from support.wait import wait_until


@pytest.fixture
def sergey(stack, crowd):
    return crowd.user(stack, firstName="Sergey", lastName="Andreev")


@pytest.fixture
def admin(stack, crowd):
    return crowd.user(stack, firstName="Admin", lastName="Admin")


def test_sign_up_then_log_in(stack):
    email = unique() + "@example.com"
    signed_up = requests.post(
        stack.url(path="/signup"), headers={"Content-Type": "application/json"},
        data=json.dumps({"user": {"tag": "@" + unique(), "firstName": "Name", "lastName": "Surname",
                                  "email": email, "password": "password"}}))
    assert (signed_up.status_code, signed_up.text) == (200, "Sign up successful")
    assert token_of(signed_up)

    logged_in = requests.post(
        stack.url(path="/login"), headers={"Content-Type": "application/json"},
        data=json.dumps({"user": {"email": email, "password": "password"}}))
    assert (logged_in.status_code, logged_in.text) == (200, "Login successful")
    assert token_of(logged_in)


@pytest.mark.parametrize("path", ["/api", "/"])
def test_first_call_on_a_socket(sergey, path):
    socket = sergey.socket(path=path)
    answer = socket.exchange('{"jsonrpc": "2.0", "method": "getSelfInfo", "id": "1"}', id="1")
    assert set(answer) == {"jsonrpc", "result", "id"}
    assert answer["jsonrpc"] == "2.0" and answer["id"] == "1"
    assert_user(answer["result"], sergey)
    assert answer["result"]["firstName"] == "Sergey"
    assert answer["result"]["lastName"] == "Andreev"
    assert answer["result"]["img"] == "default.jpg"


def test_set_self_info_ignores_an_empty_field(sergey):
    socket = sergey.socket()
    answer = socket.exchange(
        '{"jsonrpc": "2.0", "method": "setSelfInfo", "params":["", "Ivanov"], "id": "1"}', id="1")
    assert_user(answer["result"], sergey)
    assert answer["result"]["firstName"] == "Sergey"
    assert answer["result"]["lastName"] == "Ivanov"


def test_set_self_info_refuses_digits_as_a_name(sergey):
    socket = sergey.socket()
    answer = socket.exchange(
        '{"jsonrpc": "2.0", "method": "setSelfInfo", "params":["123", "Ivanov"], "id": "1"}', id="1")
    assert set(answer) == {"jsonrpc", "error", "id"}
    assert answer["error"]["code"] == -32602
    assert answer["error"]["message"] == "Invalid params"
    assert answer["error"]["data"]["reason"]
    assert socket.call("getSelfInfo")["lastName"] == "Andreev"


def test_send_message(sergey, admin):
    socket = sergey.socket()
    request = {"jsonrpc": "2.0", "method": "sendMessageToUser",
               "params": [admin.tag, "hi, admin"], "id": "1"}
    answer = socket.exchange(json.dumps(request), id="1")
    assert set(answer["result"]) == {"status", "message"}
    assert answer["result"]["status"] == "OK"
    message = answer["result"]["message"]
    assert set(message) == SENT_KEYS
    assert is_id(message["_id"]) and is_now_ms(message["date"])
    assert (message["senderTag"], message["receiverTag"]) == (sergey.tag, admin.tag)
    assert message["text"] == "hi, admin"
    assert message["isRead"] is False and message["seq"] == 1


def test_mark_messages_as_read(sergey, admin):
    send(admin.socket(), sergey, "read me")
    request = {"jsonrpc": "2.0", "method": "markMessagesWithUserAsRead", "params": [admin.tag],
               "id": "1"}
    answer = sergey.socket().exchange(json.dumps(request), id="1")
    assert answer == {"jsonrpc": "2.0", "result": {"status": "OK"}, "id": "1"}


def test_find_users_by_a_part_of_the_tag(stack, crowd, sergey):
    name = unique("Sia")
    offline = crowd.user(stack, tag="@" + name)
    online = crowd.user(stack, tag="@x" + name)
    online_socket = online.socket()
    request = {"jsonrpc": "2.0", "method": "findUsersByTag", "params": [name.upper()], "id": "1"}
    socket = sergey.socket()
    wait_until(lambda: is_online(socket, online), "the second user to be online")
    answer = socket.exchange(json.dumps(request), id="1")
    first, second = answer["result"]
    assert_user(first, offline, online=False)
    assert_user(second, online, online=True)
    assert online_socket.open


def test_dialogs_list(sergey, admin, bob):
    to_admin = send(sergey.socket(), admin, "!")
    from_bob = send(bob.socket(), sergey, "Как дела? 😍")
    socket = sergey.socket()
    answer = socket.exchange('{"jsonrpc": "2.0", "method": "getDialogsList", "id": "1"}', id="1")
    assert set(answer) == {"jsonrpc", "result", "id"}
    dialogs = {dialog["userInfo"]["tag"]: dialog for dialog in answer["result"]}
    assert set(dialogs) == {admin.tag, bob.tag}
    for dialog in dialogs.values():
        assert set(dialog) == DIALOG_KEYS
        assert_dialog(dialog)
    sent, received = dialogs[admin.tag], dialogs[bob.tag]
    assert (sent["senderTag"], sent["receiverTag"]) == (sergey.tag, admin.tag)
    assert (received["senderTag"], received["receiverTag"]) == (bob.tag, sergey.tag)
    assert (sent["text"], received["text"]) == ("!", "Как дела? 😍")
    assert (sent["unreadCount"], received["unreadCount"]) == (1, 1)
    assert sent["_id"] != to_admin["_id"] and received["_id"] != from_bob["_id"]


def test_messages_with_user(sergey, admin):
    socket = sergey.socket()
    send(socket, admin, "1")
    send(admin.socket(), sergey, "😋")
    send(socket, admin, "!")
    request = {"jsonrpc": "2.0", "method": "getMessagesWithUser", "params": [admin.tag], "id": "1"}
    answer = socket.exchange(json.dumps(request), id="1")
    for message in answer["result"]:
        assert set(message) == STORED_KEYS
        assert_stored(message)
    assert [m["text"] for m in answer["result"]] == ["!", "😋", "1"]
    assert [m["senderTag"] for m in answer["result"]] == [sergey.tag, admin.tag, sergey.tag]


# Notifications: the whole frames, with nothing but type, code and body

@pytest.fixture
def friends(sergey, admin):
    """The socket of one user, and another user who is a contact."""
    socket = sergey.socket()
    send(socket, admin, "hello")
    return socket, admin


def only_frame(socket, code):
    socket.wait_notification(code)
    (notification,) = socket.seen(code)
    return notification.frame


def numbered_frame(socket, code):
    """The same without userSeq, which the original does not know, and its clients do not look at."""
    frame = only_frame(socket, code)
    return {**frame, "body": numbered(frame["body"])}


def test_notification_contact_online(friends):
    socket, admin = friends
    admin.socket()
    assert only_frame(socket, 3101) == {
        "type": "contactOnline", "code": 3101, "body": {"loggedInUserTag": admin.tag}}


def test_notification_contact_offline(friends):
    socket, admin = friends
    with admin.socket():
        socket.wait_notification(3101)  # a gateway reports states: a user who disconnects before the report was never online
    assert only_frame(socket, 3100) == {
        "type": "contactOffline", "code": 3100, "body": {"loggedOutUserTag": admin.tag}}


def test_notification_personal_data_changes(friends):
    socket, admin = friends
    admin.socket().call("setSelfInfo", ["Administrator"])
    assert numbered_frame(socket, 3200) == {
        "type": "contactPersonalDataChanges", "code": 3200,
        "body": {"tag": admin.tag, "firstName": "Administrator"}}


def test_notification_new_message(friends):
    socket, admin = friends
    text = "What a nice weather today isn't it?"
    sent = send(admin.socket(), socket_owner(socket), text)
    frame = only_frame(socket, 3001)
    assert set(frame) == {"type", "code", "body"} and frame["type"] == "newMessage"
    assert numbered(frame["body"]) == {key: sent[key] for key in PUSHED_KEYS}


def test_notification_message_was_read(friends):
    socket, admin = friends
    admin.socket().call("markMessagesWithUserAsRead", [socket_owner(socket).tag])
    assert numbered_frame(socket, 3300) == {
        "type": "messageWasRead", "code": 3300, "body": {"receiverTag": admin.tag}}


class Owner:
    def __init__(self, tag):
        self.tag = tag


def socket_owner(socket):
    return Owner(socket.call("getSelfInfo")["tag"])


# What the original's React client and demo rely on

def test_socket_without_a_token_is_closed_with_a_reason_the_client_parses(stack):
    socket = Socket(stack.url(), token=None)
    code, reason = socket.wait_closed()
    assert (code, reason) == (1000, NO_AUTH_REASON)
    assert json.loads(reason)["Error"]["name"] == "NoAuthJWTError"


def test_an_empty_search_returns_at_most_thirty_users_by_tag(stack, crowd, sergey):
    crowd.users(stack, 31)
    found = sergey.socket().call("findUsersByTag", [""])
    tags = [user["tag"].lower() for user in found]
    assert len(tags) == 30
    assert tags == sorted(tags)
    assert sergey.tag not in [user["tag"] for user in found]


def test_set_self_info_with_three_arguments_of_which_two_are_empty(sergey):
    assert sergey.socket().call("setSelfInfo", ["Sergio", "", ""])["firstName"] == "Sergio"


@pytest.mark.parametrize("path", ["/", "/example"])
def test_pages_are_served(stack, path):
    page = requests.get(stack.url(path=path))
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<html" in page.text.lower()
