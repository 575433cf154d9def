"""A new password by mail, through a real SMTP server; and SMTP servers that are slow, away or hostile."""

import concurrent.futures
import contextlib
import email.utils
import hashlib
import re
import socket
import sqlite3
import threading
import time

import pytest
import requests

pytest.importorskip("aiosmtpd", reason="python3-aiosmtpd is not installed: no test of mail")

from chaos.shim import Shim
from support.admin import Admin
from support.client import User, error_name, login, unique
from support.smtp import HostileServer, SmtpServer, make_authority
from support.stack import Stack
from support.wait import wait_until

APP = "https://chat.example.org"
MAIL = {"mail.from": "messenger@example.org", "app.url": APP + "/", "limits.mailsPerAccount": 0,
        "limits.mailsPerAddress": 0}
SENT = "If the address has an account, a message was sent."
BAD_CODE = "code: is unknown, expired, or used"


def forgot(stack, address, **options):
    return requests.post(stack.url(path="/forgot"), json={"user": {"email": address}}, timeout=60, **options)


def reset(stack, code, password):
    return requests.post(stack.url(path="/reset"), json={"code": code, "password": password}, timeout=60)


def assert_sent(answer):
    assert (answer.status_code, answer.text) == (200, SENT)


def assert_refused(answer, status, name):
    assert (answer.status_code, error_name(answer)) == (status, name)


def in_log(stack, text):
    return lambda: any(text in program.log(since_mark=True) for program in stack.programs("user"))


@contextlib.contextmanager
def mailing(server, settings=None, **options):
    with Stack(settings={**MAIL, "mail.smtpUrl": server.url, **(settings or {})}, **options) as stack:
        yield stack


@pytest.fixture(scope="module")
def shared_server():
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def shared(shared_server):
    with mailing(shared_server, authorised=True) as stack:
        yield stack


@pytest.fixture
def server(shared_server):
    shared_server.mails.clear()
    shared_server.refused.clear()
    shared_server._taken = 0
    yield shared_server


# The mail

def test_a_mail_leads_to_a_new_password(shared, server):
    user = User(shared)
    with user.socket() as socket:
        socket.call("getSelfInfo")
        assert_sent(forgot(shared, user.email.upper()))
        code = server.next().code("reset")
        assert reset(shared, code, "short").status_code == 400
        assert reset(shared, code, "a new password").text == "Reset successful"
        assert socket.wait_closed()[0] == 1000
    assert login(shared.url(), user.email, user.password).status_code == 401
    assert login(shared.url(), user.email, "a new password").status_code == 200
    again = reset(shared, code, "a third password")
    assert_refused(again, 400, "IncorrectDataError")
    assert again.json()["Error"]["message"] == BAD_CODE


def test_the_mail_is_one_that_a_program_has_made(shared, server):
    user = User(shared)
    assert_sent(forgot(shared, user.email))
    mail = server.next()
    assert (mail.sender, mail.receivers) == ("messenger@example.org", [user.email])
    assert mail.host_name == "example.org"
    headers = mail.message
    assert (headers["From"], headers["To"]) == ("messenger@example.org", user.email)
    assert headers["Subject"] == f"Choose a new password for {user.tag}"
    assert headers["Auto-Submitted"] == "auto-generated" and headers.get_content_type() == "text/plain"
    assert abs(email.utils.parsedate_to_datetime(headers["Date"]).timestamp() - time.time()) < 300
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", headers["Message-ID"])
    assert f"\n{APP}/#reset={mail.code('reset')}\n" in mail.text and user.tag in mail.text
    assert user.password not in mail.text and not re.search(rb"[^\r]\n", mail.raw)


def test_pages_know_that_it_is_offered(shared, stack):
    assert requests.get(shared.url(path="/registration"), timeout=60).json()["resetsByMail"] is True
    assert requests.get(stack.url(path="/registration"), timeout=60).json()["resetsByMail"] is False


def test_without_smtp_it_is_the_administrators(stack, alice):
    for address in (alice.email, unique() + "@example.com", "no address"):
        assert_refused(forgot(stack, address), 501, "MailNotConfiguredError")


@pytest.mark.parametrize("body", [{}, [], {"user": None}, {"user": {}}, {"user": {"email": ""}}, {"user": {"email": 7}},
                                  {"user": {"email": None}}, {"user": {"email": "x"}}, {"email": "a@b.c"},
                                  {"user": {"email": "a@b.c\r\nBcc: d@e.f"}}, {"user": {"email": "a" * 300 + "@b.c"}}])
def test_what_is_no_address_is_refused(shared, body):
    assert_refused(requests.post(shared.url(path="/forgot"), json=body, timeout=60), 400, "IncorrectDataError")


def test_other_methods_and_types_are_refused(shared):
    assert requests.get(shared.url(path="/forgot"), timeout=60).status_code == 405
    assert requests.post(shared.url(path="/forgot"), data="{}", timeout=60).status_code == 415


def test_an_address_in_other_letters_gets_its_mail(shared, server):
    address = f"{unique()}.jörg@müller.example"
    user = User(shared, email=address)
    assert_sent(forgot(shared, address))
    mail = server.next()
    assert mail.receivers == [f"{address.split('@')[0]}@xn--mller-kva.example"] or mail.receivers == [address]
    assert reset(shared, mail.code("reset"), "a new password").status_code == 200
    assert login(shared.url(), user.email, "a new password").status_code == 200


# Nobody learns who has an account

def test_an_unknown_address_gets_the_same_answer_and_no_mail(shared, server):
    user, nobody = User(shared), unique() + "@example.com"
    first, second = forgot(shared, nobody), forgot(shared, user.email)
    assert_sent(first)
    assert_sent(second)
    assert {**first.headers, "Date": ""} == {**second.headers, "Date": ""}
    assert server.next().receivers == [user.email]
    assert_sent(forgot(shared, user.email))
    assert server.next().receivers == [user.email]
    assert len(server.mails) == 2  # in order, so none is on its way


def test_the_answer_waits_neither_for_the_store_nor_for_the_mail():
    """What a known address costs more is done after the answer, so its time says nothing."""
    with SmtpServer() as server:
        stack = Stack(settings={**MAIL, "mail.smtpUrl": server.url, "store.users": None})
        shim = Shim(stack.directory / "user.control", stack.directory / "data")
        stack.program("user").env |= shim.environment()
        with stack:
            user = User(stack)
            shim.set(sync_delay_ms=5000)
            for address in (user.email, unique() + "@example.com"):
                assert_sent(forgot(stack, address))
                assert server.mails == []
            shim.clear()
            assert server.next().receivers == [user.email]


def test_a_disabled_account_gets_no_mail(shared, server):
    user, other = User(shared), User(shared)
    with Admin(shared) as admin:
        admin.call("SetDisabled", name=user.tag, disabled=True)
    assert_sent(forgot(shared, user.email))
    assert_sent(forgot(shared, other.email))
    assert server.next().receivers == [other.email] and len(server.mails) == 1


# Codes

def test_a_later_mail_replaces_an_earlier_one(shared, server):
    user = User(shared)
    codes = []
    for _ in range(3):
        assert_sent(forgot(shared, user.email))
        codes.append(server.next().code("reset"))
    assert [reset(shared, code, "a new password").status_code for code in codes] == [400, 400, 200]


def test_a_mail_does_not_replace_the_administrators_link_until_it_is_used(shared, server):
    user = User(shared)
    with Admin(shared) as admin:
        by_admin = [admin.call("CreateReset", name=user.tag).code]
        forgot(shared, user.email)
        mailed = server.next().code("reset")
        assert reset(shared, by_admin[0], "a new password").status_code == 200
        assert reset(shared, mailed, "a newer password").status_code == 400
        by_admin.append(admin.call("CreateReset", name=user.tag).code)
        forgot(shared, user.email)
        assert reset(shared, server.next().code("reset"), "a newer password").status_code == 200
        assert reset(shared, by_admin[1], "a last password").status_code == 400
        forgot(shared, user.email)
        mailed = server.next().code("reset")
        by_admin.append(admin.call("CreateReset", name=user.tag).code)
        assert reset(shared, mailed, "a last password").status_code == 400
        assert reset(shared, by_admin[2], "a last password").status_code == 200


def test_of_many_mails_at_once_one_has_a_good_code_and_it_is_good_once():
    with SmtpServer() as server, mailing(server, users=2, gateways=2) as stack, \
            concurrent.futures.ThreadPoolExecutor(16) as pool:
        user = User(stack)
        for answer in pool.map(lambda _: forgot(stack, user.email), range(16)):
            assert_sent(answer)
        codes = [server.next().code("reset") for _ in range(16)]
        assert len(set(codes)) == 16
        answers = list(pool.map(lambda number: reset(stack, codes[number % 16], f"password {number}"), range(32)))
        good = [number for number, answer in enumerate(answers) if answer.status_code == 200]
        assert len(good) == 1 and {answer.status_code for answer in answers} <= {200, 400, 503}
        assert login(stack.url(), user.email, f"password {good[0]}").status_code == 200


def test_of_two_codes_that_were_made_at_the_same_moment_only_the_later_is_good():
    """As two services can, of which neither has seen the other's when it drops the earlier ones."""
    with SmtpServer() as server, mailing(server, {"store.users": None}) as stack:
        user = User(stack)
        forgot(stack, user.email)
        code, earlier = server.next().code("reset"), "0" * 32
        keys = [hashlib.sha256(f"reset|{secret}".encode()).digest()[:12] for secret in (earlier, code)]
        with contextlib.closing(sqlite3.connect(stack.directory / "data" / "users.db")) as store, store:
            added = store.execute("INSERT INTO code SELECT ?, kind, account, account_tag, created - 1, expires_at, used, used_by,"
                                  " used_by_tag FROM code WHERE key = ?", keys).rowcount
        assert added == 1
        assert_refused(reset(stack, earlier, "a new password"), 400, "IncorrectDataError")
        assert reset(stack, code, "a new password").status_code == 200


def test_a_code_expires_after_an_hour():
    with SmtpServer() as server:
        stack = Stack(settings={**MAIL, "mail.smtpUrl": server.url})
        shim = Shim(stack.directory / "user.control", stack.directory / "data")
        stack.program("user").env |= shim.environment()
        with stack:
            user = User(stack)
            for minutes, status in ((59, 200), (61, 400)):
                shim.clear()
                forgot(stack, user.email)
                code = server.next().code("reset")
                shim.set(clock_offset_ms=minutes * 60 * 1000)
                assert reset(stack, code, "a new password").status_code == status


# Limits

def test_an_address_gets_three_mails_an_hour_over_all_instances():
    with SmtpServer() as server, mailing(server, {"limits.mailsPerAccount": None}, users=2) as stack:
        user, other = User(stack), User(stack)
        for _ in range(10):
            assert_sent(forgot(stack, user.email.title()))
        wait_until(lambda: sum(program.log().count("as many in an hour as are allowed") for program in stack.programs("user")) == 7,
                   "seven mails to be refused")
        assert_sent(forgot(stack, other.email))
        wait_until(lambda: len(server.mails) == 4, "four mails")
        assert sorted(mail.receivers[0] for mail in server.mails) == sorted([user.email] * 3 + [other.email])


def by(address):
    return {"headers": {"X-Forwarded-For": address}}


def test_one_client_does_not_use_up_the_mails_of_an_address():
    settings = {"limits.mailsPerAccount": None, "gateway.trustedProxies": "127.0.0.1"}
    with SmtpServer() as server, mailing(server, settings, users=2) as stack:
        user = User(stack)
        for number, (client, sent) in enumerate([("192.0.2.1", 3), ("192.0.2.2", 6), ("2001:db8:1:1::1", 9),
                                                 ("2001:db8:1:1::2", 9), ("192.0.2.3", 12), ("192.0.2.4", 12)]):
            for _ in range(4):
                assert_sent(forgot(stack, user.email, **by(client)))
            wait_until(lambda: len(server.mails) + sum(program.log().count("as many in an hour as are allowed")
                                                       for program in stack.programs("user")) == 4 * number + 4, "all mails")
            assert len(server.mails) == sent


def test_after_a_while_there_is_another_mail():
    with SmtpServer() as server:
        stack = Stack(settings={**MAIL, "mail.smtpUrl": server.url, "limits.mailsPerAccount": 1})
        shim = Shim(stack.directory / "user.control", stack.directory / "data")
        stack.program("user").env |= shim.environment()
        with stack:
            user = User(stack)
            forgot(stack, user.email)
            server.next()
            forgot(stack, user.email)
            wait_until(in_log(stack, "as many in an hour as are allowed"), "the refusal")
            shim.set(clock_offset_ms=61 * 60 * 1000)
            forgot(stack, user.email)
            server.next()


def test_a_client_may_ask_for_so_many_an_hour():
    with SmtpServer() as server, mailing(server, {"limits.mailsPerAddress": 5}) as stack:
        answers = [forgot(stack, unique() + "@example.com") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
        assert error_name(answers[-1]) == "RateLimitError" and 0 < int(answers[-1].headers["Retry-After"]) <= 720


# Addresses that are none of SMTP

@pytest.mark.parametrize("address", ["{}>@x.y", "<{}@x.y", "{},b@x.y", '"{}"@x.y', "{}:b@x.y", "{}@x.y>", "{}@[1.2.3.4]",
                                     "{}..b@x.y", ".{}@x.y", "{}@-x.y", "{}@x.y,z", "{}(a)@x.y", "{};b@x.y",
                                     "{}" + "a" * 64 + "@x.y", "{}\\@x.y"])
def test_an_address_that_would_be_another_command_gets_no_mail(shared, server, address):
    address = address.format(unique())
    User(shared, email=address)
    good = User(shared)
    for one in (address, good.email):
        assert_sent(forgot(shared, one))
    assert server.next().receivers == [good.email] and len(server.mails) == 1


# TLS and log-in

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    return folder, make_authority(folder)


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "smtps"])
def test_a_server_of_a_private_authority_gets_the_mail_over_tls(authority, implicit, tmp_path):
    folder, context = authority
    secret = tmp_path / "password"
    secret.write_text("geheim ü\n")
    with SmtpServer(context=context, implicit=implicit, login=("messenger", "geheim ü")) as server:
        url = f"smtp{'s' if implicit else ''}://localhost:{server.port}"
        with mailing(server, {"mail.smtpUrl": url, "mail.caFile": folder / "ca.pem", "mail.user": "messenger"},
                     env={"MESSENGER_MAIL_PASSWORD_FILE": str(secret)}) as stack:
            user = User(stack)
            assert_sent(forgot(stack, user.email))
            mail = server.next()
            assert mail.over_tls and mail.logged_in and mail.receivers == [user.email]


REFUSALS = {
    "another authority": {"mail.caFile": None},
    "another name": {"names": "DNS:mail.example.org"},
    "no TLS": {"offers": False},
    "another password": {"mail.password": "wrong"},
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_server_that_is_not_trusted_gets_no_mail(tmp_path, case):
    changed = dict(REFUSALS[case])
    context = make_authority(tmp_path, changed.pop("names", "DNS:mail.localhost"))
    with SmtpServer(context=context, login=("messenger", "right"), offers=changed.pop("offers", True)) as server:
        with mailing(server, {"mail.smtpUrl": f"smtp://mail.localhost:{server.port}", "mail.caFile": tmp_path / "ca.pem",
                              "mail.user": "messenger", "mail.password": "right", **changed}) as stack:
            assert_sent(forgot(stack, User(stack).email))
            wait_until(in_log(stack, "a mail was not sent, and is given up"), "the refusal")
            assert server.mails == [] and "right" not in stack.program("user").log()


@pytest.mark.parametrize("allowed", [False, True])
def test_a_distant_server_without_tls_gets_a_mail_only_where_that_is_allowed(allowed):
    with SmtpServer() as server, mailing(server, {"mail.smtpUrl": f"smtp://mail.localhost:{server.port}",
                                                  "mail.allowPlaintext": allowed}) as stack:
        user = User(stack)
        assert_sent(forgot(stack, user.email))
        if allowed:
            assert server.next().receivers == [user.email]
        else:
            wait_until(in_log(stack, "a mail was not sent, and is given up"), "the refusal")
            assert server.mails == []


# Servers that do not take it

def test_a_mail_that_is_refused_for_now_is_sent_again(shared, server):
    server.replies[:] = ["451 later", "421 much later"]
    user = User(shared)
    assert_sent(forgot(shared, user.email))
    mail = server.next()
    assert len(server.refused) == 2 and {refused.raw for refused in server.refused} == {mail.raw}
    assert reset(shared, mail.code("reset"), "a new password").status_code == 200


def test_a_mail_that_is_refused_is_not_sent_again(shared, server):
    server.replies[:] = ["550 no such user", "554 no"]
    first, second, third = (User(shared) for _ in range(3))
    for user in (first, second, third):
        assert_sent(forgot(shared, user.email))
    assert server.next().receivers == [third.email] and len(server.refused) == 2
    assert first.email not in shared.program("user").log()


def test_a_server_that_is_away_gets_the_mail_when_it_is_back():
    server = SmtpServer()
    with mailing(server) as stack:
        user = User(stack)
        assert_sent(forgot(stack, user.email))
        wait_until(in_log(stack, "next try later"), "the first try")
        with server:
            assert server.next().receivers == [user.email]


def silent(connection, ended):
    ended.wait()


def slow(connection, ended):
    for byte in b"220 hello\r\n" * 1000:
        connection.send(bytes([byte]))
        ended.wait(1)


def endless_lines(connection, ended):
    while not ended.is_set():
        connection.send(b"220-more\r\n" * 1000)


def endless_line(connection, ended):
    while not ended.is_set():
        connection.send(b"2" * 10000)


def closing(connection, ended):
    connection.close()


def nonsense(connection, ended):
    connection.send(b"\x00\xff\r\n\r\n220\r\n" * 100)
    ended.wait()


def silent_after_mail(connection, ended):
    connection.send(b"220 hello\r\n")
    for _ in range(3):
        connection.recv(1000)
        connection.send(b"250 OK\r\n")
    ended.wait()


@pytest.mark.parametrize("behave", [silent, slow, endless_lines, endless_line, closing, nonsense, silent_after_mail])
def test_a_hostile_server_disturbs_nobody(behave):
    with HostileServer(behave) as server, mailing(server) as stack:
        users = [User(stack) for _ in range(3)]
        for user in users:
            assert_sent(forgot(stack, user.email))
        wait_until(lambda: server.clients > 0, "the server to be asked")
        before = stack.program("user").resident_kib()
        for user in users:
            assert_sent(forgot(stack, user.email))
            assert login(stack.url(), user.email, user.password).status_code == 200
            with user.socket() as socket:
                assert socket.call("getSelfInfo")["tag"] == user.tag
        assert stack.program("user").resident_kib() < before + 32 * 1024
        assert requests.get(stack.url(path="/readyz"), timeout=60).status_code == 200
        stack.program("user").terminate()
        assert stack.program("user").wait(10) == 0  # in the middle of a mail
        stack.program("user").start()
        stack.wait_ready()


def test_a_server_that_once_did_not_answer_gets_the_mail_later():
    """After the bound of a connection, 10 s."""
    with SmtpServer() as good:
        def relay(connection, ended):
            if server.clients > 1:
                to = socket.create_connection(("127.0.0.1", good.port))

                def pump(source, target):
                    while data := source.recv(65536):
                        target.sendall(data)
                threading.Thread(target=pump, args=(to, connection), daemon=True).start()
                pump(connection, to)
            ended.wait()
        with HostileServer(relay) as server, mailing(server) as stack:
            user = User(stack)
            assert_sent(forgot(stack, user.email))
            assert good.next().receivers == [user.email]
            assert server.clients == 2


def test_a_queue_that_is_full_drops_mails_and_says_so():
    with HostileServer(silent) as server, mailing(server) as stack, concurrent.futures.ThreadPoolExecutor(8) as pool:
        user = User(stack)
        assert {answer.text for answer in pool.map(lambda _: forgot(stack, user.email), range(530))} == {SENT}
        wait_until(in_log(stack, "a mail is dropped: 512 wait for the SMTP server"), "the warning")
        assert login(stack.url(), user.email, user.password).status_code == 200
