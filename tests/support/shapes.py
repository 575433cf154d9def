"""The shapes of what the server sends, as the contract writes them down."""

import re
import time
from datetime import datetime, timezone

USER_KEYS = {"_id", "tag", "firstName", "lastName", "img"}
USER_ONLINE_KEYS = USER_KEYS | {"isOnline"}
SENT_KEYS = {"_id", "senderTag", "receiverTag", "text", "date", "isRead", "seq"}
STORED_KEYS = SENT_KEYS
PUSHED_KEYS = {"_id", "senderTag", "receiverTag", "text", "date", "seq"}
DIALOG_KEYS = {"_id", "senderTag", "receiverTag", "date", "text", "unreadCount", "unreadIncoming",
               "unreadOutgoing", "seq", "userInfo"}
IMAGE_NAME = re.compile(r"[0-9a-f]{32}\.(png|jpg|jpeg|gif|webp)")


def numbered(body):
    """The body of a notification without its userSeq, which must be there."""
    assert type(body["userSeq"]) is int and body["userSeq"] > 0, body
    return {key: value for key, value in body.items() if key != "userSeq"}


def is_id(value):
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{24}", value) is not None


def is_now_ms(value):
    """A date in ms since 1970 within a minute of now."""
    return type(value) is int and abs(value - time.time() * 1000) < 60000


def iso_to_ms(text):
    """Reads 2020-10-26T13:05:37.971Z, exactly in that form."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text), text
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def assert_user(value, user=None, online=None):
    """`online` is None for a user without isOnline, "any" for either value."""
    assert set(value) == (USER_KEYS if online is None else USER_ONLINE_KEYS), value
    assert is_id(value["_id"]), value
    assert all(isinstance(value[key], str) and value[key] for key in USER_KEYS), value
    if online == "any":
        assert type(value["isOnline"]) is bool, value
    elif online is not None:
        assert value["isOnline"] is online, value
    if user is not None:
        assert value["tag"] == user.tag, value


def assert_dialog(value):
    assert set(value) == DIALOG_KEYS, value
    assert is_id(value["_id"]), value
    iso_to_ms(value["date"])
    for key in ("unreadCount", "unreadIncoming", "unreadOutgoing", "seq"):
        assert type(value[key]) is int and value[key] >= 0, (key, value)
    assert value["unreadCount"] == value["unreadIncoming"] + value["unreadOutgoing"], value
    assert_user(value["userInfo"], online="any")


def assert_stored(value):
    """An entry of getMessagesWithUser."""
    assert set(value) == STORED_KEYS, value
    assert is_id(value["_id"]) and type(value["seq"]) is int and type(value["isRead"]) is bool, value
    iso_to_ms(value["date"])
