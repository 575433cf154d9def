"""Names of all scripts, and passwords from any keyboard."""

import ctypes
import sqlite3
import unicodedata

import pytest

from support.client import RpcError, User, error_name, login, signup, unique
from support.stack import Stack

NAMES = ["ශ්‍රී", "ක්‍රිෂ්ණ", "علی\u200cرضا", "ಪ್ರಾಜ್\u200cಞ", "ന്\u200d", "Nguyễn", "שָׁלוֹם", "བརྒྱུད", "น้ำฝน", "葛\U000e0100城"]
NOT_NAMES = ["\u3164", "\u115f", "\u1160", "\uffa0", "\u034f", "a\u3164", "\ufe0f", "a\ufe0f", "a\u202eb", "a\u200db", "\u200c",
             "Z" + "\u0301\u0300" * 8, "ක්\u200d\u200dරි"]


def ids(texts):
    return ["+".join(f"{ord(c):04X}" for c in text)[:40] for text in texts]


def fields(**changes):
    tag = "@" + unique()
    return {"tag": tag, "firstName": "Ada", "lastName": "Lovelace", "email": tag[1:] + "@example.com",
            "password": "correct horse", **changes}


@pytest.mark.parametrize("name", NAMES, ids=ids(NAMES))
def test_a_name_of_any_script_is_accepted_and_shown(stack, crowd, name):
    user = crowd.user(stack, firstName=name)
    with user.socket() as socket:
        shown = unicodedata.normalize("NFC", name)
        assert socket.call("getSelfInfo")["firstName"] == shown
        assert socket.call("setSelfInfo", ["", name, ""])["lastName"] == shown


@pytest.mark.parametrize("name", NOT_NAMES, ids=ids(NOT_NAMES))
def test_a_name_that_is_not_seen_is_refused_at_sign_up_and_later(stack, alice, name):
    answer = signup(stack.url(), fields(lastName=name))
    assert (answer.status_code, error_name(answer)) == (400, "IncorrectDataError")
    assert "lastName" in answer.json()["Error"]["message"]
    with alice.socket() as socket, pytest.raises(RpcError) as refused:
        socket.call("setSelfInfo", [name, "", ""])
    assert refused.value.code == -32602


PASSWORDS = ["Überraschung", "p\u00e1ssw\u00f6rd \u1ec7", "\ud55c\uad6d\uc5b4 \uc554\ud638", "\u212bngstr\u00f6m unit"]


@pytest.mark.parametrize("set_form", ["NFC", "NFD"])
@pytest.mark.parametrize("password", PASSWORDS, ids=ids(PASSWORDS))
def test_a_password_is_the_same_composed_and_decomposed(stack, password, set_form):
    user = User(stack, password=unicodedata.normalize(set_form, password))
    for form in ("NFC", "NFD"):
        assert login(stack.url(), user.email, unicodedata.normalize(form, password)).status_code == 200
    stripped = "".join(c for c in unicodedata.normalize("NFD", password) if not unicodedata.combining(c))
    if stripped != unicodedata.normalize("NFD", password):
        assert login(stack.url(), user.email, stripped).status_code == 401
    assert login(stack.url(), user.email, password.swapcase() + "x").status_code == 401


def test_a_space_of_another_kind_is_a_space_in_a_password(stack):
    user = User(stack, password="correct\u00a0horse\u3000battery")
    for typed in ("correct horse battery", "correct\u2003horse\u202fbattery"):
        assert login(stack.url(), user.email, typed).status_code == 200
    assert login(stack.url(), user.email, "correct  horse battery").status_code == 401


@pytest.mark.parametrize("password", ["tab\tin the middle", "end of line\n", "delete\x7f at work", "next\u0085 line"])
def test_a_password_with_a_control_character_is_refused(stack, password):
    answer = signup(stack.url(), fields(password=password))
    assert (answer.status_code, error_name(answer)) == (400, "IncorrectDataError")
    assert "password" in answer.json()["Error"]["message"]


@pytest.fixture(scope="module")
def with_files():
    with Stack(settings={"store.users": None}) as stack:
        yield stack


def argon2id(password):
    """The hash of these bytes, as the service made it before it prepared passwords."""
    encoded = ctypes.create_string_buffer(256)
    code = ctypes.CDLL("libargon2.so.1").argon2id_hash_encoded(
        ctypes.c_uint32(1), ctypes.c_uint32(1024), ctypes.c_uint32(1), password, ctypes.c_size_t(len(password)),
        b"0123456789abcdef", ctypes.c_size_t(16), ctypes.c_size_t(32), encoded, ctypes.c_size_t(256))
    assert code == 0
    return encoded.value.decode()


@pytest.mark.parametrize("old", [unicodedata.normalize("NFD", "Überraschung"), "no-break\u00a0space", "bell\x07 and all"],
                         ids=["decomposed", "no-break space", "control character"])
def test_a_hash_of_bytes_that_were_not_prepared_stays_valid(with_files, old):
    user = User(with_files)
    with sqlite3.connect(with_files.directory / "data" / "users.db") as store:
        store.execute("UPDATE user SET password_hash = ? WHERE tag = ?", (argon2id(old.encode()), user.tag))
    assert login(with_files.url(), user.email, old).status_code == 200
    assert login(with_files.url(), user.email, old + "x").status_code == 401
    assert login(with_files.url(), user.email, user.password).status_code == 401
