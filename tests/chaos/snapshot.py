"""Everything that one user can read, as it is now."""

import dataclasses

PAGE = 1000


@dataclasses.dataclass
class Snapshot:
    """`messages`: the peer's tag -> entries of getMessagesWithUser, oldest first."""
    dialogs: list
    messages: dict
    own: dict


def pages(call, method, *parameters):
    """All entries of a list that is read page by page."""
    entries = []
    while True:
        page = call(method, [*parameters, len(entries), len(entries) + PAGE])
        entries += page
        if len(page) < PAGE:
            return entries


def conversation(call, peer):
    """Oldest first. What is sent while it is read moves all others by one: it may come twice."""
    by_seq = {entry["seq"]: entry for entry in pages(call, "getMessagesWithUser", peer)}
    return [by_seq[seq] for seq in sorted(by_seq)]


def read(call):
    """`call` takes a method and its parameters and returns the result."""
    dialogs = pages(call, "getDialogsList")
    peers = [entry["userInfo"]["tag"] for entry in dialogs]
    return Snapshot(dialogs, {peer: conversation(call, peer) for peer in peers},
                    call("getSelfInfo", None))
