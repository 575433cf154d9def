"""What a correct client knows: its model of the user's dialogs, contacts and own profile.

What comes may come in any order (an answer may overtake a push, a page of `sync` may be older than
either), so nothing here is counted up or down: messages are a set, read marks only go forward, and
of a profile the field with the larger user sequence is right.
"""

import dataclasses

PROFILE_FIELDS = ("firstName", "lastName", "img")
IN, OUT = "in", "out"


@dataclasses.dataclass
class Message:
    """`user_seq`: the owner's, if a push or an answer has said it. `at_most`: it is not greater, as it
    was in a list that was read later."""
    id: str
    sender: str
    text: str
    user_seq: int = None
    at_most: int = None

    def is_before(self, user_seq):
        known = self.at_most if self.user_seq is None else self.user_seq
        return known is not None and known < user_seq

    def is_after(self, user_seq):
        return self.user_seq is not None and self.user_seq > user_seq


@dataclasses.dataclass
class Marks:
    """How far one direction of a dialog is read. `row`: (seq, unread) of the newest list entry seen.
    `user_seq`: of the newest mark. `floor`: messages up to this seq are read. `loose`: this device has
    marked without learning the number, so what else is read is unknown."""
    row: tuple = (0, 0)
    user_seq: int = 0
    floor: int = 0
    loose: bool = False


class Dialog:
    def __init__(self):
        self.messages = {}
        self.marks = {IN: Marks(), OUT: Marks()}

    def copy(self):
        twin = Dialog()
        twin.messages = dict(self.messages)
        twin.marks = {way: dataclasses.replace(marks) for way, marks in self.marks.items()}
        return twin

    def direction(self, owner, message):
        return OUT if message.sender == owner else IN

    def read_range(self, owner, way):
        """The minimum and maximum number of messages of that direction that are read, as far as is known."""
        marks = self.marks[way]
        items = [(seq, message) for seq, message in sorted(self.messages.items())
                 if self.direction(owner, message) == way]
        low = max(0, sum(seq <= marks.row[0] for seq, _ in items) - marks.row[1])
        for rank, (seq, message) in enumerate(items, 1):
            if seq <= marks.floor or message.is_before(marks.user_seq):
                low = max(low, rank)
        if marks.loose:
            return low, len(items)
        high = low
        while marks.user_seq and high < len(items) and not items[high][1].is_after(marks.user_seq):
            high += 1
        return low, high


class View:
    """Tags as they were signed up. Not locked: the device does that."""

    def __init__(self, owner):
        self.owner = owner
        self.dialogs = {}
        self.profiles = {}  # tag -> field -> (user_seq, value); the owner's own too
        self.online = {}
        self.contradictions = []  # what came twice and was not the same

    def copy(self):
        """Shares the messages, which do not change, but for a user_seq that becomes known."""
        twin = View(self.owner)
        twin.dialogs = {peer: dialog.copy() for peer, dialog in self.dialogs.items()}
        twin.profiles = {tag: dict(fields) for tag, fields in self.profiles.items()}
        twin.online = dict(self.online)
        twin.contradictions = list(self.contradictions)
        return twin

    def dialog(self, peer):
        return self.dialogs.setdefault(peer, Dialog())

    # What comes

    def add_message(self, body, user_seq=None, at_most=None):
        """A message of a push or an answer (with its user_seq), or of a list (with one not less)."""
        sender, receiver = body["senderTag"], body["receiverTag"]
        messages = self.dialog(receiver if sender == self.owner else sender).messages
        known = messages.get(body["seq"])
        if known is None:
            messages[body["seq"]] = Message(body["_id"], sender, body["text"], user_seq, at_most)
            return
        if (known.id, known.sender, known.text) != (body["_id"], sender, body["text"]):
            self.contradictions.append((known, body))
        if known.user_seq is None:
            known.user_seq = user_seq
        if at_most is not None:
            known.at_most = min(at_most, known.at_most or at_most)

    def mark(self, peer, way, user_seq):
        marks = self.dialog(peer).marks[way]
        marks.user_seq = max(marks.user_seq, user_seq or 0)

    def newest_incoming(self, peer):
        return max((seq for seq, message in self.dialog(peer).messages.items()
                    if message.sender == peer), default=0)

    def own_mark(self, peer, floor, user_seq):
        """This device has marked; `floor` is newest_incoming() when it asked for it."""
        marks = self.dialog(peer).marks[IN]
        marks.floor = max(marks.floor, floor)
        marks.loose = marks.loose or user_seq is None
        marks.user_seq = max(marks.user_seq, user_seq or 0)

    def forget_marks(self, peer):
        """What this device has marked may have been lost: the next entry of a list decides."""
        self.dialog(peer).marks[IN] = Marks(loose=True)

    def take_row(self, entry):
        """An entry of getDialogsList or sync, asked for after every own mark so far."""
        dialog = self.dialog(entry["userInfo"]["tag"])
        for way, unread in ((IN, entry["unreadIncoming"]), (OUT, entry["unreadOutgoing"])):
            marks = dialog.marks[way]
            marks.loose = False
            if (entry["seq"], -unread) > (marks.row[0], -marks.row[1]):
                marks.row = (entry["seq"], unread)

    def take_profile(self, tag, fields, user_seq):
        known = self.profiles.setdefault(tag, {})
        for field in PROFILE_FIELDS:
            if field in fields and user_seq >= known.get(field, (0, None))[0]:
                known[field] = (user_seq, fields[field])

    def take_list(self, dialogs, position):
        """Read after `position` was; what comes by push is newer."""
        for entry in dialogs:
            self.take_row(entry)
            peer = entry["userInfo"]
            self.take_profile(peer["tag"], peer, position)
            self.online[peer["tag"]] = peer["isOnline"]

    def take_snapshot(self, snapshot, position):
        """As take_list."""
        self.take_list(snapshot.dialogs, position)
        for messages in snapshot.messages.values():
            for message in messages:
                self.add_message(message, at_most=position)
        self.take_profile(self.owner, snapshot.own, position)

    def take_page(self, page):
        """A page of sync."""
        position = page["position"]
        for entry in page["dialogs"]:
            self.take_row(entry)
            self.take_profile(entry["userInfo"]["tag"], entry["userInfo"], position)
            for message in entry["messages"]:
                self.add_message(message, at_most=position)
        if "self" in page:
            self.take_profile(self.owner, page["self"], position)
        if "online" in page:
            for tag in self.dialogs:
                self.online[tag] = tag in page["online"]

    # What it shows

    def profile(self, tag):
        return {field: value for field, (_, value) in self.profiles.get(tag, {}).items()}
