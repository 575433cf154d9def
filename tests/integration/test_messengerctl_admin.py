"""messengerctl administers accounts and invites through the user service."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time

import pytest
import requests

from support.client import Socket, User, error_name, login, signup, token_of, unique
from support.local_run import LocalRun
from support.messengerctl import ctl, environment, objects, one_line, refused, run
from support.ports import free_port
from support.process import REPOSITORY, binary, clean_environment
from support.stack import Stack
from support.wait import PATIENCE_SECONDS

DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
CODE = "[0-9a-f]{32}"


@pytest.fixture(scope="module")
def inviting():
    with Stack(settings={"registration.mode": "invite"}, authorised=True) as stack:
        yield stack


def invited(stack, **changed):
    """A user who came by an invite of this program."""
    code, = re.findall(f"#invite=({CODE})", ctl(stack, "invite", "create"))
    return User(stack, invite=code, **changed)


def spellings(user):
    """What an administrator may call a user."""
    return [user.tag, user.tag[1:], user.tag.upper(), user.email, user.email.upper()]


# Users

def test_users_are_listed_with_what_is_known_of_them(inviting):
    ann, bob = invited(inviting, firstName="Ann", lastName="Ó"), invited(inviting, firstName="Bob", lastName="Li")
    ctl(inviting, "user", "disable", bob.tag)
    title, *lines = ctl(inviting, "user", "list").splitlines()
    assert title.split() == ["TAG", "NAME", "E-MAIL", "CREATED", "DISABLED"]
    assert [re.fullmatch(rf"{ann.tag} +Ann Ó +{ann.email} +{DATE} +no", line) for line in lines].count(None) == len(lines) - 1
    assert [re.fullmatch(rf"{bob.tag} +Bob Li +{bob.email} +{DATE} +yes", line) for line in lines].count(None) == len(lines) - 1
    listed = {user["tag"]: user for user in objects(inviting, "user", "list")}
    assert sorted(listed, key=str.lower) == list(listed)
    assert set(listed[ann.tag]) == {"id", "tag", "firstName", "lastName", "img", "email", "created", "disabled"}
    assert (listed[ann.tag]["disabled"], listed[bob.tag]["disabled"]) == (False, True)
    assert (listed[bob.tag]["firstName"], listed[bob.tag]["lastName"], listed[ann.tag]["lastName"]) == ("Bob", "Li", "Ó")


def test_a_user_is_shown_by_each_of_its_names(inviting):
    user = invited(inviting)
    user.login()
    shown = ctl(inviting, "user", "show", user.tag)
    for name in spellings(user):
        assert ctl(inviting, "user", "show", name) == shown
    details, = objects(inviting, "user", "show", user.email)
    fields = dict(re.findall(r"^(\S+) {2,}(.*)$", shown, re.MULTILINE))
    assert fields["tag"] == details["tag"] == user.tag and fields["e-mail"] == details["email"] == user.email
    assert fields["id"] == details["id"] and fields["created"] == details["created"] and fields["disabled"] == "no"
    assert len(details["sessions"]) == 2
    for session in details["sessions"]:
        assert re.search(rf"^{session['id']} +{session['seen']} +{session['created']} +{session['expires']} +127\.0\.0\.1 ",
                         shown, re.MULTILINE)
        assert session["address"] == "127.0.0.1" and session["device"]
    assert objects(inviting, "user", "sessions", user.tag) == details["sessions"]
    assert ctl(inviting, "user", "sessions", user.tag) == shown[shown.index("SESSION"):]


def test_a_disabled_account_is_logged_out_and_kept_out_until_it_is_enabled(inviting):
    user = invited(inviting)
    with user.socket() as open_socket:
        open_socket.call("getSelfInfo")
        assert user.tag[1:] in ctl(inviting, "user", "disable", user.tag[1:])
        assert open_socket.wait_closed()[0] == 1000
    answer = login(inviting.url(), user.email, user.password)
    assert (answer.status_code, error_name(answer)) == (403, "AccountDisabledError")
    details, = objects(inviting, "user", "show", user.tag)
    assert details["disabled"] and details["sessions"] == []
    assert re.search(r"^disabled +yes$", ctl(inviting, "user", "show", user.tag), re.MULTILINE)
    ctl(inviting, "user", "disable", user.email)  # again, which changes nothing
    ctl(inviting, "user", "enable", user.email)
    token_of(login(inviting.url(), user.email, user.password))


def test_sessions_end_one_by_one_or_all(inviting):
    user = invited(inviting)
    tokens = [user.login(), user.login()]
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(Socket(inviting.url(), token)) for token in [user.token, *tokens]]
        for each in sockets:
            each.call("getSelfInfo")
        current = [next(session["id"] for session in each.call("listSessions") if session["isCurrent"]) for each in sockets]
        ctl(inviting, "user", "logout", user.tag, current[1])
        assert sockets[1].wait_closed()[0] == 1000
        for each in (sockets[0], sockets[2]):
            each.call("getSelfInfo")
        assert {session["id"] for session in objects(inviting, "user", "sessions", user.tag)} == {current[0], current[2]}
        ctl(inviting, "user", "logout", user.email)
        for each in (sockets[0], sockets[2]):
            assert each.wait_closed()[0] == 1000
    assert objects(inviting, "user", "sessions", user.tag) == []
    assert ctl(inviting, "user", "sessions", user.tag).splitlines()[1:] == []
    token_of(login(inviting.url(), user.email, user.password))


def test_an_empty_session_does_not_end_all(inviting):
    """As of a shell variable that is not set."""
    user, other = invited(inviting), invited(inviting)
    sessions = objects(inviting, "user", "sessions", user.tag)
    assert "SESSION is empty" in refused(inviting, "user", "logout", user.tag, "")
    for session in ("x", "0" * 32, objects(inviting, "user", "sessions", other.tag)[0]["id"]):
        assert f"{user.tag} has no session {session}" in refused(inviting, "user", "logout", user.tag, session)
    assert objects(inviting, "user", "sessions", user.tag) == sessions


def reset(stack, code, password):
    return requests.post(stack.url(path="/reset"), json={"code": code, "password": password}, timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("app_url, beginning", [
    ("https://chat.example.org", r"https://chat\.example\.org/"), ("http://example.org:8000/im/", r"http://example\.org:8000/im/"),
    ("", "Open /")])
def test_a_link_sets_a_new_password_once(inviting, app_url, beginning):
    user = invited(inviting)
    link, explained = ctl(inviting, "user", "reset-password", user.tag[1:], MESSENGER_APP_URL=app_url).splitlines()
    code = re.fullmatch(f"{beginning}#reset=({CODE}){'' if app_url else ' on your messenger.s address'}", link)[1]
    assert user.tag in explained
    assert about(explained, 86400)
    with user.socket() as open_socket:
        open_socket.call("getSelfInfo")
        assert reset(inviting, code, "a new password").status_code == 200
        assert open_socket.wait_closed()[0] == 1000
    token_of(login(inviting.url(), user.email, "a new password"))
    assert login(inviting.url(), user.email, user.password).status_code == 401
    assert reset(inviting, code, "another one").status_code == 400


def about(text, seconds):
    """Whether the date in the text is so many seconds from now, give or take a minute."""
    date, = re.findall(DATE, text)
    then = time.mktime(time.strptime(date[:19] + " UTC", "%Y-%m-%dT%H:%M:%S %Z")) - time.timezone
    return abs(then - time.time() - seconds) < 60


def test_a_later_link_replaces_an_earlier_one_and_lasts_as_long_as_requested(inviting):
    user = invited(inviting)
    outputs = [ctl(inviting, "user", "reset-password", user.tag, "--expires", expires)
               for expires in ("30 days", "60", "2h")]
    assert [about(output, seconds) for output, seconds in zip(outputs, (30 * 86400, 60, 7200))] == [True] * 3
    codes = [re.search(f"#reset=({CODE})", output)[1] for output in outputs]
    assert [reset(inviting, code, "a new password").status_code for code in codes] == [400, 400, 200]


# Invites

def fields(**changed):
    name = unique()
    return {"tag": "@" + name, "firstName": "Test", "lastName": "User", "email": name + "@example.com",
            "password": "pass-" + name, **changed}


def test_an_invite_is_good_for_one_account_and_is_listed(inviting):
    link, explained = ctl(inviting, "invite", "create", MESSENGER_APP_URL="https://chat.example.org").splitlines()
    code = re.fullmatch(rf"https://chat\.example\.org/#invite=({CODE})", link)[1]
    id = re.search("[0-9a-f]{24}", explained)[0]
    assert about(explained, 7 * 86400)
    unused = next(invite for invite in objects(inviting, "invite", "list") if invite["id"] == id)
    assert set(unused) == {"id", "created", "expires"} and unused["expires"] in explained
    user = fields(invite=code)
    token_of(signup(inviting.url(), user))
    assert error_name(signup(inviting.url(), fields(invite=code))) == "InviteError"
    used = next(invite for invite in objects(inviting, "invite", "list") if invite["id"] == id)
    assert used["usedByTag"] == user["tag"] and re.fullmatch(DATE, used["used"])
    title, *lines = ctl(inviting, "invite", "list").splitlines()
    assert title.split("  ")[0] == "ID"
    assert [line for line in lines if re.fullmatch(rf"{id} +- +{DATE} +{DATE} +{user['tag']} +{DATE}", line)]
    assert f"no unused invite {id}" in refused(inviting, "invite", "revoke", id)


def test_a_revoked_invite_is_good_for_nobody(inviting):
    made = ctl(inviting, "invite", "create", "--expires", "2 days")
    assert about(made, 2 * 86400)
    code, id = re.search(f"#invite=({CODE})", made)[1], re.search("invite ([0-9a-f]{24}),", made)[1]
    assert id in ctl(inviting, "invite", "revoke", id)
    assert error_name(signup(inviting.url(), fields(invite=code))) == "InviteError"
    for gone in (id, "0" * 24, "x", ""):
        assert f"no unused invite {gone}" in refused(inviting, "invite", "revoke", gone)
    assert id not in ctl(inviting, "invite", "list")


# Many, and with names of all kinds

def open_users(directory):
    return contextlib.closing(sqlite3.connect(directory / "data" / "users.db", timeout=PATIENCE_SECONDS))


def add_users(directory, rows):
    """Rows of tag, first name, last name, e-mail."""
    with open_users(directory) as db, db:
        db.executemany("INSERT INTO user (id, key, tag, email, email_key, first_name, last_name, img, password_hash)"
                       " VALUES (x'5fffffff' || randomblob(8), lower(?1), '@' || ?1, ?4, ?4, ?2, ?3, '', 'hash')", rows)


NAMES = {
    "emoji": ("👩‍👩‍👧 Zoë", "日本"),
    "escape": ("\x1b[2J\x1b]0;title\x07", "Bad\rname\nof\ttwo"),
    "c1": ("\x9b31m red", "\x7fdel"),
    "turned": ("\u202egnorw", "\u2066x\u2069\u2028y"),
    "quotes": ('"\\', "</script>"),
    "long": ("ẅ" * 40, "x" * 40),
}


@pytest.fixture(scope="module")
def crowded():
    """One whose store was damaged, or filled by other means: more than a page, names without a rule."""
    if os.environ.get("MESSENGER_TEST_STORE_USERS"):
        pytest.skip("its rows are written with sqlite3")
    with Stack(authorised=True) as stack:
        add_users(stack.directory, [(f"n{i:04}", "N", str(i), f"n{i}@n.n") for i in range(1000)])
        add_users(stack.directory, [(tag, *names, tag + "@x.x") for tag, names in NAMES.items()])
        with open_users(stack.directory) as db, db:
            db.executemany("INSERT INTO code VALUES (randomblob(12), 1, x'', '', ?, 4000000000, 0, x'', '')",
                           ((1700000000000 + i,) for i in range(2001)))
        yield stack


def test_all_pages_of_users_are_listed(crowded):
    assert [user["tag"] for user in objects(crowded, "user", "list")] == \
        sorted([f"@n{i:04}" for i in range(1000)] + ["@" + tag for tag in NAMES])
    tags = [line.split()[0] for line in ctl(crowded, "user", "list").splitlines()]
    assert tags == ["TAG"] + sorted(["@n%04d" % i for i in range(1000)] + ["@" + tag for tag in NAMES])


def test_all_pages_of_invites_are_listed(crowded):
    with open_users(crowded.directory) as db:
        kind, = db.execute("SELECT DISTINCT kind FROM code").fetchone()
    assert kind == 1
    listed = [invite["id"] for invite in objects(crowded, "invite", "list")]
    assert len(set(listed)) == 2001 and listed == sorted(listed)
    assert len(ctl(crowded, "invite", "list").splitlines()) == 2002


def raw_controls(output):
    return [hex(ord(c)) for c in output if (c < " " and c != "\n") or "\x7f" <= c <= "\x9f"
            or c in "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]


@pytest.mark.parametrize("tag", NAMES)
def test_names_never_control_the_terminal(crowded, tag):
    first, last = NAMES[tag]
    lines = [line for line in ctl(crowded, "user", "list").splitlines() if line.startswith(f"@{tag} ")]
    assert len(lines) == 1
    for output in (lines[0], ctl(crowded, "user", "show", tag), ctl(crowded, "user", "list", "--json"),
                   ctl(crowded, "user", "show", tag, "--json")):
        assert raw_controls(output) == []
    clean = re.sub("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", "?", f"{first} {last}")
    assert clean in lines[0] and f"name       {clean}\n" in ctl(crowded, "user", "show", tag)
    details, = objects(crowded, "user", "show", tag)
    assert (details["firstName"], details["lastName"]) == (first, last)


def test_columns_are_aligned_behind_wide_characters(crowded):
    with open_users(crowded.directory) as db, db:
        for tag, name in (("aa", "日本語"), ("ab", "Zoe\u0308"), ("ac", "😀"), ("ad", "plain"), ("ae", "\x1b\x9b")):
            db.execute("INSERT INTO user (id, key, tag, email, email_key, first_name, last_name, img, password_hash)"
                       " VALUES (randomblob(12), ?1, '@' || ?1, ?1 || '@x.x', ?1 || '@x.x', ?2, '', '', 'hash')", (tag, name))
    try:
        lines = {line.split()[0]: line for line in ctl(crowded, "user", "list").splitlines()}
        places = [lines["@" + tag].index(tag + "@x.x") + extra
                  for tag, extra in (("aa", 3), ("ab", -1), ("ac", 1), ("ad", 0), ("ae", 0))]
        assert len(set(places)) == 1, places
    finally:
        with open_users(crowded.directory) as db, db:
            db.execute("DELETE FROM user WHERE key IN ('aa', 'ab', 'ac', 'ad', 'ae')")


def test_a_list_that_cannot_be_written_is_a_failure(crowded):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([binary("messengerctl"), "user", "list"], stdout=full, stderr=subprocess.PIPE,
                              env={**clean_environment(), **{k: str(v) for k, v in environment(crowded).items()}},
                              timeout=PATIENCE_SECONDS)
    assert (done.returncode, done.stderr) == (1, b"messengerctl: the output could not be written\n")


# What is wrong is printed in one line

@pytest.mark.parametrize("name", ["@nobody_at_all", "nobody@example.com", "", "@", "x" * 9999, "a b", "\x1b[2J",
                                  "ü@ü", "' OR 1=1 --", "*", ">"])
@pytest.mark.parametrize("command", ["show", "disable", "enable", "sessions", "logout", "reset-password"])
def test_an_unknown_name_is_not_found(inviting, command, name):
    line = refused(inviting, "user", command, name)
    assert "no account has the tag or e-mail address" in line and raw_controls(line) == []


@pytest.mark.parametrize("arguments", [("user", "show", b"\xff\xfe"), ("user", "disable", b"\xff@x.x"),
                                       ("user", "logout", "@ann", b"\x9b"), ("invite", "revoke", b"\xff"),
                                       ("user", "enable", "x" * 100000)])
def test_what_no_name_can_be_is_refused(inviting, arguments):
    line = refused(inviting, *arguments)
    assert re.search("is not UTF-8|is too long|no account has", line) and raw_controls(line) == []


@pytest.mark.parametrize("arguments, message", [
    (("user",), '"user list", "user show"'), (("invite",), '"invite create", "invite list", "invite revoke"'),
    (("user", "remove", "@x"), 'unknown command "user remove"'), (("users", "list"), 'unknown command "users list"'),
    (("user", "list", "@x"), "usage: messengerctl user list [--json]"),
    (("user", "show"), "usage: messengerctl user show NAME [--json]"),
    (("user", "disable"), "usage: messengerctl user disable NAME"),
    (("user", "disable", "a", "b"), "usage: messengerctl user disable NAME"),
    (("user", "disable", "a", "--json"), "usage: messengerctl user disable NAME"),
    (("user", "logout", "a", "b", "c"), "usage: messengerctl user logout NAME [SESSION]"),
    (("user", "list", "--force"), "usage: messengerctl user list [--json]"),
    (("user", "list", "--expires", "1h"), "usage: messengerctl user list [--json]"),
    (("invite", "revoke"), "usage: messengerctl invite revoke ID"),
    (("backup", "x", "--json"), "usage: messengerctl backup DIR [--data DATA]"),
    (("store", "copy", "a", "b", "--config", "c"), "usage: messengerctl store copy FROM TO"),
    (("invite", "create", "--expires"), "--expires needs a value"), (("user", "list", "--data"), "--data needs a value"),
    (("invite", "create", "--expires", "soon"), "--expires soon is no duration"),
    (("invite", "create", "--expires", "-1"), "--expires -1 is no duration"),
    (("invite", "create", "--expires", "59s"), "from 1 minute to 366 days"),
    (("invite", "create", "--expires", "367 days"), "from 1 minute to 366 days"),
    (("user", "reset-password", "a", "--expires", "31 days"), "from 1 minute to 30 days"),
    (("user", "reset-password", "a", "--expires", "0"), "--expires 0 is no duration")])
def test_a_usage_error_shows_the_usage(arguments, message):
    done = run(*arguments)
    line, = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"") and message in line


def test_help_has_each_command():
    done = run("--help")
    assert done.returncode == 0
    for word in ("user list", "reset-password", "invite create", "invite revoke", "--expires", "docker compose run",
                 "MESSENGER_NATS_PASSWORD_FILE", "Exit status"):
        assert word in done.stdout.decode()
    assert max(map(len, done.stdout.decode().splitlines())) <= 100


def test_a_wrong_password_is_refused_at_once(inviting, tmp_path):
    password = tmp_path / "password"
    password.write_text("guessed")
    line = refused(inviting, "user", "list", MESSENGER_NATS_PASSWORD_FILE=password)
    assert f"NATS at 127.0.0.1:{inviting.nats_port} refuses the log-in as admin" in line and "guessed" not in line


def test_no_password_is_refused(inviting, tmp_path):
    line = one_line(run("user", "list", cwd=tmp_path, MESSENGER_NATS_URL=f"nats://127.0.0.1:{inviting.nats_port}"))
    assert "requires a log-in" in line and "MESSENGER_NATS_PASSWORD_FILE" in line


def test_a_password_in_the_address_is_not_printed(inviting, tmp_path):
    line = one_line(run("user", "list", cwd=tmp_path,
                        MESSENGER_NATS_URL=f"nats://admin:secr3t@127.0.0.1:{inviting.nats_port}"))
    assert f"127.0.0.1:{inviting.nats_port}" in line and "secr3t" not in line


@pytest.mark.parametrize("env, message", [
    ({"MESSENGER_NATS_PASSWORD_FILE": "/does/not/exist"}, "/does/not/exist: No such file"),
    ({"MESSENGER_NATS_USER": "admin"}, "nats.user, nats.password"), ({"MESSENGER_CONFIG": "/does/not/exist"}, "/does/not/exist"),
    ({"MESSENGER_NATS_URL": ",", "MESSENGER_NATS_PASSWORD": "x"}, "nats.url"),
    ({"MESSENGER_APP_URL": "chat.example.org"}, "app.url")])
def test_unusable_settings_are_named(tmp_path, env, message):
    assert message in one_line(run("user", "list", cwd=tmp_path, **env))


@pytest.mark.parametrize("user", ["monitor", "gateway"])
def test_a_nats_user_without_the_permission_is_refused_at_once(inviting, user):
    target = invited(inviting)
    for arguments in (("user", "list"), ("user", "disable", target.tag), ("invite", "create")):
        line = one_line(run(*arguments, **environment(inviting, user)))
        assert f'does not permit the user "{user}"' in line
    token_of(login(inviting.url(), target.email, target.password))


def test_nats_away_is_noticed_within_seconds(tmp_path):
    started = time.monotonic()
    port = free_port()
    line = one_line(run("user", "list", cwd=tmp_path, MESSENGER_NATS_URL=f"nats://127.0.0.1:{port}"))
    assert f"NATS does not answer at 127.0.0.1:{port}" in line and "MESSENGER_NATS_URL" in line
    assert time.monotonic() - started >= 4.9  # it waited for one that is about to start


def test_a_nats_that_accepts_and_does_not_answer_is_noticed(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = ",".join(f"nats://localhost:{port},nats://127.0.0.1:{port}" for _ in range(4))
        line = one_line(run("user", "list", cwd=tmp_path, MESSENGER_NATS_URL=url))
        assert "NATS does not answer at" in line


def test_a_user_service_that_is_away_or_stuck_is_named():
    with Stack(authorised=True) as stack:
        stack.freeze("user")
        line = refused(stack, "user", "list", MESSENGER_RPC_TIMEOUT_MS=300)
        assert "has not answered within 300 ms" in line
        stack.resume("user")
        stack.terminate("user")
        assert "no user service answers" in refused(stack, "user", "list")


# Where it finds NATS

def test_beside_make_run_nothing_else_is_needed(tmp_path):
    with LocalRun(tmp_path) as running:
        running.wait_ready()
        user = {"tag": "@keeper", "firstName": "Test", "lastName": "User", "email": "keeper@example.com", "password": "password"}
        assert requests.post(running.url("/signup"), json={"user": user}, timeout=PATIENCE_SECONDS).status_code == 200
        data = tmp_path / "data"
        for arguments, options in ((("--data", data), {}), ((), {"DATA_DIR": data}), ((), {"cwd": tmp_path}),
                                   ((), {"MESSENGER_DATA_DIRECTORY": data})):
            done = run("user", "list", "--json", *arguments, **options)
            assert done.returncode == 0 and json.loads(done.stdout)["tag"] == "@keeper", done.stderr
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"data": {"directory": str(data)}, "app": {"url": "https://chat.example.org"}}))
        done = run("invite", "create", "--config", config, cwd="/")
        assert done.stdout.startswith(b"https://chat.example.org/#invite="), done.stderr
        os.kill(running.process.pid, signal.SIGTERM)
        running.wait_stopped()


def test_a_directory_without_the_password_is_an_error(inviting, tmp_path):
    line = one_line(run("user", "list", "--data", tmp_path, MESSENGER_NATS_URL=f"nats://127.0.0.1:{inviting.nats_port}"))
    assert str(tmp_path / "secrets" / "nats_admin") in line


def test_the_settings_take_precedence_over_the_directory(inviting, tmp_path):
    """Of an installation that is no longer there."""
    (tmp_path / "data" / "secrets").mkdir(parents=True)
    (tmp_path / "data" / "nats.url").write_text("nats://127.0.0.1:1\n")
    (tmp_path / "data" / "secrets" / "nats_admin").write_text("old")
    assert run("user", "list", cwd=tmp_path, **environment(inviting)).returncode == 0
    (tmp_path / "data" / "nats.url").write_text(f"nats://127.0.0.1:{inviting.nats_port}\n")
    (tmp_path / "data" / "secrets" / "nats_admin").write_bytes(inviting.secret_file("nats_admin").read_bytes())
    assert run("user", "list", cwd=tmp_path).returncode == 0
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"nats": {"url": "nats://127.0.0.1:1"}}))
    assert "127.0.0.1:1;" in one_line(run("user", "list", "--config", config, cwd=tmp_path))


def test_without_authorisation_no_log_in_is_needed(stack, alice, tmp_path):
    done = run("user", "show", alice.tag, "--json", cwd=tmp_path, MESSENGER_NATS_URL=f"nats://127.0.0.1:{stack.nats_port}")
    assert json.loads(done.stdout)["email"] == alice.email


def test_the_container_of_the_tool_logs_in_as_the_administrator():
    """docker-compose.yml: not started with the others, of the image that the user service has."""
    text = (REPOSITORY / "docker-compose.yml").read_text()
    service = re.search(r"^  messengerctl:\n((?:    .*\n)+)", text, re.MULTILINE)[1]
    for part in ("profiles: [tools]", "image: messenger/user", "entrypoint: [messengerctl]", "secrets: [nats_admin]",
                 "networks: [bus]", "MESSENGER_NATS_USER: admin", "MESSENGER_NATS_PASSWORD_FILE: /run/secrets/nats_admin"):
        assert part in service


def test_a_deleted_account_is_gone_but_for_its_tag(inviting):
    user, friend = invited(inviting), invited(inviting)
    with user.socket() as socket, friend.socket() as theirs:
        socket.call("sendMessageToUser", [friend.tag, "mine"])
        assert "--force" in refused(inviting, "user", "delete", user.tag)
        assert ctl(inviting, "user", "delete", user.email, "--force").startswith(user.email)
        socket.wait_closed()
        theirs.wait_notification(3204)
        assert theirs.call("getMessagesWithUser", [user.tag])[0]["text"] == ""
    assert error_name(login(inviting.url(), user.email, user.password)) == "AuthError"
    listed, = [record for record in objects(inviting, "user", "list") if record["tag"] == user.tag]
    assert listed["deleted"] is True and (listed["email"], listed["firstName"]) == ("", "")
    assert re.search(rf"^{user.tag} .* deleted$", ctl(inviting, "user", "list"), re.MULTILINE)
    for command in ("show", "enable", "delete"):
        assert "no account" in refused(inviting, "user", command, user.tag, *(["--force"] if command == "delete" else []))
