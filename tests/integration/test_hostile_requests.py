"""Every method of every service with fields as no gateway sends them: refused, and nobody else is disturbed."""

import pytest
from google.protobuf.descriptor import FieldDescriptor

from support.client import User, send
from support.protobuf import message, methods
from support.stack import Stack

TEXT, BYTES, MESSAGE = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE
REFUSED = {"INVALID_ARGUMENT", "NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN"}
# 64-bit ends, and one bit more than 32
NUMBERS = [2 ** 64 - 1, 2 ** 63, 2 ** 63 - 1, 2 ** 32, 2 ** 31]


@pytest.fixture(scope="module")
def own():
    with Stack(gateways=1) as stack:
        yield stack


@pytest.fixture(scope="module")
def bus(own):
    with own.bus() as bus:
        yield bus


def varint(number):
    return bytes([number & 0x7f | 0x80]) + varint(number >> 7) if number > 0x7f else bytes([number])


def chunk(field, data):
    return varint(field.number << 3 | 2) + varint(len(data)) + data


def is_list(field):
    return field.label == FieldDescriptor.LABEL_REPEATED


def spoilt(kind):
    """Of a type of message: the names and bytes of some that break a bound. Those inside it, too."""
    for field in kind.fields:
        if field.type == TEXT:
            for name, data in {"no UTF-8": b"\xff\xfe", "half a character": b"a\xc3", "a surrogate": b"\xed\xa0\x80",
                               "too long": b"a" * 70000}.items():
                yield f"{field.name}: {name}", chunk(field, data)
        elif field.type == BYTES:
            yield f"{field.name}: too long", chunk(field, bytes(800 * 1024))
        elif field.type == MESSAGE:
            for name, data in spoilt(field.message_type):
                yield f"{field.name}.{name}", chunk(field, data)
        if is_list(field):
            yield f"{field.name}: too many", chunk(field, b"") * 1001


def strange(kind):
    """Of a type of message: some that break no bound, and that no gateway sends."""
    for field in kind.fields:
        if field.type == TEXT:
            for name, data in {"a control character": b"\x01\x1b[2J", "a NUL": b"a\0b", "a quote": b"'\"$;--%s%n\\",
                               "an operator": b'{"$gt":""}'}.items():
                yield f"{field.name}: {name}", chunk(field, data)
        elif field.type == BYTES:
            yield f"{field.name}: empty", chunk(field, b"")
        elif field.type == MESSAGE:
            yield f"{field.name}: empty", chunk(field, b"")
            for name, data in strange(field.message_type):
                yield f"{field.name}.{name}", chunk(field, data)
        else:
            for number in NUMBERS:
                yield f"{field.name}: {number}", varint(field.number << 3) + varint(number)


METHODS = methods()


def test_all_methods_are_found():
    assert len(METHODS) > 30 and {subject.split(".")[1] for subject in METHODS} == {"user", "message", "presence", "admin"}


@pytest.mark.parametrize("subject", METHODS)
def test_what_breaks_a_bound_is_refused(bus, subject):
    for name, data in spoilt(message(METHODS[subject]).DESCRIPTOR):
        answer = bus.request(subject, data)
        assert answer.headers.get("Nats-Service-Error") == "INVALID_ARGUMENT", f"{subject} {name}: {answer.headers}"


@pytest.mark.parametrize("subject", METHODS)
def test_what_is_strange_is_answered(own, bus, subject):
    """With an error that is the sender's fault, or because it is harmless."""
    for name, data in strange(message(METHODS[subject]).DESCRIPTOR):
        answer = bus.request(subject, data)
        assert answer.headers.get("Nats-Service-Error") in REFUSED | {None}, f"{subject} {name}: {answer.headers}"
    assert own.healthy()


def test_others_are_served_all_the_same(own):
    anna, ben = User(own), User(own)
    with anna.socket() as hers, ben.socket() as his:
        send(hers, ben, "as ever")
        his.wait_notification(3001, {"text": "as ever"})
        assert hers.call("findUsersByTag", [ben.tag[1:]])[0]["tag"] == ben.tag
