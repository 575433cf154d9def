"""Faults of NATS as a whole, and of its presence bucket. Each ends with a check that presence is right in time."""

import json
import time

from support import nats
from support.wait import wait_until

STREAM = "KV_presence"
RIGHT_SECONDS = 10


def api(site, what, **request):
    """A request to JetStream about the stream of the bucket."""
    with nats.Client(site.stack.nats_port) as client:
        return client.request(f"$JS.API.STREAM.{what}.{STREAM}", json.dumps(request).encode()).json()


def wait_for_presence(site, since):
    """Finding: presence is not right RIGHT_SECONDS after `since`, and does not stay so."""
    problem = site.crowd.wait_right(since + RIGHT_SECONDS)
    if problem:
        site.report("presence", "after a fault of NATS", problem)


class Away:
    """NATS is killed, for longer than any time-out, while users connect and disconnect."""

    wipe = False

    def inject(self, site, fault):
        site.take_nats_down("kill")
        if self.wipe:
            site.wipe_nats()

    def heal(self, site, fault):
        site.bring_nats_back()
        wait_for_presence(site, time.monotonic())


class Wiped(Away):
    """And its directory is empty when it is started again."""

    wipe = True


class Bucket:
    """The presence bucket is deleted, or purged, while all are connected; once more at the end."""

    def __init__(self, what):
        self._what = what

    def inject(self, site, fault):
        answer = api(site, self._what)
        assert "error" not in answer, answer

    def heal(self, site, fault):
        wait_until(lambda: "error" not in api(site, "INFO"), "the bucket to be there again", RIGHT_SECONDS)
        self.inject(site, fault)
        wait_for_presence(site, time.monotonic())


DOERS = {"nats-away": Away(), "nats-wiped": Wiped(), "bucket-deleted": Bucket("DELETE"), "bucket-purged": Bucket("PURGE")}
