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
from support.client import NO_AUTH_REASON, Socket, User, bearer, error_name, upload
from support.stack import Stack

SETTINGS = {"store.users": None}  # SQLite, also when the other tests run on MongoDB: its file is replaced


@pytest.fixture
def stack():
    with Stack(gateways=2, settings=SETTINGS) as stack:
        yield stack


# The store of users

def users_db(stack):
    return stack.directory / "data" / "users.db"


def remove_log(path):
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def copy_users(stack, target):
    source, copied = sqlite3.connect(users_db(stack)), sqlite3.connect(target)
    source.backup(copied)
    source.close()
    copied.close()
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
