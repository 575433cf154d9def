"""The web client's first screen where not everybody may sign up, and the links of an administrator."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.admin import Admin
from support.client import User, login, unique
from support.stack import Stack

FIELDS = ("firstName", "lastName", "tag", "email", "password")


@pytest.fixture(scope="module")
def inviting():
    with Stack(settings={"registration.mode": "invite"}, authorised=True) as stack:
        yield stack


@pytest.fixture
def admin(inviting):
    with Admin(inviting) as admin:
        yield admin


@pytest.fixture
def page(windows, inviting):
    return windows.open("first", inviting.url(0))


def fill_in(page):
    """Signs up, but for the invite; returns the tag."""
    name = unique()
    for field, text in zip(FIELDS, ("Ada", "Lovelace", name, f"{name}@example.com", "difference")):
        page.fill(f"#sign-in-{field}", text)
    return "@" + name


def problem_at(page, field):
    return page.texts(f"[data-field={field}] .problem")


def test_a_link_with_an_invite_leads_to_the_sign_up(page, admin):
    code = admin.call("MakeInvite")
    page.load(f"/#invite={code.code}")
    page.wait_sign_in()
    assert page.is_shown("#sign-in-invite") and page.find("#sign-in-invite").get_attribute("value") == code.code
    tag = fill_in(page)
    page.click(".card .main")
    page.wait_messenger()
    assert page.run("return location.hash") == ""
    assert [invite.used_by_tag for invite in admin.invites() if invite.id == code.id] == [tag]


def test_without_a_link_the_invite_is_asked_for(page, admin):
    page.load()
    page.wait_sign_in()
    assert not page.is_shown("#sign-in-invite")
    page.click(".card .link")
    page.wait_shown("#sign-in-invite")
    fill_in(page)
    page.click(".card .main")
    assert problem_at(page, "invite") == ["Required."]
    page.fill("#sign-in-invite", "a guess")
    page.click(".card .main")
    page.wait(lambda: problem_at(page, "invite"), "the error")
    assert "unknown, expired, or used" in problem_at(page, "invite")[0]
    assert page.focused().get_attribute("id") == "sign-in-invite"
    page.fill("#sign-in-invite", admin.call("MakeInvite").code)
    page.click(".card .main")
    page.wait_messenger()
    page.expected_problems = ["403"]


def test_where_nobody_may_sign_up_it_is_not_offered(windows):
    with Stack(settings={"registration.mode": "closed"}) as stack:
        page = windows.open("first", stack.url(0))
        page.load("/#invite=" + "0" * 32)
        page.wait_sign_in()
        page.wait_gone(".card .link")
        assert page.text(".card h1") == "Log in" and not page.is_shown("#sign-in-invite")


def test_everybody_signs_up_without_an_invite_where_it_is_open(windows, stack):
    page = windows.open("first", stack.url(0))
    page.load()
    page.wait_sign_in()
    page.click(".card .link")
    fill_in(page)
    assert not page.is_shown("#sign-in-invite")
    page.click(".card .main")
    page.wait_messenger()


def test_a_link_sets_a_new_password(page, inviting, admin):
    user = User(inviting, invite=admin.call("MakeInvite").code)
    page.load(f"/#reset={admin.call('CreateReset', name=user.tag).code}")
    page.wait_shown(".reset form")
    page.click(".card .main")
    assert problem_at(page, "password") == ["Required."]
    page.fill("#reset-password", "short")
    page.click(".card .main")
    page.wait(lambda: "At least 8" in "".join(problem_at(page, "password")), "the error")
    page.fill("#reset-password", "a new password")
    page.click(".card .main")
    page.wait_shown("#sign-in-email")
    assert page.run("return location.hash") == ""
    page.wait(lambda: "Your new password is set" in page.text(".card .note"), "the note")
    page.fill("#sign-in-email", user.email)
    page.fill("#sign-in-password", "a new password")
    page.click(".card .main")
    page.wait_messenger()
    assert login(inviting.url(), user.email, user.password).status_code == 401
    page.expected_problems = ["400"]


def test_a_link_that_was_used_says_so_and_one_may_log_in(page, inviting, admin):
    user = User(inviting, invite=admin.call("MakeInvite").code)
    page.load("/#reset=" + "0" * 32)
    page.wait_shown(".reset form")
    page.fill("#reset-password", "a new password")
    page.click(".card .main")
    page.wait_shown(".reset .problem[role=alert]")
    assert "unknown, expired, or used" in page.text(".reset .problem[role=alert]")
    page.click(".reset .link")
    page.wait_shown("#sign-in-email")
    assert login(inviting.url(), user.email, user.password).status_code == 200
    page.expected_problems = ["400"]


def test_a_link_is_followed_in_a_page_that_is_there_already(page, inviting, admin):
    user = User(inviting, invite=admin.call("MakeInvite").code)
    page.enter(user)
    page.run(f"location.hash = '#reset={admin.call('CreateReset', name=user.tag).code}'")
    page.wait_shown(".reset form")
    page.click(".reset .link")
    page.wait_messenger()


def test_a_disabled_account_is_told_apart_from_a_wrong_password(page, inviting, admin):
    user = User(inviting, invite=admin.call("MakeInvite").code)
    admin.call("SetDisabled", name=user.tag, disabled=True)
    page.load()
    page.wait_sign_in()
    page.fill("#sign-in-email", user.email)
    page.fill("#sign-in-password", user.password)
    page.click(".card .main")
    page.wait_shown(".sign-in .problem[role=alert]")
    assert "disabled" in page.text(".sign-in .problem[role=alert]")
    page.expected_problems = ["403"]
