"""What the web client does with mail: a new password for those who have forgotten theirs, and the proof of an address."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")
pytest.importorskip("aiosmtpd", reason="python3-aiosmtpd is not installed: no test of mail")

from support.client import User, login, unique
from support.process import REPOSITORY
from support.smtp import SmtpServer
from support.stack import Stack

PICTURES = REPOSITORY / "build" / "screenshots"


@pytest.fixture(scope="module")
def smtp():
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def mailing(smtp):
    with Stack(settings={"mail.smtpUrl": smtp.url, "mail.from": "messenger@example.org",
                         "app.url": "https://chat.example.org"}) as stack:
        yield stack


@pytest.fixture
def page(windows, mailing):
    return windows.open("first", mailing.url(0))


def look_at(page, axe_source, name):
    """Whole and legible, as tests/browser/test_web_screens.py looks at the other screens."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in (1280, 375):
        for scheme in ("light", "dark"):
            page.emulate(width, 800, scheme)
            assert page.run("return document.documentElement.scrollWidth <= innerWidth")
            page.driver.save_screenshot(str(PICTURES / f"{name}-{width}-{scheme}.png"))
            page.run(axe_source)
            found = page.driver.execute_async_script(
                "const [done] = arguments; axe.run().then(({ violations }) => done(violations.map(({ id }) => id)));")
            assert found == []
    page.emulate(1280)


def open_forgot(page):
    page.load()
    page.wait_sign_in()
    page.click("[data-opens=forgot]")
    page.wait_shown(".forgot form")


def test_who_has_forgotten_the_password_gets_a_mail_with_a_link(page, mailing, smtp):
    user = User(mailing)
    page.load()
    page.wait_sign_in()
    page.fill("#sign-in-email", user.email)
    page.click("[data-opens=forgot]")
    page.wait_shown(".forgot form")
    assert page.find("#forgot-email").get_attribute("value") == user.email
    page.click(".forgot .main")
    page.wait(lambda: f"If {user.email} has an account here" in page.text(".card .note"), "the note")
    page.load(f"/#reset={smtp.next().code('reset')}")
    page.wait_shown(".reset form")
    page.fill("#reset-password", "a new password")
    page.click(".card .main")
    page.wait_shown("#sign-in-email")
    assert login(mailing.url(), user.email, "a new password").status_code == 200


def test_an_unknown_address_looks_the_same(page):
    open_forgot(page)
    page.click(".forgot .main")
    assert page.texts(".forgot .problem") == ["Required."]
    page.fill("#forgot-email", "no address")
    page.click(".forgot .main")
    page.wait(lambda: page.texts(".forgot .problem") == ["This is not an e-mail address."], "the error")
    address = unique() + "@example.com"
    page.fill("#forgot-email", address)
    page.click(".forgot .main")
    page.wait(lambda: f"If {address} has an account here" in page.text(".card .note"), "the note")
    page.expected_problems = ["400"]


def test_one_may_go_back(page):
    open_forgot(page)
    page.click(".forgot .link")
    page.wait_shown("#sign-in-email")
    assert page.focused().get_attribute("id") == "sign-in-email" and not page.is_shown(".card .note")
    page.click(".card .link")
    page.wait_shown("#sign-in-tag")
    assert not page.is_shown("[data-opens=forgot]")


def test_without_mail_it_is_not_offered(windows, stack):
    page = windows.open("first", stack.url(0))
    page.load()
    page.wait_sign_in()
    page.wait(lambda: page.run("return performance.getEntriesByName(location.origin + '/registration').length") == 1,
              "the server's offer")
    assert not page.is_shown("[data-opens=forgot]")


def test_the_card_is_whole(page, axe_source):
    open_forgot(page)
    look_at(page, axe_source, "forgot")
    page.click(".forgot .link")
    look_at(page, axe_source, "log-in-with-mail")


# The proof of an address

@pytest.fixture(scope="module")
def proving(smtp):
    with Stack(settings={"mail.smtpUrl": smtp.url, "mail.from": "messenger@example.org", "registration.proveEmail": True,
                         "app.url": "https://chat.example.org"}) as stack:
        yield stack


def sign_up(page):
    """Returns the e-mail address."""
    name = unique()
    page.load()
    page.wait_sign_in()
    page.click(".card .link")
    for field, text in zip(("firstName", "lastName", "tag", "email", "password"),
                           ("Ada", "Lovelace", name, f"{name}@example.com", "difference")):
        page.fill(f"#sign-in-{field}", text)
    page.click(".card .main")
    page.wait(lambda: f"A message was sent to {name}@example.com" in page.text(".card .note"), "the note")
    return f"{name}@example.com"


def test_a_sign_up_goes_on_by_the_link_of_a_mail(windows, proving, smtp, axe_source):
    page = windows.open("first", proving.url(0))
    email = sign_up(page)
    assert page.text(".card h1") == "Log in" and page.find("#sign-in-password").get_attribute("value") == ""
    look_at(page, axe_source, "sign-up-proof-sent")
    page.load(f"/#prove={smtp.next().code('prove')}")
    page.wait_shown(".prove form")
    look_at(page, axe_source, "prove")
    page.click(".card .main")
    assert page.texts("[data-field=password] .problem") == ["Required."]
    page.fill("#prove-password", "another password")
    page.click(".card .main")
    page.wait(lambda: page.texts("[data-field=password] .problem") == ["This is not the password of this sign-up."], "the error")
    assert login(proving.url(), email, "difference").status_code == 401
    page.fill("#prove-password", "difference")
    page.click(".card .main")
    page.wait_messenger()
    assert page.run("return location.hash") == ""
    assert login(proving.url(), email, "difference").status_code == 200
    page.expected_problems = ["401"]


def test_a_sign_up_with_an_address_that_has_an_account_looks_the_same(windows, proving, smtp):
    page = windows.open("first", proving.url(0))
    first = sign_up(page)
    page.load(f"/#prove={smtp.next().code('prove')}")
    page.wait_shown(".prove form")
    page.fill("#prove-password", "difference")
    page.click(".card .main")
    page.wait_messenger()
    page.forget()
    page.load()
    page.wait_sign_in()
    page.click(".card .link")
    for field, text in zip(("firstName", "lastName", "tag", "email", "password"),
                           ("Eve", "Other", unique(), first, "difference")):
        page.fill(f"#sign-in-{field}", text)
    page.click(".card .main")
    page.wait(lambda: f"A message was sent to {first}" in page.text(".card .note"), "the note")
    assert "has an account" in smtp.next().message["Subject"]


def test_a_link_that_was_used_proves_nothing(windows, proving):
    page = windows.open("first", proving.url(0))
    page.load("/#prove=" + "0" * 32)
    page.wait_shown(".prove form")
    page.fill("#prove-password", "difference")
    page.click(".card .main")
    page.wait_shown(".prove .problem[role=alert]")
    assert "unknown, expired, or used" in page.text(".prove .problem[role=alert]")
    page.click(".prove .link")
    page.wait_sign_in()
    page.expected_problems = ["400"]
