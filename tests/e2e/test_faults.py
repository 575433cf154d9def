"""What clients see while a service or NATS is unavailable; nothing acknowledged is lost."""

import itertools
import json
import re
import threading

import pytest
import requests

from support.client import (
    RpcError, SocketClosed, befriend, error_name, is_online, login, send, signup, unique, upload,
    uploaded_name)
from support.images import png
from support.raw import RawWebSocket
from support.stack import SERVICES, Stack
from support.wait import PATIENCE_SECONDS, wait_until

RPC_TIMEOUT_MS = 3000
LONG_TIMEOUT_MS = 10000
KILLS = 50


@pytest.fixture(scope="module")
def fragile():
    with Stack(settings={"rpc.timeoutMs": RPC_TIMEOUT_MS, "webSocket.maxConnections": 1000}) as stack:
        yield stack


@pytest.fixture
def whole(fragile):
    yield fragile
    fragile.repair()


class Pair:
    """Two users who are contacts, each with an open socket."""

    def __init__(self, stack, crowd):
        self.anna, self.ben = crowd.users(stack, 2)
        self.hers, self.his = self.anna.socket(), self.ben.socket()
        befriend(self.hers, self.ben)
        self.his.wait_notification(3001)


@pytest.fixture
def people(whole, crowd):
    return Pair(whole, crowd)


def calls_of(service, ben):
    """Calls that cannot be answered without the service."""
    return {
        "message": [("sendMessageToUser", [ben.tag, "hi"]), ("getDialogsList", None),
                    ("getMessagesWithUser", [ben.tag]), ("markMessagesWithUserAsRead", [ben.tag])],
        "user": [("getSelfInfo", None), ("setSelfInfo", [unique_name()]),
                 ("findUsersByTag", [ben.tag]), ("getDialogsList", None)],
    }[service]


def unique_name():
    """A valid and unused first name: letters only."""
    return "N" + "".join(chr(ord("a") + int(digit, 16)) for digit in unique("", 8))


def assert_unavailable(socket, method, params):
    with pytest.raises(RpcError) as raised:
        socket.call(method, params)
    assert (raised.value.code, raised.value.message) == (-32001, "Service unavailable"), method
    assert type(raised.value.retry_after_ms) is int and raised.value.retry_after_ms > 0


def assert_logged_failures(stack, service, why, count):
    """Whoever runs the gateway reads what was asked of whom, why there was no answer, and the trace."""
    line = re.compile(rf" warn +gateway\b.* {service}\.[A-Z]\w+ failed: {why}\b.*\b[0-9a-f]{{32}}\b")
    log = stack.program("gateway").log(since_mark=True)
    assert sum(bool(line.search(text)) for text in log.splitlines()) >= count, log


def kill_and_wait(stack, service):
    """Until NATS has seen the end of the connection, a request still goes to the dead one."""
    stack.kill(service)
    with stack.bus() as bus:
        wait_until(lambda: bus.has_no_responder(f"$SRV.PING.{service}"), f"NATS to know that {service} is gone")


def answers_again(socket, method, params):
    def attempt():
        try:
            socket.call(method, params)
            return True
        except RpcError as error:
            assert error.code == -32001, error
            return False
    wait_until(attempt, f"{method} to be answered again")


def assert_http_unavailable(response):
    assert response.status_code == 503, response.text
    assert error_name(response) == "ServiceUnavailableError"


def new_account():
    name = unique()
    return {"tag": "@" + name, "firstName": "Test", "lastName": "User",
            "email": name + "@example.com", "password": "password"}


# A service away

@pytest.mark.parametrize("how", ["killed", "frozen"])
@pytest.mark.parametrize("service", ["message", "user"])
def test_calls_while_a_service_is_away(whole, people, service, how):
    """Killed means no answer at all from the first moment; frozen, an answer that does not come."""
    calls = calls_of(service, people.ben)
    whole.mark_logs()
    kill_and_wait(whole, service) if how == "killed" else whole.freeze(service)
    for method, params in calls:
        assert_unavailable(people.hers, method, params)
    assert_logged_failures(whole, service, "UNAVAILABLE" if how == "killed" else "DEADLINE_EXCEEDED", len(calls))
    whole.restart(service, ready=False) if how == "killed" else whole.resume(service)
    for method, params in calls:
        answers_again(people.hers, method, params if method != "setSelfInfo" else [unique_name()])
    assert people.hers.open and people.his.open


def test_more_callers_wait_than_a_gateway_has_threads(crowd):
    """Each fails while the service still hangs, after calls to other services were answered."""
    settings = {"rpc.timeoutMs": LONG_TIMEOUT_MS, "webSocket.maxConnections": 1000}
    with Stack(settings=settings) as own:
        users = crowd.users(own, 11)
        sockets = [RawWebSocket(own.ports[0], user.token) for user in users for _ in range(60)]
        free = users[0].socket()
        own.freeze("message")
        for socket in sockets:
            socket.send_frame(b'{"jsonrpc":"2.0","method":"getDialogsList","id":1}')
        assert free.call("getSelfInfo")["tag"] == users[0].tag
        assert not sockets[-1].read_more(0), "it waited for the others"
        for socket in sockets:
            assert json.loads(socket.next_text())["error"]["code"] == -32001
            socket.close()
        own.resume("message")
        answers_again(free, "getDialogsList", None)


def test_other_calls_go_on_without_the_message_service(whole, people):
    whole.kill("message")
    assert people.hers.call("getSelfInfo")["tag"] == people.anna.tag
    assert is_online(people.hers, people.ben) is True
    assert people.hers.call("setSelfInfo", ["Annabel"])["firstName"] == "Annabel"
    assert login(whole.url(), people.anna.email, people.anna.password).status_code == 200
    assert signup(whole.url(), new_account()).status_code == 200
    assert upload(whole.url(), people.anna.token, png(8, 8)).status_code == 200


def test_other_calls_go_on_without_the_presence_service(whole, people):
    """Whether lists without presence fail or show every user offline, messages still work."""
    whole.kill("presence")
    send(people.hers, people.ben, "all the same")
    assert people.his.wait_notification(3001)["text"] == "all the same"
    assert people.hers.call("getSelfInfo")["tag"] == people.anna.tag
    page = people.his.call("getMessagesWithUser", [people.anna.tag])
    assert page[0]["text"] == "all the same"
    assert people.his.call("markMessagesWithUserAsRead", [people.anna.tag]) == {"status": "OK"}
    people.hers.wait_notification(3300)
    for method, params in (("getDialogsList", None), ("findUsersByTag", [people.ben.tag])):
        try:
            assert people.hers.call(method, params)
        except RpcError as error:
            assert error.code == -32001 and error.retry_after_ms > 0
    assert login(whole.url(), people.anna.email, people.anna.password).status_code == 200
    whole.restart("presence")
    wait_until(lambda: is_online(people.hers, people.ben), "presence to be known again")


def test_the_socket_stays_and_messages_are_notified_when_the_user_service_is_back(whole, people):
    whole.kill("user")
    assert_unavailable(people.hers, "getSelfInfo", None)
    whole.restart("user", ready=False)
    answers_again(people.hers, "sendMessageToUser", [people.ben.tag, "back"])
    assert people.his.wait_notification(3001, {"text": "back"})


def test_http_without_the_user_service(whole, people):
    whole.kill("user")
    assert_http_unavailable(signup(whole.url(), new_account()))
    assert_http_unavailable(login(whole.url(), people.anna.email, people.anna.password))
    assert_http_unavailable(upload(whole.url(), people.anna.token, png(8, 8)))
    assert requests.get(whole.url(path="/healthz")).status_code == 200
    whole.restart("user")
    assert login(whole.url(), people.anna.email, people.anna.password).status_code == 200
    assert signup(whole.url(), new_account()).status_code == 200


@pytest.mark.parametrize("service", SERVICES)
def test_readyz_reports_each_service(whole, service):
    assert whole.ready()
    whole.kill(service)
    wait_until(lambda: not whole.ready(), "/readyz to answer 503")
    assert requests.get(whole.url(path="/healthz")).status_code == 200
    whole.restart(service, ready=False)
    wait_until(whole.ready, "/readyz to answer 200 again")


def test_gateway_restart_needs_nothing_else_restarted(whole, people):
    send(people.hers, people.ben, "before")
    whole.kill("gateway")
    people.hers.wait_closed()
    whole.restart("gateway")
    assert people.anna.socket().call("getMessagesWithUser", [people.ben.tag])[0]["text"] == "before"
    assert people.ben.socket().call("getDialogsList")[0]["text"] == "before"


def test_nats_away_and_back(whole, people):
    whole.stop_nats()
    wait_until(lambda: not whole.ready(), "/readyz to answer 503")
    for method, params in (("getSelfInfo", None), ("sendMessageToUser", [people.ben.tag, "hi"])):
        assert_unavailable(people.hers, method, params)
    assert_http_unavailable(login(whole.url(), people.anna.email, people.anna.password))
    assert requests.get(whole.url(path="/healthz")).status_code == 200
    whole.start_nats()
    wait_until(whole.ready, "/readyz to answer 200 again")
    answers_again(people.hers, "getSelfInfo", None)
    send(people.hers, people.ben, "back")
    assert people.his.wait_notification(3001, {"text": "back"})
    assert login(whole.url(), people.anna.email, people.anna.password).status_code == 200


def test_accounts_images_and_messages_survive_a_restart_of_everything(whole, people):
    name = uploaded_name(upload(whole.url(), people.anna.token, png(9, 9)))
    sent = send(people.hers, people.ben, "keep this", "id-1")
    for kind in ("gateway",) + SERVICES:
        whole.kill(kind)
    whole.stop_nats()
    whole.start_nats()
    for kind in SERVICES + ("gateway",):
        whole.restart(kind, ready=False)
    whole.wait_ready()
    assert login(whole.url(), people.anna.email, people.anna.password).status_code == 200
    socket = people.anna.socket()
    assert socket.call("getMessagesWithUser", [people.ben.tag])[0]["_id"] == sent["_id"]
    assert send(socket, people.ben, "keep this", "id-1")["_id"] == sent["_id"]
    assert requests.get(whole.url(path="/img/" + name)).status_code == 200


def test_a_revoked_token_stays_revoked_after_a_restart(whole, people):
    requests.get(whole.url(path="/exit"), headers={"Cookie": f"auth={people.anna.token}"})
    for kind in ("user", "gateway"):
        whole.kill(kind)
        whole.restart(kind, ready=False)
    whole.wait_ready()
    assert people.anna.socket().wait_closed()[0] == 1000


# Acknowledged is stored

class Persistent(threading.Thread):
    """Sends numbered messages without end; repeats each, with its id, until it is acknowledged."""

    def __init__(self, user, receiver):
        super().__init__(daemon=True)
        self.receiver = receiver
        self.label = f"{user.tag} to {receiver.tag}"
        self.socket = user.socket()
        self.acknowledged, self.repeats = [], 0
        self.enough, self.error = threading.Event(), None

    def run(self):
        try:
            for number in itertools.count():
                if self.enough.is_set():
                    return
                text = f"{self.label} {number}"
                self.acknowledged.append(self._send(text, f"{number} {self.receiver.tag}"))
        except (AssertionError, RpcError, SocketClosed) as error:
            self.error = f"{type(error).__name__}: {error}"

    def _send(self, text, id):
        def attempt():
            try:
                return send(self.socket, self.receiver, text, id)
            except RpcError as error:
                if error.code != -32001:
                    raise
                self.repeats += 1
                return None
        return wait_until(attempt, f"{text} to be acknowledged")


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_fifty_kills(crowd):
    # A call that is under way when the service dies waits for its time-out: a short one.
    with Stack(settings={"rpc.timeoutMs": 400}) as own:
        users = crowd.users(own, 4)
        # Everyone writes to the next one, and the second also back to the first.
        senders = [Persistent(user, users[(i + 1) % 4]) for i, user in enumerate(users)]
        senders.append(Persistent(users[1], users[0]))
        for sender in senders:
            sender.start()
        for _ in range(KILLS):
            progress = [len(sender.acknowledged) for sender in senders]
            wait_until(lambda: any(s.error for s in senders) or all(
                len(s.acknowledged) > before + 1 for s, before in zip(senders, progress)), "every sender to get on")
            assert [s.error for s in senders if s.error] == []
            own.kill("message")
            own.restart("message", ready=False)
        for sender in senders:
            sender.enough.set()
        for sender in senders:
            sender.join(2 * PATIENCE_SECONDS)
            assert not sender.is_alive() and sender.error is None, sender.error
        total = sum(len(sender.acknowledged) for sender in senders)
        repeats = sum(sender.repeats for sender in senders)
        print(f"{total} messages acknowledged over {KILLS} kills, {repeats} sends refused and repeated")
        check_kept(senders, users)


def check_kept(senders, users):
    conversations = {}
    for sender in senders:
        for message in sender.acknowledged:
            key = frozenset((message["senderTag"], message["receiverTag"]))
            conversations.setdefault(key, []).append(message)
    by_tag = {user.tag: user for user in users}
    for tags, acknowledged in conversations.items():
        first, second = (by_tag[tag] for tag in sorted(tags))
        socket = first.socket()
        kept = whole_conversation(socket, second)
        assert [m["seq"] for m in kept] == list(range(1, len(kept) + 1)), "seq without holes"
        assert len({m["_id"] for m in kept}) == len(kept)
        wanted = sorted((m["seq"], m["_id"], m["senderTag"], m["text"]) for m in acknowledged)
        assert [(m["seq"], m["_id"], m["senderTag"], m["text"]) for m in kept] == wanted
        (dialog,) = [d for d in patiently(socket, "getDialogsList") if d["userInfo"]["tag"] == second.tag]
        assert dialog["seq"] == len(kept) and dialog["text"] == kept[-1]["text"]
        assert dialog["unreadOutgoing"] == sum(m["senderTag"] == first.tag for m in kept)
        assert dialog["unreadIncoming"] == sum(m["senderTag"] == second.tag for m in kept)


def whole_conversation(socket, peer):
    """Oldest first."""
    pages = []
    for start in itertools.count(0, 500):
        page = patiently(socket, "getMessagesWithUser", [peer.tag, start, start + 500])
        pages += page
        if len(page) < 500:
            return pages[::-1]


def patiently(socket, method, params=None):
    """The result of a call that a time-out shorter than usual may meet on a busy machine."""
    results = []

    def attempt():
        try:
            results.append(socket.call(method, params))
        except RpcError as error:
            assert error.code == -32001, error
        return results
    wait_until(attempt, f"{method} to be answered")
    return results[0]
