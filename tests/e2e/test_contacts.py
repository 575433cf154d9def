"""Contacts: blocking and adding users, requests of strangers, and who sees presence and read marks."""

import time

import pytest

from support.client import RpcError, befriend, is_online, send
from support.protobuf import message
from support.stack import Stack
from support.wait import wait_until

FORBIDDEN = -32004
INVALID = -32602


@pytest.fixture(scope="module")
def consenting():
    """An installation that asks for consent, with two gateways."""
    with Stack(gateways=2, settings={"contacts.consent": "true"}) as stack:
        yield stack


@pytest.fixture
def carl(stack, crowd):
    return crowd.user(stack)


def history(socket, user, start=0, end=100):
    return [entry["text"] for entry in socket.call("getMessagesWithUser", [user.tag, start, end])]


def dialog(socket, user):
    """The entry of the list of dialogs, or None."""
    found = [entry for entry in socket.call("getDialogsList", [0, 1000]) if entry["userInfo"]["tag"] == user.tag]
    return found[0] if found else None


def found(socket, user):
    return next(entry for entry in socket.call("findUsersByTag", [user.tag]) if entry["tag"] == user.tag)


def settle(socket, sender):
    """Until `socket` has received everything that was sent to it before."""
    sender.call("sendMessageToUser", [socket.call("getSelfInfo")["tag"], "end"])
    socket.wait_notification(3001, {"text": "end"})


def wait_online(socket, user):
    """Presence is reported some time after a socket is open."""
    wait_until(lambda: is_online(socket, user), f"{user.tag} to be online")


def knows_online(socket, user):
    """False also while services are not available."""
    try:
        return is_online(socket, user)
    except RpcError:
        return False


def code_of(socket, method, params):
    with pytest.raises(RpcError) as raised:
        socket.call(method, params)
    return raised.value.code


# Blocking

def test_a_blocked_sender_gets_the_same_answers_and_is_never_delivered(alice, bob, carl):
    with alice.socket() as hers, bob.socket() as his, carl.socket() as other:
        before = send(his, alice, "before")
        hers.wait_notification(3001, {"text": "before"})
        assert hers.call("blockUser", [bob.tag]) == {"status": "OK"}
        answer = send(his, alice, "withheld", "c1")
        assert set(answer) == set(before) | {"clientMessageId"}
        assert (answer["seq"], answer["isRead"]) == (2, False)
        assert send(his, alice, "withheld", "c1") == answer
        settle(hers, other)
        assert not hers.seen(3001, {"text": "withheld"})
        assert history(hers, bob) == ["before"]
        assert history(his, alice) == ["withheld", "before"]
        assert dialog(hers, bob)["text"] == "before"
        assert dialog(hers, bob)["unreadIncoming"] == 1
        assert dialog(his, alice)["text"] == "withheld"
        assert dialog(his, alice)["unreadOutgoing"] == 2


def test_what_was_withheld_stays_so_after_unblocking(alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        befriend(his, alice)
        position = hers.call("hello")
        hers.call("blockUser", [bob.tag])
        send(his, alice, "withheld", "c1")
        hers.call("unblockUser", [bob.tag])
        assert send(his, alice, "withheld", "c1")["seq"] == 2
        assert send(his, alice, "after")["seq"] == 3
        assert hers.wait_notification(3001, {"text": "after"})["seq"] == 2
        assert history(hers, bob) == ["after", "hello"]
        assert [m["seq"] for m in hers.call("getMessagesWithUser", [bob.tag])] == [2, 1]
        changes = hers.call("sync", [position["epoch"], position["position"]])
        assert [m["text"] for entry in changes["dialogs"] for m in entry["messages"]] == ["after"]
        assert send(hers, bob, "answer")["seq"] == 3
        assert his.wait_notification(3001, {"text": "answer"})["seq"] == 4


def test_other_devices_of_a_blocked_sender_see_what_it_sends(alice, bob):
    with alice.socket() as hers, bob.socket() as his, bob.socket() as tablet:
        hers.call("blockUser", [bob.tag])
        send(his, alice, "withheld")
        assert tablet.wait_notification(3002, {"text": "withheld"})["seq"] == 1
        assert dialog(hers, bob) is None


def test_nobody_writes_to_one_whom_they_have_blocked(alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        befriend(hers, bob)
        hers.call("blockUser", [bob.tag])
        with pytest.raises(RpcError) as raised:
            send(hers, bob, "x")
        assert raised.value.code == FORBIDDEN and raised.value.reason.startswith("receiverTag: ")
        assert history(his, alice) == ["hello"]


def test_blocked_users_are_listed_with_their_names_the_last_first(alice, bob, carl):
    with alice.socket() as hers:
        hers.call("blockUser", [bob.tag])
        hers.call("blockUser", [carl.tag])
        hers.call("blockUser", [bob.tag])  # is so already
        listed = hers.call("listBlocked")
        assert [entry["tag"] for entry in listed] == [carl.tag, bob.tag]
        assert set(listed[0]) == {"_id", "tag", "firstName", "lastName", "img", "blockedAt"}
        assert listed[0]["firstName"] == "Test" and listed[0]["blockedAt"] >= listed[1]["blockedAt"]
        hers.call("unblockUser", [carl.tag])
        hers.call("unblockUser", [carl.tag])
        assert [entry["tag"] for entry in hers.call("listBlocked")] == [bob.tag]


def test_the_list_of_dialogs_marks_who_is_blocked(alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        befriend(hers, bob)
        assert "isBlocked" not in dialog(hers, bob)
        hers.call("blockUser", [bob.tag])
        assert dialog(hers, bob)["isBlocked"] is True
        assert "isBlocked" not in dialog(his, alice)


@pytest.mark.parametrize("method", ["blockUser", "unblockUser", "addContact", "removeContact"])
def test_only_another_existing_user_can_be_decided_about(alice, method):
    with alice.socket() as hers:
        for tag in ("@nobody_has_this", alice.tag, alice.tag.upper(), "", "x" * 5000):
            assert code_of(hers, method, [tag]) == INVALID
        assert code_of(hers, method, []) == INVALID


def test_a_block_hides_presence_both_ways(alice, bob, carl):
    with alice.socket() as hers, bob.socket() as his, carl.socket() as other:
        befriend(hers, bob)
        befriend(hers, carl)
        wait_online(his, alice)
        wait_online(hers, bob)
        hers.call("blockUser", [bob.tag])
        his.wait_notification(3100, {"loggedOutUserTag": alice.tag})
        hers.wait_notification(3100, {"loggedOutUserTag": bob.tag})
        for one, user in ((hers, bob), (his, alice)):
            assert not is_online(one, user)
            assert not dialog(one, user)["userInfo"]["isOnline"]
        hers.close()
        other.wait_notification(3100, {"loggedOutUserTag": alice.tag})
        settle(his, other)
        assert len(his.seen(3100)) == 1 and not his.seen(3101)


def test_an_event_of_before_a_block_that_arrives_late_is_dropped(stack, alice, bob, carl):
    def publish(seconds):
        notification = message("Notification", {"receiver_tag": bob.tag, "contact_online": alice.tag,
                                                "change": int((time.time() + seconds) * 1e6)})
        with stack.bus("message") as bus:
            bus.publish(f"notify.{bob.tag[1:].lower()}", notification.SerializeToString())

    with alice.socket() as hers, bob.socket() as his, carl.socket() as other:
        befriend(hers, bob)
        wait_online(his, alice)
        hers.call("blockUser", [bob.tag])
        his.wait_notification(3100, {"loggedOutUserTag": alice.tag})
        before = len(his.seen(3101))
        publish(-1)
        settle(his, other)
        assert len(his.seen(3101)) == before
        publish(60)  # as if it could be seen again
        wait_until(lambda: len(his.seen(3101)) == before + 1, "an event of later")


def test_unblocking_shows_presence_again(alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        befriend(hers, bob)
        wait_online(his, alice)
        wait_online(hers, bob)
        hers.call("blockUser", [bob.tag])
        his.wait_notification(3100, {"loggedOutUserTag": alice.tag})
        hers.wait_notification(3100, {"loggedOutUserTag": bob.tag})
        hers.call("unblockUser", [bob.tag])
        his.wait_notification(3101, {"loggedInUserTag": alice.tag})
        hers.wait_notification(3101, {"loggedInUserTag": bob.tag})
        wait_online(his, alice)
        wait_online(hers, bob)
        hers.close()
        wait_until(lambda: len(his.seen(3100, {"loggedOutUserTag": alice.tag})) == 2, "the end")


def test_a_block_hides_the_profile_both_ways(alice, bob, carl):
    with alice.socket() as hers, bob.socket() as his, carl.socket() as other:
        befriend(hers, bob)
        befriend(hers, carl)
        hers.call("blockUser", [bob.tag])
        hers.call("setSelfInfo", ["Hidden"])
        his.call("setSelfInfo", ["Secret"])
        other.wait_notification(3200, {"firstName": "Hidden"})
        for one, user in ((hers, bob), (his, alice)):
            for shown in (found(one, user), dialog(one, user)["userInfo"]):
                assert (shown["firstName"], shown["lastName"], shown["img"]) == ("", "", "default.jpg")
                assert len(shown["_id"]) == 24
        settle(his, other)
        settle(hers, other)
        assert not his.seen(3200) and not hers.seen(3200)
        hers.call("unblockUser", [bob.tag])
        assert his.wait_notification(3200)["firstName"] == "Hidden"
        assert hers.wait_notification(3200)["firstName"] == "Secret"
        assert found(his, alice)["firstName"] == "Hidden"


def test_read_marks_of_blocked_users_are_secret(alice, bob, carl):
    with alice.socket() as hers, bob.socket() as his, carl.socket() as other:
        befriend(his, alice)
        hers.call("blockUser", [bob.tag])
        hers.call("markMessagesWithUserAsRead", [bob.tag])
        assert dialog(hers, bob)["unreadIncoming"] == 0
        assert dialog(his, alice)["unreadOutgoing"] == 1
        settle(his, other)
        assert not his.seen(3300)


def test_a_decision_is_notified_to_ones_other_devices_only(alice, bob):
    with alice.socket() as hers, alice.socket() as phone, bob.socket() as his:
        befriend(hers, bob)
        hers.call("blockUser", [bob.tag])
        assert phone.wait_notification(3202) == {"tag": bob.tag, "isAdded": False, "isBlocked": True}
        hers.call("unblockUser", [bob.tag])
        hers.call("addContact", [bob.tag])
        assert phone.wait_notification(3202, {"isBlocked": False, "isAdded": False})
        assert phone.wait_notification(3202, {"isAdded": True})
        settle(his, hers)
        assert not his.seen(3202) and not hers.seen(3202)


def test_a_block_outlives_restarts(crowd):
    with Stack(gateways=1) as stack:
        one, other = crowd.users(stack, 2)
        with one.socket() as hers, other.socket() as his:
            befriend(his, one)
            hers.call("blockUser", [other.tag])
            stack.restart("message")
            stack.restart("user")
            send(his, one, "withheld")
            assert history(hers, other) == ["hello"]
            assert [entry["tag"] for entry in hers.call("listBlocked")] == [other.tag]


# Privacy

def test_privacy_is_for_everyone_until_it_is_changed(alice):
    with alice.socket() as hers, alice.socket() as phone:
        assert hers.call("getPrivacy") == {"online": "everyone", "readMarks": "everyone"}
        assert hers.call("setPrivacy", ["nobody"]) == {"online": "nobody", "readMarks": "everyone"}
        assert phone.wait_notification(3203) == {"online": "nobody", "readMarks": "everyone"}
        assert hers.call("setPrivacy", {"readMarks": "contacts"}) == {"online": "nobody", "readMarks": "contacts"}
        assert hers.call("getPrivacy") == {"online": "nobody", "readMarks": "contacts"}


@pytest.mark.parametrize("params", [[], ["", ""], ["all"], ["Everyone"], [1], ["nobody", "none"], [None]])
def test_privacy_must_be_one_of_three(alice, params):
    with alice.socket() as hers:
        assert code_of(hers, "setPrivacy", params) == INVALID
        assert hers.call("getPrivacy") == {"online": "everyone", "readMarks": "everyone"}


def test_who_hides_is_offline_for_all_at_once_and_online_when_shown_again(alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        befriend(hers, bob)
        wait_online(his, alice)
        hers.call("setPrivacy", ["nobody"])
        his.wait_notification(3100, {"loggedOutUserTag": alice.tag})
        assert not is_online(his, alice)
        wait_online(hers, bob)
        hers.call("setPrivacy", ["everyone"])
        his.wait_notification(3101, {"loggedInUserTag": alice.tag})
        assert is_online(his, alice)


def test_presence_for_contacts_only_is_shown_once_both_have_written(alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        hers.call("setPrivacy", ["contacts"])
        befriend(his, alice)
        assert not is_online(his, alice)
        send(hers, bob, "answer")
        his.wait_notification(3101, {"loggedInUserTag": alice.tag})
        wait_online(his, alice)


def test_secret_read_marks_are_shown_to_nobody(alice, bob, carl):
    with alice.socket() as hers, alice.socket() as phone, bob.socket() as his, carl.socket() as other:
        befriend(his, alice)
        hers.call("setPrivacy", ["", "nobody"])
        hers.call("markMessagesWithUserAsRead", [bob.tag])
        phone.wait_notification(3301, {"senderTag": bob.tag})
        assert dialog(hers, bob)["unreadCount"] == 0
        assert his.call("getMessagesWithUser", [alice.tag])[0]["isRead"] is False
        settle(his, other)
        assert not his.seen(3300)
        hers.call("setPrivacy", ["", "everyone"])
        send(his, alice, "again")
        hers.call("markMessagesWithUserAsRead", [bob.tag])
        his.wait_notification(3300, {"receiverTag": alice.tag})
        assert all(m["isRead"] for m in his.call("getMessagesWithUser", [alice.tag]))


# Consent

def test_a_strangers_first_message_is_a_request_that_says_nothing_of_the_receiver(consenting, crowd):
    one, stranger = crowd.users(consenting, 2)
    with one.socket() as hers, stranger.socket(1) as his:
        assert "isRequest" not in send(his, one, "hello")
        assert hers.wait_notification(3001)["isRequest"] is True
        assert dialog(hers, stranger)["isRequest"] is True
        assert "isRequest" not in dialog(his, one)
        assert not is_online(his, one) and not dialog(his, one)["userInfo"]["isOnline"]
        hers.call("markMessagesWithUserAsRead", [stranger.tag])
        assert dialog(his, one)["unreadOutgoing"] == 1
        position = his.call("hello")
        assert his.call("sync", [position["epoch"], position["position"]])["online"] == []
        hers.close()
        with one.socket(1) as again:
            send(again, stranger, "answer")
            his.wait_notification(3001, {"text": "answer"})
            his.wait_notification(3101, {"loggedInUserTag": one.tag})
        assert len(his.seen(3101)) == 1
        his.wait_notification(3100, {"loggedOutUserTag": one.tag})
        assert len(his.seen(3100)) == 1


def test_an_answer_makes_contacts_who_see_each_other(consenting, crowd):
    one, other = crowd.users(consenting, 2)
    with one.socket() as hers, other.socket(1) as his:
        befriend(his, one)
        answer = send(hers, other, "answer")
        assert "isRequest" not in answer and "isRequest" not in his.wait_notification(3001)
        his.wait_notification(3101, {"loggedInUserTag": one.tag})
        hers.wait_notification(3101, {"loggedInUserTag": other.tag})
        wait_online(his, one)
        wait_online(hers, other)
        assert "isRequest" not in dialog(hers, other)
        hers.call("markMessagesWithUserAsRead", [other.tag])
        his.wait_notification(3300, {"receiverTag": one.tag})
        his.call("setSelfInfo", ["Changed"])
        hers.wait_notification(3200, {"firstName": "Changed"})


def test_strangers_see_no_change_of_a_profile(consenting, crowd):
    one, stranger, friend = crowd.users(consenting, 3)
    with one.socket() as hers, stranger.socket(1) as his, friend.socket() as other:
        befriend(his, one)
        befriend(hers, friend)
        befriend(other, one)
        hers.call("setSelfInfo", ["Changed"])
        other.wait_notification(3200, {"firstName": "Changed"})
        settle(his, other)
        assert not his.seen(3200)


def test_who_is_added_sees_the_one_who_added_only(consenting, crowd):
    one, stranger = crowd.users(consenting, 2)
    with one.socket() as hers, stranger.socket(1) as his:
        befriend(his, one)
        assert hers.call("addContact", [stranger.tag]) == {"status": "OK"}
        his.wait_notification(3101, {"loggedInUserTag": one.tag})
        wait_online(his, one)
        assert not is_online(hers, stranger)
        assert "isRequest" not in dialog(hers, stranger)
        hers.call("removeContact", [stranger.tag])
        his.wait_notification(3100, {"loggedOutUserTag": one.tag})
        assert not is_online(his, one) and dialog(hers, stranger)["isRequest"] is True


def test_a_request_can_be_blocked_without_a_sign(consenting, crowd):
    one, stranger, friend = crowd.users(consenting, 3)
    with one.socket() as hers, stranger.socket(1) as his, friend.socket(1) as other:
        befriend(his, one)
        hers.call("blockUser", [stranger.tag])
        assert "isRequest" not in dialog(hers, stranger)
        assert code_of(hers, "addContact", [stranger.tag]) == FORBIDDEN
        send(his, one, "again")
        settle(his, other)
        assert not his.seen(3100) and not his.seen(3101)


def test_a_request_fetched_later_is_still_one(consenting, crowd):
    one, stranger = crowd.users(consenting, 2)
    with one.socket() as hers, stranger.socket(1) as his:
        position = hers.call("hello")
        hers.close()
        befriend(his, one)
        with one.socket(1) as again:
            changes = again.call("sync", [position["epoch"], position["position"]])
            assert changes["dialogs"][0]["isRequest"] is True
            assert changes["dialogs"][0]["messages"][0]["isRequest"] is True


def test_without_the_message_service_a_search_shows_no_presence(crowd):
    with Stack(settings={"contacts.consent": "true"}) as stack:
        one, friend = crowd.users(stack, 2)
        with one.socket() as hers, friend.socket() as his:
            befriend(hers, friend)
            befriend(his, one)
            wait_online(his, one)
            stack.kill("message")
            assert found(his, one)["firstName"] == "Test" and not is_online(his, one)


def test_presence_after_a_lost_bus_is_for_contacts_only(consenting, crowd):
    one, stranger, friend = crowd.users(consenting, 3)
    with one.socket() as hers, stranger.socket(1) as his, friend.socket(1) as other:
        befriend(his, one)
        befriend(other, one)
        send(hers, friend, "answer")
        other.wait_notification(3101, {"loggedInUserTag": one.tag})
        consenting.stop_nats()
        consenting.start_nats()
        wait_until(lambda: knows_online(other, one), "presence after the restart")
        hers.close()
        other.wait_notification(3100, {"loggedOutUserTag": one.tag})
        settle(his, other)
        assert not his.seen(3100) and not his.seen(3101)
