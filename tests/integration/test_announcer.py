"""event.user.updated: a changed profile is announced until the message service has noted it. The
test stands in for that service."""

import secrets

import pytest

from support.protobuf_wire import fields, number_field, text_field
from support.stack import Stack
from support.wait import wait_until

SUBJECT = "event.user.updated"


@pytest.fixture
def users():
    with Stack(gateways=0, users=1, messages=0, presences=0) as stack:
        stack.wait_all_instances()
        yield stack


@pytest.fixture
def bus(users):
    with users.bus() as bus:
        yield bus


def packed(*texts):
    """A protobuf message of texts, of the fields 1, 2, 3..."""
    return b"".join(text_field(number, text) for number, text in enumerate(texts, 1) if text)


def announcement(message):
    """(tag, first name, last name, image, session)"""
    event = fields(message.data)
    change = fields(event[1])
    texts = [change.get(number, b"").decode() for number in range(1, 5)]
    return (*texts, event.get(2, b"").decode())


def revision(message):
    return fields(message.data)[3]


def noted(number):
    """The answer of the message service that has noted this revision."""
    return number_field(1, number)


def call(bus, method, *texts):
    answer = bus.request(f"rpc.user.{method}", packed(*texts))
    assert not answer.headers.get("Nats-Service-Error"), answer


def register(bus, name):
    tag = "@" + name + secrets.token_hex(4)
    call(bus, "Register", tag, "Anna", "Smith", f"{tag[1:]}@example.com", "correct horse")
    return tag


def test_a_change_is_published_once_when_it_is_acknowledged(bus):
    service, anna = bus.subscribe(SUBJECT, "message"), register(bus, "a")
    call(bus, "UpdateProfile", anna, "Anne", "", "", "session-1")
    message = service.next()
    assert announcement(message) == (anna, "Anne", "", "", "session-1")
    assert message.reply and message.headers["traceparent"]
    bus.publish(message.reply)
    assert service.next_or_none(7) is None


@pytest.mark.slow
def test_a_fact_is_published_until_it_is_acknowledged(bus):
    service, anna = bus.subscribe(SUBJECT, "message"), register(bus, "a")
    call(bus, "UpdateProfile", anna, "", "Jones", "", "")
    for _ in range(3):
        message = service.next()
        assert announcement(message) == (anna, "", "Jones", "", "")
    bus.publish(message.reply, headers={"Nats-Service-Error-Code": "503",
                                        "Nats-Service-Error": "UNAVAILABLE"})
    message = service.next()
    bus.publish(message.reply)
    assert service.next_or_none(7) is None


def test_an_unacknowledged_fact_is_published_with_the_next_change(bus):
    anna = register(bus, "a")
    call(bus, "UpdateProfile", anna, "Anne", "", "", "session-1")  # no subscriber receives it
    call(bus, "UpdateProfile", anna, "", "Jones", "", "session-2")
    service = bus.subscribe(SUBJECT, "message")
    message = service.next()
    assert announcement(message) == (anna, "Anne", "Jones", "", "")
    bus.publish(message.reply)


def test_a_change_that_the_receiver_ignores_is_published_with_a_later_revision(bus):
    """As when the store of users was turned back: the receiver knows later revisions."""
    service, anna = bus.subscribe(SUBJECT, "message"), register(bus, "a")
    call(bus, "UpdateProfile", anna, "Anne", "", "", "session-1")
    message = service.next()
    known = revision(message) + 5
    bus.publish(message.reply, noted(known))
    message = service.next()
    assert announcement(message) == (anna, "Anne", "", "", "session-1")
    assert revision(message) > known
    bus.publish(message.reply, noted(revision(message)))
    assert service.next_or_none(7) is None


def test_an_unacknowledged_fact_delays_no_other(bus):
    service, anna, ben = bus.subscribe(SUBJECT, "message"), register(bus, "a"), register(bus, "b")
    call(bus, "UpdateProfile", anna, "Anne", "", "", "")
    assert announcement(service.next())[0] == anna
    call(bus, "UpdateProfile", ben, "Benno", "", "", "")

    def is_bens():
        message = service.next()
        if announcement(message)[0] == ben:
            bus.publish(message.reply)
        return announcement(message)[0] == ben
    wait_until(is_bens, "Ben's to be published")


def test_a_killed_service_publishes_its_facts_after_the_restart(users, bus):
    anna = register(bus, "a")
    call(bus, "UpdateProfile", anna, "Anne", "", "", "session-1")
    users.kill("user")
    service = bus.subscribe(SUBJECT, "message")
    users.program("user").start()
    message = service.next()
    assert announcement(message) == (anna, "Anne", "", "", "session-1")
    bus.publish(message.reply)
    assert service.next_or_none(7) is None


def test_it_ends_although_nobody_answers(users, bus):
    service, anna = bus.subscribe(SUBJECT, "message"), register(bus, "a")
    call(bus, "UpdateProfile", anna, "Anne", "", "", "")
    service.next()
    users.terminate("user")


def test_another_instance_publishes_what_a_killed_one_left():
    with Stack(gateways=0, users=2, messages=0, presences=0) as stack, stack.bus() as bus:
        stack.wait_all_instances()
        anna = register(bus, "a")
        call(bus, "UpdateProfile", anna, "Anne", "", "", "")
        stack.kill("user", 0)  # whichever has the change, one is left
        service = bus.subscribe(SUBJECT, "message")
        message = service.next()
        assert announcement(message)[:2] == (anna, "Anne")
        bus.publish(message.reply)
