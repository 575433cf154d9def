"""messengerctl doctor: whether a configuration is fit for the open internet."""

import json
import os
import re
import secrets
import subprocess

import pytest

from support.local_run import LocalRun
from support.process import REPOSITORY, binary, clean_environment
from support.stack import to_env
from support.wait import PATIENCE_SECONDS

KEY = secrets.token_hex(32)
SAFE = {
    "registration.mode": "invite", "contacts.consent": True, "JWT.privateKey": KEY, "app.url": "https://chat.example.org",
    "gateway.trustedProxies": "127.0.0.1", "client.url": "https://client.example.org", "nats.url": "nats://127.0.0.1:4222",
    "nats.user": "gateway", "nats.password": secrets.token_hex(16),
}


@pytest.fixture(name="data")
def data_directory(tmp_path):
    """As a service makes it."""
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    for name in ("users.db", "messages.db", "messages.db-wal"):
        (directory / name).touch(mode=0o600)
    return directory


def run(*arguments, settings=None, cwd=None, env=None):
    kept = {name: value for name, value in clean_environment().items() if name != "DATA_DIR"}
    return subprocess.run([binary("messengerctl"), "doctor", *map(str, arguments)], capture_output=True, text=True, cwd=cwd,
                          env={**kept, **to_env(settings or {}), **(env or {})}, timeout=PATIENCE_SECONDS)


def findings(done):
    """setting -> (severity, text), of --json; the exit status goes with them."""
    assert done.stderr == "" and done.returncode in (0, 1), done
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(line) == {"severity", "setting", "text"} and line["text"] for line in lines)
    found = {line["setting"]: (line["severity"], line["text"]) for line in lines}
    assert len(found) == len(lines), done.stdout
    assert done.returncode == int(any(severity != "ok" for severity, _ in found.values()))
    return found


def diagnose(data, **changed):
    """What is not ok when these settings of the safe ones are changed; None leaves one out."""
    settings = {key: value for key, value in {**SAFE, "data.directory": data, **changed}.items() if value is not None}
    done = run("--json", settings=settings)
    for secret in (settings.get("JWT.privateKey"), settings.get("nats.password")):
        assert not secret or len(secret) < 8 or secret not in done.stdout
    return {setting: severity for setting, (severity, _) in findings(done).items() if severity != "ok"}


def test_a_safe_configuration_has_no_finding(data):
    done = run(settings={**SAFE, "data.directory": data})
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert {severity for severity, _, _ in lines} == {"ok"}
    assert {setting for _, setting, _ in lines} >= {
        "registration.mode", "contacts.consent", "JWT.privateKey", "app.url", "cookie.secure", "gateway.trustedProxies",
        "client.url", "nats.url", "nats.user", "data.directory"}
    assert KEY not in done.stdout


SAMPLE_KEY = json.loads((REPOSITORY / "config.example.json").read_text())["JWT"]["privateKey"]

ALONE = [
    ("registration.mode", "open", "warn"), ("registration.mode", None, "warn"),
    ("contacts.consent", False, "warn"), ("contacts.consent", None, "warn"),
    ("JWT.privateKey", None, "bad"), ("JWT.privateKey", "secret_private_key", "bad"), ("JWT.privateKey", SAMPLE_KEY, "bad"),
    ("JWT.privateKey", "df4102020af4814d4ddf43a81ccf62", "bad"), ("JWT.privateKey", "x" * 64, "bad"),
    ("JWT.privateKey", "changeme" * 8, "bad"), ("JWT.privateKey", "0123456789abcdefg" * 3, "bad"),
    ("app.url", None, "warn"), ("app.url", "http://203.0.113.9/", "bad"), ("app.url", "http://localhost:8000", "warn"),
    ("app.url", "http://192.168.1.2", "warn"), ("app.url", "http://localhost@203.0.113.9", "bad"),
    ("app.url", "http://[2001:db8::1]:8000/chat", "bad"),
    ("gateway.trustedProxies", "0.0.0.0/0", "bad"), ("gateway.trustedProxies", "127.0.0.1, ::/0", "bad"),
    ("gateway.trustedProxies", "128.0.0.0/2", "bad"), ("gateway.trustedProxies", "::ffff:0:0/96", "bad"),
    ("client.url", "http://203.0.113.9:3000", "warn"), ("client.url", "HTTP://[2001:db8::1]", "warn"),
    ("webSocket.allowedOrigins", "https://a.example.org, http://203.0.113.9", "warn"),
    ("nats.url", "nats://203.0.113.9:4222", "bad"), ("nats.url", "203.0.113.9", "bad"),
    ("nats.url", "nats://[2001:db8::9]:4222", "bad"), ("nats.url", "nats://127.0.0.1, nats://203.0.113.9", "bad"),
    ("nats.url", "nats://ann:secret@203.0.113.9:4222", "bad"), ("nats.url", "nats://172.32.0.1", "bad"),
    ("nats.url", "nats://no-such-host.invalid:4222", "warn"), ("nats.url", ", ,", "bad"),
    ("store.users", "mongodb://ann:secret@203.0.113.9/im", "bad"),
    ("store.messages", "mongodb://10.0.0.1,203.0.113.9:27018/im?replicaSet=rs0", "bad"),
    ("store.users", "mongodb://203.0.113.9/im?tls=true&tlsInsecure=true", "bad"),
    ("store.users", "mongodb://203.0.113.9/im?tls=false&tlsCAFile=/x", "bad"),
    ("store.messages", "mongodb://no-such-host.invalid/im", "warn"),
    ("limits.loginsPerMinute", 0, "warn"), ("limits.failedLoginsPerAccount", 0, "warn"), ("limits.callsPerSecond", 0, "warn"),
    ("limits.messageKibPerMinute", 0, "warn"), ("limits.storedMibPerUser", 0, "warn"),
    ("password.minLength", 7, "warn"), ("password.hashMemoryKib", 1024, "warn"),
]


@pytest.mark.parametrize("setting, value, severity", ALONE, ids=lambda value: str(value)[:40])
def test_a_setting_that_is_not_fit_is_found_alone(data, setting, value, severity):
    assert diagnose(data, **{setting: value}) == {setting: severity}


GOOD = [
    ("registration.mode", "closed"), ("contacts.consent", 1), ("JWT.privateKey", "P_7jWndyj7ji_DBynuyfk-YQns8kidSAZzQF_UAv"),
    ("JWT.privateKey", "185bbb6fbd590e8516c9d5a8903134b6"), ("app.url", "https://localhost"), ("app.url", "https://203.0.113.9:8443/chat/"),
    ("gateway.trustedProxies", "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"), ("gateway.trustedProxies", "::1, fd00::/8"),
    ("client.url", "http://localhost:3000"), ("client.url", "http://app.localhost:3000"), ("client.url", "http://10.1.2.3"),
    ("client.url", "http://[fd00::1]:3000"), ("client.url", ""), ("webSocket.allowedOrigins", "http://127.0.0.1:9,https://x.org"),
    ("nats.url", "nats://localhost:4222"), ("nats.url", "nats://10.0.0.5:4222, 192.168.3.4"), ("nats.url", "nats://[::1]:4222"),
    ("nats.url", "nats://[::ffff:127.0.0.1]"), ("nats.url", "tls://203.0.113.9:4222"), ("nats.url", "nats://172.31.255.255"),
    ("nats.url", "nats://[fe80::1]"), ("store.users", "mongodb://10.0.0.1,10.0.0.2/im"),
    ("store.messages", "mongodb://ann:p%40ss@203.0.113.9/im?tls=true&tlsCAFile=/etc/ca.pem"),
    ("store.users", "mongodb+srv://cluster.example.org/im"), ("password.minLength", 12),
    ("limits.signupsPerMinute", 1),
]


@pytest.mark.parametrize("setting, value", GOOD, ids=lambda value: str(value)[:40])
def test_a_setting_that_is_fit_is_no_finding(data, setting, value):
    if value == "tls://203.0.113.9:4222":
        assert diagnose(data, **{setting: value, "nats.caFile": "/etc/ssl/certs/ca-certificates.crt"}) == {}
    else:
        assert diagnose(data, **{setting: value}) == {}


def test_a_cookie_needs_a_trusted_proxy_or_to_be_secure(data):
    assert diagnose(data, **{"gateway.trustedProxies": None}) == {"cookie.secure": "warn"}
    assert diagnose(data, **{"gateway.trustedProxies": None, "cookie.secure": True}) == {}
    assert diagnose(data, **{"cookie.secure": True}) == {}


def test_a_bus_without_log_in_is_worse_the_further_it_is_reached(data):
    without = {"nats.user": None, "nats.password": None}
    assert diagnose(data, **without) == {"nats.user": "warn"}
    assert diagnose(data, **without, **{"nats.url": "nats://10.0.0.1"}) == {"nats.user": "bad"}
    assert diagnose(data, **without, **{"nats.url": "nats://203.0.113.1"}) == {"nats.url": "bad", "nats.user": "bad"}
    assert diagnose(data, **without, **{"nats.url": "nats://ann:secret@10.0.0.1"}) == {}


def test_no_finding_shows_a_password(data):
    done = run(settings={**SAFE, "data.directory": data, "nats.url": "nats://ann:hunter2@203.0.113.9",
                         "store.users": "mongodb://ann:hunter2@203.0.113.9/im",
                         "store.messages": "mongodb://ann:hunter2@no-such-host.invalid/im"})
    assert done.returncode == 1 and "hunter2" not in done.stdout + done.stderr
    assert "203.0.113.9" in done.stdout


# Files

@pytest.mark.parametrize("directory, file, severity", [
    (0o700, 0o600, None), (0o700, 0o666, None), (0o711, 0o600, "warn"), (0o755, 0o600, "warn"), (0o755, 0o644, "bad"),
    (0o711, 0o604, "bad"), (0o750, 0o600, None), (0o750, 0o640, "warn"), (0o777, 0o600, "bad"), (0o1777, 0o600, "bad"),
    (0o770, 0o600, "warn")], ids=lambda mode: oct(mode) if isinstance(mode, int) else str(mode))
@pytest.mark.parametrize("name", ["users.db", "messages.db", "messages.db-wal", "jwt.key", "secrets"])
def test_a_store_that_others_may_read_is_found(data, name, directory, file, severity):
    (data / name).touch(mode=0o600)
    (data / name).chmod(file)
    data.chmod(directory)
    assert diagnose(data) == ({"data.directory": severity} if severity else {})


def test_a_store_elsewhere_is_looked_at_there(data, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    other.chmod(0o755)
    (other / "people.db").touch()
    (other / "people.db").chmod(0o644)
    assert diagnose(data, **{"store.users": f"sqlite://{other}/people.db"}) == {"store.users": "bad"}
    data.chmod(0o755)
    assert diagnose(data, **{"store.users": f"sqlite://{other}/people.db"}) == {"store.users": "bad", "data.directory": "warn"}
    assert diagnose(other, **{"store.users": f"sqlite://{other}/people.db",
                              "store.messages": "mongodb://127.0.0.1/im"}) == {"store.users": "bad"}


def test_a_store_that_is_not_there_is_no_finding(tmp_path):
    assert diagnose(tmp_path / "nowhere") == {}
    assert diagnose(tmp_path / "nowhere\u202e") == {}


# Where the configuration comes from

def test_the_file_and_the_environment_are_read_as_by_the_other_programs(data, tmp_path):
    file = tmp_path / "config.json"
    nested = {}
    for key, value in {**SAFE, "data.directory": str(data)}.items():
        part, name = key.split(".")
        nested.setdefault(part, {})[name] = value
    file.write_text(json.dumps(nested))
    assert run("--config", file).returncode == 0
    assert run(env={"MESSENGER_CONFIG": str(file)}).returncode == 0
    changed = findings(run("--config", file, "--json", settings={"registration.mode": "open"}))
    assert [setting for setting, (severity, _) in changed.items() if severity != "ok"] == ["registration.mode"]


def test_a_file_that_make_run_would_read_is_not_overlooked(data, tmp_path):
    settings = {**SAFE, "data.directory": data}
    assert run(settings=settings, cwd=tmp_path).returncode == 0
    (tmp_path / "config.json").write_text("{}")
    found = findings(run("--json", settings=settings, cwd=tmp_path))
    assert [setting for setting, (severity, _) in found.items() if severity != "ok"] == ["--config"]
    assert run("--config", "config.json", settings=settings, cwd=tmp_path).returncode == 0


def test_beside_make_run_the_defaults_are_named_and_its_key_and_bus_are_found(tmp_path):
    with LocalRun(tmp_path) as running:
        running.wait_ready()
        found = findings(run("--json", "--data", tmp_path / "data"))
        by_variable = run("--json", env={"DATA_DIR": str(tmp_path / "data")})
        beside = run("--json", cwd=tmp_path)
    assert {setting: severity for setting, (severity, _) in found.items()} == {
        "registration.mode": "warn", "contacts.consent": "warn", "JWT.privateKey": "ok", "app.url": "warn",
        "cookie.secure": "warn", "client.url": "ok", "nats.url": "ok", "nats.user": "ok", "data.directory": "ok"}
    assert findings(by_variable) == found
    assert {setting: severity for setting, (severity, _) in findings(beside).items()} == {
        setting: severity for setting, (severity, _) in found.items()}


def test_each_finding_is_a_line_for_people(tmp_path):
    done = run(cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    for line in done.stdout.splitlines():
        assert re.fullmatch(r"(ok  |warn|bad )  [\w.]+ +\S.*", line), line
    assert re.search(r"^bad +JWT\.privateKey +missing", done.stdout, re.MULTILINE)
    assert re.search(r"^warn +registration\.mode .*invite or closed$", done.stdout, re.MULTILINE)
    assert os.listdir(tmp_path) == []


# Refused

@pytest.mark.parametrize("arguments", [("more",), ("--force",), ("--expires", "1h"), ("--config",), ("--data", ""),
                                       ("--config", "/no/such/file")], ids=str)
def test_wrong_usage_has_a_status_of_its_own(arguments):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("messengerctl: ")


@pytest.mark.parametrize("changed, words", [
    ({"registration.mode": "maybe"}, ["registration.mode"]), ({"app.url": "ftp://x"}, ["app.url"]),
    ({"client.url": "http://x\x1b[2J"}, ["client.url"]), ({"nats.user": "ann"}, ["nats.user"]),
    ({"gateway.trustedProxies": "proxy.example.org"}, ["gateway.trustedProxies"]),
    ({"app.port": "many", "log.level": "loud"}, ["app.port", "log.level"])], ids=str)
def test_an_unusable_configuration_is_refused_with_all_problems(changed, words):
    done = run(settings=changed)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert all(line.startswith("messengerctl: the configuration is not usable: ") for line in lines)
    assert [word for word in words if not any(word in line for line in lines)] == [] and len(lines) == len(words)


def test_a_weak_key_is_refused_in_production_as_by_the_programs():
    done = run(settings={**SAFE, "JWT.privateKey": SAMPLE_KEY}, env={"MESSENGER_ENV": "production"})
    assert (done.returncode, done.stdout) == (2, "") and "JWT.privateKey" in done.stderr and SAMPLE_KEY not in done.stderr


@pytest.mark.parametrize("setting, value", [
    ("client.url", "http://" + "a" * 500), ("client.url", "://"), ("client.url", "http://["), ("client.url", "http://@"),
    ("client.url", "*"), ("nats.url", ", ,"), ("nats.url", "://@:,[]:,nats://@"), ("nats.url", "x" * 2048),
    ("nats.url", ",".join(f"h{i}.invalid" for i in range(150))), ("store.users", "mongodb://"), ("store.users", "mongodb://@?&=&tls"),
    ("store.users", "mongodb://%2Ftmp%2Fmongodb.sock/im"), ("store.users", "sqlite://"), ("store.users", "sqlite:///"),
    ("store.messages", "postgres://x"), ("app.url", "https://"), ("app.url", "http://")], ids=lambda value: str(value)[:30])
def test_an_odd_value_ends_with_a_verdict_in_time(data, setting, value):
    findings(run("--json", settings={**SAFE, "data.directory": data, setting: value}))


def test_the_container_of_the_doctor_has_what_the_others_have():
    """docker-compose.yml: each setting of the gateway, user and message services that it does not share is a fault."""
    text = (REPOSITORY / "docker-compose.yml").read_text()

    def variables(service):
        block = re.search(rf"^  {service}:\n((?:    .*\n)+)", text, re.MULTILINE)[1]
        return dict(re.findall(r"^      (MESSENGER_\w+): (.*?)(?: #.*)?$", block, re.MULTILINE))

    doctor = variables("doctor")
    for service in ("gateway", "user", "message"):
        own = {key: value for key, value in variables(service).items() if not key.startswith(("MESSENGER_NATS_USER", "MESSENGER_NATS_PASS"))}
        assert own.items() <= doctor.items(), service
    assert "MESSENGER_APP_URL" in doctor


def test_help_names_it():
    done = subprocess.run([binary("messengerctl"), "--help"], capture_output=True, text=True, check=True)
    assert "messengerctl doctor" in done.stdout
