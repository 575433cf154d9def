"""A store that was put back as it was earlier: what may be lost with it, and what clients must be notified of.

All times are of time.monotonic(). What was acknowledged before `copied` is in the copy. What was asked after `lost`
was not answered by the store that was replaced. The copy was in effect from `turned` at the earliest and from `done`
at the latest."""

import dataclasses

NEVER = float("inf")  # of a time: later than everything that could excuse it
MESSAGES, USERS = "messages", "users"
# The numbers of a store that was put back begin after a random step of up to 2^32 (lineage.h); those that follow the
# copy's more closely are of the store that was replaced.
NEAR = 1_000_000
# A gateway checks the position of each user every 5 s, and closes the sockets of those who were ahead.
CLOSE_SECONDS = 15


@dataclasses.dataclass
class TurnBack:
    """Of `messages`: `positions` are the user sequences in the copy by tag, `newest` the largest ones that users were
    notified of before; `renewed`: the copy has another epoch."""
    store: str
    copied: float
    lost: float
    turned: float
    done: float
    positions: dict = dataclasses.field(default_factory=dict)
    newest: dict = dataclasses.field(default_factory=dict)
    renewed: bool = False

    def may_lose(self, asked, at):
        """What was asked and answered at these times."""
        return at >= self.copied and asked <= self.lost

    def is_ahead(self, user, position):
        return self.renewed or position > self.positions.get(user, 0)

    def is_of_the_replaced(self, user, position):
        """Whenever it was received: a push may be read late where the machine is busy."""
        return 0 < position - self.positions.get(user, 0) < NEAR


def of(turn_backs, store):
    return [one for one in turn_backs if one.store == store]


def may_be_lost(turn_backs, ack):
    return any(one.may_lose(ack.asked, ack.at) for one in of(turn_backs, MESSAGES))


def may_differ(turn_backs, ack, other):
    """Whether two answers to one send may name two messages: the first one was lost before the other one was stored."""
    first, second = sorted((ack, other), key=lambda one: one.at)
    return any(one.may_lose(first.asked, first.at) and second.at >= one.turned
               for one in of(turn_backs, MESSAGES))


def must_reset(turn_backs, sync):
    return any(sync.since < one.turned and sync.asked >= one.done and one.is_ahead(sync.user, sync.position)
               for one in of(turn_backs, MESSAGES))


def may_reset(turn_backs, sync):
    return any(sync.at >= one.turned and
               (sync.since < one.done and one.is_ahead(sync.user, sync.position) or
                one.is_of_the_replaced(sync.user, sync.position))
               for one in of(turn_backs, MESSAGES))


def may_close(turn_backs, book, changes):
    """Whether 1012 was right for a socket: its user was notified of something, or has changed something, that was
    lost. `changes` are of all users."""
    return any(book.opened_at <= one.turned + CLOSE_SECONDS and
               one.turned <= book.closed_at <= one.done + 2 * CLOSE_SECONDS and
               (one.is_ahead(book.user, one.newest.get(book.user, 0)) or
                any(c.user == book.user and one.may_lose(c.asked, c.at) for c in changes))
               for one in of(turn_backs, MESSAGES))


def last_names(changes):
    """tag -> its last change of a name."""
    return {change.user: change for change in sorted(changes, key=lambda one: one.at) if change.kind == "name"}


def name_may_be_lost(turn_backs, change):
    return any(one.may_lose(change.asked, change.at) for one in of(turn_backs, USERS))


def names_unknown(turn_backs, changes):
    """Users whose last change of a name may have been lost in one of the stores alone: the name itself, after contacts
    were notified; or the notification, for contacts who had not received it."""
    alone = [one for one in turn_backs if not one.renewed]
    return {user for user, change in last_names(changes).items() if any(one.may_lose(change.asked, change.at) for one in alone)}
