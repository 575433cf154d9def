"""A messenger that runs already, somewhere else: its users sign up, for nobody can look into its
stores."""

import concurrent.futures
import tempfile

from bench.generator import Failed
from bench.stage import PASSWORD
from support.client import signup, token_of, unique

SIGNUPS_AT_ONCE = 8
SOCKETS_PER_USER = 32  # a gateway takes 64, by default


class Remote:
    def __init__(self, address, watch, nats_url, log):
        self.address, self.nats_url = address, nats_url
        self._watch, self._log = watch, log
        self._lines = []
        self._directory = tempfile.TemporaryDirectory(prefix="bench-")

    def close(self):
        self._directory.cleanup()

    def watch(self):
        return self._watch or ""

    def _sign_up(self, _):
        name = unique("bench")
        user = {"tag": "@" + name, "firstName": "Ada", "lastName": "Lovelace",
                "email": name + "@example.com", "password": PASSWORD}
        answer = signup(f"http://{self.address}", user)
        if answer.status_code == 429:
            raise Failed("it limits sign-ups; for a measurement it must be started with "
                         "MESSENGER_LIMITS_SIGNUPS_PER_MINUTE=0, MESSENGER_LIMITS_LOGINS_PER_MINUTE=0 and "
                         "MESSENGER_LIMITS_CALLS_PER_SECOND=0")
        return f"{user['tag']} {token_of(answer)}\n"

    def _users(self, count):
        missing = count - len(self._lines)
        if missing > 0:
            self._log(f"signing {missing} users up")
            with concurrent.futures.ThreadPoolExecutor(SIGNUPS_AT_ONCE) as pool:
                self._lines += pool.map(self._sign_up, range(missing))
        return self._lines[:count]

    def roster(self, count):
        """A file of so many users with tokens."""
        return self._write(self._users(count))

    def roster_of_sockets(self, count):
        """So many lines, each user in some of them, and behind them one more user."""
        *users, other = self._users(-(-count // SOCKETS_PER_USER) + 1)
        return self._write([users[i % len(users)] for i in range(count)] + [other])

    def _write(self, lines):
        with tempfile.NamedTemporaryFile("w", dir=self._directory.name, delete=False) as file:
            file.writelines(lines)
        return file.name
