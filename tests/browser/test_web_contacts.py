"""Requests, blocked users, privacy and invites in the web client."""

import json

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.client import befriend, is_online, send
from support.stack import Stack
from support.wait import wait_until


@pytest.fixture(scope="module")
def own_stack():
    """Which asks for consent, and where users invite."""
    with Stack(settings={"contacts.consent": "true", "registration.invitesPerUser": 2}) as stack:
        yield stack


@pytest.fixture
def anna(own_stack, crowd):
    return crowd.user(own_stack, firstName="Anna", lastName="Smith")


@pytest.fixture
def ben(own_stack, crowd):
    return crowd.user(own_stack, firstName="Ben", lastName="Jones")


@pytest.fixture
def hers(windows, own_stack, anna):
    return windows.open("first", own_stack.url(0)).enter(anna)


def marks(page):
    return [text for text in page.texts(".conversation .mark") if text]


def shown(page, selector):
    return page.is_shown(selector)


def test_a_strangers_message_is_a_request_that_can_be_accepted(hers, anna, ben):
    with ben.socket() as his:
        send(his, anna, "hello")
        hers.wait(lambda: marks(hers) == ["Request"], "the mark in the list")
        hers.open(ben)
        hers.wait_message("hello")
        assert "not among your contacts" in hers.text(".relation p")
        assert not is_online(his, anna)
        hers.click(".relation .secondary")
        hers.wait(lambda: not shown(hers, ".relation") and marks(hers) == [], "the request to be accepted")
        wait_until(lambda: is_online(his, anna), "the stranger to see it")


def test_an_answer_accepts_a_request(hers, anna, ben):
    with ben.socket() as his:
        send(his, anna, "hello")
        hers.wait(lambda: marks(hers) == ["Request"], "the mark in the list")
        hers.open(ben)
        hers.wait(lambda: shown(hers, ".relation"), "the request")
        hers.write("who are you?")
        hers.wait(lambda: not shown(hers, ".relation") and marks(hers) == [], "the request to be answered")


def test_a_user_is_blocked_and_unblocked_in_the_conversation(hers, anna, ben):
    with ben.socket() as his:
        send(his, anna, "hello")
        hers.open(ben)
        hers.wait_message("hello")
        hers.click(".talk > header .icon[title='Block this user']")
        hers.answer_question(False)
        assert shown(hers, ".compose")
        hers.click(".talk > header .icon[title='Block this user']")
        hers.answer_question(True)
        hers.wait(lambda: not shown(hers, ".compose") and marks(hers) == ["Blocked"], "the user to be blocked")
        send(his, anna, "never seen")
        hers.click(".relation .secondary:not([hidden])")
        hers.wait(lambda: shown(hers, ".compose") and marks(hers) == ["Request"], "the user to be unblocked")
        send(his, anna, "seen")
        hers.wait_message("seen")
        assert "never seen" not in hers.text(".log")


def test_who_is_blocked_on_another_device_is_shown_at_once_and_after_a_reload(hers, anna, ben):
    with ben.socket() as his, anna.socket() as phone:
        send(his, anna, "hello")
        hers.open(ben)
        hers.wait_message("hello")
        phone.call("blockUser", [ben.tag])
        hers.wait(lambda: marks(hers) == ["Blocked"] and not shown(hers, ".compose"), "the block")
        hers.load()
        hers.wait(lambda: marks(hers) == ["Blocked"], "the block after a reload")


def test_blocked_users_are_listed_and_unblocked_in_the_profile(hers, anna, ben):
    with anna.socket() as phone:
        befriend(phone, ben)
        phone.call("blockUser", [ben.tag])
        hers.open_profile_sheet("blocked")
        hers.wait(lambda: hers.texts("dialog[open] .entry b") == ["Ben Jones"], "the list")
        hers.click("dialog[open] .entry .secondary")
        hers.wait(lambda: hers.texts("dialog[open] .blocked .hint") == ["You have blocked nobody."], "the empty list")
        assert phone.call("listBlocked") == []


def test_privacy_is_chosen_in_the_profile(hers, anna):
    with anna.socket() as phone:
        phone.call("setPrivacy", ["contacts", "everyone"])
        hers.click(".own")
        hers.wait(lambda: hers.run("return document.querySelector('[data-privacy=online]').value") == "contacts", "the choice")
        hers.run("""
            const select = document.querySelector("[data-privacy=readMarks]");
            select.value = "nobody";
            select.dispatchEvent(new Event("change", { bubbles: true }));
            """)
        wait_until(lambda: phone.call("getPrivacy") == {"online": "contacts", "readMarks": "nobody"}, "the server to know")


def test_invites_are_made_listed_and_revoked(hers, anna, own_stack):
    hers.open_profile_sheet("invites")
    hers.wait(lambda: "No invites yet" in hers.text("dialog[open] .invites .hint:not([hidden])"), "the empty list")
    for count in (1, 2):
        hers.click("dialog[open] .made .secondary")
        hers.wait(lambda: len(hers.find_all("dialog[open] .entry")) == count, f"{count} invites")
    link = hers.find("dialog[open] .made input").get_property("value")
    assert link.startswith(own_stack.url(0) + "/#invite=")
    hers.click("dialog[open] .made .secondary")
    hers.wait(lambda: "as many unused invites" in hers.text("dialog[open] .invites .problem"), "the limit")
    hers.click("dialog[open] .entry .secondary")
    hers.wait(lambda: len(hers.find_all("dialog[open] .entry")) == 1, "one to be revoked")


def test_the_users_data_is_saved_as_a_file(hers, anna, ben, tmp_path):
    with anna.socket() as phone:
        send(phone, ben, "for the record")
    hers.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    hers.click(".own")
    hers.click("[data-runs=export]")
    path = tmp_path / f"messenger-{anna.tag[1:]}.ndjson"
    wait_until(lambda: path.exists() and path.stat().st_size > 0, "the file")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["type"] == "account" and lines[0]["email"] == anna.email
    assert [line["text"] for line in lines if line["type"] == "message"] == ["for the record"]
