"""The bus as seen by a monitor: events, notifications, and the services' answers."""

import contextlib
import re
import secrets

import pytest

from support.client import befriend, leave, send
from support.protobuf_wire import number_field, text_field
from support.proxy import Proxy
from support.stack import KINDS, Stack
from support.wait import wait_until


@pytest.fixture
def bus(stack):
    with stack.bus() as bus:
        yield bus
        assert bus.errors == []


def holds(message, *texts):
    """Strings are plain bytes in a protobuf message, so they can be searched for in it."""
    return all(text.encode() in message.data for text in texts)


def next_with(subscription, *texts):
    """The next message that holds these texts; others, of users of other tests, are passed over."""
    while True:
        message = subscription.next()
        if holds(message, *texts):
            return message


def notify_subject(user):
    return "notify." + user.tag[1:].lower()


# Events

def test_sent_and_read_are_facts(bus, alice, bob):
    sent, read = bus.subscribe("event.message.sent"), bus.subscribe("event.message.read")
    text = "secret " + secrets.token_hex(8)
    message = send(alice.socket(), bob, text)
    assert not holds(next_with(sent, message["_id"], alice.tag, bob.tag), text)
    his = bob.socket()
    his.call("markMessagesWithUserAsRead", [alice.tag])
    assert next_with(read, alice.tag, bob.tag)
    his.call("markMessagesWithUserAsRead", [alice.tag])
    assert next_with(sent, send(his, alice, text + " again")["_id"])
    late = read.next_or_none(0.3)
    assert late is None or not holds(late, alice.tag), "nothing was newly read"


def test_a_repeated_send_is_one_fact(bus, alice, bob):
    sent = bus.subscribe("event.message.sent")
    socket, text = alice.socket(), "once " + secrets.token_hex(8)
    first, *_ = [send(socket, bob, text, "id-1") for _ in range(3)]
    last = send(socket, bob, text + " last", "id-2")
    assert next_with(sent, alice.tag, first["_id"]) and holds(next_with(sent, alice.tag), last["_id"])


def test_registered_and_updated_are_facts(bus, stack, crowd):
    registered, updated = bus.subscribe("event.user.registered"), bus.subscribe("event.user.updated")
    user = crowd.user(stack)
    assert not holds(next_with(registered, user.tag), user.password)
    user.socket().call("setSelfInfo", ["Changed"])
    assert next_with(updated, user.tag, "Changed")


def test_online_and_offline_are_facts(bus, alice):
    online, offline = bus.subscribe("event.presence.online"), bus.subscribe("event.presence.offline")
    name = alice.tag[1:].lower()
    first, second = alice.socket(), alice.socket()
    assert next_with(online, name)
    first.close()
    second.close()
    assert next_with(offline, name)
    for subscription in (online, offline):
        late = subscription.next_or_none(0.3)
        assert late is None or not holds(late, name), "notified twice"


def test_a_queue_group_receives_each_fact_once(bus, stack, alice, bob):
    """Two consumers of one group share the facts."""
    with stack.bus() as other:
        group = [client.subscribe("event.message.>", "audit") for client in (bus, other)]
        socket = alice.socket()
        for number in range(20):
            send(socket, bob, str(number))
        got = []
        wait_until(lambda: got.extend(m for s in group for m in [s.next_or_none(0.05)]
                                      if m and holds(m, alice.tag)) or len(got) >= 20, "all facts")
        assert len(got) == 20


# Notifications

def test_notifications_go_by_the_users_subject(bus, alice, bob):
    to_bob, to_alice = bus.subscribe(notify_subject(bob)), bus.subscribe(notify_subject(alice))
    socket, text = alice.socket(), "hello " + secrets.token_hex(8)
    send(socket, bob, text)
    assert next_with(to_bob, text)
    assert next_with(to_alice, text), "for the sender's other sockets"
    bob.socket().call("markMessagesWithUserAsRead", [alice.tag])
    assert next_with(to_alice, bob.tag)


def test_message_for_a_user_without_a_socket(bus, alice, bob):
    subscription = bus.subscribe(notify_subject(bob))
    message = send(alice.socket(), bob, "nobody is there")
    assert holds(subscription.next(), "nobody is there")
    assert bob.socket().call("getMessagesWithUser", [alice.tag])[0]["_id"] == message["_id"]


def test_contacts_are_notified_on_their_subjects(bus, stack, crowd, alice, bob):
    stranger = crowd.user(stack)
    befriend(alice.socket(), bob)
    to_alice, to_stranger = bus.subscribe(notify_subject(alice)), bus.subscribe(notify_subject(stranger))
    his = bob.socket()
    assert next_with(to_alice, bob.tag)
    his.call("setSelfInfo", ["Robert"])
    assert next_with(to_alice, bob.tag, "Robert")
    assert to_stranger.next_or_none(0.3) is None


def test_no_secret_travels_in_events_and_notifications(bus, stack, crowd):
    everything = [bus.subscribe("event.>"), bus.subscribe("notify.>")]
    user = crowd.user(stack)
    user.socket().call("setSelfInfo", ["Changed"])
    leave(stack.url(), user.token)
    seen = []
    wait_until(lambda: seen.extend(m for s in everything for m in [s.next_or_none(0.05)] if m)
               or any(holds(m, "Changed") for m in seen), "the change of the profile")
    signature = user.token.split(".")[2]
    for message in seen:
        assert not holds(message, user.password) and not holds(message, signature)
        assert b"$argon2" not in message.data


# Monitoring (ADR-32)

def by_name(messages):
    """Answers keyed by the program that gave them: the one whose name is in the service's name."""
    found = {}
    for message in messages:
        info = message.json()
        for kind in KINDS:
            if kind in info["name"].lower():
                found.setdefault(kind, []).append(info)
    return found


def everybody(bus, subject):
    """Answers of the shared stack, one of each kind, keyed likewise."""
    return by_name(bus.request_many(subject, at_least=len(KINDS)))


def check_identity(info, kind):
    assert info["type"] == f"io.nats.micro.v1.{kind}_response"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", info["name"])
    assert isinstance(info["id"], str) and info["id"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", info["version"]), "a version as semver wants it"
    assert isinstance(info.get("metadata", {}), dict)


@pytest.mark.parametrize("verb", ["PING", "INFO", "STATS"])
def test_every_program_answers(bus, verb):
    found = everybody(bus, f"$SRV.{verb}")
    assert set(found) == set(KINDS)
    for infos in found.values():
        assert len(infos) == 1
        check_identity(infos[0], verb.lower())


def test_every_instance_answers_with_its_own_id(pair):
    pair.wait_all_instances()
    with pair.bus() as bus:
        infos = [message.json() for message in bus.request_many("$SRV.PING", at_least=8)]
    assert len(infos) == 8 and len({info["id"] for info in infos}) == 8


@pytest.mark.parametrize("verb", ["PING", "INFO", "STATS"])
def test_one_service_and_one_instance_can_be_asked(bus, verb):
    found = everybody(bus, "$SRV.PING")
    assert set(found) == set(KINDS)
    for infos in found.values():
        name, id = infos[0]["name"], infos[0]["id"]
        for subject in (f"$SRV.{verb}.{name}", f"$SRV.{verb}.{name}.{id}"):
            answers = [message.json() for message in bus.request_many(subject, at_least=1, quiet=0.1)]
            assert [(a["name"], a["id"]) for a in answers] == [(name, id)], subject
    assert bus.request_many(f"$SRV.{verb}.nosuchservice") == []


def test_info_lists_the_endpoints(bus):
    found = everybody(bus, "$SRV.INFO")
    for kind in ("user", "message", "presence"):
        (info,) = found[kind]
        assert isinstance(info["description"], str)
        assert info["endpoints"], f"{kind} lists no endpoint"
        for endpoint in info["endpoints"]:
            assert endpoint["name"] and endpoint["subject"].startswith(f"rpc.{kind}.")
            assert endpoint["queue_group"] == kind


def test_stats_count_requests(bus, alice):
    def requests_so_far():
        (stats,) = everybody(bus, "$SRV.STATS")["user"]
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", stats["started"])
        for endpoint in stats["endpoints"]:
            for key in ("num_requests", "num_errors", "processing_time", "average_processing_time"):
                assert type(endpoint[key]) is int and endpoint[key] >= 0, (key, endpoint)
            assert isinstance(endpoint["last_error"], str)
        return sum(endpoint["num_requests"] for endpoint in stats["endpoints"])
    before = requests_so_far()
    socket = alice.socket()
    for _ in range(10):
        socket.call("getSelfInfo")
    assert requests_so_far() >= before + 10


# Bytes that are no request

def endpoints(bus):
    found = everybody(bus, "$SRV.INFO")
    subjects = [endpoint["subject"] for infos in found.values() for info in infos
                for endpoint in info.get("endpoints", []) if endpoint["subject"].startswith("rpc.")]
    assert len(subjects) >= 5, "the services list no endpoints"
    return subjects


GARBAGE = {"not protobuf": b"\xff" * 20, "length beyond the end": b"\x0a\x7fabc",
           "text": b'{"tag":"@a"}', "large": b"\xff" * 500000}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_answered_with_an_error(bus, stack, alice, data):
    for subject in endpoints(bus):
        answer = bus.request(subject, data)
        code = answer.headers.get("Nats-Service-Error-Code")
        assert code and re.fullmatch(r"\d{3}", code), f"{subject}: {answer}"
        assert answer.headers.get("Nats-Service-Error"), subject
    assert alice.socket().call("getSelfInfo")["tag"] == alice.tag


def test_empty_request_is_answered(bus, alice):
    """An empty protobuf message is well-formed: fields are empty, which may be an error or not."""
    for subject in endpoints(bus):
        answer = bus.request(subject, b"")
        assert answer.headers.get("Status") != "503", f"nobody answers {subject}"
    assert alice.socket().call("getSelfInfo")["tag"] == alice.tag


def test_garbage_headers_are_ignored(bus, alice):
    headers = {"traceparent": "00-zz", "Deadline": "x" * 5000, "Nats-Service-Error-Code": "-1"}
    for subject in endpoints(bus):
        assert bus.request(subject, b"\xff" * 20, headers).headers.get("Nats-Service-Error-Code")
    assert alice.socket().call("getSelfInfo")["tag"] == alice.tag


def test_garbage_without_a_reply_and_on_foreign_subjects(bus, alice, bob):
    his = bob.socket()
    befriend(alice.socket(), bob)
    for subject in [*endpoints(bus), notify_subject(bob), "event.message.sent", "event.user.updated",
                    "event.user.registered", "event.presence.online", "event.presence.offline"]:
        bus.publish(subject, b"\xff" * 20)
    bus.flush()
    send(alice.socket(), bob, "after the garbage")
    assert his.wait_notification(3001, {"text": "after the garbage"})


@pytest.mark.parametrize("service", ["user", "message", "presence"])
def test_unknown_method_is_not_found(bus, service):
    answer = bus.request(f"rpc.{service}.NoSuchMethod", b"")
    assert answer.headers.get("Nats-Service-Error-Code") == "404"


def test_unknown_service_has_no_responder(bus):
    assert bus.request("rpc.nosuchservice.Method", b"").headers.get("Status") == "503"


# A presence instance that dies after it has published, but before it could note so

def presence_changed(user, change):
    """The bytes of a PresenceChanged: tag = 1, change = 2."""
    return text_field(1, user.tag) + number_field(2, change)


def test_a_duplicate_or_late_presence_change_is_dropped(bus, alice, bob):
    his = bob.socket()
    send(his, alice, "hi")
    alice.socket()
    his.wait_notification(3101, {"loggedInUserTag": alice.tag})
    heard = len(his.frames)
    future = 2 ** 60
    for change, way in ((2, "offline"), (2, "offline"), (1, "online"), (4, "online"), (3, "offline"), (5, "offline")):
        bus.publish("event.presence." + way, presence_changed(alice, future + change))
    wait_until(lambda: len(his.frames) >= heard + 3, "the changes to be notified")
    bus.publish("event.presence.online", presence_changed(alice, future + 6))
    wait_until(lambda: len(his.frames) >= heard + 4, "the last change to be notified")
    assert [frame["code"] for frame in his.frames[heard:]] == [3100, 3101, 3100, 3101]


def test_a_missed_presence_change_is_made_up_for(bus, alice, bob):
    """The same state with a later number: the opposite was between, and is notified before it."""
    his = bob.socket()
    send(his, alice, "hi")
    alice.socket()
    his.wait_notification(3101, {"loggedInUserTag": alice.tag})
    heard = len(his.frames)
    future = 2 ** 60
    for change, way in ((1, "online"), (1, "online"), (4, "offline"), (2, "online"), (7, "offline"), (8, "online")):
        bus.publish("event.presence." + way, presence_changed(alice, future + change))
    expected = [(3100, "loggedOutUserTag"), (3101, "loggedInUserTag")] * 4
    expected = expected[:2] + [(3100, "loggedOutUserTag"), (3101, "loggedInUserTag")] + expected[4:6]
    wait_until(lambda: len(his.frames) >= heard + len(expected), "the changes to be notified")
    assert [(frame["code"], *frame["body"].items()) for frame in his.frames[heard:]] == [
        (code, (key, alice.tag)) for code, key in expected]


def test_a_server_that_accepts_connections_and_never_answers_is_waited_for():
    """As a server that is frozen when a program starts."""
    stack = Stack()
    with contextlib.closing(Proxy(stack.nats_port)) as proxy:
        program = stack.program("presence")
        program.env["MESSENGER_NATS_URL"] = f"nats://127.0.0.1:{proxy.port}"
        try:
            (stack.directory / "data").mkdir()
            stack.start_nats()
            proxy.swallow()
            program.start()
            wait_until(lambda: proxy.accepted >= 4 or not program.alive, "several tries")
            assert program.alive, program.log()
            proxy.heal()
            wait_until(lambda: "connected to the bus" in program.log(), "the connection")
            stack.wait_all_instances()
        finally:
            stack.destroy()
