"""Whatever people write is shown as text, in the web client, and breaks nothing."""

import unicodedata

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.client import befriend, send

TEXTS = {
    "html": "<b>bold</b><img src=x onerror=alert(1)><script>alert(1)</script>&amp;&lt;",
    "right-to-left marks": "\u202eevil\u2066 \u200f\u061c text \u202b more",
    "an open isolate": "\u2067" * 50 + "left open",
    "combining marks": "Z" + "\u0301\u0327\u0332\u0360" * 15 + " and more",
    "a long word": "w" * 1000,
    "a long address": "https://example.com/" + "path" * 300,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈👍🏽" * 60,
    "16 KiB": "a b" * 5461,
    "many lines": "line\n" * 400 + "end",
    "spaces": "  indented\n\ttab\u00a0\u2003wide",
    "zero width": "a\u200b\u200c\u200d\u2060\ufeff" * 100,
    "arabic": "غداً في الساعة الخامسة، عند \"الطاحونة\"!",
    "javascript address": "javascript:alert(1) data:text/html,<script>alert(1)</script>",
}
NAMES = {"long": "W" * 64, "marks": "Z\u0301\u0327\u0332\u0308" * 12, "arabic": "عمر", "thai": "ก่ำกิ่", "joined": "Anne-Marie d'Été"}


def layout_problems(page):
    """What sticks out of the window or of its place."""
    return page.run("""
        const problems = [];
        if (document.documentElement.scrollWidth > innerWidth) problems.push("the page scrolls sideways");
        const log = document.querySelector(".log");
        if (log && log.scrollWidth > log.clientWidth) problems.push("the conversation scrolls sideways");
        for (const item of document.querySelectorAll(".msg, .conversation a, .talk > header")) {
            const box = item.getBoundingClientRect();
            if (box.width > 0 && (box.left < -1 || box.right > innerWidth + 1)) problems.push(item.className + " sticks out");
        }
        for (const item of document.querySelectorAll(".conversation a")) {
            if (item.getBoundingClientRect().height > 80) problems.push("a row of the list is too high");
        }
        const header = document.querySelector(".talk > header");
        if (header && header.getBoundingClientRect().height > 80) problems.push("the head is too high");
        return problems;
        """)


@pytest.fixture
def page(windows, stack, anna, ben):
    befriend(ben.socket(), anna)
    page = windows.open("first", stack.url(0)).enter(anna)
    page.open(ben)
    page.wait_message("hello")
    return page


def check_layout(page, kind):
    for width in (1280, 320):
        page.emulate(width, 640)
        page.wait(lambda: layout_problems(page) == [], lambda: f"{kind} at {width}: {layout_problems(page)}")


def test_texts_are_shown_as_they_are(page, anna, ben):
    socket = ben.socket()
    shown = "return [...document.querySelectorAll('.msg p')].map((item) => item.textContent)"
    for kind, text in TEXTS.items():
        send(socket, anna, text)
        page.wait(lambda: page.is_shown(".jump") or page.at_end(), f"{kind} to arrive")
        if page.is_shown(".jump"):
            page.click(".jump")
        page.wait(lambda: text in page.run(shown), f"{kind}, unchanged")
        check_layout(page, kind)
        page.emulate(1280)
    assert page.run("return document.querySelectorAll(':is(.msg, .conversation) :is(b b, img[src=x], script)').length") == 0


def test_what_follows_a_hostile_text_is_at_the_end(page, anna, ben):
    send(ben.socket(), anna, TEXTS["16 KiB"])
    page.wait_shown(".jump")  # higher than the window: it is read from its beginning
    page.click(".jump")
    page.wait(page.at_end, "the end")
    send(ben.socket(), anna, "after")
    page.wait_message("after")
    page.wait(page.at_end, "the end")


def test_names_are_shown_as_they_are(windows, stack, crowd, anna):
    page = windows.open("first", stack.url(0)).enter(anna)
    for kind, name in NAMES.items():
        ben = crowd.user(stack, firstName=name, lastName=name)
        send(ben.socket(), anna, "hello")
        page.open(ben)
        page.wait_message("hello")
        page.wait(lambda: page.run("return document.querySelector('.talk h1').textContent")
                  == unicodedata.normalize("NFC", f"{name} {name}"), f"the name: {kind}")
        check_layout(page, kind)
        page.emulate(1280)
