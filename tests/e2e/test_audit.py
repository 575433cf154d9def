"""The audit log: what concerns the security of accounts is recorded, once, bounded, and without a secret."""

import contextlib
import itertools
import re
import time

import pytest
import requests

from support.admin import Admin
from support.client import RpcError, Socket, login, signup, token_of, unique
from support.stack import Stack
from support.wait import wait_until

BEHIND_PROXY = {"gateway.trustedProxies": "127.0.0.1"}
DEVICE = "Tests/1.0"
HOUR_MS = 3600 * 1000
_hosts = itertools.count(1)


def any_address():
    """One that has not been used before."""
    number = next(_hosts)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def came_from(address, device=DEVICE):
    return {"X-Forwarded-For": address, "User-Agent": device}


def try_login(stack, email, password, address, **options):
    return login(stack.url(options.pop("gateway", 0)), email, password, headers=came_from(address, **options))


def sign_up(stack, address, **fields):
    """A user who signed up from there."""
    name = unique()
    user = {"tag": "@" + name, "firstName": "Test", "lastName": "User", "email": name + "@example.com",
            "password": "pass-" + name, **fields}
    return {**user, "token": token_of(signup(stack.url(), user, headers=came_from(address)))}


@contextlib.contextmanager
def auditing(settings=None, **options):
    with Stack(settings={**BEHIND_PROXY, **(settings or {})}, authorised=True, **options) as stack, Admin(stack) as admin:
        yield stack, admin


@pytest.fixture(scope="module")
def shared():
    with auditing({"registration.invitesPerUser": 20, "limits.failedLoginsPerAccount": 3}) as both:
        yield both


def wait_for(admin, count, **filters):
    """The entries once there are so many, which are waited for; the newest first."""
    found = []

    def enough():
        found[:] = admin.audit(**filters)
        return len(found) >= count
    wait_until(enough, f"{count} entries of {filters}")
    assert len(found) == count, found
    return found


def entry_of(admin, user, kind):
    """The only one of this kind."""
    entry, = wait_for(admin, 1, name=user["tag"], kind=kind)
    assert (entry.kind, entry.count, entry.account_tag) == (kind, 1, user["tag"])
    assert re.fullmatch("[0-9a-f]{24}", entry.account_id) and re.fullmatch("[0-9a-f]{24}", entry.id)
    assert abs(time.time() * 1000 - entry.at_ms) < HOUR_MS and entry.at_ms <= entry.last_ms
    return entry


def where(entry):
    return entry.outcome, entry.by, entry.address, entry.device


# What is recorded

def test_a_sign_up_and_log_ins_are_recorded_with_address_and_device(shared):
    stack, admin = shared
    user = sign_up(stack, "192.0.2.1")
    assert where(entry_of(admin, user, "sign_up")) == ("ok", "user", "192.0.2.1", DEVICE)
    token = token_of(try_login(stack, user["email"], user["password"], "2001:db8:0:7::5", device="Phone"))
    entry = entry_of(admin, user, "log_in")
    assert where(entry) == ("ok", "user", "2001:db8:0:7::5", "Phone")
    with Socket(stack.url(), token) as socket:
        current, = (session["id"] for session in socket.call("listSessions") if session["isCurrent"])
    assert entry.subject == current
    assert requests.get(stack.url(path="/exit"), headers={"Cookie": f"auth={token}", **came_from("198.51.100.8")},
                        timeout=30).status_code == 200
    entry = entry_of(admin, user, "log_out")
    assert where(entry) == ("ok", "user", "198.51.100.8", "Phone")
    assert entry.subject == current


def test_failed_log_ins_are_recorded_with_their_reason(shared):
    stack, admin = shared
    user, elsewhere = sign_up(stack, "192.0.2.1"), any_address()
    assert try_login(stack, user["email"], "wrong-password", elsewhere).status_code == 401
    assert where(entry_of(admin, user, "log_in_failed")) == ("wrong_password", "", elsewhere, DEVICE)
    while try_login(stack, user["email"], user["password"] + "!", elsewhere).status_code == 401:
        pass
    assert where(entry_of(admin, user, "log_in_limited")) == ("limited", "", elsewhere, DEVICE)
    nobody = any_address()
    assert try_login(stack, unique() + "@example.com", "some-password", nobody).status_code == 401
    entry, = wait_for(admin, 1, address=nobody)
    assert (entry.kind, entry.account_id, entry.account_tag) == ("log_in_failed", "", "")
    assert where(entry) == ("unknown_name", "", nobody, DEVICE)


def test_a_right_password_of_a_disabled_account_is_recorded_as_such(shared):
    stack, admin = shared
    user, elsewhere = sign_up(stack, "192.0.2.1"), any_address()
    admin.call("SetDisabled", name=user["tag"], disabled=True)
    assert where(entry_of(admin, user, "account_disabled")) == ("ok", "administrator", "", "")
    assert try_login(stack, user["email"], user["password"], elsewhere).status_code == 403
    assert where(entry_of(admin, user, "log_in_failed")) == ("disabled", "", elsewhere, DEVICE)
    admin.call("SetDisabled", name=user["email"], disabled=False)
    assert where(entry_of(admin, user, "account_enabled")) == ("ok", "administrator", "", "")


def test_changes_of_the_password_are_recorded(shared):
    stack, admin = shared
    user = sign_up(stack, "192.0.2.1")
    with Socket(stack.url(), user["token"], headers=came_from("198.51.100.3")) as socket:
        with pytest.raises(RpcError):
            socket.call("changePassword", ["not-the-old-one", "new-password-1"])
        assert where(entry_of(admin, user, "password_change_failed")) == ("wrong_password", "", "198.51.100.3", "")
        socket.call("changePassword", [user["password"], "new-password-1"])
    assert where(entry_of(admin, user, "password_changed")) == ("ok", "user", "198.51.100.3", "")
    code = admin.call("CreateReset", name=user["tag"]).code
    assert where(entry_of(admin, user, "reset_link_created")) == ("ok", "administrator", "", "")
    answer = requests.post(stack.url(path="/reset"), json={"code": code, "password": "new-password-2"},
                           headers=came_from("198.51.100.4"), timeout=30)
    assert answer.status_code == 200
    assert where(entry_of(admin, user, "reset_link_used")) == ("ok", "user", "198.51.100.4", "")


def test_resets_by_mail_are_recorded_also_when_none_is_sent():
    pytest.importorskip("aiosmtpd", reason="python3-aiosmtpd is not installed: no test of mail")
    from support.smtp import SmtpServer  # pylint: disable=import-outside-toplevel
    mail = {"mail.from": "messenger@example.org", "app.url": "https://chat.example.org", "limits.mailsPerAccount": 1}
    with SmtpServer() as server, auditing({**mail, "mail.smtpUrl": server.url}) as (stack, admin):
        user, elsewhere = sign_up(stack, "192.0.2.1"), any_address()

        def forgot(address):
            assert requests.post(stack.url(path="/forgot"), json={"user": {"email": address}}, timeout=30,
                                 headers=came_from(elsewhere)).status_code == 200
        forgot(user["email"])
        code = server.next().code("reset")
        assert where(entry_of(admin, user, "reset_mail_requested")) == ("ok", "", elsewhere, "")
        forgot(user["email"])
        limited, _ = wait_for(admin, 2, kind="reset_mail_requested", name=user["tag"])
        assert where(limited) == ("limited", "", elsewhere, "")
        forgot("nobody-" + user["email"])
        unknown = wait_for(admin, 3, kind="reset_mail_requested")[0]
        assert (unknown.outcome, unknown.account_id) == ("unknown_name", "")
        assert requests.post(stack.url(path="/reset"), json={"code": code, "password": "new-password-1"}, timeout=30,
                             headers=came_from("198.51.100.4")).status_code == 200
        assert where(entry_of(admin, user, "reset_mail_used")) == ("ok", "user", "198.51.100.4", "")


def test_ends_of_sessions_are_recorded(shared):
    stack, admin = shared
    user = sign_up(stack, "192.0.2.1")
    tokens = [token_of(try_login(stack, user["email"], user["password"], any_address())) for _ in range(2)]
    with Socket(stack.url(), tokens[0], headers=came_from("198.51.100.3")) as socket:
        first, second = [session["id"] for session in socket.call("listSessions") if not session["isCurrent"]]
        socket.call("revokeSession", [first])
        entry = entry_of(admin, user, "session_revoked")
        assert where(entry) == ("ok", "user", "198.51.100.3", "") and entry.subject == first
        admin.call("EndUserSessions", name=user["tag"], session_id=second)
        entry = wait_for(admin, 2, name=user["tag"], kind="session_revoked")[0]
        assert where(entry) == ("ok", "administrator", "", "") and entry.subject == second
        socket.call("revokeOtherSessions")
        assert where(entry_of(admin, user, "other_sessions_revoked")) == ("ok", "user", "198.51.100.3", "")
    admin.call("EndUserSessions", name=user["tag"])
    assert where(entry_of(admin, user, "all_sessions_revoked")) == ("ok", "administrator", "", "")


def test_invites_are_recorded_from_their_making_to_their_end(shared):
    stack, admin = shared
    user = sign_up(stack, "192.0.2.1")
    with Socket(stack.url(), user["token"], headers=came_from("198.51.100.3")) as socket:
        used, dropped = socket.call("createInvite"), socket.call("createInvite")
        socket.call("revokeInvite", [dropped["id"]])
    entries = wait_for(admin, 2, name=user["tag"], kind="invite_created")
    assert {entry.subject for entry in entries} == {used["id"], dropped["id"]}
    assert {where(entry) for entry in entries} == {("ok", "user", "198.51.100.3", "")}
    assert entry_of(admin, user, "invite_revoked").subject == dropped["id"]
    made = admin.call("MakeInvite")
    admin.call("DropInvite", id=made.id)
    for kind in ("invite_created", "invite_revoked"):
        entry, = (found for found in wait_until(
            lambda: [one for one in admin.audit(kind=kind) if one.subject == made.id], kind))
        assert where(entry) == ("ok", "administrator", "", "") and entry.account_id == ""


def test_the_use_of_an_invite_is_recorded_with_the_new_account():
    with auditing({"registration.mode": "invite"}) as (stack, admin):
        made = admin.call("MakeInvite")
        user = sign_up(stack, "192.0.2.9", invite=made.code)
        entry = entry_of(admin, user, "invite_used")
        assert entry.subject == made.id and entry.address == "192.0.2.9"


# What is not

def test_nothing_that_was_typed_is_kept(shared):
    """Names that no account has, which may be a password in the wrong field; passwords; codes."""
    stack, admin = shared
    user, elsewhere = sign_up(stack, "192.0.2.1"), any_address()
    typed = [unique("Secret"), unique("Secret") + "@example.com", unique("Secret")]
    assert try_login(stack, typed[0], typed[2], elsewhere).status_code == 401
    assert try_login(stack, typed[1], typed[2], elsewhere).status_code == 401
    assert try_login(stack, user["email"], typed[2], elsewhere).status_code == 401
    code = admin.call("CreateReset", name=user["tag"]).code
    entry_of(admin, user, "log_in_failed")
    entry_of(admin, user, "reset_link_created")
    shown = str(admin.audit())
    for secret in (*typed, user["password"], user["email"], code):
        assert secret not in shown
    for file in (stack.directory / "data").rglob("*"):
        assert not file.is_file() or not [secret for secret in (*typed, code) if secret.encode() in file.read_bytes()]


# A flood

def test_repeats_are_one_entry_with_their_number(shared):
    stack, admin = shared
    elsewhere = any_address()
    for i in range(15):
        assert try_login(stack, f"{unique()}@example.com", "some-password", elsewhere, device=f"Device {i}").status_code == 401

    def all_counted():
        entries = admin.audit(address=elsewhere)
        return sum(entry.count for entry in entries) == 15 and entries
    entries = wait_until(all_counted, "15 failures to be counted")
    assert len(entries) <= 2  # a minute may have ended meanwhile
    assert entries[0].last_ms >= entries[0].at_ms


def test_a_network_of_ipv6_addresses_is_one_address_to_failures(shared):
    stack, admin = shared
    for i in range(1, 9):
        assert try_login(stack, f"{unique()}@example.com", "some-password", f"2001:db8:5:5::{i:x}").status_code == 401
    entries = wait_until(lambda: (found := admin.audit(address="2001:DB8:5:5:0:0:0:77")) and
                         sum(entry.count for entry in found) == 8 and found, "8 failures to be counted")
    assert len(entries) <= 2 and {entry.address for entry in entries} == {"2001:db8:5:5::/64"}


def test_a_flood_from_everywhere_is_bounded_and_displaces_nothing_else():
    """Of 100 entries, 40 are failures at most; those of users and of the administrator stay."""
    failures = 260
    with auditing({"audit.maxEntries": 100}) as (stack, admin):
        user = sign_up(stack, "192.0.2.1")
        token_of(try_login(stack, user["email"], user["password"], "192.0.2.2"))
        admin.call("MakeInvite")
        before = {entry.id for entry in wait_for(admin, 3)}
        for _ in range(failures):
            assert try_login(stack, f"{unique()}@example.com", "some-password", any_address()).status_code == 401
        many = wait_until(lambda: [entry for entry in admin.audit() if entry.subject == "many"], "an entry for the rest")
        assert {(entry.address, entry.device, entry.account_id) for entry in many} == {("", "", "")}
        stack.restart("user")  # it deletes what is too much at the start, too
        wait_until(lambda: len(admin.audit(kind="log_in_failed")) <= 40, "failures to be deleted")
        assert before <= {entry.id for entry in admin.audit()}


# How long

def test_entries_survive_a_restart_at_once(shared):
    stack, admin = shared
    user = sign_up(stack, "192.0.2.1")
    token_of(try_login(stack, user["email"], user["password"], "192.0.2.2"))
    stack.restart("user")
    entry_of(admin, user, "log_in")
    entry_of(admin, user, "sign_up")


def test_entries_survive_a_crash_once_they_are_listed(shared):
    stack, admin = shared
    user = sign_up(stack, "192.0.2.1")
    before = entry_of(admin, user, "sign_up")
    stack.kill("user")
    stack.restart("user")
    assert entry_of(admin, user, "sign_up") == before


def test_with_no_days_to_keep_nothing_is_recorded_and_nothing_left():
    with auditing() as (stack, admin):
        user = sign_up(stack, "192.0.2.1")
        entry_of(admin, user, "sign_up")
        stack.restart("user", settings={"audit.keepDays": 0})
        wait_until(lambda: admin.audit() == [], "all entries to be deleted")
        token_of(try_login(stack, user["email"], user["password"], "192.0.2.2"))
        stack.restart("user", settings={"audit.keepDays": 0})
        assert admin.audit() == []
        stack.restart("user", settings={"audit.keepDays": 90})
        token_of(try_login(stack, user["email"], user["password"], "192.0.2.2"))
        entry_of(admin, user, "log_in")


# Listing

def test_pages_have_each_entry_once_and_in_order(shared):
    stack, admin = shared
    user = sign_up(stack, "192.0.2.1")
    with Socket(stack.url(), user["token"]) as socket:
        for _ in range(7):
            socket.call("createInvite")
    whole = wait_for(admin, 8, name=user["tag"])
    assert [entry.at_ms for entry in whole] == sorted((entry.at_ms for entry in whole), reverse=True)
    for limit in (1, 3, 4, 8, 9):
        assert admin.audit(limit, name=user["tag"]) == whole
    account = whole[0].account_id
    for name in (account, account.upper(), user["tag"][1:], user["tag"].upper(), user["email"]):
        assert admin.audit(name=name) == whole
    middle = whole[4]
    assert admin.audit(name=account, since_ms=middle.at_ms) == [one for one in whole if one.at_ms >= middle.at_ms]
    assert admin.audit(name=account, until_ms=middle.at_ms) == [one for one in whole if one.at_ms < middle.at_ms]


@pytest.mark.parametrize("fields, error", [
    ({"limit": 0}, "INVALID_ARGUMENT"),
    ({"limit": 501}, "INVALID_ARGUMENT"),
    ({"limit": 4294967295}, "INVALID_ARGUMENT"),
    ({"kind": "log_inn"}, "INVALID_ARGUMENT"),
    ({"kind": "' OR 1=1"}, "INVALID_ARGUMENT"),
    ({"kind": "k" * 200}, "INVALID_ARGUMENT"),
    ({"address": "a" * 200}, "INVALID_ARGUMENT"),
    ({"before": "x"}, "INVALID_ARGUMENT"),
    ({"before": "-"}, "INVALID_ARGUMENT"),
    ({"before": "12-0123456789abcdef0123456"}, "INVALID_ARGUMENT"),
    ({"before": "-1-0123456789abcdef01234567"}, "INVALID_ARGUMENT"),
    ({"before": "99999999999999999999-0123456789abcdef01234567"}, "INVALID_ARGUMENT"),
    ({"before": "1" * 100}, "INVALID_ARGUMENT"),
    ({"since_ms": -1}, "INVALID_ARGUMENT"),
    ({"until_ms": -(2 ** 63)}, "INVALID_ARGUMENT"),
    ({"name": "@nobody_has_this"}, "NOT_FOUND"),
    ({"name": "nobody@example.com"}, "NOT_FOUND"),
    ({"name": "@" + "x" * 5000}, "NOT_FOUND"),
], ids=str)
def test_requests_that_make_no_sense_are_refused(shared, fields, error):
    _, admin = shared
    assert admin.failure("ListAudit", **{"limit": 1, **fields}) == error


@pytest.mark.parametrize("fields", [{"name": "f" * 24}, {"address": "nowhere"}, {"address": "10.0.0"}, {"since_ms": 2 ** 63 - 1},
                                    {"until_ms": 1}], ids=str)
def test_what_matches_nothing_is_an_empty_list(shared, fields):
    _, admin = shared
    assert admin.audit(**fields) == []


def test_the_entries_of_a_deleted_account_keep_its_id_and_nothing_else(shared):
    stack, admin = shared
    user = sign_up(stack, "192.0.2.1")
    with Socket(stack.url(), user["token"], headers=came_from("198.51.100.3")) as socket:
        account = socket.call("getSelfInfo")["_id"]
        with pytest.raises(RpcError):
            socket.call("deleteAccount", ["not-the-password"])
        failed = entry_of(admin, user, "account_deletion_failed")
        assert where(failed) == ("wrong_password", "", "198.51.100.3", "")
        socket.call("deleteAccount", [user["password"]])

    def left():
        entries = admin.audit(name=account)
        return entries if {"account_deleted", "sign_up"} <= {entry.kind for entry in entries} else None
    wait_until(lambda: left() and all((entry.account_tag, entry.address, entry.device) == ("", "", "")
                                      for entry in left() if entry.kind != "account_deleted"),
               "the entries to be without traces")
