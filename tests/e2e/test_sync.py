"""What has changed while one was away: hello and sync."""

import pytest

from support.client import RpcError, befriend, is_online, send
from support.shapes import assert_dialog, assert_stored, assert_user
from support.wait import wait_until

EPOCH_DIGITS = 16


def begin(socket):
    hello = socket.call("hello")
    return hello["epoch"], hello["position"]


def sync_all(socket, epoch, since, limit):
    """All pages of sync, and how many there were."""
    pages = []
    while not pages or pages[-1]["more"]:
        pages.append(socket.call("sync", [epoch, since, limit]))
        assert not pages[-1]["reset"]
        assert pages[-1]["tag"] == pages[0]["tag"]
        assert ("online" in pages[-1]) == (not pages[-1]["more"])
        assert pages[-1]["position"] > since or not pages[-1]["more"]
        since = pages[-1]["position"]
    return pages


def messages_of(pages):
    return [m for page in pages for dialog in page["dialogs"] for m in dialog["messages"]]


def invalid(socket, params, reason):
    with pytest.raises(RpcError) as error:
        socket.call("sync", params)
    assert error.value.code == -32602 and reason in error.value.reason, error.value


# hello

def test_hello_returns_the_user_and_the_position(alice, bob):
    mine = alice.socket()
    hello = mine.call("hello")
    assert set(hello) == {"epoch", "position", "user"}
    assert_user(hello["user"], alice)
    assert len(hello["epoch"]) == EPOCH_DIGITS and int(hello["epoch"], 16) >= 0
    assert hello["position"] == 0
    befriend(mine, bob)
    assert mine.call("hello") == {**hello, "position": 1}


def test_hello_is_the_same_through_every_gateway(pair, crowd):
    user = crowd.user(pair)
    assert user.socket(0).call("hello") == user.socket(1).call("hello")


# sync

def test_nothing_has_changed(alice, bob):
    mine = alice.socket()
    befriend(mine, bob)
    epoch, position = begin(mine)
    assert mine.call("sync", [epoch, position]) == {
        "epoch": epoch, "position": position, "tag": alice.tag, "more": False, "reset": False,
        "dialogs": [], "online": []}


def test_messages_of_both_directions_come_in_order(alice, bob):
    mine, his = alice.socket(), bob.socket()
    befriend(mine, bob)
    epoch, position = begin(mine)
    sent = [send(*pair, f"message {number}") for number in range(5)
            for pair in ((mine, bob), (his, alice))]
    [page] = sync_all(mine, epoch, position, 100)
    [dialog] = page["dialogs"]
    got = dialog.pop("messages")
    for message in got:
        assert_stored(message)
    assert [(m["_id"], m["senderTag"], m["receiverTag"], m["text"], m["seq"]) for m in got] == \
        [(m["_id"], m["senderTag"], m["receiverTag"], m["text"], m["seq"]) for m in sent]
    assert_dialog(dialog)
    assert [dialog] == mine.call("getDialogsList")
    assert page["position"] == position + 10 and page["online"] == [bob.tag]


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_pages_of_any_size_bring_everything_once(stack, crowd, alice, limit):
    mine, others = alice.socket(), crowd.users(stack, 3)
    sockets = [other.socket() for other in others]
    epoch, position = begin(mine)
    sent = []
    for number in range(12):
        other = number % 3
        sent.append(send(sockets[other], alice, f"in {number}") if number % 2
                    else send(mine, others[other], f"out {number}"))
    pages = sync_all(mine, epoch, position, limit)
    assert len(pages) == -(-12 // limit)
    assert [sum(len(d["messages"]) for d in page["dialogs"]) <= limit for page in pages]
    if limit == 1:
        assert [m["_id"] for m in messages_of(pages)] == [m["_id"] for m in sent]
    assert sorted(m["_id"] for m in messages_of(pages)) == sorted(m["_id"] for m in sent)
    assert pages[-1]["position"] == position + 12
    assert sorted(pages[-1]["online"]) == sorted(other.tag for other in others)


def test_marks_are_changes_of_both_sides(alice, bob):
    mine, his = alice.socket(), bob.socket()
    send(mine, bob, "one")
    send(mine, bob, "two")
    epoch, my_position = begin(mine)
    his_position = begin(his)[1]
    his.call("markMessagesWithUserAsRead", [alice.tag])
    for socket, since in ((mine, my_position), (his, his_position)):
        page = socket.call("sync", [epoch, since])
        [dialog] = page["dialogs"]
        assert dialog["messages"] == [] and page["position"] == since + 1
        assert dialog["unreadIncoming"] == dialog["unreadOutgoing"] == 0


def test_a_changed_profile_is_a_change_of_the_user_and_of_every_contact(stack, crowd, alice, bob):
    mine, his, stranger = alice.socket(), bob.socket(), crowd.user(stack).socket()
    befriend(mine, bob)
    before = {socket: begin(socket) for socket in (mine, his, stranger)}
    his.call("setSelfInfo", ["Robert"])
    wait_until(lambda: begin(mine) != before[mine], "the change to be noted")
    page = mine.call("sync", before[mine])
    assert [d["userInfo"]["firstName"] for d in page["dialogs"]] == ["Robert"]
    assert page["dialogs"][0]["messages"] == [] and "self" not in page
    page = his.call("sync", before[his])
    assert page["self"]["firstName"] == "Robert" and page["dialogs"] == []
    assert_user(page["self"], bob)
    assert begin(stranger) == before[stranger]


def test_online_contacts_come_with_the_last_page(stack, crowd, alice):
    friends = crowd.users(stack, 3)
    mine = alice.socket()
    epoch, position = begin(mine)
    for friend in friends:
        befriend(mine, friend)
    friends[1].socket()
    wait_until(lambda: is_online(mine, friends[1]), "the friend to be online")
    assert mine.call("sync", [epoch, position])["online"] == [friends[1].tag]


def test_long_messages_are_split_into_pages_that_fit(alice, bob):
    """Two megabytes: more than one message of the bus holds."""
    mine, his = alice.socket(), bob.socket()
    epoch, position = begin(mine)
    text = "x" * 16384
    sent = [send(his, alice, text)["_id"] for _ in range(130)]
    pages = sync_all(mine, epoch, position, 1000)
    assert len(pages) > 1
    assert [m["_id"] for m in messages_of(pages)] == sent


@pytest.mark.parametrize("epoch, since", [("", 0), ("0123456789abcdef", 1), ("x" * 5000, 1), (None, 10**9),
                                          (None, 2**53)])
def test_changes_that_cannot_be_listed_are_a_reset(alice, bob, epoch, since):
    mine = alice.socket()
    befriend(mine, bob)
    real, position = begin(mine)
    assert mine.call("sync", [real if epoch is None else epoch, since]) == {
        "epoch": real, "position": position, "tag": alice.tag, "more": False, "reset": True, "dialogs": []}


def test_sync_without_parameters_returns_the_position(alice):
    mine = alice.socket()
    epoch, position = begin(mine)
    result = mine.call("sync")
    assert (result["reset"], result["epoch"], result["position"]) == (True, epoch, position)


@pytest.mark.parametrize("params, reason", [
    ([1], "epoch"), (["", "1"], "since"), (["", -1], "since"), (["", 1.5], "since"), (["", 2**53 + 2], "since"),
    (["", 0, 0], "limit"), (["", 0, 1001], "limit"), (["", 0, "1"], "limit"), (["", 0, 1, 1], "too many"),
])
def test_bad_parameters_are_named(alice, params, reason):
    invalid(alice.socket(), params, reason)


def test_no_user_sees_the_missed_changes_of_another(stack, crowd, alice, bob):
    third = crowd.user(stack).socket()
    epoch, position = begin(third)
    send(alice.socket(), bob, "secret")
    assert third.call("sync", [epoch, position])["dialogs"] == []


def test_notifications_and_sync_count_alike(alice, bob):
    """userSeq of what is pushed is the position at which sync has it."""
    mine, mine_too, his = alice.socket(), alice.socket(), bob.socket()
    epoch, position = begin(mine)
    send(his, alice, "in")
    send(mine_too, bob, "out")
    mine.call("markMessagesWithUserAsRead", [bob.tag])
    his.call("markMessagesWithUserAsRead", [alice.tag])
    numbers = [mine.wait_notification(3001)["userSeq"], mine.wait_notification(3002)["userSeq"],
               mine_too.wait_notification(3301)["userSeq"], mine.wait_notification(3300)["userSeq"]]
    assert numbers == [position + 1, position + 2, position + 3, position + 4]
    assert begin(mine) == (epoch, position + 4)
    assert [m["text"] for m in messages_of([mine.call("sync", [epoch, numbers[0]])])] == ["out"]
