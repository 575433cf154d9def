"""messengerctl shows and exports the audit log."""

import datetime
import os
import re
import sqlite3
import contextlib

import pytest

from support.client import User, login, token_of, unique
from support.messengerctl import ctl, environment, objects, refused, run
from support.ports import free_port
from support.process import REPOSITORY
from support.stack import Stack
from support.wait import PATIENCE_SECONDS, wait_until

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"
DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(scope="module")
def audited():
    with Stack(settings={"gateway.trustedProxies": "127.0.0.1"}, authorised=True) as stack:
        yield stack


def try_login(stack, email, password, address="192.0.2.1", device="Tests/1.0"):
    return login(stack.url(), email, password, headers={"X-Forwarded-For": address, "User-Agent": device})


def wait_for(stack, count, *arguments):
    return wait_until(lambda: len(found := objects(stack, "audit", *arguments)) == count and found, f"{count} entries")


def columns(line):
    return re.split(" {2,}", line)


def test_people_see_a_table_of_their_own_time(audited):
    user = User(audited)
    assert try_login(audited, user.email, "wrong-password", "198.51.100.7", "Phone of Ann").status_code == 401
    wait_for(audited, 2, "--user", user.tag)
    shown = ctl(audited, "audit", "--user", user.tag, TZ="XST-5:30")
    title, failed, joined = shown.splitlines()
    assert title.split() == ["TIME", "KIND", "OUTCOME", "TIMES", "USER", "BY", "ADDRESS", "SUBJECT", "DEVICE"]
    assert re.fullmatch(rf"{TIME} +log_in_failed +wrong_password +1 +{user.tag} +- +198\.51\.100\.7 +- +Phone of Ann", failed)
    assert columns(joined)[1:6] == ["sign_up", "ok", "1", user.tag, "user"]
    then = datetime.datetime.fromisoformat(columns(failed)[0])
    assert then.utcoffset() == datetime.timedelta(hours=5, minutes=30)
    assert abs(then - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(hours=1)


def test_json_has_all_that_is_known_on_each_line(audited):
    user = User(audited)
    token_of(try_login(audited, user.email, user.password, "198.51.100.7", "Phone"))
    entry, joined = wait_for(audited, 2, "--user", user.tag)
    assert set(entry) == {"id", "at", "last", "count", "kind", "outcome", "by", "userId", "userTag", "address", "subject", "device"}
    assert re.fullmatch(DATE, entry["at"]) and re.fullmatch(DATE, entry["last"])
    assert (entry["kind"], entry["outcome"], entry["by"], entry["count"]) == ("log_in", "ok", "user", 1)
    assert (entry["userTag"], entry["address"], entry["device"]) == (user.tag, "198.51.100.7", "Phone")
    assert joined["kind"] == "sign_up"
    for name in (user.tag[1:], user.tag.upper(), user.email, entry["userId"]):
        assert objects(audited, "audit", "--user", name) == [entry, joined]


def test_filters_are_applied_together(audited):
    user = User(audited)
    for address in ("198.51.100.21", "198.51.100.22"):
        assert try_login(audited, user.email, "wrong-password", address).status_code == 401
    newest, oldest = wait_for(audited, 2, "--user", user.tag, "--kind", "log_in_failed")
    assert objects(audited, "audit", "--user", user.tag, "--kind", "log_in_failed", "--address", "198.51.100.21") == [oldest]
    assert objects(audited, "audit", "--address", "::ffff:198.51.100.22", "--user", user.tag) == [newest]
    assert objects(audited, "audit", "--user", user.tag, "--kind", "log_in_failed", "--limit", 1) == [newest]
    assert objects(audited, "audit", "--user", user.tag, "--since", "2h", "--until", "1h") == []
    assert len(objects(audited, "audit", "--user", user.tag, "--since", "1h")) == 3
    assert objects(audited, "audit", "--user", user.tag, "--until", "1970-01-02") == []
    assert len(ctl(audited, "audit", "--user", user.tag, "--limit", 2).splitlines()) == 3


def test_all_pages_are_exported_and_people_see_the_last_hundred():
    if os.environ.get("MESSENGER_TEST_STORE_USERS"):
        pytest.skip("its rows are written with sqlite3")
    with Stack(authorised=True) as stack:
        now_ms = int(datetime.datetime.now().timestamp() * 1000)
        with contextlib.closing(sqlite3.connect(stack.directory / "data" / "users.db", timeout=PATIENCE_SECONDS)) as db, db:
            db.executemany("INSERT INTO audit VALUES (?, randomblob(12), ?1, 1, 1, 'log_in', 'ok', 'user', x'', '', '', ?, '')",
                           [(now_ms - i // 3, "\x1b[31m\u202e\x9b2J phone\n") for i in range(1001)])
        listed = objects(stack, "audit")
        assert len({entry["id"] for entry in listed}) == 1001
        assert [entry["at"] for entry in listed] == sorted((entry["at"] for entry in listed), reverse=True)
        assert len(objects(stack, "audit", "--limit", 450)) == 450
        shown = ctl(stack, "audit")
        assert len(shown.splitlines()) == 101
        assert len(ctl(stack, "audit", "--limit", 1000).splitlines()) == 1001
        for output in (shown, ctl(stack, "audit", "--json")):
            assert [c for c in output if (c < " " and c != "\n") or "\x7f" <= c <= "\x9f" or c == "\u202e"] == []
        assert listed[0]["device"] == "\x1b[31m\u202e\x9b2J phone\n"


@pytest.mark.parametrize("arguments", [
    ("--since", "yesterday"), ("--since", ""), ("--since", "2023"), ("--until", "2023-02-30"), ("--limit", "0"), ("--limit", "-1"),
    ("--limit", "many"), ("--limit", "1000000001"), ("--user", ""), ("--kind", ""), ("--address", ""), ("--user",), ("--limit",),
    ("--expires", "1h"), ("--force",), ("all",), ("--follow",)], ids=" ".join)
def test_usage_errors_end_with_2(arguments):
    done = run("audit", *arguments, MESSENGER_NATS_URL=f"nats://127.0.0.1:{free_port()}")
    assert (done.returncode, done.stdout) == (2, b"")
    line, = done.stderr.decode().splitlines()
    assert line.startswith("messengerctl: ")


@pytest.mark.parametrize("command", [("user", "list"), ("invite", "list"), ("doctor",), ("backup", "x")], ids=" ".join)
def test_other_commands_do_not_take_its_options(command):
    assert run(*command, "--kind", "log_in").returncode == 2


def test_what_does_not_exist_is_a_failure_that_is_named(audited):
    assert "no account has the tag or e-mail address @nobody" in refused(audited, "audit", "--user", "nobody")
    assert "kind: is none" in refused(audited, "audit", "--kind", "log_inn")
    assert objects(audited, "audit", "--user", "f" * 24) == []
    assert objects(audited, "audit", "--address", unique()) == []


def test_only_the_administrator_may_see_it(audited):
    assert "does not permit" in refused(audited, "audit", **environment(audited, "gateway"))


def test_each_kind_is_in_the_manual():
    source = (REPOSITORY / "services/user/audit/audit_kinds.c").read_text()
    words = re.findall(r'\[AUDIT_\w+\] = "(\w+)"', source)
    manual = (REPOSITORY / "docs/operating.md").read_text()
    assert len(words) > 25
    assert [word for word in words if f"`{word}`" not in manual] == []
