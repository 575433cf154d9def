"""The users: signs them up, gives the pairs a dialog, runs their devices, stops them."""

import threading

from chaos.device import Device
from chaos.ledger import Ledger
from chaos.schedule import INSTANCES
from support.client import Socket, signup, token_of

SETTLE_SECONDS = 60


class Load:
    """`broken` describes the current faults."""

    gateways = INSTANCES

    def __init__(self, site, plan, broken):
        self.site, self.plan, self.broken = site, plan, broken
        self.ledger = Ledger()
        self.ending, self.over = threading.Event(), threading.Event()
        self.tokens, self.devices = {}, []

    def url(self, gateway):
        return self.site.stack.url(gateway)

    def start(self):
        for number, tag in enumerate(self.plan.users):
            fields = {"tag": tag, "firstName": "Chaos", "lastName": "Person", "password": "password",
                      "email": f"person{number}@example.com"}
            self.tokens[tag] = token_of(signup(self.url(0), fields))
        for number, (first, second) in enumerate(self.plan.pairs):
            self._befriend(number, first, second)
        self.devices = [Device(plan, self.plan.actions(plan), self.tokens[plan.user], self)
                        for plan in self.plan.devices]
        for device in self.devices:
            device.start()

    def _befriend(self, number, first, second):
        key = f"first{number}"
        self.ledger.note_attempt(key, first, second, f"{key} hello")
        with Socket(self.url(0), self.tokens[first]) as socket:
            result = socket.call("sendMessageToUser", [second, f"{key} hello", key])
        self.ledger.note_ack(key, result["message"])
        self.ledger.count("sent")

    def settle(self):
        """Everyone finishes what is under way and then stays, connected or away. Returns what did not."""
        self.ending.set()
        problems = []
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
