"""Identity is the account, not its tag: what happens when the store of users is replaced by an older or another one."""

import base64
import hashlib
import hmac
import json
import shutil
import sqlite3

import pytest
import requests

from support import images
from support.client import NO_AUTH_REASON, RpcError, Socket, User, bearer, error_name, send, upload
from support.sqlite_files import back_up, remove_log
from support.stack import Stack
from support.wait import wait_until

SETTINGS = {"store.users": None}  # SQLite, also when the other tests run on MongoDB: its file is replaced


@pytest.fixture
def stack():
    with Stack(gateways=2, settings=SETTINGS) as stack:
        yield stack


# The store of users

def users_db(stack):
    return stack.directory / "data" / "users.db"


def copy_users(stack, target):
    back_up(users_db(stack), target)
    return target


class replaced_users:
    """The user service is stopped while the block changes the file."""

    def __init__(self, stack):
        self.stack = stack

    def __enter__(self):
        self.stack.terminate("user")
        return users_db(self.stack)

    def __exit__(self, *exception):
        self.stack.restart("user")


def put_back(stack, copy):
    with replaced_users(stack) as path:
        remove_log(path)
        shutil.copy(copy, path)


def remove_all(stack):
    with replaced_users(stack) as path:
        remove_log(path)
        path.unlink()


def execute(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(*statement)
    connection.commit()
    connection.close()


def swap_tags(stack, one, other):
    def renamed(tag, old):
        return ("UPDATE user SET tag = ?, key = ? WHERE tag = ?", (tag, tag[1:].lower(), old))
    with replaced_users(stack) as path:
        execute(path, renamed("@swapping", one.tag), renamed(one.tag, other.tag),
                renamed(other.tag, "@swapping"))


def another(stack, first, tag=None, gateway=0):
    """Another person, who signs up with the first one's tag."""
    return User(stack, gateway, tag=tag or first.tag, email="another." + first.email)


# What a client sees

def assert_refused(base, token):
    with Socket(base, token) as opened:
        assert opened.wait_closed() == (1000, NO_AUTH_REASON)
    answer = upload(base, token, images.png(32, 32))
    assert (answer.status_code, error_name(answer)) == (401, "NoAuthJWTError")
    answer = requests.post(base + "/upload-image", headers=bearer(token), timeout=30,
                           files={"image": ("a.png", images.png(32, 32), "image/png")})
    assert answer.status_code == 401


def assert_accepted(user, gateway=None):
    with user.socket(gateway) as opened:
        assert opened.call("getSelfInfo")["tag"] == user.tag


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def forged(stack, token, **data):
    """The token with other data, signed with the server's own key."""
    def encoded(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    claims = claims_of(token)
    claims["data"].update(data)
    signed = token.split(".")[0].encode() + b"." + encoded(json.dumps(claims).encode())
    signature = hmac.new(stack.jwt_key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + encoded(signature)).decode()


# Tokens

def test_a_token_is_of_no_use_to_whoever_gets_the_tag(stack, tmp_path):
    copy = copy_users(stack, tmp_path / "users.db")
    mona = User(stack)
    with mona.socket() as opened, mona.socket(1) as other:
        put_back(stack, copy)
        second = another(stack, mona)
        assert opened.wait_closed() == (1000, NO_AUTH_REASON)
        assert other.wait_closed() == (1000, NO_AUTH_REASON)
    for gateway in (0, 1):
        assert_refused(stack.url(gateway), mona.token)
        assert_accepted(second, gateway)
    answer = requests.post(stack.url() + "/login", timeout=30,
                           json={"user": {"email": mona.email, "password": mona.password}})
    assert answer.status_code == 401


def test_sockets_of_an_account_that_is_gone_are_closed(stack, tmp_path):
    anna = User(stack)
    copy = copy_users(stack, tmp_path / "users.db")
    mona = User(stack)
    with mona.socket() as opened, mona.socket(1) as other, anna.socket() as hers:
        put_back(stack, copy)
        for socket in (opened, other):
            assert socket.wait_closed(15) == (1000, NO_AUTH_REASON)
        assert_refused(stack.url(), mona.token)
        assert hers.call("getSelfInfo")["tag"] == anna.tag
        assert hers.open


def test_all_tokens_end_with_the_store_of_users(stack):
    anna, ben = User(stack), User(stack, 1)
    with anna.socket() as hers, ben.socket() as his:
        remove_all(stack)
        for socket in (hers, his):
            assert socket.wait_closed(15) == (1000, NO_AUTH_REASON)
    for gone in (anna, ben):
        assert_refused(stack.url(), gone.token)
    assert_accepted(another(stack, anna))


def test_accounts_whose_tags_were_swapped_must_log_in_again(stack):
    anna, ben = User(stack), User(stack)
    swap_tags(stack, anna, ben)
    assert_refused(stack.url(), anna.token)
    assert_refused(stack.url(1), ben.token)
    with anna.socket(token=anna.login()) as opened:
        assert opened.call("getSelfInfo")["tag"] == ben.tag


@pytest.mark.parametrize("data", [{"_id": "0123456789abcdef01234567"}, {"_id": ""}, {"tag": "@nobody_at_all"}],
                         ids=["another id", "no id", "another tag"])
def test_a_signed_token_of_no_account_is_refused(stack, data):
    assert_refused(stack.url(), forged(stack, User(stack).token, **data))


def test_a_signed_token_of_one_account_with_the_tag_of_another_is_refused(stack):
    anna, ben = User(stack), User(stack)
    assert_refused(stack.url(), forged(stack, anna.token, tag=ben.tag))


def test_the_case_of_the_tag_does_not_matter(stack):
    anna = User(stack)
    with Socket(stack.url(), forged(stack, anna.token, tag=anna.tag.upper())) as opened:
        assert opened.call("getSelfInfo")["_id"] == claims_of(anna.token)["data"]["_id"]


def test_a_token_is_good_again_when_its_account_is_back(stack, tmp_path):
    empty = copy_users(stack, tmp_path / "empty.db")
    mona = User(stack)
    full = copy_users(stack, tmp_path / "full.db")
    put_back(stack, empty)
    assert_refused(stack.url(), mona.token)
    put_back(stack, full)
    assert_accepted(mona)


# Conversations

def texts(messages):
    return [message["text"] for message in messages]


def dialogs(socket):
    return {dialog["_id"]: dialog["text"] for dialog in socket.call("getDialogsList")}


@pytest.fixture(params=["services stay", "all restart"])
def retaken(request, any_store, tmp_path):
    """(stack, ben, mona, the other mona): ben and mona have written to each other; then the store of users is turned
    back to before mona, and somebody else signs up as @mona."""
    stack = any_store
    ben = User(stack)
    copy = copy_users(stack, tmp_path / "users.db")
    mona = User(stack, tag="@Mona")
    with ben.socket() as his, mona.socket() as hers:
        for number in range(3):
            send(his, mona, f"to the first {number}")
        send(hers, ben, "from the first", "c-1")
    put_back(stack, copy)
    if request.param == "all restart":
        for kind in ("message", "gateway", "presence"):
            stack.terminate(kind)
        for kind in ("message", "presence", "gateway"):
            stack.restart(kind, ready=kind == "gateway")
    return stack, ben, mona, another(stack, mona, tag="@mona")


@pytest.fixture
def any_store():
    """SQLite for the users; for the messages as the other tests."""
    with Stack(gateways=1, settings=SETTINGS) as stack:
        yield stack


def test_who_gets_a_tag_sees_nothing_of_its_past(retaken):
    stack, ben, _, other = retaken
    with other.socket() as hers, ben.socket() as his, ben.socket() as his_too:
        assert hers.call("getDialogsList") == []
        assert hers.call("getMessagesWithUser", [ben.tag]) == []
        hello = hers.call("hello")
        assert hello["position"] == 0
        assert hers.call("sync", [hello["epoch"], 0])["dialogs"] == []
        his.call("setSelfInfo", ["Benno"])  # no contact of hers
        his_too.wait_notification(3201)  # it has been announced: who is a contact later is not notified
        message = send(hers, ben, "from the other", "c-1")
        assert message["seq"] == 1
        assert his.wait_notification(3001)["text"] == "from the other"
        assert not hers.seen(3200)
        assert texts(hers.call("getMessagesWithUser", [ben.tag])) == ["from the other"]


def test_a_peer_begins_a_new_conversation_with_who_gets_a_tag(retaken):
    stack, ben, mona, other = retaken
    with ben.socket() as his, other.socket() as hers:
        assert dialogs(his) == {}
        assert not his.seen(3101)
        message = send(his, other, "to the other")
        assert message["seq"] == 1
        assert hers.wait_notification(3001)["text"] == "to the other"
        assert list(dialogs(his).values()) == ["to the other"]
        assert dialogs(his) == dialogs(hers)
        assert texts(his.call("getMessagesWithUser", ["@mONA"])) == ["to the other"]
        hers.call("markMessagesWithUserAsRead", [ben.tag])
        assert his.wait_notification(3300)["receiverTag"].lower() == "@mona"
        assert his.call("getDialogsList")[0]["unreadCount"] == 0


def test_the_past_is_there_again_with_its_account(any_store, tmp_path):
    stack = any_store
    ben = User(stack)
    before = copy_users(stack, tmp_path / "before.db")
    mona = User(stack)
    after = copy_users(stack, tmp_path / "after.db")
    with ben.socket() as his:
        conversation = send(his, mona, "to the first") and list(dialogs(his))
    put_back(stack, before)
    other = another(stack, mona)
    with other.socket() as hers, ben.socket() as his:
        send(his, other, "to the other")
        assert hers.wait_notification(3001)["text"] == "to the other"
    put_back(stack, after)
    with mona.socket() as hers, ben.socket() as his:
        assert dialogs(hers) == {conversation[0]: "to the first"}
        assert dialogs(his) == {conversation[0]: "to the first"}
        assert send(his, mona, "again")["seq"] == 2


def test_swapped_tags_do_not_swap_conversations(any_store):
    stack = any_store
    anna, ben, carl = User(stack), User(stack), User(stack)
    with anna.socket() as hers:
        send(hers, carl, "anna to carl")
    with ben.socket() as his:
        send(his, carl, "ben to carl")
    swap_tags(stack, anna, ben)
    with anna.socket(token=anna.login()) as hers, ben.socket(token=ben.login()) as his:
        assert texts(hers.call("getMessagesWithUser", [carl.tag])) == []
        assert texts(his.call("getMessagesWithUser", [carl.tag])) == []


def test_a_new_store_of_users_beside_the_old_messages(any_store):
    stack = any_store
    anna, ben = User(stack), User(stack)
    with anna.socket() as hers:
        send(hers, ben, "in the past")
    remove_all(stack)
    new_anna, new_ben = another(stack, anna), another(stack, ben)
    with new_anna.socket() as hers, new_ben.socket() as his:
        for socket in (hers, his):
            assert socket.call("getDialogsList") == []
        assert send(hers, new_ben, "now")["seq"] == 1
        assert his.wait_notification(3001)["text"] == "now"
        assert texts(his.call("getMessagesWithUser", [anna.tag])) == ["now"]


# Calls of accounts that do not exist

def packed(fields):
    """A protobuf message of texts and small numbers, by the number of the field."""
    parts = []
    for number, value in fields.items():
        if isinstance(value, int):
            parts.append(bytes([number << 3, value]))
        else:
            parts.append(bytes([number << 3 | 2, len(value)]) + value.encode())
    return b"".join(parts)


NOBODY = "0123456789abcdef01234567"


@pytest.mark.parametrize("method, fields", [
    ("message.Send", {1: "{tag}", 2: "{peer}", 3: "hello", 6: "{id}"}),
    ("message.GetDialogs", {1: "{tag}", 2: 0, 3: 10, 5: "{id}"}),
    ("message.GetMessages", {1: "{tag}", 2: "{peer}", 4: 10, 7: "{id}"}),
    ("message.MarkRead", {1: "{tag}", 2: "{peer}", 5: "{id}"}),
    ("message.GetContacts", {1: "{tag}", 3: "{id}"}),
    ("message.GetChanges", {1: "{tag}", 4: 10, 7: "{id}"}),
    ("user.UpdateProfile", {1: "{tag}", 2: "Other", 6: "{id}"}),
])
def test_a_service_refuses_calls_of_an_account_that_does_not_exist(stack, method, fields):
    anna, ben, carl = User(stack), User(stack), User(stack)
    anna_id = claims_of(anna.token)["data"]["_id"]

    def call(tag, account_id):
        values = {key: value.format(tag=tag, peer=ben.tag, id=account_id) if isinstance(value, str) else value
                  for key, value in fields.items()}
        return bus.request("rpc." + method, packed(values)).headers.get("Nats-Service-Error-Code")
    with stack.bus() as bus:
        assert call(anna.tag, anna_id) is None
        for tag, account_id in ((anna.tag, NOBODY), ("@nobody_here", NOBODY), ("@nobody_here", ""),
                                ("@nobody_here", anna_id), (carl.tag, anna_id), (anna.tag, "x")):
            assert call(tag, account_id) == "401", (tag, account_id)
        assert call(anna.tag.upper(), anna_id) is None


def test_an_account_that_is_gone_cannot_send(stack, tmp_path):
    anna = User(stack)
    copy = copy_users(stack, tmp_path / "users.db")
    mona = User(stack)
    mona_id = claims_of(mona.token)["data"]["_id"]
    with anna.socket() as hers, mona.socket() as gone, stack.bus() as bus:
        send(gone, anna, "before")
        hers.wait_notification(3001)
        put_back(stack, copy)

        def is_refused():
            answer = bus.request("rpc.message.Send", packed({1: mona.tag, 2: anna.tag, 3: "after", 6: mona_id}))
            return answer.headers.get("Nats-Service-Error-Code") == "401"
        wait_until(is_refused, "the sender to be refused")
        gone.wait_closed(15)
        with anna.socket() as again:
            with pytest.raises(RpcError) as refused:
                send(again, mona, "to nobody")
            assert refused.value.code == -32602


def test_messages_flow_while_the_user_service_is_away(stack):
    anna, ben = User(stack), User(stack)
    with anna.socket() as hers, ben.socket() as his:
        send(hers, ben, "before")
        stack.terminate("user")
        for number in range(20):
            send(hers, ben, f"meanwhile {number}")
            his.wait_notification(3001, {"text": f"meanwhile {number}"})
        stack.restart("user")
        send(hers, ben, "after")
        his.wait_notification(3001, {"text": "after"})
