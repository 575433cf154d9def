#!/usr/bin/python3
"""Measures the web client in headless Chromium: 500 conversations, one of them with 10,000 messages.

    /usr/bin/python3 tests/bench/web_client.py [--repeats 5]

Prints medians with the smallest and the greatest value. `make` must have been run; measure with nothing
else running. Exit status 1 when a goal is missed."""

import argparse
import pathlib
import statistics
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]),
                str(pathlib.Path(__file__).resolve().parents[1] / "browser")]

from chromium import start_browser
from support.client import User
from support.stack import Stack
from web_page import WebPage

CONVERSATIONS = 500
MESSAGES = 10_000
PAIRS_AT_ONCE = 256
WORDS = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor".split()

OBSERVE = """
    window.tasks = [];
    new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) window.tasks.push({ startTime, duration });
    }).observe({ type: "longtask", buffered: true });
    window.painted = 0;
    new MutationObserver((_, observer) => {
        if (!document.querySelector(".conversation a")) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });
    """

OPEN = """
    const [tag, done] = arguments;
    const begin = performance.now();
    location.hash = "#" + tag;
    const look = () => {
        const isOpen = document.querySelector("a[aria-current]")?.hash === "#" + tag
            && document.querySelectorAll(".log .msg").length > 1;
        if (!isOpen) requestAnimationFrame(look);
        else requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
    };
    look();
    """

SCROLL = """
    const [step, count, done] = arguments;
    const log = document.querySelector(".log");
    const frames = [];
    let last = performance.now();
    window.tasks.length = 0;
    let rows = 0;
    const next = () => {
        const now = performance.now();
        frames.push(now - last);
        last = now;
        log.scrollTop += step;
        rows = Math.max(rows, document.querySelectorAll(".log li").length);
        if (frames.length < count) requestAnimationFrame(next);
        else done({ frames: frames.slice(2), tasks: window.tasks.map(({ duration }) => duration), rows });
    };
    requestAnimationFrame(next);
    """


def text_of(number):
    return f"{number} " + " ".join(WORDS[i % len(WORDS)] for i in range(number, number + 3 + number % 30))


def write(socket, receiver, count):
    """Many at a time; the answers come in the order of the calls."""
    for first in range(0, count, PAIRS_AT_ONCE):
        numbers = range(first, min(first + PAIRS_AT_ONCE, count))
        for id in [socket.start_call("sendMessageToUser", [receiver.tag, text_of(number)]) for number in numbers]:
            socket.wait_answer(id)


def fill(stack):
    """The user, and the one with whom there are many messages."""
    me = User(stack)
    for _ in range(CONVERSATIONS - 1):
        other = User(stack, firstName="Some", lastName="Body")
        with other.socket() as socket:
            write(socket, me, 2)
    friend = User(stack, firstName="Best", lastName="Friend")
    hers, mine = friend.socket(), me.socket()
    for _ in range(MESSAGES // 400):
        write(hers, me, 200)
        write(mine, friend, 200)
    mine.call("markMessagesWithUserAsRead", [friend.tag])
    mine.close()
    hers.close()
    return me, friend, other


def measure(page, me, friend, other, repeats):
    page.enter(me)
    page.wait(lambda: len(page.find_all(".conversation")) == CONVERSATIONS, "the whole list")
    page.open(friend)
    page.run("location.hash = ''")
    page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": OBSERVE})
    found = {"first paint of a warm start, ms": [], "list of a warm start, ms": [], "opening 10,000 messages, ms": [],
             "opening another conversation, ms": []}
    for _ in range(repeats):
        page.load()
        page.wait(lambda: page.run("return window.painted") > 0, "the list")
        page.wait_messenger()
        found["first paint of a warm start, ms"].append(page.run(
            "return performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        found["list of a warm start, ms"].append(page.run("return window.painted"))
        page.wait(lambda: len(page.find_all(".conversation")) == CONVERSATIONS, "the whole list")
        found["opening 10,000 messages, ms"].append(page.driver.execute_async_script(OPEN, friend.tag))
        found["opening another conversation, ms"].append(page.driver.execute_async_script(OPEN, other.tag))
        page.driver.execute_async_script(OPEN, friend.tag)
    return found


def measure_scrolling(page, repeats):
    """First up through pages that are fetched, then down and up through what is loaded."""
    found = {"frames over 20 ms, of 100": [], "longest task while scrolling, ms": [], "rows in the document": []}
    for step in [-120] * repeats + [120, -120] * repeats:
        result = page.driver.execute_async_script(SCROLL, step, 600)
        found["frames over 20 ms, of 100"].append(100 * sum(ms > 20 for ms in result["frames"]) / len(result["frames"]))
        found["longest task while scrolling, ms"].append(max(result["tasks"], default=0))
        found["rows in the document"].append(result["rows"])
    return found


GOALS = {"first paint of a warm start, ms": 300, "list of a warm start, ms": 300, "opening 10,000 messages, ms": 200,
         "opening another conversation, ms": 200, "longest task while scrolling, ms": 50, "rows in the document": 150}


def report(found):
    missed = 0
    for name, values in found.items():
        median, goal = statistics.median(values), GOALS.get(name)
        verdict = "" if goal is None else f"goal {goal}: {'met' if median <= goal else 'MISSED'}"
        missed += goal is not None and median > goal
        print(f"{name:38} {median:8.1f}  ({min(values):.1f} to {max(values):.1f})  {verdict}")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with Stack() as stack, tempfile.TemporaryDirectory() as profile:
        stack.wait_all_instances()
        me, friend, other = fill(stack)
        driver = start_browser(profile, whole=True)
        try:
            page = WebPage(driver, stack.url(0))
            found = {**measure(page, me, friend, other, repeats), **measure_scrolling(page, repeats)}
        finally:
            driver.quit()
    return 1 if report(found) else 0


if __name__ == "__main__":
    sys.exit(main())
