"""The checker finds what is planted, and nothing in books where all is well."""

import copy

import pytest

from chaos import checker
from chaos import ledger as books
from chaos.snapshot import Snapshot
from chaos.view import View

ANNA, BEN = "@anna", "@ben"
COUNT = 6  # messages, in turn; the first four are read


def user(tag):
    return {"_id": "1" * 24, "tag": tag, "firstName": "Test", "lastName": "User", "img": "default.jpg"}


def entry(seq):
    """As getMessagesWithUser has it."""
    sender, receiver = (ANNA, BEN) if seq % 2 else (BEN, ANNA)
    return {"_id": f"{seq:024}", "senderTag": sender, "receiverTag": receiver,
            "text": f"key{seq} hello", "date": f"2026-01-01T00:00:0{seq}.000Z", "isRead": seq <= 4,
            "seq": seq}


def seq_time(message):
    """When it was sent, of the clock of the ledger: the first one at 101."""
    return 100.0 + message["seq"]


def push(seq, user_seq):
    return {**entry(seq), "userSeq": user_seq}


class Books:
    """A clean run: two users, each with a device that has had everything pushed. Anna's device has
    sent messages 1, 3 and 5; its user sequence is 10 and more, and 20 is the mark of message 4."""

    def __init__(self):
        self.ledger = books.Ledger()
        self.stored = {(ANNA, BEN): self._messages(), (BEN, ANNA): self._messages()}
        for message in self._messages():
            key = books.key_of(message["text"])
            self.ledger.note_attempt(key, message["senderTag"], message["receiverTag"], message["text"])
            self.ledger.note_ack(key, dict(message), asked=seq_time(message), at=seq_time(message) + 0.5)
        self.socket = self.ledger.open_socket("annad0", ANNA, 0)
        self.socket.pushes = [(books.NEW_MESSAGE, push(2, 12)), (books.WAS_READ, self._mark(13)),
                              (books.NEW_MESSAGE, push(4, 15)), (books.ONLINE, {"loggedInUserTag": BEN}),
                              (books.WAS_READ, self._mark(20)), (books.NEW_MESSAGE, push(6, 22))]
        self.snapshot = Snapshot([self._row()], {BEN: self._messages()}, user(ANNA))
        self.view = self._view()

    @staticmethod
    def _messages():
        return [entry(seq) for seq in range(1, COUNT + 1)]

    @staticmethod
    def _mark(user_seq):
        return {"receiverTag": BEN, "userSeq": user_seq}

    @staticmethod
    def _row(**changed):
        last = entry(COUNT)
        return {**last, "unreadIncoming": 1, "unreadOutgoing": 1, "unreadCount": 2,
                "userInfo": {**user(BEN), "isOnline": True}, **changed}

    def _view(self):
        view = View(ANNA)
        view.take_profile(BEN, user(BEN), 1)
        view.take_profile(ANNA, user(ANNA), 1)
        for seq in range(1, COUNT + 1):
            view.add_message(entry(seq), user_seq=10 + 2 * seq - (seq > 4))  # 12 14 16 18 19 21
        view.mark(BEN, "in", 19)
        view.mark(BEN, "out", 18)
        return view

    def findings(self):
        found = (checker.check_answers(self.ledger) + checker.check_stored(self.ledger, self.stored) +
                 checker.check_sockets(self.ledger) + checker.check_snapshot(ANNA, self.snapshot) +
                 checker.check_view("annad0", self.view, self.snapshot) +
                 checker.check_presence("annad0", checker.listed_presence(self.snapshot.dialogs), {BEN}) +
                 checker.check_calls(self.ledger) + checker.check_closes(self.ledger) +
                 checker.check_syncs(self.ledger) +
                 checker.check_names(self.ledger, {ANNA: user(ANNA), BEN: user(BEN)}) +
                 checker.check_logs({"message-0": "info: ready"}))
        return {finding.check for finding in found}


@pytest.fixture
def clean():
    return Books()


def test_a_correct_run_has_no_findings(clean):
    assert clean.findings() == set()


# What is stored

def test_a_lost_message(clean):
    for messages in clean.stored.values():
        messages.pop()
    assert clean.findings() == {"acknowledged-lost"}


def test_a_message_that_only_one_side_sees(clean):
    clean.stored[BEN, ANNA].pop()
    assert clean.findings() == {"acknowledged-lost", "two-histories"}


def test_a_message_stored_twice(clean):
    for messages in clean.stored.values():
        messages.append({**entry(2), "_id": "f" * 24, "seq": COUNT + 1})
    assert clean.findings() == {"stored-twice"}


def test_an_altered_text(clean):
    for messages in clean.stored.values():
        messages[0]["text"] = "key1 hellO"
    assert clean.findings() == {"acknowledged-lost", "nobody-sent"}


def test_a_message_that_was_never_sent(clean):
    for messages in clean.stored.values():
        messages.append({**entry(2), "_id": "f" * 24, "seq": COUNT + 1, "text": "from nowhere"})
    assert clean.findings() == {"nobody-sent"}


def test_a_gap_in_seq(clean):
    for messages in clean.stored.values():
        messages[-1]["seq"] += 1
    clean.ledger.sent[f"key{COUNT}"].acks[0].message["seq"] += 1
    assert clean.findings() == {"seq-holes"}


def test_messages_stored_in_another_order_than_acknowledged(clean):
    for messages in clean.stored.values():
        messages[0], messages[1] = {**messages[1], "seq": 1}, {**messages[0], "seq": 2}
    assert clean.findings() == {"acknowledged-lost"}


def test_one_id_answered_as_two_messages(clean):
    clean.ledger.note_ack("key1", {**entry(1), "_id": "f" * 24})
    assert clean.findings() == {"answered-as-two"}


def test_an_answer_with_another_text(clean):
    clean.ledger.sent["key1"].acks[0].message["text"] = "key1 something else"
    assert clean.findings() == {"answered-wrongly"}


# What is pushed

def test_a_duplicated_push(clean):
    clean.socket.pushes.append((books.NEW_MESSAGE, push(6, 23)))
    assert clean.findings() == {"pushed-twice"}


def test_a_duplicated_push_with_the_same_number(clean):
    clean.socket.pushes.append((books.WAS_READ, {"receiverTag": BEN, "userSeq": 22}))
    assert clean.findings() == {"user-seq-not-rising"}


def test_pushes_out_of_order(clean):
    one, other = clean.socket.pushes[0], clean.socket.pushes[2]
    clean.socket.pushes[0], clean.socket.pushes[2] = other, one
    assert clean.findings() == {"pushed-out-of-order", "user-seq-not-rising"}


def test_the_same_presence_twice_in_a_row(clean):
    clean.socket.pushes += [(books.OFFLINE, {"loggedOutUserTag": BEN})] * 2
    assert clean.findings() == {"presence-repeated"}


def test_presence_that_alternates_or_is_online_again(clean):
    clean.socket.pushes += [(books.OFFLINE, {"loggedOutUserTag": BEN}), (books.ONLINE, {"loggedInUserTag": "@carl"}),
                            (books.ONLINE, {"loggedInUserTag": BEN}), (books.ONLINE, {"loggedInUserTag": BEN})]
    assert clean.findings() == set()


def test_a_push_without_its_number(clean):
    del clean.socket.pushes[0][1]["userSeq"]
    assert clean.findings() == {"no-user-seq"}


def test_a_text_shown_that_was_not_sent_though_never_acknowledged(clean):
    clean.ledger.note_attempt("key9", BEN, ANNA, "key9 as it was sent")
    shown = {**push(7, 30), "senderTag": BEN, "receiverTag": ANNA, "text": "key9 as it was not sent"}
    clean.socket.pushes.append((books.NEW_MESSAGE, shown))
    assert clean.findings() == {"shown-but-not-sent"}


# What is read

@pytest.mark.parametrize("field", ["unreadIncoming", "unreadOutgoing", "unreadCount"])
def test_a_wrong_unread_count(clean, field):
    clean.snapshot.dialogs[0][field] += 1
    assert clean.findings() == {"row-wrong"}


@pytest.mark.parametrize("field, value", [("text", "key5 hello"), ("seq", 5), ("senderTag", ANNA)])
def test_a_wrong_last_message(clean, field, value):
    clean.snapshot.dialogs[0][field] = value
    assert clean.findings() == {"row-wrong"}


def test_a_message_read_after_one_that_is_not(clean):
    clean.snapshot.messages[BEN][1]["isRead"] = False
    assert "read-after-unread" in clean.findings()


# What a client knows

def test_a_lost_push(clean):
    del clean.view.dialogs[BEN].messages[6]
    assert clean.findings() == {"view-misses-messages"}


def test_a_phantom_message(clean):
    clean.view.add_message({**entry(2), "_id": "f" * 24, "seq": 7}, user_seq=30)
    assert clean.findings() == {"view-phantom-messages"}


def test_a_message_that_arrived_twice_with_different_content(clean):
    clean.view.add_message({**entry(2), "text": "key2 HELLO"}, user_seq=14)
    assert clean.findings() == {"view-contradiction"}


@pytest.mark.parametrize("way", ["in", "out"])
def test_a_missing_read_mark(clean, way):
    clean.view.dialogs[BEN].marks[way].user_seq = 13
    assert clean.findings() == {"view-marks"}


def test_a_read_mark_too_far(clean):
    clean.view.mark(BEN, "in", 30)
    assert clean.findings() == {"view-marks"}


@pytest.mark.parametrize("tag", [ANNA, BEN])
def test_a_stale_profile(clean, tag):
    clean.view.take_profile(tag, {"firstName": "Old"}, 2)
    assert clean.findings() == {"view-profile"}


def test_an_unknown_dialog(clean):
    clean.view.add_message({**entry(1), "receiverTag": "@carl"}, user_seq=30)
    assert clean.findings() == {"view-phantom-dialog"}


def test_a_wrong_presence(clean):
    clean.snapshot.dialogs[0]["userInfo"]["isOnline"] = False
    assert clean.findings() == {"presence"}


# Calls and programs

@pytest.mark.parametrize("code", [-32000, -32602, None])
def test_a_call_that_fails_for_good(clean, code):
    clean.ledger.note_trouble(books.Trouble("annad0", "getSelfInfo", code, "Server error"))
    assert clean.findings() == {"call"}


def test_a_call_to_be_tried_again_is_no_finding(clean):
    clean.ledger.note_trouble(books.Trouble("annad0", "getSelfInfo", -32001, "Service unavailable"))
    assert clean.findings() == set()


@pytest.mark.parametrize("closed", [(1012, "another store"), (1000, "NoAuthJWTError"), (1007, "")])
def test_a_socket_closed_without_a_reason(clean, closed):
    clean.socket.closed = closed
    assert clean.findings() == {"closed"}


@pytest.mark.parametrize("closed", [(None, None), (1001, "going down"), (1000, "")])
def test_a_socket_may_close_with_its_gateway_but_not_at_other_times(clean, closed):
    clean.socket.closed = closed
    assert clean.findings() == set()
    clean.socket.at_rest = True
    assert clean.findings() == {"lost-at-rest"}


def test_a_client_that_did_not_read_may_be_closed_and_no_other_one(clean):
    clean.socket.opened_at, clean.socket.closed_at, clean.socket.closed = 50.0, 110.0, (1013, "")
    assert clean.findings() == {"closed"}
    clean.ledger.note_slow(books.Slow("bend0", 105.0, 109.0))
    assert clean.findings() == {"closed"}
    clean.ledger.note_slow(books.Slow("annad0", 111.0, 115.0))
    assert clean.findings() == {"closed"}
    clean.ledger.note_slow(books.Slow("annad0", 105.0, 109.0))
    assert clean.findings() == set()


def test_a_name_that_was_lost(clean):
    clean.ledger.note_change(ANNA, "name", 100.0, "Test")
    assert clean.findings() == set()
    clean.ledger.note_change(ANNA, "name", 101.0, "Newer")
    assert clean.findings() == {"acknowledged-lost"}


@pytest.mark.parametrize("line", ["==1==ERROR: AddressSanitizer: heap-use-after-free", "fatal: no",
                                  "x.c:3:4: runtime error: signed integer overflow"])
def test_a_bad_line_in_a_log(line):
    found = checker.check_logs({"user-0": f"info: ready\n{line}\n", "user-1": "info: ready"})
    assert [(finding.check, finding.where) for finding in found] == [("log", "user-0")]


# The model of a client does not depend on the order in which things come

def test_lists_and_pushes_in_any_order_give_the_same_state(clean):
    pushed_first, listed_first = View(ANNA), View(ANNA)
    page = {"position": 21, "dialogs": [{**clean.snapshot.dialogs[0], "messages": [
        entry(seq) for seq in range(1, COUNT + 1)]}], "self": user(ANNA), "online": [BEN]}
    for seq in range(1, COUNT + 1):
        pushed_first.add_message(entry(seq), user_seq=10 + seq)
    pushed_first.take_page(copy.deepcopy(page))
    listed_first.take_page(copy.deepcopy(page))
    for seq in range(1, COUNT + 1):
        listed_first.add_message(entry(seq), user_seq=10 + seq)
    for view in (pushed_first, listed_first):
        assert checker.check_view("anna", view, clean.snapshot) == []
        assert view.online == {BEN: True}


def test_own_marks_without_a_number_do_not_settle_other_marks(clean):
    marks = clean.view.dialogs[BEN].marks["in"]
    marks.user_seq = 0
    clean.view.own_mark(BEN, floor=2, user_seq=None)
    assert clean.view.dialogs[BEN].read_range(ANNA, "in") == (1, 3)
    clean.view.own_mark(BEN, floor=2, user_seq=19)
    marks.loose = False
    assert clean.view.dialogs[BEN].read_range(ANNA, "in") == (2, 2)
