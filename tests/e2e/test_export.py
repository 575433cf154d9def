"""exportMyData: all that concerns the caller, complete and in order, and nothing of others."""

import contextlib
import json
import sqlite3

import pytest

from support.client import RpcError, User, login, send
from support.stack import Stack
from support.wait import wait_until

INVALID = -32602


def export(socket):
    """All lines, and in how many pieces they came."""
    lines, cursor, pieces = [], "", 0
    while True:
        answer = socket.call("exportMyData", [cursor])
        lines += answer["lines"]
        cursor, pieces = answer["next"], pieces + 1
        if not cursor:
            return lines, pieces


def of_type(lines, kind):
    return [line for line in lines if line["type"] == kind]


def test_an_account_without_messages(alice):
    with alice.socket() as hers:
        lines = wait_until(lambda: of_type(found := export(hers)[0], "audit") and found, "the sign-up to be recorded")
        account, session, privacy, sign_up = lines
        assert account == {"type": "account", **hers.call("getSelfInfo"), "email": alice.email}
        assert session["type"] == "session" and session["address"] == "127.0.0.1" and "id" not in session
        assert privacy == {"type": "privacy", "online": "everyone", "readMarks": "everyone"}
        assert sign_up.pop("at") == sign_up.pop("last") >= session["created"] - 60000
        assert sign_up == {"type": "audit", "count": 1, "kind": "sign_up", "outcome": "ok", "by": "user",
                           "address": "127.0.0.1", "device": session["device"]}


def test_all_messages_come_once_each_conversation_from_the_oldest_on(stack, crowd, alice):
    others = crowd.users(stack, 3)
    texts = {}
    with alice.socket() as hers:
        for number, other in enumerate(others):
            with other.socket() as theirs:
                for i in range(5):
                    send(hers, other, f"{number} to {i}")
                    send(theirs, alice, f"{number} from {i} " + "x" * 8000 * number)
            texts[other.tag] = [f"{number} {way} {i}" for i in range(5) for way in ("to", "from")]
        hers.call("blockUser", [others[0].tag])
        with others[0].socket() as theirs:
            send(theirs, alice, "withheld")
            assert of_type(export(theirs)[0], "message")[-1]["text"] == "withheld"
        lines, pieces = export(hers)
        assert pieces > 3
        assert [line["tag"] for line in of_type(lines, "blocked")] == [others[0].tag]
        messages = of_type(lines, "message")
        seen = {}
        for message in messages:
            other = message["receiverTag"] if message["senderTag"] == alice.tag else message["senderTag"]
            seen.setdefault(other, []).append(message["text"].replace("x", "").strip())
        assert seen == texts
        assert list(seen) == sorted(seen, key=str.lower)
        for other in others:
            listed = hers.call("getMessagesWithUser", [other.tag])
            mine = [m for m in messages if other.tag in (m["senderTag"], m["receiverTag"])]
            assert [{k: v for k, v in m.items() if k != "type"} for m in reversed(mine)] == listed


def test_many_small_messages_come_in_pieces(alice, bob):
    with alice.socket() as hers:
        for i in range(1100):
            hers.start_call("sendMessageToUser", [bob.tag, str(i)])
        send(hers, bob, "last")
        lines, pieces = export(hers)
        assert [line["text"] for line in of_type(lines, "message")] == [*map(str, range(1100)), "last"]
        assert pieces >= 3


def test_the_entries_of_the_audit_log_are_the_callers(stack, alice, bob):
    wrong = [login(stack.url(), alice.email, "wrong-password", headers={"User-Agent": f"Device {i}"}) for i in range(3)]
    assert [answer.status_code for answer in wrong] == [401] * 3
    with alice.socket() as hers, bob.socket() as theirs:
        logins = [login(stack.url(), alice.email, alice.password, headers={"User-Agent": f"{i} " + "x" * 200}) for i in range(25)]
        assert {answer.status_code for answer in logins} == {200}

        def kinds():
            return [entry["kind"] for entry in of_type(export(hers)[0], "audit") for _ in range(entry["count"])]
        wait_until(lambda: sorted(kinds()) == ["log_in"] * 25 + ["log_in_failed"] * 3 + ["sign_up"], "all events")
        entries = of_type(export(hers)[0], "audit")
        assert [entry["at"] for entry in entries] == sorted((entry["at"] for entry in entries), reverse=True)
        failed = next(entry for entry in entries if entry["kind"] == "log_in_failed")
        assert (failed["outcome"], failed["by"], failed["address"]) == ("wrong_password", "", "127.0.0.1")
        assert {entry["kind"] for entry in of_type(export(theirs)[0], "audit")} <= {"sign_up"}


def test_a_long_audit_log_comes_in_pieces_each_entry_once():
    with Stack(settings={"store.users": None}) as stack:
        user = User(stack)
        with user.socket() as own:
            account = bytes.fromhex(own.call("getSelfInfo")["_id"])
            with contextlib.closing(sqlite3.connect(stack.directory / "data" / "users.db", timeout=60)) as db, db:
                db.executemany("INSERT INTO audit VALUES (?1, randomblob(12), ?1, 1, 1, 'log_in', 'ok', 'user', ?2, '', '', ?3, '')",
                               [(1700000000000 + i // 2, account, f"{i} " + '"' * 250) for i in range(1000)])
            lines, pieces = export(own)
            assert pieces >= 4
            devices = [line["device"].split()[0] for line in of_type(lines, "audit") if line["kind"] == "log_in"]
            assert sorted(map(int, devices)) == list(range(1000))
        user.close()


@pytest.mark.parametrize("cursor", ["x", "audit ", "audit x", "auditor", " audit", "audit 1-2", "audit -1-" + "0" * 24, "audit " + "9" * 5000,
                                    "AUDIT", "-1 @ann", "1", "1 ", "1 ann", "1  @ann", " 1 @ann", "1 @ann ", "1.5 @ann", "9" * 30 + " @ann",
                                    "1 @" + "a" * 5000, 1])
def test_a_cursor_that_is_none_is_invalid(alice, cursor):
    with alice.socket() as hers:
        with pytest.raises(RpcError) as raised:
            hers.call("exportMyData", [cursor])
        assert raised.value.code == INVALID


def test_a_cursor_of_another_user_leads_to_ones_own_messages_only(alice, bob, stack, crowd):
    carl = crowd.user(stack)
    with alice.socket() as hers, carl.socket() as other:
        send(hers, bob, "not for Carl")
        answer = other.call("exportMyData", ["0 " + bob.tag])
        assert "not for Carl" not in json.dumps(answer)
