"""After all is healed: waits, for as long as the messenger has, until everybody knows everything; then
reads what there is and lets the checker look."""

import functools
import itertools
import time

import requests

from chaos import checker, snapshot, turn_back
from chaos.checker import Finding
from chaos.device import SYNC_LIMIT, lost_of
from chaos.ledger import Sync
from chaos.line import BROKEN, Again, Line, Refused
from chaos.schedule import INSTANCES
from support.client import login, signup, token_of
from support.wait import wait_until

CALL_SECONDS, PRESENCE_SECONDS, VIEW_SECONDS = 10, 10, 30
READ_SECONDS = 60


class Probe:
    """Two people apart from the load, who call everything until it is answered."""

    def __init__(self, site):
        self._site = site
        self.tags = ("@probe0", "@probe1")
        self._tokens = [token_of(signup(site.stack.url(0), self._fields(n))) for n in range(2)]

    def _fields(self, number):
        return {"tag": self.tags[number], "firstName": "Probe", "lastName": "Person",
                "password": "password", "email": f"probe{number}@example.com"}

    def check(self):
        """Every call, through each gateway, within CALL_SECONDS. Returns findings."""
        findings = []
        for gateway in range(INSTANCES):
            last = [None]
            try:
                wait_until(lambda: self._all_answered(gateway, last), lambda: last[0], timeout=CALL_SECONDS)
            except AssertionError as error:
                findings.append(Finding("not-back", f"gateway-{gateway}", str(error)))
        return findings

    def _all_answered(self, gateway, last):
        url = self._site.stack.url(gateway)
        try:
            line = Line(url, self._tokens[0], lambda code, body: None)
            for method, params in (("getSelfInfo", None), ("sendMessageToUser", [self.tags[1], "hi"]),
                                   ("getDialogsList", None), ("findUsersByTag", ["probe"]),
                                   ("markMessagesWithUserAsRead", [self.tags[1]])):
                last[0] = method
                line.ask(method, params, lambda code, message: None)
            line.close(1)
            last[0] = "log-in"
            return login(url, "probe1@example.com", "password").status_code == 200
        except (Again, Refused, requests.RequestException, *BROKEN) as error:
            last[0] = f"{last[0]}: {error}"
            return False


class Aftermath:
    """`log` takes a line of text. run() returns the findings."""

    def __init__(self, load, log):
        self.load, self._log = load, log
        self.snapshots = {}  # tag -> Snapshot

    def run(self):
        findings = self._wait_for_presence()
        findings += self._wait_for_views()
        self._read_the_others()
        findings += self._check_returning()
        findings += self._check_books()
        return findings

    # What the connected know

    def _ask(self, device):
        """Asks on the device's own line until it is answered; opens no other, which would be presence."""
        return functools.partial(patiently, device.ask)

    def _wait_for_presence(self):
        began = time.monotonic()
        while True:
            findings = self._presence()
            if not findings or time.monotonic() - began > PRESENCE_SECONDS:
                self._log(f"presence: {len(findings)} findings after {time.monotonic() - began:.1f} s")
                return findings
            time.sleep(0.5)  # a poll; the limit is above

    def _presence(self):
        findings = []
        for device in self.load.connected():
            dialogs = snapshot.pages(self._ask(device), "getDialogsList")
            truth = self.load.online_users()
            findings += checker.check_presence(f"{device.plan.name} by getDialogsList",
                                               checker.listed_presence(dialogs), truth)
            findings += checker.check_presence(f"{device.plan.name} by pushes",
                                               device.leave_off().view.online, truth)
        return findings

    def _read_connected(self):
        for device in self.load.connected():
            if device.user not in self.snapshots:
                self.snapshots[device.user] = snapshot.read(self._ask(device))

    def _views(self):
        return [finding for device in self.load.connected() if device.user in self.snapshots
                for finding in self._check_view(device.plan.name, device.leave_off().view)]

    def _check_view(self, where, view):
        ledger = self.load.ledger
        unknown = turn_back.names_unknown(ledger.turn_backs, ledger.changes)
        return checker.check_view(where, view, self.snapshots[view.owner], unknown)

    def _wait_for_views(self):
        """By pushes alone: no device reconnects."""
        began = time.monotonic()
        self._read_connected()
        while self._views() and time.monotonic() - began < VIEW_SECONDS:
            time.sleep(0.5)  # a poll; the limit is above
        self.snapshots.clear()  # should anything still have changed
        self._read_connected()
        findings = self._views()
        findings += [Finding("device", device.plan.name, "is not connected") for device in
                     self.load.devices if not device.plan.ends_offline and not device.is_connected]
        self._log(f"connected devices: {len(findings)} findings after {time.monotonic() - began:.1f} s")
        return findings

    # The stored state, and what reconnecting devices learn

    def _line(self, user):
        gateway = self.load.plan.users.index(user) % INSTANCES
        return Line(self.load.url(gateway), self.load.tokens[user], lambda code, body: None)

    def _read_the_others(self):
        for user in self.load.plan.users:
            if user not in self.snapshots:
                with self._line(user) as line:
                    self.snapshots[user] = snapshot.read(functools.partial(patiently, asking(line)))

    def _check_returning(self):
        findings, count = [], 0
        for device in self.load.devices:
            known = list(device.memories)
            if device.plan.ends_offline and device.epoch:
                known.append(device.leave_off())
            if not known:
                continue
            with self._line(device.user) as line:
                for memory in known:
                    findings += self._return(line, memory)
                    count += 1
        self._log(f"returning clients: {count}, {len(findings)} findings")
        return findings

    def _return(self, line, memory):
        where = f"{memory.device} back from position {memory.position}"
        view, position, epoch = memory.view.copy(), memory.position, memory.epoch
        since, pages = memory.since, []
        for _ in itertools.count():
            asked = time.monotonic()
            page = patiently(asking(line), "sync", [epoch, position, SYNC_LIMIT])
            self.load.ledger.note_sync(Sync(where, memory.view.owner, position, since, asked, time.monotonic(),
                                            page["reset"]))
            if page["reset"]:
                return []  # whether it was right, the checker decides
            if page["more"] and page["position"] <= position:
                return [Finding("sync-stands-still", where, str(page)[:500])]
            view.take_page(page)
            pages.append(page)
            position, since = page["position"], time.monotonic()
            if not page["more"]:
                break
        if lost_of(memory.own, memory.position, pages):
            return []  # it reads its lists again
        return self._check_view(where, view)

    def _check_books(self):
        stored = {pair: self.snapshots[pair[0]].messages.get(pair[1], [])
                  for one, other in self.load.plan.pairs for pair in ((one, other), (other, one))}
        ledger = self.load.ledger
        findings = checker.check_answers(ledger) + checker.check_stored(ledger, stored)
        findings += checker.check_sockets(ledger) + checker.check_calls(ledger)
        findings += checker.check_closes(ledger) + checker.check_syncs(ledger)
        findings += checker.check_names(ledger, {tag: read.own for tag, read in self.snapshots.items()})
        for user, read in self.snapshots.items():
            findings += checker.check_snapshot(user, read)
        return findings


def asking(line):
    return lambda method, params: line.ask(method, params, lambda code, message: None)


def patiently(ask, method, params=None):
    """Until it is answered: what is slow after healing is found elsewhere."""
    began = time.monotonic()
    while True:
        try:
            return ask(method, params)
        except Again as error:
            if time.monotonic() - began > READ_SECONDS:
                raise AssertionError(f"{method} is not answered: {error}") from None
            time.sleep(max(0.1, error.seconds))  # as the error asks
