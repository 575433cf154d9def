"""The eight notifications, on every socket they are meant for and on no other."""

import pytest

from support.client import Socket, bearer, befriend, is_online, send
from support.raw import RawWebSocket
from support.shapes import PUSHED_KEYS, numbered
from support.wait import stays_true, wait_until

QUIET = 0.5

TYPES = {3001: "newMessage", 3002: "messageSent", 3100: "contactOffline", 3101: "contactOnline",
         3200: "contactPersonalDataChanges", 3201: "selfPersonalDataChanges",
         3300: "messageWasRead", 3301: "dialogWasRead"}


def stays_unseen(socket, *codes):
    stays_true(lambda: not any(socket.seen(code) for code in codes), QUIET,
               f"no notification {codes}")


@pytest.fixture
def contacts(alice, bob):
    """Alice and Bob have a dialog; Bob has read it. Both are offline, and every notification was delivered."""
    socket = alice.socket()
    befriend(socket, bob)
    his = bob.socket()
    socket.wait_notification(3101)
    his.call("markMessagesWithUserAsRead", [alice.tag])
    his.close()
    socket.wait_notification(3100)
    alice.close()
    return alice, bob


# Messages

def test_new_message_goes_to_every_socket_of_the_receiver(contacts):
    alice, bob = contacts
    tabs = [bob.socket() for _ in range(3)]
    sent = send(alice.socket(), bob, "hi")
    for tab in tabs:
        assert numbered(tab.wait_notification(3001)) == {key: sent[key] for key in PUSHED_KEYS}
    stays_true(lambda: all(len(tab.seen(3001)) == 1 for tab in tabs), QUIET, "each is notified once")


def test_message_sent_goes_to_the_other_sockets_of_the_sender(contacts):
    alice, bob = contacts
    sending, other, third = alice.socket(), alice.socket(), alice.socket()
    his = bob.socket()
    sent = send(sending, bob, "hi")
    for tab in (other, third):
        assert numbered(tab.wait_notification(3002)) == {key: sent[key] for key in PUSHED_KEYS}
    send(his, alice, "answer")
    sending.wait_notification(3001)
    stays_unseen(sending, 3002)
    assert [n.code for n in other.seen() if n.code in (3001, 3002)] == [3002, 3001]
    assert his.seen(3002) == []


def test_messages_from_one_conversation_come_in_order(contacts):
    alice, bob = contacts
    mine, his = alice.socket(), bob.socket()
    for number in range(100):
        mine.start_call("sendMessageToUser", [bob.tag, str(number)])
    his.wait_notification(3001, {"text": "99"})
    got = his.seen(3001)
    assert [n.body["text"] for n in got] == [str(number) for number in range(100)]
    seqs = [n.body["seq"] for n in got]
    assert seqs == list(range(seqs[0], seqs[0] + 100))


def test_no_other_user_receives_a_message(stack, crowd, contacts):
    alice, bob = contacts
    third = crowd.user(stack)
    his = bob.socket()
    befriend(his, third)
    third_socket = third.socket()
    send(alice.socket(), bob, "secret")
    his.wait_notification(3001)
    send(his, third, "for the third")
    third_socket.wait_notification(3001, {"text": "for the third"})
    assert third_socket.seen(3001, {"text": "secret"}) == []
    assert third_socket.seen(3002) == []


# Reading

def test_message_was_read_goes_to_every_socket_of_the_sender(contacts):
    alice, bob = contacts
    mine, mine_too, his = alice.socket(), alice.socket(), bob.socket()
    send(mine, bob, "hi")
    his.call("markMessagesWithUserAsRead", [alice.tag])
    for tab in (mine, mine_too):
        assert numbered(tab.wait_notification(3300)) == {"receiverTag": bob.tag}
    stays_unseen(his, 3300, 3301)


def test_dialog_was_read_goes_to_the_other_sockets_of_the_reader(contacts):
    alice, bob = contacts
    his, his_too = bob.socket(), bob.socket()
    mine = alice.socket()
    send(mine, bob, "hi")
    his.call("markMessagesWithUserAsRead", [alice.tag])
    assert numbered(his_too.wait_notification(3301)) == {"senderTag": alice.tag}
    stays_unseen(his, 3301)
    assert mine.seen(3301) == [] and his_too.seen(3300) == []


def test_each_new_read_mark_is_notified(contacts):
    alice, bob = contacts
    mine, his = alice.socket(), bob.socket()
    for _ in range(3):
        send(mine, bob, "hi")
        his.call("markMessagesWithUserAsRead", [alice.tag])
        mine.wait_notification(3300)
    assert len(mine.seen(3300)) == 3


# Profiles

@pytest.mark.parametrize("params, changed", [
    (["Robert"], {"firstName": "Robert"}),
    (["", "Smith"], {"lastName": "Smith"}),
    (["Robert", "Smith"], {"firstName": "Robert", "lastName": "Smith"}),
    (["Bob", "Smith"], {"lastName": "Smith"}),
], ids=["first name", "last name", "both", "both, one of them the same"])
def test_personal_data_changes_carry_only_what_changed(contacts, params, changed):
    alice, bob = contacts
    mine, his, his_too = alice.socket(), bob.socket(), bob.socket()
    his.call("setSelfInfo", params)
    assert numbered(mine.wait_notification(3200)) == {"tag": bob.tag, **changed}
    assert numbered(his_too.wait_notification(3201)) == {"tag": bob.tag, **changed}
    stays_unseen(his, 3200, 3201)
    assert mine.seen(3201) == [] and his_too.seen(3200) == []


def test_strangers_are_not_notified_of_profiles(stack, crowd, contacts):
    alice, bob = contacts
    stranger, mine = crowd.user(stack).socket(), alice.socket()
    bob.socket().call("setSelfInfo", ["Robert"])
    mine.wait_notification(3200)
    stays_unseen(stranger, 3200)


# Presence

def test_first_socket_and_last_socket_are_notified_once(contacts):
    alice, bob = contacts
    mine = alice.socket()
    first = bob.socket()
    assert mine.wait_notification(3101) == {"loggedInUserTag": bob.tag}
    second = bob.socket()
    second.call("getSelfInfo")
    first.close()
    stays_unseen(mine, 3100)
    assert is_online(mine, bob)
    send(mine, bob, "to the one tab left")
    assert second.wait_notification(3001)["text"] == "to the one tab left"
    second.close()
    assert mine.wait_notification(3100) == {"loggedOutUserTag": bob.tag}
    stays_true(lambda: len(mine.seen(3101)) == 1 and len(mine.seen(3100)) == 1, QUIET,
               "one online and one offline in all")
    assert not is_online(mine, bob)


def test_a_broken_connection_is_a_closed_socket(contacts):
    alice, bob = contacts
    mine, his = alice.socket(), bob.socket()
    mine.wait_notification(3101)
    his.drop()
    assert mine.wait_notification(3100) == {"loggedOutUserTag": bob.tag}


def test_contacts_in_both_directions_are_notified(stack, crowd, alice):
    """One who has written to her, and one to whom she has written."""
    wrote, was_written_to = crowd.users(stack, 2)
    befriend(wrote.socket(), alice)
    befriend(alice.socket(), was_written_to)
    for user in (wrote, was_written_to, alice):
        user.close()
    observers = [wrote.socket(), was_written_to.socket()]
    socket = alice.socket()
    for observer in observers:
        assert observer.wait_notification(3101) == {"loggedInUserTag": alice.tag}
    socket.close()
    for observer in observers:
        assert observer.wait_notification(3100) == {"loggedOutUserTag": alice.tag}


def test_strangers_and_the_user_itself_are_not_notified_of_presence(stack, crowd, contacts):
    alice, bob = contacts
    stranger, mine = crowd.user(stack).socket(), alice.socket()
    his = bob.socket()
    his_too = bob.socket()
    mine.wait_notification(3101)
    his.close()
    his_too.close()
    mine.wait_notification(3100)
    stays_unseen(stranger, 3100, 3101)
    assert his.seen(3101, {"loggedInUserTag": bob.tag}) == []


def test_online_and_offline_again_and_again(contacts):
    alice, bob = contacts
    mine = alice.socket()
    for _ in range(5):
        his = bob.socket()
        mine.wait_notification(3101)
        his.close()
        mine.wait_notification(3100)
    assert [n.code for n in mine.seen() if n.code in (3100, 3101)] == [3101, 3100] * 5


def test_a_rejected_socket_does_not_count_as_presence(contacts, stack):
    alice, bob = contacts
    mine = alice.socket()
    Socket(stack.url(), headers=bearer(bob.token + "x")).wait_closed()
    stays_unseen(mine, 3101)


def test_the_first_message_makes_contacts_at_once(alice, bob):
    mine, his = alice.socket(), bob.socket()
    befriend(mine, bob)
    his.wait_notification(3001)
    wait_until(lambda: is_online(mine, bob), "Bob to be seen")
    his.close()
    assert mine.wait_notification(3100) == {"loggedOutUserTag": bob.tag}


# Frames and slow readers

def test_frames_have_type_code_and_body_and_nothing_else(stack, crowd, contacts):
    alice, bob = contacts
    mine, his, his_too = alice.socket(), bob.socket(), bob.socket()
    send(mine, bob, "to bob")
    send(his, alice, "to alice")
    his.call("markMessagesWithUserAsRead", [alice.tag])
    his.call("setSelfInfo", ["Robert"])
    mine.wait_notification(3300)
    mine.wait_notification(3200)
    his_too.wait_notification(3301)
    his_too.wait_notification(3201)
    his_too.wait_notification(3002)
    his.close()
    his_too.close()
    mine.wait_notification(3100)
    all_seen = mine.seen() + his_too.seen()
    assert {n.code for n in all_seen} == set(TYPES)
    for notification in all_seen:
        assert set(notification.frame) == {"type", "code", "body"}
        assert notification.type == TYPES[notification.code]


def test_a_client_that_does_not_read_is_disconnected_and_delays_no_other(stack, contacts):
    """Sixteen megabytes for a tab that takes nothing: far more than its queue and the kernel hold."""
    alice, bob = contacts
    stuck = RawWebSocket(stack.ports[0], bob.token, receive_buffer=4096)
    reading, mine = bob.socket(), alice.socket()
    text, count, at_once = "x" * 16384, 1000, 10
    for _ in range(count // at_once):
        ids = [mine.start_call("sendMessageToUser", [bob.tag, text]) for _ in range(at_once)]
        for id in ids:
            assert mine.wait_answer(id)["result"]["status"] == "OK"
            reading.wait_notification(3001)
    seqs = [n.body["seq"] for n in reading.seen(3001)]
    assert seqs == list(range(seqs[0], seqs[0] + count))
    assert stuck.wait_end(), "the stuck tab is still connected"
    assert len(stuck.received) < count * len(text), "nothing was held back from the stuck tab"
    codes = closing_code(stuck)
    assert codes in (1013, None), codes
    assert reading.call("getSelfInfo")["tag"] == bob.tag


def closing_code(stuck):
    """1013, or None when there was no room left to say so: the last frame may be cut short."""
    while True:
        frame = stuck.next_frame()
        if frame is None:
            return None
        if frame.opcode == 8:
            return int.from_bytes(frame.payload[:2], "big")
