"""deleteAccount: the account ends at once, at every gateway, and nothing of it is left."""

import contextlib
import sqlite3
import time

import pytest
import requests

from support.client import (RpcError, Socket, SocketClosed, User, error_name, login, send, signup, token_of, unique,
                            uploaded_name)
from support.images import png
from support.stack import Stack
from support.wait import wait_until

INVALID = -32602
FILES = {"store.users": None, "store.messages": None}  # SQLite, whatever the other tests run on
DELETED = 3204


def delete(user, socket=None):
    """Whatever the answer is."""
    with contextlib.ExitStack() as end:
        socket = socket or end.enter_context(user.socket())
        return socket.call("deleteAccount", [user.password])


def history(socket, user):
    return [entry["text"] for entry in socket.call("getMessagesWithUser", [user.tag, 0, 1000])]


def dialog(socket, user):
    found = [entry for entry in socket.call("getDialogsList", [0, 1000]) if entry["userInfo"]["tag"] == user.tag]
    return found[0] if found else None


def wait_erased(socket, user):
    wait_until(lambda: dialog(socket, user)["text"] == "", f"the texts of {user.tag} to be erased")


def code_of(socket, method, params):
    with pytest.raises(RpcError) as raised:
        socket.call(method, params)
    return raised.value.code


# Ending

def test_a_wrong_password_deletes_nothing(alice, bob):
    with alice.socket() as hers:
        with pytest.raises(RpcError) as raised:
            hers.call("deleteAccount", ["wrong"])
        assert (raised.value.code, raised.value.reason) == (INVALID, "password: is not the password of this account")
        assert code_of(hers, "deleteAccount", []) == INVALID
        assert code_of(hers, "deleteAccount", [""]) == INVALID
        assert code_of(hers, "deleteAccount", [bob.password + "x"]) == INVALID
        assert hers.call("getSelfInfo")["tag"] == alice.tag


def test_wrong_passwords_are_limited_like_log_ins():
    with Stack(settings={"limits.failedLoginsPerAccount": 3}) as stack:
        with User(stack).socket() as socket:
            codes = [code_of(socket, "deleteAccount", ["wrong"]) for _ in range(5)]
            assert codes[:3] == [INVALID] * 3 and codes[4] != INVALID


def test_the_answer_comes_first_and_then_all_sockets_close_at_every_gateway(pair, crowd):
    user = crowd.user(pair)
    here, there = user.socket(), user.socket(gateway=1)
    other = Socket(pair.url(1), token_of(login(pair.url(1), user.email, user.password)))
    assert here.call("deleteAccount", [user.password]) == {"status": "OK"}
    begun = time.monotonic()
    for socket in (here, there, other):
        socket.wait_closed()
        assert socket.close_code == 1000 and "NoAuthJWTError" in socket.close_reason
    print(f"the sockets of a deleted account were closed after {time.monotonic() - begun:.3f} s")


def test_its_tokens_and_its_password_are_of_no_use_any_more(pair, crowd):
    user = crowd.user(pair)
    delete(user)
    unknown = login(pair.url(), "nobody@example.com", user.password)
    for gateway in (0, 1):
        with pytest.raises((SocketClosed, ConnectionError)):
            Socket(pair.url(gateway), user.token).call("getSelfInfo")
        refused = login(pair.url(gateway), user.email, user.password)
        assert (refused.status_code, refused.text) == (unknown.status_code, unknown.text)


def test_the_tag_stays_taken_in_any_spelling_and_the_address_is_free(stack, crowd):
    user = crowd.user(stack)
    delete(user)
    for tag in (user.tag, user.tag.upper()):
        refused = signup(stack.url(), vars_of(user, tag=tag, email=unique() + "@example.com"))
        assert refused.status_code == 409 and "tag" in refused.text.lower()
    again = signup(stack.url(), vars_of(user, tag="@" + unique()))
    assert again.status_code == 200, again.text


def vars_of(user, **changed):
    return {"tag": user.tag, "firstName": "A", "lastName": "B", "email": user.email, "password": user.password,
            **changed}


def test_calls_under_way_end_with_the_account(stack, crowd, alice):
    """Ten of its sockets write while it is deleted: whatever was answered is erased in the end."""
    user = crowd.user(stack)
    with alice.socket() as hers, contextlib.ExitStack() as ends:
        sockets = [ends.enter_context(user.socket()) for _ in range(4)]
        for number in range(40):
            for socket in sockets:
                with contextlib.suppress(SocketClosed, OSError):
                    socket.start_call("sendMessageToUser", [alice.tag, f"under way {number}"])
            if number == 20:
                sockets[0].start_call("deleteAccount", [user.password])
        for socket in sockets:
            socket.wait_closed()
        wait_until(lambda: set(history(hers, user)) == {""}, "all texts to be erased")


# What others see

def test_contacts_are_notified_and_keep_their_own_messages(pair, crowd):
    user, friend = crowd.user(pair), crowd.user(pair, gateway=1)
    with user.socket() as socket, friend.socket() as theirs:
        send(socket, friend, "mine 1")
        send(theirs, user, "theirs")
        send(socket, friend, "mine 2")
        before = theirs.call("hello")
        delete(user, socket)
        deleted = theirs.wait_notification(DELETED)
        assert deleted == {"tag": user.tag.lower(), "userSeq": before["position"] + 1} or deleted == {
            "tag": user.tag, "userSeq": before["position"] + 1}
        entry = dialog(theirs, user)
        assert entry["text"] == "" and entry["isDeleted"] is True and entry["senderTag"] == user.tag
        info = entry["userInfo"]
        assert info["isDeleted"] is True and info["isOnline"] is False
        assert (info["firstName"], info["lastName"], info["img"]) == ("", "", "default.jpg")
        newest, own, oldest = theirs.call("getMessagesWithUser", [user.tag])
        assert (newest["text"], newest["isDeleted"], newest["seq"]) == ("", True, 3)
        assert (own["text"], own["seq"]) == ("theirs", 2) and "isDeleted" not in own
        assert (oldest["text"], oldest["isDeleted"], oldest["seq"]) == ("", True, 1)
        changes = theirs.call("sync", [before["epoch"], before["position"]])
        synced, = changes["dialogs"]
        assert synced["userInfo"] == info and synced["messages"] == []
        assert theirs.call("hello")["position"] == changes["position"] == before["position"] + 1


def test_nobody_writes_to_it_finds_it_or_adds_it(stack, crowd, alice):
    user = crowd.user(stack)
    with alice.socket() as hers:
        send(hers, user, "before")
        delete(user)
        hers.wait_notification(DELETED)
        assert all(entry["tag"] != user.tag for entry in hers.call("findUsersByTag", [user.tag]))
        unknown = "@" + unique()

        def outcome(method, *params):
            try:
                return hers.call(method, list(params))
            except RpcError as error:
                return error.code, error.reason

        def same():
            return outcome("sendMessageToUser", user.tag, "x") == outcome("sendMessageToUser", unknown, "x")
        wait_until(same, "the account not to be known any more")
        for method in ("addContact", "blockUser"):
            assert outcome(method, user.tag) == outcome(method, unknown)
        assert set(history(hers, user)) <= {"before", "x"}


def test_who_has_blocked_or_is_blocked_loses_the_texts_too(stack, crowd, alice, bob):
    user = crowd.user(stack)
    with user.socket() as socket, alice.socket() as hers, bob.socket() as his:
        send(socket, alice, "to alice")
        send(socket, bob, "to bob")
        send(hers, user, "from alice")
        socket.call("blockUser", [alice.tag])
        his.call("blockUser", [user.tag])
        delete(user, socket)
        hers.wait_notification(DELETED)
        his.wait_notification(DELETED)
        assert sorted(history(hers, user)) == ["", "from alice"]
        assert history(his, user) == [""]
        assert dialog(hers, user)["userInfo"]["isDeleted"] is True


def test_what_was_decided_about_it_can_be_taken_back(stack, crowd, alice):
    user = crowd.user(stack)
    with alice.socket() as hers:
        hers.call("blockUser", [user.tag])
        delete(user)
        wait_until(lambda: code_of_or_none(hers, "addContact", [user.tag]) is not None, "the account not to be known")
        entry, = hers.call("listBlocked")
        assert (entry["tag"].lower(), entry["firstName"]) == (user.tag.lower(), "")
        assert hers.call("unblockUser", [entry["tag"]]) == {"status": "OK"}
        assert hers.call("listBlocked") == []
        assert code_of(hers, "unblockUser", [user.tag]) == code_of(hers, "unblockUser", ["@" + unique()])


def code_of_or_none(socket, method, params):
    try:
        socket.call(method, params)
        return None
    except RpcError as error:
        return error.code if error.code == INVALID else None


def test_one_who_was_away_gets_the_end_from_sync(stack, crowd):
    user, friend = crowd.user(stack), crowd.user(stack)
    with user.socket() as socket:
        with friend.socket() as theirs:
            send(socket, friend, "mine")
            position = theirs.call("hello")
        delete(user, socket)
    with friend.socket() as theirs:
        wait_erased(theirs, user)
        wait_until(lambda: theirs.call("hello")["position"] > position["position"], "the change")
        synced, = theirs.call("sync", [position["epoch"], position["position"]])["dialogs"]
        assert synced["text"] == "" and synced["userInfo"]["isDeleted"] is True


def test_its_messages_can_be_marked_as_read_once_no_service_remembers_it(crowd):
    with Stack() as stack:
        user, friend, stranger = crowd.users(stack, 3)
        with user.socket() as his, friend.socket() as hers, stranger.socket() as theirs:
            send(his, friend, "unread")
            send(his, friend, "also unread")
            delete(user)
            wait_erased(hers, user)
            stack.restart("message")
            assert dialog(hers, user)["unreadIncoming"] == 2
            hers.call("markMessagesWithUserAsRead", [user.tag, 1])
            assert dialog(hers, user)["unreadIncoming"] == 1
            hers.call("markMessagesWithUserAsRead", [user.tag])
            assert dialog(hers, user)["unreadIncoming"] == 0
            # Who has no conversation with it learns nothing, as of a user who never was.
            assert code_of(theirs, "markMessagesWithUserAsRead", [user.tag]) == \
                code_of(theirs, "markMessagesWithUserAsRead", [unique("never")])


# What is left

@pytest.fixture(scope="module")
def on_files():
    with Stack(messages=2, users=2, settings=FILES) as stack:
        yield stack


def bytes_of(stack):
    return b"".join(path.read_bytes() for path in sorted((stack.directory / "data").glob("*.db*")))


def wait_departed(stack, user):
    def departed():
        with contextlib.closing(sqlite3.connect(stack.directory / "data" / "users.db")) as store:
            state, = store.execute("SELECT unannounced FROM user WHERE key = ?", [user.tag[1:].lower()]).fetchone()
        return state != 8
    wait_until(departed, f"{user.tag} to be erased")


def test_nothing_of_it_is_left_in_the_files(on_files):
    """Among many other texts, in all sizes, in conversations of many users: pages are split everywhere."""
    mark = "Sphinx" + "".join(chr(ord("a") + ord(letter) % 26) for letter in unique())
    user = User(on_files, firstName=mark, lastName=mark + "son", email=f"{mark}@example.com")
    friends = [User(on_files) for _ in range(12)]
    with user.socket() as socket, contextlib.ExitStack() as ends:
        theirs = [ends.enter_context(friend.socket()) for friend in friends]
        for number in range(300):
            friend = number * 7 % len(friends)
            send(socket, friends[friend], f"{mark} {number} " * (1 + number % 5 * 40))
            send(theirs[friend], friends[friend - 1], f"kept {number} " * (1 + number % 7 * 30))
        picture = uploaded_name(user.upload(png(64, 64)))
        socket.call("setSelfInfo", {"img": picture})
        assert bytes_of(on_files).count(mark.encode()) > 600
        delete(user, socket)
        wait_departed(on_files, user)
        left = bytes_of(on_files)
        assert left.count(mark.encode()) == 0 and left.count(mark.lower().encode()) == 0
        assert left.count(b"kept ") > 300 and left.count(picture.encode()) == 0
        texts = [history(theirs[i], friends[i - 1]) for i in range(len(friends))]
        assert all(text for texts in texts for text in texts)
    with contextlib.closing(sqlite3.connect(on_files.directory / "data" / "messages.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert requests.get(on_files.url(path=f"/images/{picture}"), timeout=5).status_code in (200, 404)


def test_sessions_codes_and_networks_go_with_it(on_files):
    user = User(on_files)
    account = user.socket().call("getSelfInfo")["_id"]
    delete(user)
    wait_departed(on_files, user)
    with contextlib.closing(sqlite3.connect(on_files.directory / "data" / "users.db")) as store:
        for table in ("session", "code", "login_network"):
            rows = store.execute(f"SELECT count(*) FROM {table} WHERE account = ?", [bytes.fromhex(account)])
            assert rows.fetchone() == (0,), table
        row = store.execute("SELECT email, first_name, last_name, img, password_hash, tag FROM user WHERE id = ?",
                            [bytes.fromhex(account)]).fetchone()
        assert row == ("", "", "", "", "", user.tag)


def test_what_was_stored_after_it_was_erased_is_erased_a_minute_later(on_files):
    """A message that was under way: put into the store here, and the minute is made to have passed."""
    user, friend = User(on_files), User(on_files)
    with user.socket() as socket, friend.socket() as theirs:
        send(socket, friend, "mine")
        delete(user, socket)
        wait_departed(on_files, user)
        data = on_files.directory / "data"
        with contextlib.closing(sqlite3.connect(data / "messages.db", timeout=30)) as store, store:
            store.execute("UPDATE message SET text = 'late' WHERE sender = (SELECT id FROM account WHERE key = ?)",
                          [user.tag[1:].lower()])
        assert history(theirs, user) == ["late"]
        with contextlib.closing(sqlite3.connect(data / "users.db", timeout=30)) as store, store:
            assert store.execute("SELECT unannounced FROM user WHERE tag = ?", [user.tag]).fetchone() == (16,)
            store.execute("UPDATE user SET deleted = deleted - 60000 WHERE tag = ?", [user.tag])
        wait_erased(theirs, user)
        assert len(theirs.seen(DELETED)) == 1


def test_where_texts_are_kept_only_their_author_is_gone():
    with Stack(settings={"accounts.eraseMessages": "false"}) as stack:
        user, friend = User(stack), User(stack)
        with user.socket() as socket, friend.socket() as theirs:
            send(socket, friend, "kept")
            delete(user, socket)
            theirs.wait_notification(DELETED)
            entry = dialog(theirs, user)
            assert entry["text"] == "kept" and "isDeleted" not in entry
            assert entry["userInfo"]["isDeleted"] is True and entry["userInfo"]["firstName"] == ""


# Interruptions

def test_it_is_erased_although_the_message_service_was_away():
    with Stack() as stack:
        user, friend = User(stack), User(stack)
        with user.socket() as socket, friend.socket() as theirs:
            send(socket, friend, "mine")
            stack.terminate("message")
            assert delete(user, socket) == {"status": "OK"}
            socket.wait_closed()
            stack.restart("message")
            theirs.wait_notification(DELETED)
            assert history(theirs, user) == [""]


def test_it_is_erased_although_every_service_died_at_once():
    with Stack() as stack:
        user, friend = User(stack), User(stack)
        with user.socket() as socket, friend.socket() as theirs:
            for number in range(50):
                send(socket, friend, f"mine {number}")
            stack.freeze("message")
            assert delete(user, socket) == {"status": "OK"}
            stack.kill("user")
            stack.kill("message")
            stack.restart("message", ready=False)
            stack.restart("user")
            theirs.wait_notification(DELETED)
            assert set(history(theirs, user)) == {""}
            assert error_name(login(stack.url(), user.email, user.password)) is not None
