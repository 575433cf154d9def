"""deploy/nats.conf: the whole messenger works under it, and no program may do more than it needs."""

import re

import pytest
import requests

from support import nats
from support.client import NO_AUTH_REASON, befriend, is_online, leave, send, upload, uploaded_name
from support.images import png
from support.process import REPOSITORY
from support.protobuf import parse
from support.stack import KINDS, SERVICES, Stack
from support.wait import wait_until

VIOLATION = re.compile(r"(?i)permissions violation")
PEOPLE = ("admin", "monitor", "observer")


@pytest.fixture(scope="module")
def guarded():
    with Stack(gateways=2, users=2, messages=2, presences=2, authorised=True) as stack:
        yield stack
        for program in stack.programs():
            assert refused(program) == [], program.name


def refused(program):
    """What NATS has refused, except an answer to a request from before its restart, which it does not
    remember."""
    return [line for line in program.log().lower().splitlines()
            if "not permitted" in line and 'publish to "_inbox.' not in line]


@pytest.fixture
def monitor(guarded):
    with guarded.bus("monitor") as bus:
        yield bus


def refusals(bus):
    """What the server has refused so far."""
    bus.flush()
    return [error for error in bus.errors if VIOLATION.search(error)]


def assert_may_not_subscribe(bus, subject, group=""):
    before = len(refusals(bus))
    bus.subscribe(subject, group)
    assert len(refusals(bus)) == before + 1, f"may subscribe to {subject}"


def assert_may_not_publish(bus, subject):
    before = len(refusals(bus))
    bus.publish(subject, b"", "")
    assert len(refusals(bus)) == before + 1, f"may publish to {subject}"


# The messenger under it

def test_users_write_read_and_see_each_other(guarded, crowd):
    anna, ben = crowd.user(guarded, 0), crowd.user(guarded, 1)
    hers = anna.socket()
    befriend(hers, ben)
    his = ben.socket()
    hers.wait_notification(3101, {"loggedInUserTag": ben.tag})
    assert is_online(hers, ben)
    send(his, anna, "hi")
    assert hers.wait_notification(3001)["text"] == "hi"
    hers.call("markMessagesWithUserAsRead", [ben.tag])
    his.wait_notification(3300, {"receiverTag": anna.tag})
    hers.call("setSelfInfo", ["Annabel"])
    his.wait_notification(3200, {"tag": anna.tag, "firstName": "Annabel"})
    his.close()
    hers.wait_notification(3100, {"loggedOutUserTag": ben.tag})


def test_pictures_and_logging_out(guarded, crowd):
    anna = crowd.user(guarded, 0)
    name = uploaded_name(upload(guarded.url(0), anna.token, png(8, 8)))
    assert requests.get(guarded.url(1, "/img/" + name)).status_code == 200
    socket = anna.socket(gateway=1)
    leave(guarded.url(0), anna.token)
    assert socket.wait_closed() == (1000, NO_AUTH_REASON)


def test_everything_works_again_after_a_restart_of_nats(guarded, crowd):
    anna, ben = crowd.users(guarded, 2)
    hers, his = anna.socket(), ben.socket()
    befriend(hers, ben)
    guarded.stop_nats()
    guarded.start_nats()
    guarded.wait_ready()
    wait_until(lambda: is_online(hers, ben), "Ben to be seen again", timeout=10)
    send(hers, ben, "after")
    assert his.wait_notification(3001, {"text": "after"})


# Programs and each other

@pytest.mark.parametrize("user", KINDS)
def test_a_program_cannot_subscribe_to_calls_of_other_services(guarded, user):
    with guarded.bus(user) as bus:
        for service in SERVICES:
            if service != user:
                assert_may_not_subscribe(bus, f"rpc.{service}.*")
                assert_may_not_subscribe(bus, f"rpc.{service}.Ping", service)
        for subject in ("rpc.>", ">", "rpc.*.*"):
            assert_may_not_subscribe(bus, subject)


@pytest.mark.parametrize("user, service", [
    (user, service) for user in SERVICES for service in SERVICES if user != service])
def test_a_service_cannot_call_what_it_does_not_need(guarded, user, service):
    allowed = {("message", "user"): ["GetUsers"]}.get((user, service), [])
    with guarded.bus(user) as bus:
        for method in ("Ping", "Authenticate", "Send", "Announce", "GetUsers"):
            if method not in allowed:
                assert_may_not_publish(bus, f"rpc.{service}.{method}")


@pytest.mark.parametrize("user", (*KINDS, *PEOPLE))
def test_an_inbox_is_read_by_its_user_alone(guarded, user):
    with guarded.bus(user) as bus:
        for other in (*KINDS, *PEOPLE):
            if other != user:
                assert_may_not_subscribe(bus, f"_INBOX.{other}.>")
        assert_may_not_subscribe(bus, "_INBOX.>")
        bus.subscribe(bus.new_inbox())
        assert len(refusals(bus)) == len(KINDS) + len(PEOPLE)


@pytest.mark.parametrize("user", KINDS)
def test_a_program_cannot_answer_a_request_made_to_another(guarded, user):
    other = next(kind for kind in KINDS if kind != user)
    with guarded.bus(user) as bus:
        assert_may_not_publish(bus, f"_INBOX.{other}.0123456789abcdef01234567.1")


@pytest.mark.parametrize("subject, asking", [("event.user.updated", "user"),
                                             ("event.presence.online", "presence")])
def test_a_receiver_of_a_fact_may_acknowledge_it(guarded, subject, asking):
    with guarded.bus(asking) as asks, guarded.bus("message") as answers:
        received, inbox = answers.subscribe(subject), asks.subscribe(asks.new_inbox())
        asks.publish(subject, b"", inbox.subject)
        while (message := received.next()).reply != inbox.subject:
            pass  # the service's own
        answers.publish(message.reply, b"noted")
        answers.flush()
        assert refusals(answers) == refusals(asks) == []
        while inbox.next().data != b"noted":
            pass  # the service itself may answer, too


@pytest.mark.parametrize("user", [kind for kind in KINDS if kind != "presence"])
def test_the_bucket_is_for_the_presence_service(guarded, user):
    with guarded.bus(user) as bus:
        for subject in ("$KV.presence.someone", "$JS.API.STREAM.DELETE.KV_presence",
                        "$JS.API.STREAM.INFO.KV_presence", "$JS.API.INFO"):
            assert_may_not_publish(bus, subject)
        assert_may_not_subscribe(bus, "$KV.>")


def test_facts_are_published_by_their_service_only(guarded):
    facts = {"user": "event.user.registered", "message": "event.message.sent",
             "presence": "event.presence.online", "gateway": "event.gateway.alive"}
    for user in KINDS:
        with guarded.bus(user) as bus:
            for owner, subject in facts.items():
                if owner != user:
                    assert_may_not_publish(bus, subject)
            if user != "message":
                assert_may_not_publish(bus, "notify.anna")


# The monitor

def test_the_monitor_sees_no_text_of_a_message(guarded, monitor, crowd):
    facts = monitor.subscribe("event.>")
    anna, ben = crowd.users(guarded, 2)
    hers = anna.socket()
    message = send(hers, ben, "not to be seen")
    ben.socket().call("markMessagesWithUserAsRead", [anna.tag])
    seen = {}
    while "event.message.read" not in seen:
        fact = facts.next()
        seen[fact.subject] = fact.data
        assert b"not to be seen" not in fact.data
    sent = parse("MessageSent", seen["event.message.sent"]).message
    assert (sent.id, sent.sender_tag, sent.receiver_tag, sent.text) == (message["_id"], anna.tag, ben.tag, "")
    assert refusals(monitor) == []
    for subject in ("notify.>", "notify.*", f"notify.{ben.tag[1:]}"):
        assert_may_not_subscribe(monitor, subject)


def test_an_observer_sees_notifications(guarded, crowd):
    with guarded.bus("observer") as observer:
        anna, ben = crowd.users(guarded, 2)
        pushed = observer.subscribe(f"notify.{ben.tag[1:]}")
        send(anna.socket(), ben, "to be seen")
        while b"to be seen" not in pushed.next().data:
            pass  # whether Anna is online
        assert refusals(observer) == []
        for subject in ("rpc.user.Ping", "rpc.admin.ListUsers", "notify.anna", "event.message.sent", "anything"):
            assert_may_not_publish(observer, subject)


def test_the_monitor_changes_nothing(guarded, monitor):
    for subject in ("rpc.user.Ping", "rpc.message.Send", "rpc.presence.Update", "notify.anna",
                    "event.message.sent", "event.gateway.alive", "$KV.presence.anna",
                    "$JS.API.STREAM.DELETE.KV_presence", "_INBOX.gateway.1", "anything"):
        assert_may_not_publish(monitor, subject)
    for subject in ("rpc.>", "rpc.user.*", ">", "$SRV.>", "$KV.>", "_INBOX.>"):
        assert_may_not_subscribe(monitor, subject)


@pytest.mark.parametrize("verb", ["PING", "INFO", "STATS"])
def test_the_monitor_may_ask_for_statistics(guarded, monitor, verb):
    wait_until(lambda: len(monitor.request_many(f"$SRV.{verb}")) == 8, "all eight to answer")
    assert len(monitor.request_many(f"$SRV.{verb}.message", at_least=2)) == 2
    assert refusals(monitor) == []


# The administrator

@pytest.mark.parametrize("user", (*KINDS, "monitor", "observer"))
def test_accounts_are_administered_by_the_administrator_only(guarded, user):
    with guarded.bus(user) as bus:
        for method in ("Ping", "ListUsers", "SetDisabled", "MakeInvite", "ListAudit"):
            assert_may_not_publish(bus, f"rpc.admin.{method}")
        if user != "user":
            assert_may_not_subscribe(bus, "rpc.admin.*")


def test_the_administrator_does_nothing_else(guarded):
    with guarded.bus("admin") as bus:
        for subject in ("rpc.user.GetUsers", "rpc.message.Send", "notify.anna", "event.user.logged_out", "$SRV.PING",
                        "$KV.presence.anna", "$JS.API.INFO", "anything"):
            assert_may_not_publish(bus, subject)
        for subject in ("rpc.>", "notify.>", "event.>", "$SRV.>", ">"):
            assert_may_not_subscribe(bus, subject)


# Logging in

def test_no_connection_without_a_password(guarded):
    for user, password in ((None, None), ("gateway", "wrong"), ("gateway", ""), ("nobody", "x")):
        with pytest.raises(nats.Refused):
            guarded.connect_as(user, password)


def test_a_wrong_password_ends_the_program_with_a_clear_line(guarded):
    for kind in KINDS:
        done = guarded.run_once(kind, env={"MESSENGER_NATS_PASSWORD": "not the right one"})
        assert done.returncode == 1, done
        assert "Authentication Violation" in done.stdout + done.stderr
        assert "not the right one" not in done.stdout + done.stderr


def test_a_changed_password_ends_the_program_too():
    """Whoever started it may start it again with the new one."""
    with Stack(authorised=True) as own:
        own.stop_nats()
        passwords = own.secret_file("nats-passwords.conf")
        text = re.sub(r'(USER_PASSWORD: ").', r"\1x", passwords.read_text())
        passwords.unlink()
        passwords.write_text(text)
        own.start_nats()
        wait_until(lambda: own.program("user").exit_code == 1, "the user service to end")
        own.kill("user")
        assert "NATS refuses the log-in" in own.program("user").log()


def test_the_file_names_every_program_and_holds_no_secret():
    text = (REPOSITORY / "deploy" / "nats.conf").read_text()
    assert re.findall(r"user: (\w+)", text) == [*KINDS, *PEOPLE]
    passwords = re.findall(r"password: *(\S+)", text)
    assert passwords and all(password.startswith("$") for password in passwords)
