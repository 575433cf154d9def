"""Who may sign up: modes, invites, reserved tags; and a new password by the administrator's code."""

import concurrent.futures
import re
import time

import pytest
import requests

from chaos.shim import Shim
from support.admin import Admin
from support.client import RpcError, Socket, User, error_name, login, signup, token_of, unique
from support.stack import Stack

def fields(**changed):
    name = unique()
    return {"tag": "@" + name, "firstName": "Test", "lastName": "User", "email": name + "@example.com",
            "password": "pass-" + name, **changed}


def refusal(answer):
    return answer.status_code, error_name(answer), answer.json()["Error"]["message"]


@pytest.fixture(scope="module")
def inviting():
    """Only by invite; each user may have two."""
    with Stack(settings={"registration.mode": "invite", "registration.invitesPerUser": 2},
               authorised=True) as stack:
        yield stack


@pytest.fixture
def admin(inviting):
    with Admin(inviting) as admin:
        yield admin


def invited(stack, admin, **changed):
    """A user who came by an invite of the administrator."""
    return User(stack, invite=admin.call("MakeInvite").code, **changed)


# Modes

def test_registration_is_open_unless_configured_otherwise(stack):
    answer = requests.get(stack.url(path="/registration"), timeout=30)
    assert answer.json() == {"mode": "open", "usersInvite": False, "provesEmail": False,
                             "resetsByMail": False}
    token_of(signup(stack.url(), fields(invite="whatever")))


def test_nobody_signs_up_when_it_is_closed():
    with Stack(settings={"registration.mode": "closed"}, authorised=True) as stack, Admin(stack) as admin:
        assert requests.get(stack.url(path="/registration"), timeout=30).json()["mode"] == "closed"
        for changed in ({}, {"invite": admin.call("MakeInvite").code}):
            assert refusal(signup(stack.url(), fields(**changed))) \
                == (403, "RegistrationClosedError", "registration: is closed")


@pytest.mark.parametrize("mode", ["Open", "", "none", "invites"])
def test_a_mode_that_is_none_is_refused_at_the_start(stack, mode):
    for kind in ("gateway", "user"):
        done = stack.run_once(kind, "--check", env={"MESSENGER_REGISTRATION_MODE": mode})
        assert done.returncode == 2 and "registration.mode" in done.stderr


# Invites

@pytest.mark.parametrize("invite", [None, "", "x", "0" * 32, "0" * 31, "ü" * 16, "' OR 1=1 --", "0" * 4000])
def test_without_a_good_invite_nobody_signs_up(inviting, invite):
    changed = {} if invite is None else {"invite": invite}
    status, name, message = refusal(signup(inviting.url(), fields(**changed)))
    assert (status, name) == (403, "InviteError")
    assert message == ("invite: is needed" if not invite else "invite: is unknown, expired, or used")


@pytest.mark.parametrize("invite", [7, True, ["x"], {}])
def test_an_invite_that_is_no_text_is_refused(inviting, invite):
    assert refusal(signup(inviting.url(), fields(invite=invite))) \
        == (400, "IncorrectDataError", "invite: must be a string")


def test_an_invite_is_good_for_one_account(inviting, admin):
    code = admin.call("MakeInvite")
    user = User(inviting, invite=code.code)
    assert refusal(signup(inviting.url(), fields(invite=code.code)))[1] == "InviteError"
    used, = [invite for invite in admin.invites() if invite.id == code.id]
    assert (used.used_by_tag, used.creator_tag) == (user.tag, "") and used.used_ms > 0


def test_an_invite_stays_good_when_the_sign_up_fails(inviting, admin):
    first, code = invited(inviting, admin), admin.call("MakeInvite").code
    for changed, status in (({"tag": first.tag}, 409), ({"email": first.email}, 409), ({"password": "short"}, 400),
                            ({"tag": "@system"}, 400)):
        assert signup(inviting.url(), fields(invite=code, **changed)).status_code == status
    token_of(signup(inviting.url(), fields(invite=code)))


def test_of_many_who_use_an_invite_at_once_one_signs_up(inviting, admin):
    code = admin.call("MakeInvite").code
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: signup(inviting.url(), fields(invite=code)).status_code, range(16)))
    assert sorted(answers) == [200] + [403] * 15


def test_users_invite_each_other_within_their_allowance(inviting, admin):
    user = invited(inviting, admin)
    offered = requests.get(inviting.url(path="/registration"), timeout=30).json()
    assert (offered["mode"], offered["usersInvite"]) == ("invite", True)
    with user.socket() as socket:
        first, second = socket.call("createInvite"), socket.call("createInvite")
        assert set(first) == {"id", "code", "expires"}
        assert re.fullmatch("[0-9a-f]{32}", first["code"]) and re.fullmatch("[0-9a-f]{24}", first["id"])
        assert abs(first["expires"] - (time.time() + 7 * 86400) * 1000) < 60000
        with pytest.raises(RpcError) as raised:
            socket.call("createInvite")
        assert (raised.value.code, raised.value.message) == (-32004, "Forbidden")
        guest = User(inviting, invite=first["code"])
        third = socket.call("createInvite")  # the used one does not count
        listed = {entry["id"]: entry for entry in socket.call("listInvites")}
        assert set(listed) == {first["id"], second["id"], third["id"]}
        assert listed[first["id"]]["usedByTag"] == guest.tag and "usedByTag" not in listed[second["id"]]
        assert all("code" not in entry for entry in listed.values())
        assert {invite.creator_tag for invite in admin.invites() if invite.id in listed} == {user.tag}


def test_a_revoked_invite_is_good_for_nobody(inviting, admin):
    user, other = invited(inviting, admin), invited(inviting, admin)
    with user.socket() as socket, other.socket() as theirs:
        invite = socket.call("createInvite")
        for id in (invite["id"], "0" * 24, "x", ""):
            with pytest.raises(RpcError) as raised:
                theirs.call("revokeInvite", [id])
            assert (raised.value.code, raised.value.reason) == (-32602, "id: no such unused invite")
        assert socket.call("revokeInvite", [invite["id"]]) == {"status": "OK"}
        assert refusal(signup(inviting.url(), fields(invite=invite["code"])))[1] == "InviteError"
        with pytest.raises(RpcError):
            socket.call("revokeInvite", [invite["id"]])
        by_admin = socket.call("createInvite")
        admin.call("DropInvite", id=by_admin["id"])
        assert refusal(signup(inviting.url(), fields(invite=by_admin["code"])))[1] == "InviteError"


def test_all_invites_are_listed_between_codes_of_other_kinds(inviting, admin):
    user = invited(inviting, admin)
    made = {admin.call("MakeInvite").id for _ in range(4)}
    for _ in range(30):  # more than the invites, so that some pages of codes have none
        assert reset(inviting, admin.call("CreateReset", name=user.tag).code, "a new password").status_code == 200
    assert made <= {invite.id for invite in admin.invites()}


def test_users_do_not_invite_unless_it_is_allowed(stack, alice):
    with alice.socket() as socket, pytest.raises(RpcError) as raised:
        socket.call("createInvite")
    assert (raised.value.code, raised.value.reason) == (-32004, "invite: users may not invite here")


def test_an_expired_invite_is_good_for_nobody():
    stack = Stack(settings={"registration.mode": "invite"}, authorised=True)
    shim = Shim(stack.directory / "user.control", stack.directory / "data")
    stack.program("user").env |= shim.environment()
    with stack, Admin(stack) as admin:
        code = admin.call("MakeInvite", lifetime_s=60).code
        shim.set(clock_offset_ms=61 * 1000)
        assert refusal(signup(stack.url(), fields(invite=code)))[1] == "InviteError"


# Reserved tags

@pytest.mark.parametrize("tag", ["@system", "@SUPPORT", "@Root"])
def test_a_reserved_tag_is_for_nobody(stack, tag):
    assert refusal(signup(stack.url(), fields(tag=tag))) == (400, "IncorrectDataError", "tag: is reserved")


def test_the_reserved_tags_are_configured():
    with Stack(settings={"registration.reservedTags": "@Boss, chief"}) as stack:
        for tag, status in (("@boss", 400), ("@CHIEF", 400), ("@bosss", 200), ("@support", 200)):
            assert signup(stack.url(), fields(tag=tag)).status_code == status


# A new password by a code

def reset(stack, code, password):
    return requests.post(stack.url(path="/reset"), json={"code": code, "password": password}, timeout=30)


def test_a_code_of_the_administrator_sets_a_new_password_once(inviting, admin):
    user = invited(inviting, admin)
    code = admin.call("CreateReset", name=user.tag).code
    with user.socket() as socket:
        socket.call("getSelfInfo")
        assert reset(inviting, code, "short").status_code == 400
        assert reset(inviting, code, "a new password").text == "Reset successful"
        assert socket.wait_closed()[0] == 1000
    assert login(inviting.url(), user.email, user.password).status_code == 401
    assert login(inviting.url(), user.email, "a new password").status_code == 200
    again = reset(inviting, code, "a third password")
    assert refusal(again) == (400, "IncorrectDataError", "code: is unknown, expired, or used")


def test_a_later_code_replaces_an_earlier_one(inviting, admin):
    user = invited(inviting, admin)
    first, second = (admin.call("CreateReset", name=name).code for name in (user.tag, user.email.upper()))
    assert reset(inviting, first, "a new password").status_code == 400
    assert reset(inviting, second, "a new password").status_code == 200


@pytest.mark.parametrize("body", [{}, {"code": "x"}, {"password": "long enough"}, {"code": 1, "password": "long enough"},
                                  {"code": "0" * 32, "password": "long enough"}])
def test_what_is_no_code_resets_nothing(inviting, body):
    answer = requests.post(inviting.url(path="/reset"), json=body, timeout=30)
    assert (answer.status_code, error_name(answer)) == (400, "IncorrectDataError")


def test_an_invite_resets_no_password_and_a_reset_invites_nobody(inviting, admin):
    user = invited(inviting, admin)
    invite, code = admin.call("MakeInvite").code, admin.call("CreateReset", name=user.tag).code
    assert reset(inviting, invite, "a new password").status_code == 400
    assert refusal(signup(inviting.url(), fields(invite=code)))[1] == "InviteError"


# Disabled accounts

def test_a_disabled_account_is_logged_out_and_kept_out(inviting, admin):
    user = invited(inviting, admin)
    code = admin.call("CreateReset", name=user.tag).code
    with user.socket() as socket:
        socket.call("getSelfInfo")
        admin.call("SetDisabled", name=user.email, disabled=True)
        assert socket.wait_closed()[0] == 1000
    assert login(inviting.url(), user.email, "wrong").status_code == 401
    assert refusal(login(inviting.url(), user.email, user.password))[:2] == (403, "AccountDisabledError")
    assert reset(inviting, code, "a new password").status_code == 400
    with Socket(inviting.url(), user.token) as socket:
        assert socket.wait_closed()[0] == 1000
    admin.call("SetDisabled", name=user.tag, disabled=False)
    assert login(inviting.url(), user.email, user.password).status_code == 200


def test_the_administrator_sees_users_and_ends_their_sessions(inviting, admin):
    user = invited(inviting, admin)
    token = user.login()
    details = admin.call("GetUser", name=user.tag[1:].upper())
    assert (details.record.user.tag, details.record.email, details.record.disabled) == (user.tag, user.email, False)
    assert abs(details.record.created_ms / 1000 - time.time()) < 60 and len(details.sessions) == 2
    assert user.tag in [record.user.tag for record in admin.users()]
    one = details.sessions[0].id
    admin.call("EndUserSessions", name=user.tag, session_id=one)
    assert [session.id for session in admin.call("GetUser", name=user.tag).sessions] == [details.sessions[1].id]
    admin.call("EndUserSessions", name=user.tag)
    assert not admin.call("GetUser", name=user.tag).sessions
    for good in (user.token, token):
        with Socket(inviting.url(), good) as socket:
            assert socket.wait_closed()[0] == 1000


@pytest.mark.parametrize("method, arguments", [
    ("GetUser", {"name": "@nobody_at_all"}), ("GetUser", {"name": ""}), ("GetUser", {"name": "x" * 9999}),
    ("SetDisabled", {"name": "nobody@example.com", "disabled": True}), ("EndUserSessions", {"name": "@nobody_at_all"}),
    ("CreateReset", {"name": "@nobody_at_all"}), ("DropInvite", {"id": "0" * 24}), ("DropInvite", {"id": "x"})])
def test_what_does_not_exist_is_not_found(admin, method, arguments):
    assert admin.failure(method, **arguments) == "NOT_FOUND"


@pytest.mark.parametrize("method, arguments", [
    ("ListUsers", {"limit": 0}), ("ListUsers", {"limit": 501}), ("ListUsers", {"limit": 1, "after_tag": "no tag"}),
    ("ListAllInvites", {"limit": 0}), ("ListAllInvites", {"limit": 1, "after_id": "x"}),
    ("MakeInvite", {"lifetime_s": 59}), ("MakeInvite", {"lifetime_s": -1}), ("MakeInvite", {"lifetime_s": 2 ** 62})])
def test_arguments_out_of_bounds_are_refused(admin, method, arguments):
    assert admin.failure(method, **arguments) == "INVALID_ARGUMENT"
