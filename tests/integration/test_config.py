"""Configuration: the file, the environment, what is refused and what is only warned of."""

import json
import re
import subprocess

import jwt
import pytest

from support.client import User, signup, unique
from support.ports import free_port
from support.process import REPOSITORY, binary, clean_environment
from support.stack import KINDS, Stack
from support.wait import PATIENCE_SECONDS

ORIGINAL = {
    "JWT": {"expiresIn": "72h", "privateKey": "secret_private_key"},
    "cookie": {"maxAge": "72h"},
    "webSocket": {"host": ""},
    "app": {"port": 8000},
    "client": {"url": "http://localhost:3000"},
}


def run(kind, *arguments, **env):
    """Runs a program that is expected to end by itself; nothing listens where it looks for NATS."""
    environment = {**clean_environment(), "MESSENGER_NATS_URL": f"nats://127.0.0.1:{free_port()}", **env}
    return subprocess.run([binary(kind), *arguments], env=environment, capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS)


def write(directory, config):
    path = directory / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def output(done):
    return done.stdout + done.stderr


def assert_refused(done, *words):
    text = output(done)
    assert done.returncode > 0, f"ended with {done.returncode}: {text}"
    for word in words:
        assert word in text, text
    for crash in ("AddressSanitizer", "Segmentation", "assert"):
        assert crash not in text


# Refused

@pytest.mark.parametrize("kind", KINDS)
def test_one_message_lists_all_problems(kind, tmp_path):
    config = {**ORIGINAL, "app": {"port": "many", "prot": 1}, "unknownThing": {"a": 1},
              "JWT": {"expiresIn": "soon", "privateKey": "k" * 40}, "log": {"level": 7}}
    done = run(kind, "--config", str(write(tmp_path, config)))
    assert_refused(done, "app.port", "app.prot", "unknownThing", "JWT.expiresIn", "log.level")


@pytest.mark.parametrize("kind", KINDS)
def test_original_secret_is_refused_in_production(kind, tmp_path):
    done = run(kind, "--config", str(write(tmp_path, ORIGINAL)), MESSENGER_ENV="production")
    assert_refused(done, "JWT.privateKey")
    assert "secret_private_key" not in output(done)


@pytest.mark.parametrize("key", ["k" * 31, ""], ids=["31 bytes", "none"])
def test_short_secret_is_refused_in_production(tmp_path, key):
    config = {**ORIGINAL, "JWT": {"expiresIn": "72h", "privateKey": key}}
    done = run("gateway", "--config", str(write(tmp_path, config)), MESSENGER_ENV="production")
    assert_refused(done, "JWT.privateKey")


BAD_VALUES = {
    "app.port": ("MESSENGER_APP_PORT", ["-1", "65536", "80a", "8000.5", " ", "0x50"]),
    "JWT.expiresIn": ("MESSENGER_JWT_EXPIRES_IN", ["h", "72x", "-5h", "0", "1.5.2h", "72 h x",
                                                   "99999999999999999999h"]),
    "cookie.secure": ("MESSENGER_COOKIE_SECURE", ["maybe", "2", "yes and no"]),
    "webSocket.path": ("MESSENGER_WEB_SOCKET_PATH", ["api"]),
    "log.level": ("MESSENGER_LOG_LEVEL", ["loud"]),
    "limits.callsPerSecond": ("MESSENGER_LIMITS_CALLS_PER_SECOND", ["-1", "many"]),
    "webSocket.maxConnections": ("MESSENGER_WEB_SOCKET_MAX_CONNECTIONS", ["-1", "1e3"]),
    "store.users": ("MESSENGER_STORE_USERS", ["mysql://localhost/users", "just words"]),
}


@pytest.mark.parametrize("key, name, value", [
    (key, name, value) for key, (name, values) in BAD_VALUES.items() for value in values])
def test_bad_value_in_the_environment(key, name, value):
    done = run("gateway" if key != "store.users" else "user", **{name: value})
    assert done.returncode > 0
    assert key in output(done) or name in output(done)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"app":{"port":8000},}', '{"app":8000}', "\x00"],
                         ids=["empty", "cut", "array", "number", "comma", "no section", "NUL"])
def test_file_that_is_no_configuration(tmp_path, text):
    path = write(tmp_path, text)
    done = run("gateway", "--config", str(path))
    assert done.returncode > 0
    assert output(done).strip()


def test_a_missing_file(tmp_path):
    path = str(tmp_path / "missing.json")
    assert_refused(run("gateway", "--config", path), path)
    assert_refused(run("gateway", MESSENGER_CONFIG=path), path)


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_option(kind):
    assert_refused(run(kind, "--no-such-option"), "no-such-option")


@pytest.mark.parametrize("kind", KINDS)
def test_help(kind):
    helped = run(kind, "--help")
    assert helped.returncode == 0 and "--config" in output(helped)
    for key, name in (("app.port", "MESSENGER_APP_PORT"), ("JWT.privateKey", "MESSENGER_JWT_PRIVATE_KEY")):
        assert key in output(helped) and name in output(helped)


def version_of_the_header():
    (header,) = REPOSITORY.glob("services/common/**/version.h")
    return re.search(r'#define MESSENGER_VERSION "(.*)"', header.read_text()).group(1)


@pytest.mark.parametrize("kind", [*KINDS, "messengerctl"])
def test_every_program_prints_the_version(kind):
    """The commit in parentheses may be an older one than the present: that of the last build."""
    printed = run(kind, "--version").stdout.strip()
    assert re.fullmatch(re.escape(version_of_the_header()) + r"( \([\w.-]+\))?", printed), printed


def test_a_build_in_a_git_checkout_carries_the_commit(tmp_path):
    subprocess.run(["make", "-s", f"GEN={tmp_path}", tmp_path / "build.c"], cwd=REPOSITORY, check=True)
    commit = ""
    if (REPOSITORY / ".git").exists():
        described = subprocess.run(["git", "describe", "--tags", "--always", "--dirty"], cwd=REPOSITORY, text=True,
                                   capture_output=True, check=True).stdout.strip()
        commit = f" ({described})"
    assert f'"{version_of_the_header()}{commit}"' in (tmp_path / "build.c").read_text()


# Accepted

def unset_file_keys():
    """Settings of the test stack that a file is to decide instead."""
    return {"JWT.privateKey": None, "client.url": None, "webSocket.host": None}


def test_original_file_is_accepted_as_it_is(tmp_path):
    """Only the port is another one, from the environment, which wins over the file."""
    path = write(tmp_path, ORIGINAL)
    with Stack(config=path, settings=unset_file_keys()) as own:
        response = signup(own.url(), account(), headers={"Origin": "http://localhost:3000"})
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        cookie = response.headers["Set-Cookie"]
        assert "Max-Age=259200" in cookie
        claims = jwt.decode(response.cookies["auth"], "secret_private_key", algorithms=["HS256"])
        assert claims["exp"] - claims["iat"] == 72 * 3600
        log = own.program("gateway").log()
        warnings = [line for line in log.splitlines() if "JWT.privateKey" in line]
        assert warnings and any("warn" in line.lower() for line in warnings), log
        assert "secret_private_key" not in log


def account():
    name = unique()
    return {"tag": "@" + name, "firstName": "Test", "lastName": "User",
            "email": name + "@example.com", "password": "password"}


def test_environment_names_the_file(tmp_path):
    config = {**ORIGINAL, "JWT": {"expiresIn": "5m", "privateKey": "k" * 40}}
    settings = {"JWT.privateKey": None, "client.url": None}
    with Stack(settings=settings, env={"MESSENGER_CONFIG": str(write(tmp_path, config))}) as own:
        token = User(own).token
        claims = jwt.decode(token, "k" * 40, algorithms=["HS256"])
        assert claims["exp"] - claims["iat"] == 300


DURATIONS = {"72h": 259200, "30m": 1800, "45s": 45, "2 days": 172800, "2d": 172800, "1 day": 86400,
             "1 hour": 3600, "10 minutes": 600, "3600": 3600}


@pytest.fixture(scope="module")
def restartable():
    with Stack() as stack:
        yield stack


def lifetime(stack):
    claims = jwt.decode(User(stack).token, stack.jwt_key, algorithms=["HS256"])
    return claims["exp"] - claims["iat"]


@pytest.mark.parametrize("text, seconds", DURATIONS.items(), ids=DURATIONS.keys())
def test_durations(restartable, text, seconds):
    for kind in ("user", "gateway"):
        restartable.kill(kind)
        restartable.restart(kind, settings={"JWT.expiresIn": text}, ready=False)
    restartable.wait_ready()
    assert lifetime(restartable) == seconds


def test_duration_as_a_number_in_the_file(tmp_path):
    path = write(tmp_path, {"JWT": {"expiresIn": 1234}, "cookie": {"maxAge": 5678}})
    with Stack(config=path) as own:
        assert lifetime(own) == 1234
        assert "Max-Age=5678" in signup(own.url(), account()).headers["Set-Cookie"]


def test_environment_wins_over_the_file(tmp_path):
    path = write(tmp_path, {"JWT": {"expiresIn": "1h"}, "app": {"port": 1}})
    with Stack(config=path, settings={"JWT.expiresIn": "2h"}) as own:
        assert lifetime(own) == 7200


def test_numeric_version():
    with Stack(settings={"rpc.numericVersion": True}) as own:
        user = User(own)
        with user.socket() as socket:
            answer = socket.exchange('{"jsonrpc":"2.0","method":"getSelfInfo","id":"1"}', id="1")
            assert answer["jsonrpc"] == 2 and type(answer["jsonrpc"]) is int
            error = socket.exchange('{"jsonrpc":"2.0","method":"nope","id":2}', id=2)
            assert error["jsonrpc"] == 2 and error["error"]["code"] == -32601


def test_stores_by_url(tmp_path):
    """Each service keeps its data at the place of its URL."""
    settings = {"store.users": f"sqlite://{tmp_path}/people.db",
                "store.messages": f"sqlite://{tmp_path}/talk.db"}
    with Stack(settings=settings) as own:
        User(own)
        assert (tmp_path / "people.db").stat().st_size > 0
        assert (tmp_path / "talk.db").exists()


def test_secrets_stay_out_of_the_logs():
    with Stack() as own:
        user = User(own)
        with user.socket() as socket:
            socket.call("getSelfInfo")
        logs = "".join(program.log() for program in own.programs())
        signature = user.token.split(".")[2]
        for secret in (own.jwt_key, user.password, signature, "$argon2"):
            assert secret not in logs
