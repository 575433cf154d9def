"""Faults of clients and of their links: they do not read, or slowly. Others must not notice."""

import random
import threading
import time

from chaos.line import BROKEN, Again, Line, Refused

FLOOD = 60  # lists of up to 1,000 messages that a client asks for before it stops reading
DELAY_SECONDS = 2.0  # of others; the machine is shared
MEMORY_KIB = 384 * 1024
KIB = 1024


class Watch:
    """Calls through each gateway while clients are slow, and reports what it notices."""

    def __init__(self, site):
        self._site, self._over = site, threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(gateway,), daemon=True)
                         for gateway in range(len(site.links))]
        for thread in self._threads:
            thread.start()

    def _call(self, gateway):
        slowest = 0.0
        try:
            with Line(self._site.stack.url(gateway), self._site.crowd.token, lambda code, body: None) as line:
                while not self._over.wait(0.05):
                    began = time.monotonic()
                    line.ask("getSelfInfo", None, lambda code, message: None)
                    slowest = max(slowest, time.monotonic() - began)
        except (Again, Refused, *BROKEN) as error:
            self._site.report("delayed", f"gateway-{gateway}", f"another client's call, while clients are slow: {error}")
        if slowest > DELAY_SECONDS:
            self._site.report("delayed", f"gateway-{gateway}", f"another client's call took {slowest:.2f} s")

    def end(self):
        self._over.set()
        for thread in self._threads:
            thread.join()
        for program in self._site.stack.programs("gateway"):
            if program.alive and (most := program.resident_kib("VmHWM")) > MEMORY_KIB:
                self._site.report("memory", program.name, f"{most} KiB resident")


class FrozenClients:
    """Some devices stop reading for a while, after they have asked for more than the kernel buffers."""

    def inject(self, site, fault):
        rng = random.Random(fault.amount)
        devices = [device for device in site.devices() if device.is_connected]
        self._frozen = rng.sample(devices, len(devices) // 3)
        self._watch = Watch(site)
        for device in self._frozen:
            device.freeze(FLOOD)

    def heal(self, site, fault):
        for device in self._frozen:
            device.thaw()
        self._watch.end()


class Links:
    """The links between some devices and the gateways are narrow, but never slower than a gateway waits for: no socket
    may be closed."""

    def inject(self, site, fault):
        self._began, self._watch = time.monotonic(), Watch(site)
        self.narrow(site, fault)

    def narrow(self, site, fault):
        for link in site.links:
            link.narrow(fault.amount * KIB)

    def heal(self, site, fault):
        for link in site.links:
            link.heal()
        self._watch.end()


class StallingLinks(Links):
    """No data for seconds, and then all of it; several times: at times slower than the rate that a gateway waits for."""

    def heal(self, site, fault):
        super().heal(site, fault)
        for device in site.devices():
            if device.plan.narrow:
                device.note_slow(self._began)

    def narrow(self, site, fault):
        rng = random.Random(fault.amount)
        end = self._began + fault.seconds
        while time.monotonic() < end:
            for link in site.links:
                link.swallow()
            site.pause(rng.uniform(0.5, 3))
            for link in site.links:
                link.let_pass()
            site.pause(rng.uniform(0.1, 1))


DOERS = {"frozen-clients": FrozenClients(), "narrow-links": Links(), "stalling-links": StallingLinks()}
