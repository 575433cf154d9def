"""After a store was turned back, exactly what the copy lacks may be lost; everything else is found as ever.

Of the clean run in test_checker.py: message n is sent at 100 + n and answered half a second later."""

import pytest

from chaos import checker, turn_back
from chaos import ledger as books
from chaos.device import Own, lost_of
from chaos.test_checker import ANNA, BEN, COUNT, Books, entry, push
from chaos.turn_back import MESSAGES, USERS, TurnBack


class TurnedBack(Books):
    """The copy was made after message 4, the services were stopped at 107 and started at 108; 5 and 6 are lost."""

    def __init__(self, **changed):
        super().__init__()
        self.turn_back = TurnBack(**{"store": MESSAGES, "copied": 104.7, "lost": 107.0, "turned": 108.0, "done": 108.0,
                                     "positions": {ANNA: 18, BEN: 18}, "newest": {ANNA: 22}, **changed})
        self.ledger.note_turn_back(self.turn_back)

    def lose(self, *seqs):
        self.stored = {pair: [m for m in messages if m["seq"] not in seqs] for pair, messages in self.stored.items()}

    def found(self):
        return {f.check for f in checker.check_answers(self.ledger) + checker.check_stored(self.ledger, self.stored) +
                checker.check_sockets(self.ledger) + checker.check_closes(self.ledger) +
                checker.check_syncs(self.ledger)}

    def sync(self, **changed):
        self.ledger.note_sync(books.Sync(**{"where": "annad0", "user": ANNA, "position": 22, "since": 106.0,
                                            "asked": 110.0, "at": 110.1, "reset": True, **changed}))
        return self.found()

    def close(self, opened_at, closed_at):
        self.socket.opened_at, self.socket.closed_at, self.socket.closed = opened_at, closed_at, (1012, "")
        return self.found()


@pytest.fixture
def turned():
    return TurnedBack()


# Messages

def test_what_was_acknowledged_after_the_copy_may_be_lost(turned):
    assert turned.found() == set()
    turned.lose(6)
    assert turned.found() == set()
    turned.lose(5)
    assert turned.found() == set()


def test_what_was_acknowledged_before_the_copy_was_begun_may_not(turned):
    turned.lose(4, 5, 6)
    assert turned.found() == {"acknowledged-lost"}


def test_an_answer_while_the_copy_is_made_may_be_of_either_side():
    turned = TurnedBack(copied=104.4)
    turned.lose(4, 5, 6)
    assert turned.found() == set()


def send_later(turned, at, seq=7):
    turned.ledger.note_attempt("later", ANNA, BEN, "later hello")
    turned.ledger.note_ack("later", {**entry(1), "_id": "a" * 24, "text": "later hello", "seq": seq}, at, at + 0.1)


@pytest.mark.parametrize("asked", [107.1, 108.5, 120.0])
def test_what_was_sent_afterwards_may_not(turned, asked):
    turned.lose(5, 6)
    send_later(turned, asked)
    assert turned.found() == {"acknowledged-lost"}


def test_what_was_acknowledged_onto_a_file_that_was_gone_may_not():
    """As sent after the file was removed, and before the services were stopped."""
    turned = TurnedBack(lost=105.5)
    turned.lose(5, 6)
    assert turned.found() == {"acknowledged-lost"}


def test_the_restored_store_has_no_holes_and_nothing_that_nobody_sent(turned):
    turned.lose(5)
    assert turned.found() == {"seq-holes"}
    turned.lose(6)
    for messages in turned.stored.values():
        messages.append({**entry(5), "text": "from nowhere", "_id": "f" * 24})
    assert turned.found() == {"nobody-sent"}


def test_a_lost_message_that_was_sent_again_is_another_one(turned):
    """An answer was lost or late: the same id, at another place."""
    turned.lose(5, 6)
    again = {**entry(6), "seq": 5}
    for messages in turned.stored.values():
        messages.append(again)
    turned.ledger.note_ack("key6", dict(again), 109.0, 109.1)
    assert turned.found() == set()


@pytest.mark.parametrize("key, seq, asked, at", [
    ("key4", 5, 109.0, 109.1),  # the first one was in the copy
    ("key6", 5, 106.1, 106.4),  # both before the store was turned back
])
def test_one_message_has_one_place_otherwise(turned, key, seq, asked, at):
    turned.ledger.note_ack(key, {**turned.ledger.sent[key].acks[0].message, "seq": seq}, asked, at)
    assert "answered-as-two" in turned.found()


def test_a_message_has_the_same_id_whatever_happened(turned):
    turned.ledger.note_ack("key6", {**entry(6), "_id": "f" * 24}, 109.0, 109.1)
    assert "answered-as-two" in turned.found()


def test_nothing_is_lost_with_the_users(turned):
    turned = TurnedBack(store=USERS)
    turned.lose(5, 6)
    assert turned.found() == {"acknowledged-lost"}


# Clients

def test_a_client_that_was_ahead_must_be_reset(turned):
    assert turned.sync() == set()
    assert turned.sync(reset=False) == {"silently-behind"}


@pytest.mark.parametrize("position, since, asked", [
    (18, 104.0, 110.0),  # the copy has it
    (1 << 30, 108.5, 110.0),  # it is of the new store
    (22, 106.0, 106.5),  # nothing had happened yet
])
def test_no_other_one_may_be_reset(turned, position, since, asked):
    changed = {"position": position, "since": since, "asked": asked, "at": asked + 0.1}
    assert turned.sync(reset=False, **changed) == set()
    assert turned.sync(reset=True, **changed) == {"reset"}


def test_a_position_of_the_replaced_store_that_was_received_late_may_be_reset(turned):
    assert turned.sync(since=108.5) == set()


def test_a_reset_without_any_turn_back():
    clean = Books()
    clean.ledger.note_sync(books.Sync("annad0", ANNA, 22, 106.0, 110.0, 110.1, True))
    assert clean.findings() == {"reset"}


def test_an_answer_across_the_moment_may_be_either(turned):
    assert turned.sync(asked=107.9, at=108.2) == set()
    assert turned.sync(asked=107.9, at=108.2, reset=False) == set()


def test_all_must_be_reset_by_another_epoch():
    turned = TurnedBack(renewed=True)
    assert turned.sync(position=1) == set()
    assert turned.sync(position=1, reset=False) == {"silently-behind"}


def test_a_user_the_copy_does_not_know_is_ahead(turned):
    assert turned.sync(user="@carl", position=1, reset=False) == {"silently-behind"}


def test_a_socket_that_was_ahead_may_be_closed(turned):
    assert turned.close(100.0, 109.0) == set()


@pytest.mark.parametrize("opened_at, closed_at", [(100.0, 107.5), (100.0, 150.0), (130.0, 131.0)])
def test_a_socket_may_not_be_closed_at_another_time(turned, opened_at, closed_at):
    assert turned.close(opened_at, closed_at) == {"closed"}


def test_a_socket_that_was_not_ahead_may_not_be_closed():
    turned = TurnedBack(newest={ANNA: 18})
    assert turned.close(100.0, 109.0) == {"closed"}
    turned.ledger.changes.append(books.Change(ANNA, "send", 105.0, 105.5))  # not notified, but lost
    assert turned.found() == set()


def test_what_is_pushed_to_a_socket_that_stays_has_no_exception(turned):
    turned.socket.pushes.append((books.NEW_MESSAGE, {**push(6, 900)}))
    assert turned.found() == {"pushed-twice"}


def test_a_client_finds_that_its_own_messages_were_lost():
    own = [Own(BEN, 10, "a"), Own(BEN, 10, "b"), Own(BEN, 12, "c"), Own("@carl", 10)]
    page = {"dialogs": [{"userInfo": {"tag": BEN}, "messages": [{"_id": "a"}]}]}
    assert lost_of(own, 10, [page]) == [own[1], own[3]]
    assert lost_of(own, 14, [page]) == []


# Names

@pytest.mark.parametrize("store", [MESSAGES, USERS])
def test_contacts_may_not_know_a_name_that_changed_in_between(store):
    turned = TurnedBack(store=store)
    turned.ledger.changes += [books.Change(ANNA, "name", 105.0, 105.1, "New"), books.Change(BEN, "name", 103.0, 103.1, "New")]
    assert turn_back.names_unknown(turned.ledger.turn_backs, turned.ledger.changes) == {ANNA}
    turned.ledger.changes.append(books.Change(ANNA, "name", 109.0, 109.1, "Newer"))
    assert turn_back.names_unknown(turned.ledger.turn_backs, turned.ledger.changes) == set()


def test_contacts_that_read_their_lists_again_know_all_names():
    turned = TurnedBack(renewed=True)
    turned.ledger.changes.append(books.Change(ANNA, "name", 105.0, 105.1, "New"))
    assert turn_back.names_unknown(turned.ledger.turn_backs, turned.ledger.changes) == set()


@pytest.mark.parametrize("store, findings", [(USERS, 0), (MESSAGES, 1)])
def test_a_name_is_lost_with_its_own_store_only(store, findings):
    turned = TurnedBack(store=store)
    turned.ledger.changes.append(books.Change(ANNA, "name", 105.0, 105.1, "New"))
    assert len(checker.check_names(turned.ledger, {ANNA: {"firstName": "Old"}})) == findings


def test_the_clean_run_has_as_many_messages_as_these_tests_expect():
    assert COUNT == 6
