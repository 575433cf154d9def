"""Passwords are guessed: failed log-ins are slowed for all gateways and services together, and owners are not."""

import concurrent.futures
import contextlib
import itertools
import math
import sqlite3
import time

import pytest

from chaos.shim import Shim
from support.client import User, error_name, login, unique
from support.stack import Stack

FREE = 10  # limits.failedLoginsPerAccount, by default
LONG_S = 200  # a wait that no busy machine outlasts
SETTINGS = {"gateway.trustedProxies": "127.0.0.1", "limits.failedLoginsPerAccount": None,
            "limits.failedLoginsPerAddress": None}


class Site:
    """Two gateways and two user services behind a trusted proxy; the services' clock can be moved."""

    def __init__(self, settings=None):
        self.stack = Stack(gateways=2, users=2, settings={**SETTINGS, **(settings or {})})
        self._shims, self._ahead_ms = [], 0
        self._gateways = itertools.cycle((0, 1))
        self._hosts = itertools.count(1)
        for program in self.stack.programs("user"):
            shim = Shim(self.stack.directory / f"{program.name}.control", self.stack.directory / "data")
            program.env |= shim.environment()
            self._shims.append(shim)

    def __enter__(self):
        self.stack.start()
        self.stack.wait_all_instances()
        return self

    def __exit__(self, *exception):
        self.stack.stop()

    def move_clock(self, seconds):
        self._ahead_ms += math.ceil(seconds * 1000)
        for shim in self._shims:
            shim.set(clock_offset_ms=self._ahead_ms)

    def any_address(self):
        """One that has not been used before."""
        number = next(self._hosts)
        return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def login(self, email, password, address=None):
        return login(self.stack.url(next(self._gateways)), email, password,
                     headers={"X-Forwarded-For": address or self.any_address()})

    def owner(self, address):
        """A user who has logged in from this address."""
        user = User(self.stack)
        assert self.login(user.email, user.password, address).status_code == 200
        return user

    def guess_until_long_wait(self, email, address=lambda: None):
        """Guesses on and on; returns the wait after the last failure, in seconds."""
        for _ in range(100):
            response = self.login(email, "wrong-password", address())
            if response.status_code == 401:
                continue
            assert_refused(response)
            seconds = int(response.headers["Retry-After"])
            if seconds > LONG_S:
                return seconds
            self.move_clock(seconds)
        raise AssertionError("guesses are not slowed")


def assert_refused(response):
    assert response.status_code == 429 and error_name(response) == "RateLimitError", response.text
    assert 1 <= int(response.headers["Retry-After"]) <= 900
    assert "Set-Cookie" not in response.headers


def most_verified(seconds):
    """How many guesses may be verified in this time: FREE, then after 1, 3, 7 ... seconds."""
    return FREE + int(math.log2(seconds + 1)) + 1


@pytest.fixture(scope="module")
def site():
    with Site() as site:
        yield site


def test_guesses_from_many_addresses_are_slowed(site):
    owner = site.owner("192.0.2.1")
    begin = time.monotonic()
    statuses = [site.login(owner.email, f"guess-{n}").status_code for n in range(69)]
    seconds = time.monotonic() - begin
    print(f"69 guesses in {seconds:.1f} s: {statuses.count(401)} were verified")
    assert set(statuses) == {401, 429} and statuses[:FREE] == [401] * FREE
    assert statuses.count(401) <= most_verified(seconds)


def test_the_owner_gets_in_meanwhile_where_she_was_before(site):
    owner = site.owner("192.0.2.1")
    site.guess_until_long_wait(owner.email)
    for _ in range(4):
        assert_refused(site.login(owner.email, "wrong-password"))
        assert site.login(owner.email, owner.password, "192.0.2.1").status_code == 200
    with owner.socket(token=owner.token) as socket:
        assert socket.call("getSelfInfo")["tag"] == owner.tag


def test_who_signed_up_gets_in_from_there(site):
    owner = User(site.stack)  # by no proxy: from 127.0.0.1
    site.guess_until_long_wait(owner.email)
    assert login(site.stack.url(), owner.email, owner.password).status_code == 200


def test_a_right_password_from_elsewhere_is_refused_until_the_wait_is_over(site):
    owner = site.owner("192.0.2.1")
    seconds = site.guess_until_long_wait(owner.email)
    for _ in range(4):
        assert_refused(site.login(owner.email, owner.password))
    site.move_clock(seconds)
    assert site.login(owner.email, owner.password, "192.0.2.9").status_code == 200
    assert site.guess_until_long_wait(owner.email)
    assert site.login(owner.email, owner.password, "192.0.2.9").status_code == 200


def test_refused_attempts_do_not_extend_the_wait(site):
    email = unique() + "@example.com"
    seconds = site.guess_until_long_wait(email)
    for _ in range(20):
        response = site.login(email, "wrong-password")
        assert_refused(response)
        assert int(response.headers["Retry-After"]) <= seconds
    site.move_clock(seconds)
    assert site.login(email, "wrong-password").status_code == 401


def test_another_account_is_not_affected(site):
    owner, other = site.owner("192.0.2.1"), site.owner("192.0.2.2")
    site.guess_until_long_wait(owner.email)
    assert site.login(other.email, other.password).status_code == 200
    assert site.login(other.email, "wrong-password").status_code == 401


def cpu_seconds(programs):
    return sum(time.clock_gettime(~program.pid << 3 | 2) for program in programs)


def replay(site, email):
    """Everything a guesser sees of an e-mail, and what it costs the services: verified, and refused."""
    services = site.stack.programs("user")
    answers, costs = [], []
    before = cpu_seconds(services)
    for _ in range(FREE - 1):
        answers.append(site.login(email, "wrong-password"))
    costs.append(cpu_seconds(services) - before)
    answers += [site.login(email, "wrong-password")]
    wait = site.guess_until_long_wait(email)
    before = cpu_seconds(services)
    answers += [site.login(email, "wrong-password") for _ in range(60)]
    costs.append((cpu_seconds(services) - before) / 60)
    site.move_clock(wait)
    answers.append(site.login(email, "wrong-password"))
    return [(a.status_code, a.text, sorted(set(a.headers) - {"Date"})) for a in answers], costs


def test_an_unknown_email_looks_the_same(site):
    owner = site.owner("192.0.2.1")
    seen, costs = replay(site, owner.email)
    unknown, unknown_costs = replay(site, unique() + "@example.com")
    assert unknown == seen
    print(f"CPU time, verified and refused: known {costs}, unknown {unknown_costs}")
    for one, other in zip(costs, unknown_costs):
        assert 0.1 < one / other < 10


@pytest.mark.parametrize("change", [str.upper, str.title, lambda email: email.replace("example", "EXAMPLE")],
                         ids=["upper", "title", "domain"])
def test_an_email_counts_in_any_case(site, change):
    owner = site.owner("192.0.2.1")
    site.guess_until_long_wait(owner.email)
    assert_refused(site.login(change(owner.email), owner.password))


@pytest.mark.parametrize("email", ["no-email", "a b@x.y", "x" * 10000 + "@x.y", "ä@x.y|" + "z" * 300],
                         ids=["text", "space", "long", "odd"])
def test_what_is_no_email_is_slowed_too(site, email):
    site.guess_until_long_wait(email)
    assert_refused(site.login(email, "wrong-password"))


def test_a_hundred_guesses_at_once(site):
    """At two gateways and two services: as many are verified as of guesses in a row, and one more."""
    owner = site.owner("192.0.2.1")
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        begin = time.monotonic()
        statuses = list(pool.map(lambda n: site.login(owner.email, f"guess-{n}").status_code, range(100)))
        seconds = time.monotonic() - begin
    print(f"100 guesses at once in {seconds:.1f} s: {statuses.count(401)} were verified")
    assert set(statuses) == {401, 429}
    assert FREE <= statuses.count(401) <= most_verified(seconds) + 1


def test_right_passwords_at_once_all_get_in(site):
    owner = site.owner("192.0.2.1")
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        statuses = set(pool.map(lambda _: site.login(owner.email, owner.password).status_code, range(50)))
    assert statuses == {200}


def test_many_good_log_ins_from_one_address_are_not_noticed(site):
    """A school behind one address, some of it mistyping."""
    pupils = [User(site.stack) for _ in range(20)]
    for _ in range(5):
        for number, pupil in enumerate(pupils):
            if number % 4 == 0:
                assert site.login(pupil.email, "mistyped", "198.51.100.7").status_code == 401
            assert site.login(pupil.email, pupil.password, "198.51.100.7").status_code == 200


def test_a_restart_of_everything_keeps_the_wait(site):
    owner = site.owner("192.0.2.1")
    site.guess_until_long_wait(owner.email)
    for program in site.stack.programs("user") + site.stack.programs("gateway"):
        kind, _, index = program.name.partition("-")
        site.stack.terminate(kind, int(index))
    for program in site.stack.programs("user") + site.stack.programs("gateway"):
        program.start()
    site.stack.wait_ready()
    site.stack.wait_all_instances()
    for _ in range(4):
        assert_refused(site.login(owner.email, owner.password))
    assert site.login(owner.email, owner.password, "192.0.2.1").status_code == 200


def test_waits_end_when_the_counters_are_deleted():
    """As docs/operating.md says, while the services run."""
    with Site({"store.users": None}) as site:
        owner = site.owner("192.0.2.1")
        site.guess_until_long_wait(owner.email)
        with contextlib.closing(sqlite3.connect(site.stack.directory / "data" / "users.db")) as store, store:
            assert store.execute("DELETE FROM failed_login").rowcount > 0
        assert site.login(owner.email, owner.password).status_code == 200


def test_a_store_of_before_gets_the_counters():
    """SQLite: one without these tables is migrated at the start, and its users are limited like others."""
    with Site({"store.users": None}) as site:
        owner = User(site.stack)
        for index in range(2):
            site.stack.terminate("user", index)
        with contextlib.closing(sqlite3.connect(site.stack.directory / "data" / "users.db")) as store, store:
            for table in ("failed_login", "login_network", "session", "code", "pending", "audit"):
                store.execute(f"DROP TABLE {table}")
            for index in ("user_img", "image_stored"):
                store.execute(f"DROP INDEX {index}")
            store.execute("ALTER TABLE image DROP COLUMN stored")
            for column in ("session_epoch", "kept_session", "disabled", "deleted"):
                store.execute(f"ALTER TABLE user DROP COLUMN {column}")
            store.execute("UPDATE schema_version SET version = version - 5")
        for program in site.stack.programs("user"):
            program.start()
        site.stack.wait_ready()
        site.stack.wait_all_instances()
        assert site.login(owner.email, owner.password, "192.0.2.1").status_code == 200
        site.guess_until_long_wait(owner.email)
        assert_refused(site.login(owner.email, owner.password))
        assert site.login(owner.email, owner.password, "192.0.2.1").status_code == 200


# Networks

SAME_CLIENT = {
    "/64": ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1:a:b:c:d"],
    "forms of IPv6": ["2001:db8:0:1::1", "[2001:db8:0:1::1]", "[2001:db8:0:1::1]:443", "2001:DB8:0:1::1",
                      "2001:0db8:0000:0001:0000:0000:0000:0001"],
    "forms of IPv4": ["192.0.2.77", "192.0.2.77:1", "192.0.2.77:65535", "::ffff:192.0.2.77", "::FFFF:c000:24d",
                      "[::ffff:192.0.2.77]:80", "1.2.3.4, 192.0.2.77"],
}


@pytest.mark.parametrize("addresses", SAME_CLIENT.values(), ids=SAME_CLIENT)
def test_forms_of_one_address_count_as_one(addresses):
    """By the limit of a network, and where an owner has logged in before."""
    with Site({"limits.failedLoginsPerAddress": 8}) as site:
        owner = site.owner(addresses[0])
        forms = itertools.cycle(addresses)
        statuses = [site.login(unique() + "@x.y", "wrong-password", next(forms)).status_code for _ in range(12)]
        assert statuses == [401] * 8 + [429] * 4
        assert_refused(site.login(unique() + "@x.y", "password", addresses[-1]))
        assert site.login(unique() + "@x.y", "wrong-password", "192.0.2.78").status_code == 401
        assert site.login(unique() + "@x.y", "wrong-password", "2001:db8:0:2::1").status_code == 401
        site.guess_until_long_wait(owner.email)
        for address in addresses:
            assert site.login(owner.email, owner.password, address).status_code == 200
        assert_refused(site.login(owner.email, owner.password, "192.0.2.78"))


def test_another_network_has_its_own_limit_and_a_site_one_for_all():
    with Site({"limits.failedLoginsPerAddress": 2}) as site:
        statuses = [site.login(unique() + "@x.y", "wrong-password", f"2001:db8:0:{n // 2:x}::1").status_code
                    for n in range(20)]
        assert statuses == [401] * 16 + [429] * 4  # eight times the limit for a /48
        assert site.login(unique() + "@x.y", "wrong-password", "2001:db8:1::1").status_code == 401


# The bus

def message(*texts):
    """A protobuf message with these strings as its fields 1, 2 ..., each shorter than 16 KiB."""
    parts = []
    for number, text in enumerate(texts, 1):
        data = text.encode()
        parts.append(bytes([number << 3 | 2, len(data) & 127 | 128, len(data) >> 7]) + data)
    return b"".join(parts)


CODE = "Nats-Service-Error-Code"


@pytest.mark.parametrize("network", ["192.0.2.3:1", "2001:db8::1/64", "2001:db8::/48", "x" * 10000, "::ffff:1.2.3.4/64"])
def test_a_network_that_is_none_is_refused(site, network):
    with site.stack.bus() as bus:
        owner = User(site.stack)
        reply = bus.request("rpc.user.Authenticate", message(owner.email, owner.password, network))
        assert reply.headers[CODE] == "400" and b"client_network" in reply.data
        name = unique()
        sign_up = message("@" + name, "Test", "User", name + "@x.y", "password", network)
        assert bus.request("rpc.user.Register", sign_up).headers[CODE] == "400"


def test_a_gateway_that_knows_no_networks_is_served_and_limited(site):
    owner = site.owner("192.0.2.1")
    with site.stack.bus() as bus:
        def attempt(password):
            reply = bus.request("rpc.user.Authenticate", message(owner.email, password))
            return (reply.headers or {}).get(CODE)
        assert attempt(owner.password) is None
        begin = time.monotonic()
        codes = [attempt("wrong-password") for _ in range(40)]
        assert set(codes) == {"401", "420"} and codes[:FREE] == ["401"] * FREE
        assert codes.count("401") <= most_verified(time.monotonic() - begin)


# The queue of hashes

def test_one_address_with_many_waiting_log_ins_does_not_delay_another():
    """They arrive after all of these, and are answered before nearly all; what is too much is refused at once."""
    settings = {"gateway.trustedProxies": "127.0.0.1", "password.hashThreads": 1, "rpc.timeoutMs": 60000,
                "password.hashMemoryKib": 4096, "password.hashPasses": 1}  # all are verified in time, also on a slow machine
    with Stack(settings=settings) as stack, stack.bus() as bus, concurrent.futures.ThreadPoolExecutor(404) as pool:
        user, done = User(stack), []

        def attempt(email, password, address):
            response = login(stack.url(), email, password, headers={"X-Forwarded-For": address})
            done.append(response.status_code)
            return response, done.count(401)
        calls = bus.subscribe("rpc.user.Authenticate")
        bus.flush()
        stack.freeze("user")
        flood = [pool.submit(attempt, f"{number}@x.y", "password", "192.0.2.1") for number in range(400)]
        for _ in flood:
            calls.next()
        others = [pool.submit(attempt, user.email, user.password, f"192.0.2.{number}") for number in (2, 3, 4)]
        for _ in others:
            calls.next()
        stack.resume("user")
        for response, before in (other.result() for other in others):
            assert response.status_code == 200
            assert before <= 64, f"{before} of the other address were answered before"
        responses = [future.result()[0] for future in flood]
        refused = [response for response in responses if response.status_code == 503]
        assert all(error_name(r) == "ServiceUnavailableError" and r.headers["Retry-After"] for r in refused)
        assert {r.status_code for r in responses} == {401, 503} and 100 <= len(refused) <= 144
