"""Messages and dialogs: sending, reading, counting, paging, and calls as such."""

import concurrent.futures
import json

import pytest

from support.client import RpcError, SocketClosed, befriend, send, unique
from support.shapes import assert_dialog, assert_stored, is_id, is_now_ms, iso_to_ms
from support.wait import next_millisecond, stays_true, wait_until

TEXT_LIMIT = 16 * 1024


def invalid_params(socket, method, params):
    """Calls, and fails unless the answer is -32602 with a reason."""
    with pytest.raises(RpcError) as raised:
        socket.call(method, params)
    assert (raised.value.code, raised.value.message) == (-32602, "Invalid params")
    assert isinstance(raised.value.reason, str) and raised.value.reason
    return raised.value.reason


def history(socket, peer, *bounds):
    messages = socket.call("getMessagesWithUser", [peer.tag, *bounds])
    for message in messages:
        assert_stored(message)
    return messages


def dialogs(socket, *bounds):
    found = socket.call("getDialogsList", list(bounds))
    for dialog in found:
        assert_dialog(dialog)
    return found


def dialog_with(socket, peer):
    (dialog,) = [d for d in dialogs(socket) if d["userInfo"]["tag"] == peer.tag]
    return dialog


# Sending

def test_sent_message_is_in_the_history_of_both(alice, bob):
    mine, his = alice.socket(), bob.socket()
    sent = send(mine, bob, "hi")
    for socket, peer in ((mine, bob), (his, alice)):
        (stored,) = history(socket, peer)
        assert iso_to_ms(stored["date"]) == sent["date"]
        for key in ("_id", "senderTag", "receiverTag", "text", "isRead", "seq"):
            assert stored[key] == sent[key], key


def test_ids_and_dates(alice, bob):
    socket = alice.socket()
    sent = [send(socket, bob, str(n)) for n in range(5)]
    assert all(is_id(m["_id"]) and is_now_ms(m["date"]) for m in sent)
    assert len({m["_id"] for m in sent}) == 5
    assert [m["date"] for m in sent] == sorted(m["date"] for m in sent)


def test_seq_counts_both_directions_without_gaps(alice, bob):
    mine, his = alice.socket(), bob.socket()
    seqs = [send(mine, bob, "a")["seq"], send(his, alice, "b")["seq"], send(his, alice, "c")["seq"],
            send(mine, bob, "d")["seq"]]
    assert seqs == [1, 2, 3, 4]


def test_seq_counts_each_conversation_for_itself(stack, crowd, alice):
    socket = alice.socket()
    for peer in crowd.users(stack, 3):
        assert send(socket, peer, "first")["seq"] == 1


def test_receiver_tag_in_any_case(alice, bob):
    socket = alice.socket()
    result = socket.call("sendMessageToUser", [bob.tag.upper(), "hi"])
    assert result["message"]["receiverTag"] == bob.tag
    assert [m["text"] for m in history(socket, bob)] == ["hi"]
    upper = socket.call("getMessagesWithUser", [bob.tag.upper()])
    assert [m["text"] for m in upper] == ["hi"]


TEXTS = {
    "one letter": "a",
    "emoji": "😍👩‍👩‍👧‍👦🇳🇱",
    "Cyrillic": "Как дела?",
    "right to left": "שלום مرحبا",
    "newlines and tabs": "one\n\ttwo\r\nthree",
    "control characters": "\u0001\u001f\u007f",
    "quotes and backslashes": "\"'\\/\b\f",
    "HTML": "<script>alert(1)</script> &amp;",
    "SQL": "'; DROP TABLE messages; --",
    "decomposed": "e\u0301",
    "unusual characters": "\u2028\u2029\ufeff\ufffd\U0010ffff",
    "JSON": '{"a":[1,null]}',
    "trailing space": "a ",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_arrives_unchanged(alice, bob, text):
    his = bob.socket()
    sent = send(alice.socket(), bob, text)
    assert sent["text"] == text
    assert his.wait_notification(3001)["text"] == text
    assert history(his, alice)[0]["text"] == text
    assert dialog_with(his, alice)["text"] == text


def test_escaped_and_plain_characters_are_the_same_text(alice, bob):
    socket = alice.socket()
    answer = socket.exchange('{"jsonrpc":"2.0","method":"sendMessageToUser","id":1,"params":["%s",'
                             '"\\ud83d\\ude0d \\u0416\\n\\/"]}' % bob.tag, id=1)
    assert answer["result"]["message"]["text"] == "😍 Ж\n/"


LONG_TEXTS = {"one-byte": "a", "two-byte": "я", "four-byte": "😍"}


@pytest.mark.parametrize("character", LONG_TEXTS.values(), ids=LONG_TEXTS.keys())
def test_text_of_sixteen_kib_is_the_longest(alice, bob, character):
    socket, his = alice.socket(), bob.socket()
    longest = character * (TEXT_LIMIT // len(character.encode()))
    send(socket, bob, longest)
    assert his.wait_notification(3001)["text"] == longest
    invalid_params(socket, "sendMessageToUser", [bob.tag, longest + "a"])
    assert [m["text"] for m in history(socket, bob)] == [longest]


@pytest.mark.parametrize("receiver", ["@nobody_has_this_tag", "nobody", "", "@", "@*", "@>", "@a.b"])
def test_unknown_receiver(alice, receiver):
    socket = alice.socket()
    invalid_params(socket, "sendMessageToUser", [receiver, "hi"])
    assert dialogs(socket) == []


def test_message_to_oneself(alice):
    socket = alice.socket()
    invalid_params(socket, "sendMessageToUser", [alice.tag, "hi"])
    invalid_params(socket, "sendMessageToUser", [alice.tag.upper(), "hi"])
    assert dialogs(socket) == []


def test_empty_text(alice, bob):
    socket = alice.socket()
    invalid_params(socket, "sendMessageToUser", [bob.tag, ""])
    assert dialogs(socket) == []


# The same send again

def test_repeated_client_message_id_returns_the_first_message(alice, bob):
    socket, other_tab, his = alice.socket(), alice.socket(), bob.socket()
    first = send(socket, bob, "once", "id-1")
    assert first["clientMessageId"] == "id-1"
    send(socket, bob, "between", "id-2")
    assert send(socket, bob, "once", "id-1") == first
    assert send(alice.socket(), bob, "once", "id-1") == first
    send(socket, bob, "last")
    his.wait_notification(3001, {"text": "last"})
    other_tab.wait_notification(3002, {"text": "last"})
    for tab, code in ((his, 3001), (other_tab, 3002)):
        assert [n.body["text"] for n in tab.seen(code)] == ["once", "between", "last"]
    assert [m["text"] for m in history(socket, bob)] == ["last", "between", "once"]
    assert dialog_with(his, alice)["unreadIncoming"] == 3


def test_no_client_message_id_in_the_answer_unless_given(alice, bob):
    assert "clientMessageId" not in send(alice.socket(), bob, "plain")


def test_messages_without_client_message_id_are_all_kept(alice, bob):
    socket = alice.socket()
    first, second = send(socket, bob, "same"), send(socket, bob, "same")
    assert first["_id"] != second["_id"]
    assert len(history(socket, bob)) == 2


def test_the_same_client_message_id_of_two_senders(alice, bob):
    first = send(alice.socket(), bob, "from alice", "shared-id")
    second = send(bob.socket(), alice, "from bob", "shared-id")
    assert first["_id"] != second["_id"]
    assert [m["text"] for m in history(alice.socket(), bob)] == ["from bob", "from alice"]


def test_client_message_id_with_another_text_or_receiver(stack, crowd, alice, bob):
    third = crowd.user(stack)
    socket = alice.socket()
    send(socket, bob, "text", "id-1")
    for params in ([bob.tag, "other text", "id-1"], [third.tag, "text", "id-1"]):
        with pytest.raises(RpcError) as raised:
            socket.call("sendMessageToUser", params)
        assert (raised.value.code, raised.value.message) == (-32003, "Conflict")
    assert [m["text"] for m in history(socket, bob)] == ["text"]
    assert history(socket, third) == []


@pytest.mark.parametrize("character", ["x", "ж", "😍"], ids=["ASCII", "Cyrillic", "emoji"])
def test_client_message_id_of_64_characters_is_the_longest(alice, bob, character):
    socket = alice.socket()
    assert send(socket, bob, "a", character * 64)["clientMessageId"] == character * 64
    assert send(socket, bob, "a", character * 64)["seq"] == 1
    invalid_params(socket, "sendMessageToUser", [bob.tag, "a", character * 65])


def test_client_message_id_of_one_character_is_the_shortest(alice, bob):
    socket = alice.socket()
    assert send(socket, bob, "a", "1")["seq"] == 1
    invalid_params(socket, "sendMessageToUser", [bob.tag, "a", ""])


def test_the_same_send_through_two_gateways_at_once(pair, crowd):
    sender, receiver = crowd.user(pair), crowd.user(pair)
    sockets = [sender.socket(gateway=0), sender.socket(gateway=1)]
    his = receiver.socket()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number in range(20):
            both = list(pool.map(lambda s: send(s, receiver, f"text {number}", f"id-{number}"), sockets))
            assert both[0] == both[1]
    send(sockets[0], receiver, "last")
    his.wait_notification(3001, {"text": "last"})
    expected = [f"text {number}" for number in range(20)] + ["last"]
    assert [n.body["text"] for n in his.seen(3001)] == expected
    stored = history(his, sender)
    assert [m["text"] for m in reversed(stored)] == expected
    assert [m["seq"] for m in reversed(stored)] == list(range(1, 22))


# Reading

def test_unread_counts_of_both_sides(alice, bob):
    mine, his = alice.socket(), bob.socket()
    for text in ("1", "2"):
        send(mine, bob, text)
    for text in ("3", "4", "5"):
        send(his, alice, text)
    assert counts(mine, bob) == {"unreadCount": 5, "unreadIncoming": 3, "unreadOutgoing": 2}
    assert counts(his, alice) == {"unreadCount": 5, "unreadIncoming": 2, "unreadOutgoing": 3}
    mine.call("markMessagesWithUserAsRead", [bob.tag])
    assert counts(mine, bob) == {"unreadCount": 2, "unreadIncoming": 0, "unreadOutgoing": 2}
    assert counts(his, alice) == {"unreadCount": 2, "unreadIncoming": 2, "unreadOutgoing": 0}
    his.call("markMessagesWithUserAsRead", [alice.tag])
    for socket, peer in ((mine, bob), (his, alice)):
        assert counts(socket, peer) == {"unreadCount": 0, "unreadIncoming": 0, "unreadOutgoing": 0}
    send(his, alice, "6")
    assert counts(mine, bob) == {"unreadCount": 1, "unreadIncoming": 1, "unreadOutgoing": 0}


def counts(socket, peer):
    dialog = dialog_with(socket, peer)
    return {key: dialog[key] for key in ("unreadCount", "unreadIncoming", "unreadOutgoing")}


def test_is_read_in_both_directions(alice, bob):
    mine, his = alice.socket(), bob.socket()
    send(mine, bob, "from alice")
    send(his, alice, "from bob")
    assert read_flags(mine, bob) == {"from alice": False, "from bob": False}
    his.call("markMessagesWithUserAsRead", [alice.tag])
    for socket, peer in ((mine, bob), (his, alice)):
        assert read_flags(socket, peer) == {"from alice": True, "from bob": False}
    send(mine, bob, "later")
    for socket, peer in ((mine, bob), (his, alice)):
        assert read_flags(socket, peer) == {"from alice": True, "from bob": False, "later": False}


def read_flags(socket, peer):
    return {m["text"]: m["isRead"] for m in history(socket, peer)}


def test_reading_messages_does_not_mark_them(alice, bob):
    send(alice.socket(), bob, "hi")
    his = bob.socket()
    history(his, alice)
    dialogs(his)
    assert read_flags(his, alice) == {"hi": False}


def test_marking_again_changes_nothing_and_notifies_no_one(alice, bob):
    mine, his, his_other = alice.socket(), bob.socket(), bob.socket()
    send(mine, bob, "hi")
    for _ in range(3):
        assert his.call("markMessagesWithUserAsRead", [alice.tag.upper()]) == {"status": "OK"}
    send(his, alice, "later")
    mine.wait_notification(3001)
    his_other.wait_notification(3002)
    stays_true(lambda: len(mine.seen(3300)) <= 1 and len(his_other.seen(3301)) <= 1, 0.5,
               "only the first marking tells anybody")
    assert len(mine.seen(3300)) == 1 and len(his_other.seen(3301)) == 1


def test_marking_without_messages(alice, bob):
    """Without messages, or with only one's own, there is nothing to mark as read."""
    mine, his = alice.socket(), bob.socket()
    assert mine.call("markMessagesWithUserAsRead", [bob.tag]) == {"status": "OK"}
    send(mine, bob, "hi")
    assert mine.call("markMessagesWithUserAsRead", [bob.tag]) == {"status": "OK"}
    assert read_flags(mine, bob) == {"hi": False}
    send(mine, bob, "later")
    his.wait_notification(3001, {"text": "later"})
    assert his.seen(3300) == []


def test_marking_messages_of_an_unknown_user(alice):
    invalid_params(alice.socket(), "markMessagesWithUserAsRead", ["@nobody_has_this_tag"])


# Lists

def test_no_dialogs_and_no_messages_at_first(alice, bob):
    socket = alice.socket()
    assert dialogs(socket) == []
    assert history(socket, bob) == []


def test_messages_with_an_unknown_user(alice):
    assert alice.socket().call("getMessagesWithUser", ["@nobody_has_this_tag"]) == []


def test_others_do_not_see_a_conversation(stack, crowd, alice, bob):
    send(alice.socket(), bob, "secret")
    third = crowd.user(stack).socket()
    assert dialogs(third) == []
    assert history(third, alice) == [] and history(third, bob) == []


def test_dialogs_newest_first_and_by_index(stack, crowd, alice):
    socket = alice.socket()
    peers = crowd.users(stack, 5)
    for peer in peers:
        next_millisecond(send(socket, peer, "to " + peer.tag)["date"])
    next_millisecond(send(peers[1].socket(), alice, "answer")["date"])
    order = [peers[1].tag, peers[4].tag, peers[3].tag, peers[2].tag, peers[0].tag]

    def tags(*bounds):
        return [dialog["userInfo"]["tag"] for dialog in dialogs(socket, *bounds)]
    assert tags() == order
    for start, end in ((0, 1), (1, 2), (0, 5), (2, 4), (3, 100), (4, 5), (0, 1000)):
        assert tags(start, end) == order[start:end], (start, end)
    assert tags(5, 6) == [] and tags(100, 200) == [] and tags(1000000, 1000001) == []
    assert tags(2) == order[2:]


def test_dialogs_default_to_thirty(stack, crowd, alice):
    socket = alice.socket()
    for peer in crowd.users(stack, 31):
        send(socket, peer, "hi")
    assert len(dialogs(socket)) == 30
    assert len(dialogs(socket, 0, 31)) == 31
    assert len(dialogs(socket, 30, 60)) == 1


def test_dialog_shows_its_last_message(alice, bob):
    mine, his = alice.socket(), bob.socket()
    send(mine, bob, "first")
    last = send(his, alice, "last")
    one, other = dialog_with(mine, bob), dialog_with(his, alice)
    assert one["_id"] == other["_id"] and is_id(one["_id"])
    for dialog in (one, other):
        assert dialog["text"] == "last" and dialog["seq"] == 2
        assert (dialog["senderTag"], dialog["receiverTag"]) == (bob.tag, alice.tag)
        assert iso_to_ms(dialog["date"]) == last["date"]
    assert (one["userInfo"]["tag"], other["userInfo"]["tag"]) == (bob.tag, alice.tag)


def test_dialog_shows_the_current_profile_and_presence(alice, bob):
    mine, his = alice.socket(), bob.socket()
    befriend(mine, bob)
    his.call("setSelfInfo", ["Robert"])
    mine.wait_notification(3200)
    wait_until(lambda: dialog_with(mine, bob)["userInfo"]["isOnline"], "the other to be online")
    info = dialog_with(mine, bob)["userInfo"]
    assert (info["firstName"], info["lastName"]) == ("Robert", "Builder")
    his.close()
    mine.wait_notification(3100)
    assert dialog_with(mine, bob)["userInfo"]["isOnline"] is False


def test_paging_deep_into_a_conversation(alice, bob):
    total = 250
    sockets = [(alice.socket(), bob), (bob.socket(), alice)]
    for number in range(total):
        socket, peer = sockets[number % 3 == 0]
        send(socket, peer, str(number))
    newest_first = [str(number) for number in reversed(range(total))]
    for socket, peer in sockets:
        assert history(socket, peer) == history(socket, peer, 0, 100)
        assert history(socket, peer, 50) == history(socket, peer, 50, 100)
        for start, end in ((0, 100), (100, 200), (200, 300), (0, 1000), (249, 250), (120, 121),
                           (37, 181)):
            page = history(socket, peer, start, end)
            assert [m["text"] for m in page] == newest_first[start:end], (start, end)
            assert [m["seq"] for m in page] == [total - i for i in range(start, min(end, total))]
        assert history(socket, peer, 250, 251) == [] and history(socket, peer, 10**6, 10**6 + 1) == []


PAGED = {"getDialogsList": [], "getMessagesWithUser": ["@nobody_has_this_tag"]}


@pytest.mark.parametrize("method, before", PAGED.items(), ids=PAGED.keys())
def test_bounds_of_a_page(alice, method, before):
    socket = alice.socket()
    for bounds in ((0, 1), (0, 1000), (5000, 6000), (999999, 1000000)):
        assert socket.call(method, [*before, *bounds]) == []
    for bounds in ((0, 1001), (0, 0), (5, 5), (5, 4), (-1, 5), (0, -1), (-5, -1), (5000, 6001)):
        invalid_params(socket, method, [*before, *bounds])


def test_search(stack, crowd, alice):
    infix = unique("q", 10)
    made = {name: crowd.user(stack, tag="@" + name)
            for name in (infix + "b", infix + "A", "z" + infix, "Y_" + infix, "x" + infix.upper() + "1")}
    order = ["@" + name for name in (infix + "A", infix + "b", "x" + infix.upper() + "1",
                                     "Y_" + infix, "z" + infix)]
    socket = alice.socket()

    def tags(query):
        return [user["tag"] for user in socket.call("findUsersByTag", [query])]
    for query in (infix, "@" + infix, infix.upper(), "@" + infix.upper()):
        assert tags(query) == order, query
    assert tags(infix + "a") == ["@" + infix + "A"]
    assert tags("y_" + infix) == ["@Y_" + infix]
    assert tags("y%" + infix) == [] and tags("y?" + infix) == [] and tags("y." + infix) == []
    assert tags("yx" + infix) == [] and tags(infix + "%") == [] and tags(infix + "*") == []
    found = made["z" + infix].socket().call("findUsersByTag", [infix])
    assert [user["tag"] for user in found] == order[:-1], "oneself is never found"


def test_an_underscore_is_searched_as_such(stack, crowd, alice):
    infix = unique("q", 10)
    crowd.user(stack, tag=f"@{infix}_1")
    crowd.user(stack, tag=f"@{infix}x1")
    found = alice.socket().call("findUsersByTag", [infix + "_"])
    assert [user["tag"] for user in found] == [f"@{infix}_1"]


def test_search_returns_at_most_thirty(stack, crowd, alice):
    infix = unique("q", 10)
    for number in range(32):
        crowd.user(stack, tag=f"@{infix}{number:02}")
    found = alice.socket().call("findUsersByTag", [infix])
    assert [user["tag"] for user in found] == [f"@{infix}{number:02}" for number in range(30)]


# One's own profile

def test_set_self_info_changes_what_is_given(alice):
    socket = alice.socket()
    before = socket.call("getSelfInfo")
    after = socket.call("setSelfInfo", ["Alicia", "Hargreaves"])
    assert after == {**before, "firstName": "Alicia", "lastName": "Hargreaves"}
    assert socket.call("getSelfInfo") == after
    assert socket.call("setSelfInfo", {"lastName": "Liddell"})["lastName"] == "Liddell"


@pytest.mark.parametrize("params", [None, [], [""], ["", ""], ["", "", ""], {}, [None, None, None]],
                         ids=["absent", "none", "one empty", "two empty", "three empty", "empty object", "three null"])
def test_set_self_info_with_nothing_to_change(alice, params):
    invalid_params(alice.socket(), "setSelfInfo", params)


def test_set_self_info_changes_all_or_nothing(alice):
    socket = alice.socket()
    invalid_params(socket, "setSelfInfo", ["Alicia", "123"])
    invalid_params(socket, "setSelfInfo", ["Alicia", "", "0" * 32 + ".png"])
    assert socket.call("getSelfInfo")["firstName"] == "Alice"


# Calls as such

def test_params_by_name(alice, bob):
    socket = alice.socket()
    message = socket.call("sendMessageToUser", {
        "text": "hi", "receiverTag": bob.tag, "clientMessageId": "n-1"})["message"]
    assert (message["text"], message["clientMessageId"]) == ("hi", "n-1")
    page = socket.call("getMessagesWithUser", {"receiverTag": bob.tag, "startIndex": 0, "endIndex": 5})
    assert [m["text"] for m in page] == ["hi"]
    assert len(socket.call("getMessagesWithUser", {"receiverTag": bob.tag, "endIndex": 5})) == 1
    assert len(socket.call("getDialogsList", {"endIndex": 1})) == 1
    assert socket.call("getDialogsList", {"startIndex": 1}) == []
    assert [u["tag"] for u in socket.call("findUsersByTag", {"tag": bob.tag})] == [bob.tag]
    assert bob.socket().call("markMessagesWithUserAsRead", {"senderTag": alice.tag}) == {"status": "OK"}
    assert socket.call("getSelfInfo", {})["tag"] == alice.tag


IDS = {"string": "1", "empty string": "", "number": 7, "zero": 0, "negative": -5, "null": None,
       "large": 2**53 - 1, "fraction": 1.5, "long": "x" * 1000, "emoji": "😍", "quotes": "\"\\\n"}


@pytest.mark.parametrize("id", IDS.values(), ids=IDS.keys())
def test_an_id_is_returned_unchanged(alice, id):
    socket = alice.socket()
    request = {"jsonrpc": "2.0", "method": "getSelfInfo", "id": id}
    answer = socket.exchange(json.dumps(request), id=id)
    assert answer["id"] == id and type(answer["id"]) is type(id)
    assert answer["result"]["tag"] == alice.tag


def test_unknown_method(alice):
    with pytest.raises(RpcError) as raised:
        alice.socket().call("noSuchMethod")
    assert (raised.value.code, raised.value.message) == (-32601, "Method not found")


def test_notification_is_carried_out_and_not_answered(alice, bob):
    socket, his = alice.socket(), bob.socket()
    socket.notify("sendMessageToUser", [bob.tag, "quietly"])
    socket.notify("noSuchMethod")
    socket.notify("sendMessageToUser", [bob.tag, ""])
    assert his.wait_notification(3001)["text"] == "quietly"
    socket.call("getSelfInfo", id="fence")
    assert [frame["id"] for frame in socket.frames if "jsonrpc" in frame] == ["fence"]


def test_calls_of_one_socket_are_answered_in_order(alice, bob):
    socket = alice.socket()
    befriend(socket, bob)
    kinds = [("getSelfInfo", None), ("sendMessageToUser", [bob.tag, "x"]), ("getDialogsList", None),
             ("noSuchMethod", None), ("findUsersByTag", [bob.tag]), ("getMessagesWithUser", [bob.tag]),
             ("sendMessageToUser", [bob.tag, ""])]
    ids = [socket.start_call(*kinds[number % len(kinds)], id=f"n{number}") for number in range(140)]
    socket.wait_answer(ids[-1])
    answered = [frame["id"] for frame in socket.frames if str(frame.get("id")).startswith("n")]
    assert answered == ids


def test_sends_of_one_socket_are_stored_in_order(alice, bob):
    socket = alice.socket()
    ids = [socket.start_call("sendMessageToUser", [bob.tag, str(number)]) for number in range(100)]
    answers = [socket.wait_answer(id)["result"]["message"] for id in ids]
    assert [m["seq"] for m in answers] == list(range(1, 101))
    assert [m["text"] for m in history(socket, bob)] == [str(n) for n in reversed(range(100))]


# Batches

def test_batch_of_calls_and_notifications(alice, bob):
    socket, his = alice.socket(), bob.socket()
    socket.send_json([
        {"jsonrpc": "2.0", "method": "getSelfInfo", "id": "a"},
        {"jsonrpc": "2.0", "method": "sendMessageToUser", "params": [bob.tag, "batched"]},
        {"jsonrpc": "2.0", "method": "getMessagesWithUser", "params": [bob.tag], "id": "b"},
        {"jsonrpc": "2.0", "method": "noSuchMethod", "id": "c"},
        1,
        {"jsonrpc": "2.0", "method": "noSuchMethod"},
    ])
    answers = socket.wait_batch()
    by_id = {answer["id"]: answer for answer in answers}
    assert len(answers) == 4 and set(by_id) == {"a", "b", "c", None}
    assert by_id["a"]["result"]["tag"] == alice.tag
    assert [m["text"] for m in by_id["b"]["result"]] == ["batched"], "carried out in order"
    assert by_id["c"]["error"]["code"] == -32601
    assert by_id[None]["error"]["code"] == -32600
    assert his.wait_notification(3001)["text"] == "batched"


def test_batch_of_one_is_answered_with_an_array(alice):
    socket = alice.socket()
    socket.send_json([{"jsonrpc": "2.0", "method": "getSelfInfo", "id": 1}])
    (answer,) = socket.wait_batch()
    assert answer["id"] == 1 and answer["result"]["tag"] == alice.tag


def test_batch_of_notifications_is_not_answered(alice, bob):
    socket, his = alice.socket(), bob.socket()
    call = {"jsonrpc": "2.0", "method": "sendMessageToUser", "params": [bob.tag, "one"]}
    socket.send_json([call, {**call, "params": [bob.tag, "two"]}])
    his.wait_notification(3001, {"text": "two"})
    socket.call("getSelfInfo", id="fence")
    assert [frame["id"] for frame in socket.frames if "jsonrpc" in frame] == ["fence"]


def test_batch_of_a_hundred_is_the_largest(alice):
    socket = alice.socket()
    calls = [{"jsonrpc": "2.0", "method": "getSelfInfo", "id": n} for n in range(101)]
    socket.send_json(calls[:100])
    answers = socket.wait_batch()
    assert sorted(answer["id"] for answer in answers) == list(range(100))
    assert all(answer["result"]["tag"] == alice.tag for answer in answers)
    socket.send_json(calls)
    answer = socket.wait_answer(None)
    assert answer["error"]["code"] == -32600 and answer["id"] is None
    assert socket.call("getSelfInfo")["tag"] == alice.tag


def test_a_rejected_batch_runs_nothing(alice, bob):
    socket = alice.socket()
    call = {"jsonrpc": "2.0", "method": "sendMessageToUser", "params": [bob.tag, "no"]}
    socket.send_json([call] * 101)
    assert socket.wait_answer(None)["error"]["code"] == -32600
    assert history(socket, bob) == []


def test_empty_batch(alice):
    socket = alice.socket()
    answer = socket.exchange("[]", id=None)
    assert set(answer) == {"jsonrpc", "error", "id"}
    assert (answer["error"]["code"], answer["error"]["message"]) == (-32600, "Invalid Request")


def test_batch_of_no_calls_at_all(alice):
    socket = alice.socket()
    socket.send_text("[1, 2, []]")
    answers = socket.wait_batch()
    assert [(a["error"]["code"], a["id"]) for a in answers] == [(-32600, None)] * 3


# Ends of a socket

def test_the_server_answers_a_close(alice):
    socket = alice.socket()
    socket.call("getSelfInfo")
    socket.close()
    assert socket.close_code == 1000
    with pytest.raises(SocketClosed):
        socket.call("getSelfInfo")
