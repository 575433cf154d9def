"""The users: signs them up, gives the pairs a dialog, runs their devices, stops them."""

import itertools
import threading
import time

import requests

from chaos.device import Device
from chaos.line import BROKEN
from chaos.schedule import INSTANCES
from support.client import RpcError, Socket, login, signup, token_of

SETTLE_SECONDS = 60
RETRY_SECONDS = 0.3


class Load:
    """`broken` describes the current faults."""

    gateways = INSTANCES

    def __init__(self, site, plan, broken, ledger):
        self.site, self.plan, self.broken, self.ledger = site, plan, broken, ledger
        self.ending, self.over = threading.Event(), threading.Event()
        self.tokens, self.devices, self._joined = {}, [], set()
        self._join_problem = None

    def url(self, gateway, narrow=False):
        return self.site.link_url(gateway) if narrow else self.site.stack.url(gateway)

    def has_joined(self, user):
        return user in self._joined

    def start(self):
        for tag in self.plan.users:
            if tag not in self.plan.joins:
                self._join(tag)
        self.devices = [Device(plan, self.plan.actions(plan), self) for plan in self.plan.devices]
        for device in self.devices:
            device.start()
        self._joiner = threading.Thread(target=self._join_later, daemon=True)
        self._joiner.start()

    # Users who come

    def _join(self, tag):
        """Signs up, and begins the conversations with those who are there."""
        fields = {"tag": tag, "firstName": "Chaos", "lastName": "Person", "password": "password",
                  "email": f"{tag[1:]}@example.com"}
        self.tokens[tag] = token_of(self._sign_up(fields))
        for number, pair in enumerate(self.plan.pairs):
            if tag in pair and all(user in self.tokens for user in pair):
                self._befriend(number, *pair)
        self._joined.add(tag)

    def _sign_up(self, fields):
        """An account must not be made while the users' store is about to be turned back: it would be gone."""
        for gateway in itertools.cycle(range(self.gateways)):
            try:
                with self.site.accounts:
                    answer = signup(self.url(gateway), fields)
                    if answer.status_code == 409:  # by an attempt that was not answered
                        answer = login(self.url(gateway), fields["email"], fields["password"])
                if answer.status_code != 503:
                    return answer
            except requests.RequestException:
                pass
            time.sleep(RETRY_SECONDS)  # as a user who tries again

    def _join_later(self):
        began = time.monotonic()
        try:
            for tag, at in sorted(self.plan.joins.items(), key=lambda item: item[1]):
                self.ending.wait(max(0, began + at - time.monotonic()))
                self._join(tag)
        except Exception as error:  # of any kind: the run must report it
            self._join_problem = f"{type(error).__name__}: {error}"

    def _befriend(self, number, first, second):
        key = f"first{number}"
        self.ledger.note_attempt(key, first, second, f"{key} hello")
        for gateway in itertools.cycle(range(self.gateways)):
            asked = time.monotonic()
            try:
                with Socket(self.url(gateway), self.tokens[first]) as socket:
                    result = socket.call("sendMessageToUser", [second, f"{key} hello", key], timeout=5)
                break
            except (AssertionError, RpcError, *BROKEN):
                time.sleep(RETRY_SECONDS)  # as a user who tries again
        self.ledger.note_ack(key, result["message"], asked, time.monotonic())
        self.ledger.note_change(first, "send", asked)
        self.ledger.count("sent")

    def settle(self):
        """Everyone finishes what is under way and then stays, connected or away. Returns what did not."""
        self.ending.set()
        problems = []
        self._joiner.join(SETTLE_SECONDS)
        if self._joiner.is_alive() or self._join_problem:
            problems.append(("the users who come later", self._join_problem or "still not there"))
        for device in self.devices:
            if not device.settled.wait(SETTLE_SECONDS):
                problems.append((device.plan.name, f"not at rest after {SETTLE_SECONDS} s"))
            elif device.error:
                problems.append((device.plan.name, device.error))
        return problems

    def connected(self):
        return [device for device in self.devices if device.is_connected]

    def online_users(self):
        lines = [(device.user, device.line) for device in self.devices]
        return {user for user, line in lines if line is not None and line.open}

    def end(self):
        self.over.set()
        for device in self.devices:
            device.join(10)
