"""No method reads or changes what belongs to another account, whatever ids it is given."""

import json
import re

import pytest

from support.client import Crowd, RpcError, send
from support.process import REPOSITORY
from support.stack import Stack

SECRET = "between the two of us"
METHODS = re.findall(r'^    \{ "(\w+)"', (REPOSITORY / "gateway/api/methods.c").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def own_stack():
    with Stack(settings={"registration.invitesPerUser": 2, "contacts.consent": "true"}) as stack:
        yield stack


class Victim:
    """All that Alice has, and what nobody else may learn of it."""

    def __init__(self, stack, crowd):
        self.user, self.friend, self.blocked = crowd.users(stack, 3)
        self.socket = self.user.socket()
        self.message = send(self.socket, self.friend, SECRET)
        with self.friend.socket() as friends:
            send(friends, self.user, SECRET)
        self.invite = self.socket.call("createInvite")
        self.socket.call("blockUser", [self.blocked.tag])
        self.socket.call("setPrivacy", ["contacts", "nobody"])
        self.session = self.socket.call("listSessions")[0]["id"]
        self.conversation = self.socket.call("getDialogsList")[0]["_id"]
        self.ids = [self.session, self.invite["id"], self.message["_id"], self.conversation,
                    self.socket.call("getSelfInfo")["_id"], self.user.tag, self.friend.tag, self.user.email]

    def belongings(self):
        call = self.socket.call
        dialogs = [entry for entry in call("getDialogsList") if entry["userInfo"]["tag"] == self.friend.tag]
        for entry in dialogs:
            entry["userInfo"].pop("isOnline")
        sessions = [entry["id"] for entry in call("listSessions")]
        return json.dumps([call("getSelfInfo"), dialogs, call("getMessagesWithUser", [self.friend.tag]), sessions,
                           call("listInvites"), call("listBlocked"), call("getPrivacy")])

    @property
    def secrets(self):
        return [SECRET, self.user.email, self.session, self.invite["code"], self.invite["id"], self.conversation,
                self.message["_id"]]


@pytest.fixture(scope="module")
def victim(own_stack):
    crowd = Crowd()
    yield Victim(own_stack, crowd)
    crowd.close()


@pytest.mark.parametrize("method", METHODS)
def test_ids_of_another_account_are_of_no_use(method, victim, own_stack, crowd):
    before = victim.belongings()
    mallory = crowd.user(own_stack)
    answers = []
    with mallory.socket() as socket:
        for one in victim.ids:
            for params in ([one], [one, one], [one, one, one], [one, 0, 100], [one, 1]):
                try:
                    answers.append(socket.call(method, params))
                except RpcError as error:
                    assert error.code in (-32602, -32002, -32003, -32004), error
        answers += [notification.body for notification in socket.seen()]
    if method == "sendMessageToUser":  # of which the sender gets its own text
        answers = [answer for answer in answers if SECRET in json.dumps(answer)]
    learned = json.dumps(answers)
    assert [secret for secret in victim.secrets if secret in learned] == []
    assert victim.belongings() == before


def test_presence_of_another_account_is_not_shown_by_any_method(victim, own_stack, crowd):
    mallory = crowd.user(own_stack)
    with mallory.socket() as socket:
        send(socket, victim.user, "hello")
        shown = [socket.call("findUsersByTag", [victim.user.tag]), socket.call("getDialogsList"),
                 socket.call("sync", [socket.call("hello")["epoch"], 0])]
        assert '"isOnline": true' not in json.dumps(shown) and shown[-1]["online"] == []
        assert [n for n in socket.seen() if n.code in (3100, 3101, 3200, 3300)] == []
