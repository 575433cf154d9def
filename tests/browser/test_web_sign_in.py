"""The web client's first screen: signing up, logging in and out."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.client import unique

FIELDS = ("firstName", "lastName", "tag", "email", "password")


@pytest.fixture
def page(windows, stack):
    page = windows.open("first", stack.url(0))
    page.load()
    page.wait_sign_in()
    return page


def fill(page, **values):
    for name, text in values.items():
        page.fill(f"#sign-in-{name}", text)


def submit(page):
    page.click(".card .main")


def problem_at(page, field):
    return page.texts(f"[data-field={field}] .problem")


def someone(**changes):
    name = unique()
    return {"firstName": "Ada", "lastName": "Lovelace", "tag": name, "email": f"{name}@example.com",
            "password": "difference", **changes}


def test_nothing_is_wrong_at_first_sight(page):
    assert page.texts(".problem") == []
    page.click(".card .link")
    assert page.texts(".problem") == []
    assert page.find_all("[aria-invalid]") == []


def test_a_person_signs_up_and_is_shown_what_to_do(page):
    page.click(".card .link")
    fill(page, **someone())
    submit(page)
    page.wait_messenger()
    assert "Find somebody by tag" in page.text(".scroll .nothing")
    assert page.rows() == []
    page.click(".scroll .nothing .main")
    assert page.focused().get_attribute("id") == "search"


@pytest.mark.parametrize("field, text, says", [
    ("tag", "1ada", "A letter, then letters"),
    ("tag", "a" * 33, "at most 32"),
    ("email", "ada", "not an e-mail"),
    ("password", "short", "At least 8"),
    ("firstName", "4da", "Letters only"),  # which only the server finds
    ("lastName", "", "Required"),
])
def test_an_error_stands_at_its_field(page, field, text, says):
    page.click(".card .link")
    fill(page, **someone(**{field: text}))
    submit(page)
    page.wait(lambda: problem_at(page, field), "the error")
    assert says in problem_at(page, field)[0]
    assert page.focused().get_attribute("id") == f"sign-in-{field}"
    assert page.focused().get_attribute("aria-invalid") == "true"
    assert [name for name in FIELDS if problem_at(page, name)] == [field]
    page.focused().send_keys("x")
    assert problem_at(page, field) == []
    page.expected_problems = ["400"]


def test_a_tag_that_is_taken_is_explained(page, crowd, stack):
    user = crowd.user(stack)
    page.click(".card .link")
    fill(page, **someone(tag=user.tag.upper()))
    submit(page)
    page.wait_shown("form > .problem")
    assert "This tag is taken" in page.text("form > .problem")
    page.expected_problems = ["409"]


def test_logging_in_and_out(page, crowd, stack):
    user = crowd.user(stack)
    fill(page, email=user.email, password="not the password")
    submit(page)
    page.wait_shown("form > .problem")
    assert page.text("form > .problem") == "The e-mail or the password is wrong."
    fill(page, password=user.password)
    submit(page)
    page.wait_messenger()
    page.log_out()
    page.reload()
    page.wait_sign_in()
    page.expected_problems = ["401"]


def test_what_this_browser_kept_is_erased_at_log_out(page, crowd, stack):
    anna, ben = crowd.users(stack, 2)
    ben.socket().call("sendMessageToUser", [anna.tag, "a secret"])
    page.enter(anna)
    page.open(ben)
    page.wait_message("a secret")
    page.wait(lambda: "a secret" in page.kept(), "it to be stored")
    page.log_out()
    assert "a secret" not in page.kept()
    page.driver.get("about:blank")
    page.load("/#" + ben.tag)
    page.wait_sign_in()


def test_a_token_that_is_not_good_any_more_leads_to_the_first_screen(page, crowd, stack):
    user = crowd.user(stack)
    page.enter(user)
    stack_exit(stack, user)
    page.wait_sign_in()
    assert "Your session ended" in page.text(".note")


def stack_exit(stack, user):
    from support.client import leave

    leave(stack.url(0), user.token)
