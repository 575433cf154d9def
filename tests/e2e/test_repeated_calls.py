"""Calls that can be repeated, and marks up to a message."""

import pytest

from support.client import RpcError, befriend, send


def unread(socket, peer):
    dialog, = [entry for entry in socket.call("getDialogsList") if peer.tag in (entry["senderTag"], entry["receiverTag"])]
    return dialog["unreadIncoming"]


def test_a_mark_reads_up_to_its_message_only(alice, bob):
    """One that arrives between reading a list and marking it stays unread."""
    with alice.socket() as hers, bob.socket() as his:
        for number in range(1, 6):  # seq 1 to 5
            send(hers if number % 2 else his, bob if number % 2 else alice, str(number))
        # Alice's are 1, 3 and 5.
        for up_to, left, known in ((1, 2, ["1"]), (2, 2, ["1"]), (1, 2, ["1"]), (4, 1, ["1", "3"]),
                                   (3, 1, ["1", "3"]), (5, 0, ["1", "3", "5"])):
            assert his.call("markMessagesWithUserAsRead", [alice.tag, up_to]) == {"status": "OK"}
            assert unread(his, alice) == left
            read = [m["text"] for m in hers.call("getMessagesWithUser", [bob.tag]) if m["isRead"]]
            assert sorted(text for text in read if int(text) % 2) == known


def test_a_mark_beyond_the_end_reads_everything(alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        send(hers, bob, "one")
        his.call("markMessagesWithUserAsRead", {"senderTag": alice.tag, "upToSeq": 2 ** 53})
        assert unread(his, alice) == 0
        send(hers, bob, "two")
        assert unread(his, alice) == 1
        his.call("markMessagesWithUserAsRead", [alice.tag, None])
        assert unread(his, alice) == 0


def test_a_mark_that_reads_nothing_new_notifies_nobody(alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        send(hers, bob, "one")
        send(hers, bob, "two")
        for up_to in (1, 1, 2, 1, 2):
            his.call("markMessagesWithUserAsRead", [alice.tag, up_to])
        send(his, alice, "end")
        hers.wait_notification(3001, {"text": "end"})
        assert len(hers.seen(3300)) == 2


@pytest.mark.parametrize("up_to", [0, -1, 1.5, "1", True, 2 ** 53 + 2, [1]])
def test_a_mark_up_to_what_is_no_seq_is_invalid(alice, bob, up_to):
    with bob.socket() as his:
        with pytest.raises(RpcError) as raised:
            his.call("markMessagesWithUserAsRead", [alice.tag, up_to])
        assert raised.value.code == -32602 and "upToSeq" in raised.value.reason


@pytest.mark.parametrize("params", [["Alicia"], ["", "Keys"], ["Alicia", "Keys"], ["", "", "default.jpg"]])
def test_the_same_profile_again_is_accepted_and_notifies_nobody(alice, bob, params):
    with alice.socket() as hers, bob.socket() as his:
        befriend(hers, bob)
        first = hers.call("setSelfInfo", params)
        changed = {name: first[name] for name, old in (("firstName", "Alice"), ("lastName", "Liddell"))
                   if first[name] != old}
        if changed:  # before the next change: two in quick succession may come in one notification
            his.wait_notification(3200, changed)
        for _ in range(3):
            assert hers.call("setSelfInfo", params) == first
        hers.call("setSelfInfo", ["Last"])
        his.wait_notification(3200, {"firstName": "Last"})
        assert len(his.seen(3200)) == (2 if changed else 1)
