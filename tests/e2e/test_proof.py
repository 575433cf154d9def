"""Where an e-mail address is to be proven: there is no account before, and nobody learns which addresses have one."""

import concurrent.futures
import contextlib
import itertools

import pytest
import requests

pytest.importorskip("aiosmtpd", reason="python3-aiosmtpd is not installed: no test of mail")

from chaos.shim import Shim
from support.admin import Admin
from support.client import Socket, error_name, login, signup, unique
from support.smtp import SmtpServer
from support.stack import Stack
from support.wait import wait_until

APP = "https://chat.example.org"
PROVING = {"mail.from": "messenger@example.org", "app.url": APP, "registration.proveEmail": True,
           "limits.mailsPerAccount": 0, "limits.mailsPerAddress": 0}
SENT = "A message was sent to this address: follow its link to go on."
TAKEN = "Your address has an account already: "
BAD_CODE = "code: is unknown, expired, or used"


def fields(**changed):
    name = unique()
    return {"tag": "@" + name, "firstName": "Test", "lastName": "User", "email": name + "@example.com",
            "password": "pass-" + name, **changed}


def prove(stack, code, password, gateway=0, **more):
    return requests.post(stack.url(gateway, "/prove"), json={"code": code, "password": password, **more}, timeout=60)


def assert_sent(answer):
    assert (answer.status_code, answer.text) == (202, SENT) and "Set-Cookie" not in answer.headers


def assert_refused(answer, status, name, message=None):
    assert (answer.status_code, error_name(answer)) == (status, name)
    assert message is None or answer.json()["Error"]["message"] == message


def in_log(stack, text):
    return lambda: any(text in program.log(since_mark=True) for program in stack.programs("user"))


@contextlib.contextmanager
def proving(server, settings=None, **options):
    with Stack(settings={**PROVING, "mail.smtpUrl": server.url, **(settings or {})}, **options) as stack:
        yield stack


@pytest.fixture(scope="module")
def server():
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def stack(server):
    with proving(server, authorised=True) as stack:
        yield stack


def sign_up(stack, server, **changed):
    """What was signed up with, and the code of the mail."""
    user = fields(**changed)
    assert_sent(signup(stack.url(), user))
    mail = server.next()
    assert mail.receivers == [user["email"]]
    return user, mail.code("prove")


def account(stack, server, **changed):
    user, code = sign_up(stack, server, **changed)
    assert prove(stack, code, user["password"]).status_code == 200
    return user


# The way in

def test_an_account_begins_with_its_proof(stack, server):
    user = fields()
    assert_sent(signup(stack.url(), user))
    mail = server.next()
    assert mail.message["Subject"] == f"Confirm your e-mail address for {user['tag']}"
    assert f"\n{APP}/#prove={mail.code('prove')}\n" in mail.text and user["password"] not in mail.text
    assert_refused(login(stack.url(), user["email"], user["password"]), 401, "AuthError")
    answer = prove(stack, mail.code("prove"), user["password"], device="a test")
    assert (answer.status_code, answer.text) == (200, "Sign up successful")
    with Socket(stack.url(), answer.cookies["auth"]) as socket:
        assert socket.call("getSelfInfo")["tag"] == user["tag"]
        assert [session["device"] for session in socket.call("listSessions")] == ["a test"]
    assert login(stack.url(), user["email"], user["password"]).status_code == 200
    assert_refused(prove(stack, mail.code("prove"), user["password"]), 400, "IncorrectDataError", BAD_CODE)


def test_until_then_nobody_finds_it(stack, server):
    other, (user, code) = account(stack, server), sign_up(stack, server)
    token = login(stack.url(), other["email"], other["password"]).cookies["auth"]
    with stack.bus() as bus, Socket(stack.url(), token) as socket:
        registered = bus.subscribe("event.user.registered")
        assert socket.call("findUsersByTag", [user["tag"]]) == []
        assert prove(stack, code, user["password"]).status_code == 200
        assert [found["tag"] for found in socket.call("findUsersByTag", [user["tag"]])] == [user["tag"]]
        assert user["tag"].encode() in registered.next(10).data


def test_pages_know_that_a_proof_is_asked_for(stack):
    offered = requests.get(stack.url(path="/registration"), timeout=60).json()
    assert offered == {"mode": "open", "usersInvite": False, "provesEmail": True, "resetsByMail": True}


@pytest.mark.parametrize("body", [{}, [], {"code": "0" * 32}, {"password": "long enough"}, {"code": 7, "password": "long enough"},
                                  {"code": "0" * 32, "password": "long enough"}, {"code": "x", "password": ""},
                                  {"code": "0" * 31, "password": "long enough"}, {"code": "0" * 9999, "password": "long enough"},
                                  {"code": "0" * 32, "password": "long enough", "device": 7}])
def test_what_is_no_code_proves_nothing(stack, body):
    assert_refused(requests.post(stack.url(path="/prove"), json=body, timeout=60), 400, "IncorrectDataError")


def test_codes_are_for_one_purpose(stack, server):
    user, code = sign_up(stack, server)
    reset = requests.post(stack.url(path="/reset"), json={"code": code, "password": "a new password"}, timeout=60)
    assert_refused(reset, 400, "IncorrectDataError", BAD_CODE)
    assert prove(stack, code, user["password"]).status_code == 200
    with Admin(stack) as admin:
        by_admin = admin.call("CreateReset", name=user["tag"]).code
        assert_refused(prove(stack, by_admin, user["password"]), 400, "IncorrectDataError", BAD_CODE)


def test_an_address_to_which_no_mail_can_be_sent_is_refused(stack):
    for address in ("a>@x.y", "a,b@x.y", '"a"@x.y', "a@x.y>"):
        assert_refused(signup(stack.url(), fields(email=address)), 400, "IncorrectDataError",
                       "email: mail cannot be sent to this address")


# Nobody learns who has an account

def test_a_registered_address_is_answered_like_a_fresh_one(stack, server):
    owner = account(stack, server)
    for email in (owner["email"], owner["email"].upper()):
        again, fresh = fields(email=email), fields()
        answers = [signup(stack.url(), user) for user in (again, fresh)]
        for answer in answers:
            assert_sent(answer)
        assert {**answers[0].headers, "Date": ""} == {**answers[1].headers, "Date": ""}
        mail = server.next()
        assert mail.receivers == [owner["email"]] and mail.message["Subject"] == TAKEN + owner["tag"]
        assert "#prove=" not in mail.text and again["tag"] not in mail.text
        assert server.next().receivers == [fresh["email"]]
    assert login(stack.url(), owner["email"], owner["password"]).status_code == 200


def test_a_reset_of_a_pending_address_is_answered_like_any_other(stack, server):
    user, _ = sign_up(stack, server)
    owner = account(stack, server)
    answers = [requests.post(stack.url(path="/forgot"), json={"user": {"email": email}}, timeout=60)
               for email in (user["email"], owner["email"])]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert server.next().receivers == [owner["email"]]


def test_a_tag_that_is_taken_is_refused_whatever_the_address(stack, server):
    owner = account(stack, server)
    for email in (owner["email"], unique() + "@example.com"):
        assert_refused(signup(stack.url(), fields(tag=owner["tag"].upper(), email=email)), 409, "UserAlreadyExistError",
                       "A user with this tag exists already.")


def test_the_store_has_as_much_to_do_for_a_registered_address():
    """One write each before the answer, as a disk shows that needs a second for it; the address is looked up later."""
    with SmtpServer() as server:
        stack = Stack(settings={**PROVING, "mail.smtpUrl": server.url, "store.users": None})
        shim = Shim(stack.directory / "user.control", stack.directory / "data")
        stack.program("user").env |= shim.environment()
        with stack:
            owner = account(stack, server)
            shim.set(sync_delay_ms=1000)
            times = {}
            for email in (owner["email"], unique() + "@example.com"):
                answer = signup(stack.url(), fields(email=email))
                assert_sent(answer)
                times[email] = answer.elapsed.total_seconds()
            shim.clear()
            assert min(times.values()) >= 1, times


# Impostors

def test_who_follows_the_link_of_an_impostor_proves_nothing(stack, server):
    """The owner of the address does not know the impostor's password, and the impostor not the code."""
    impostor, code = sign_up(stack, server)
    for password in ("my own password", impostor["password"] + "x", ""):
        assert prove(stack, code, password).status_code in (400, 401)
    assert_refused(prove(stack, code, "my own password"), 401, "AuthError")
    assert_refused(login(stack.url(), impostor["email"], impostor["password"]), 401, "AuthError")
    assert prove(stack, code, impostor["password"]).status_code == 200  # it was the owner after all


def test_an_impostor_blocks_neither_the_address_nor_the_tag(stack, server):
    impostor, _ = sign_up(stack, server)
    owner, code = sign_up(stack, server, email=impostor["email"], tag=impostor["tag"])
    assert prove(stack, code, owner["password"]).status_code == 200
    assert login(stack.url(), owner["email"], owner["password"]).status_code == 200


def test_of_two_sign_ups_with_one_address_the_first_proven_counts(stack, server):
    first, code = sign_up(stack, server)
    second, later_code = sign_up(stack, server, email=first["email"])
    assert prove(stack, later_code, second["password"]).status_code == 200
    assert_refused(prove(stack, code, first["password"]), 409, "UserAlreadyExistError")
    third, code = sign_up(stack, server)
    fourth, later_code = sign_up(stack, server, tag=third["tag"])
    assert prove(stack, code, third["password"]).status_code == 200
    assert_refused(prove(stack, later_code, fourth["password"]), 409, "UserAlreadyExistError")
    assert prove(stack, code, third["password"]).status_code == 400


def test_of_many_at_once_one_gets_the_account():
    with SmtpServer() as server, proving(server, users=2, gateways=2) as stack, \
            concurrent.futures.ThreadPoolExecutor(16) as pool:
        shared = fields()
        users = [fields(email=shared["email"], tag=shared["tag"]) for _ in range(8)]
        for answer in pool.map(lambda user: signup(stack.url(), user), users):
            assert_sent(answer)
        codes = [server.next().code("prove") for _ in range(8)]
        pairs = list(itertools.product(codes, [user["password"] for user in users]))
        answers = list(pool.map(lambda number: prove(stack, *pairs[number], gateway=number % 2), range(len(pairs))))
        good = [pair for pair, answer in zip(pairs, answers) if answer.status_code == 200]
        assert len(good) == 1 and {answer.status_code for answer in answers} <= {200, 400, 401, 409, 503}
        for user in users:
            status = login(stack.url(), user["email"], user["password"]).status_code
            assert status == (200 if user["password"] == good[0][1] else 401)


def test_a_code_is_good_once_of_many_uses_at_once():
    with SmtpServer() as server, proving(server, users=2) as stack, concurrent.futures.ThreadPoolExecutor(16) as pool:
        user, code = sign_up(stack, server)
        statuses = [answer.status_code for answer in
                    pool.map(lambda _: prove(stack, code, user["password"]), range(16))]
        assert statuses.count(200) == 1 and set(statuses) <= {200, 400, 409, 503}
        assert login(stack.url(), user["email"], user["password"]).status_code == 200


def test_a_sign_up_expires_after_a_day():
    with SmtpServer() as server:
        stack = Stack(settings={**PROVING, "mail.smtpUrl": server.url})
        shim = Shim(stack.directory / "user.control", stack.directory / "data")
        stack.program("user").env |= shim.environment()
        with stack:
            for hours, status in ((23, 200), (25, 400)):
                shim.clear()
                user, code = sign_up(stack, server)
                shim.set(clock_offset_ms=hours * 3600 * 1000)
                assert prove(stack, code, user["password"]).status_code == status


def test_an_address_gets_three_mails_an_hour():
    with SmtpServer() as server, proving(server, {"limits.mailsPerAccount": None}) as stack:
        first, code = sign_up(stack, server)
        for _ in range(5):
            assert_sent(signup(stack.url(), fields(email=first["email"])))
        wait_until(lambda: stack.program("user").log().count("as many in an hour as are allowed") == 3, "three refusals")
        assert len(server.mails) == 3 and prove(stack, code, first["password"]).status_code == 200


def test_sign_ups_and_resets_of_an_address_count_apart():
    with SmtpServer() as server, proving(server, {"limits.mailsPerAccount": 1}) as stack:
        owner = account(stack, server)
        assert_sent(signup(stack.url(), fields(email=owner["email"])))
        wait_until(in_log(stack, "as many in an hour as are allowed"), "the refusal")
        requests.post(stack.url(path="/forgot"), json={"user": {"email": owner["email"]}}, timeout=60)
        assert "Choose a new password" in server.next().message["Subject"]


def test_sign_ups_that_send_mails_count_as_mails_of_their_client():
    with SmtpServer() as server, proving(server, {"limits.mailsPerAddress": 3}) as stack:
        statuses = [signup(stack.url(), fields()).status_code for _ in range(5)]
        assert statuses == [202] * 3 + [429] * 2


# Invites and modes

def test_an_invite_is_used_by_the_proof():
    with SmtpServer() as server, proving(server, {"registration.mode": "invite"}, authorised=True) as stack, \
            Admin(stack) as admin:
        assert_refused(signup(stack.url(), fields()), 403, "InviteError")
        invite = admin.call("MakeInvite")
        first, code = sign_up(stack, server, invite=invite.code)
        second, later_code = sign_up(stack, server, invite=invite.code)
        assert [entry.used_by_tag for entry in admin.invites()] == [""]
        assert prove(stack, later_code, second["password"]).status_code == 200
        assert [entry.used_by_tag for entry in admin.invites()] == [second["tag"]]
        assert_refused(prove(stack, code, first["password"]), 403, "InviteError", "invite: is unknown, expired, or used")
        other = admin.call("MakeInvite")
        third, code = sign_up(stack, server, invite=other.code, email=second["email"].replace("@", "+x@"))
        admin.call("DropInvite", id=other.id)
        assert_refused(prove(stack, code, third["password"]), 403, "InviteError")
        kept = admin.call("MakeInvite")
        fourth, code = sign_up(stack, server, invite=kept.code)
        fifth, later_code = sign_up(stack, server, invite=kept.code, tag=fourth["tag"])
        spare = admin.call("MakeInvite")
        sixth, spare_code = sign_up(stack, server, invite=spare.code, tag=fourth["tag"])
        assert prove(stack, code, fourth["password"]).status_code == 200
        assert prove(stack, later_code, fifth["password"]).status_code == 403
        assert prove(stack, spare_code, sixth["password"]).status_code == 409
        account(stack, server, invite=spare.code)  # given back


def test_closing_the_registration_ends_pending_sign_ups():
    with SmtpServer() as server, proving(server) as stack:
        user, code = sign_up(stack, server)
        stack.program("user").stop()
        stack.program("user").start(env={"MESSENGER_REGISTRATION_MODE": "closed"})
        stack.wait_ready()
        assert_refused(prove(stack, code, user["password"]), 403, "RegistrationClosedError")
        stack.program("user").stop()
        stack.program("user").start(env={"MESSENGER_REGISTRATION_MODE": "open"})
        stack.wait_ready()
        assert prove(stack, code, user["password"]).status_code == 200


def test_a_proof_needs_mail(stack):
    for kind in ("gateway", "user"):
        done = stack.run_once(kind, "--check", env={"MESSENGER_MAIL_SMTP_URL": "", "MESSENGER_REGISTRATION_PROVE_EMAIL": "true"})
        assert done.returncode == 2 and "registration.proveEmail: needs mail.smtpUrl" in done.stderr


def test_all_problems_of_mail_are_listed_at_once(stack):
    for kind in ("gateway", "user"):
        done = stack.run_once(kind, "--check", env={
            "MESSENGER_MAIL_SMTP_URL": "mail.example.org", "MESSENGER_MAIL_FROM": "Chat <a@b.c>", "MESSENGER_APP_URL": "",
            "MESSENGER_MAIL_USER": "x", "MESSENGER_LIMITS_MAILS_PER_ACCOUNT": "many"})
        assert done.returncode == 2
        for key in ("mail.smtpUrl", "mail.from", "app.url", "mail.user", "limits.mailsPerAccount"):
            assert key in done.stderr


def test_a_file_of_certificates_that_is_missing_is_named(stack):
    done = stack.run_once("user", env={"MESSENGER_MAIL_CA_FILE": "/nowhere/ca.pem"})
    assert done.returncode > 0 and "mail.caFile: /nowhere/ca.pem" in done.stderr
