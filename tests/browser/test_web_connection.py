"""The web client without a connection: what is known stays readable, and what is written goes out once."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.keys import Keys

from support.client import befriend, send
from support.proxy import Proxy
from support.stack import Stack
from support.wait import wait_until

WAYS = ["lost connection", "tools say offline"]


@pytest.fixture(scope="module")
def own():
    """Of which a gateway is killed."""
    with Stack(gateways=2) as own:
        own.wait_all_instances()
        yield own


@pytest.fixture
def line(stack):
    """The network between the browser and the gateway."""
    port = int(stack.url(0).rsplit(":", 1)[1])
    line = Proxy(port)
    yield line
    line.close()


def texts(reader, writer):
    """Of the conversation, oldest first, as the server has it."""
    return [message["text"] for message in reader.socket().call("getMessagesWithUser", [writer.tag])][::-1]


def expect_lost(page):
    page.expected_problems = ["WebSocket", "ERR_", "Failed to load resource"]


def test_a_gateway_is_killed_while_one_types_and_sends(windows, own, crowd):
    anna, ben = crowd.user(own), crowd.user(own, gateway=1)
    befriend(ben.socket(), anna)
    page = windows.open("first", own.url(0)).enter(anna)
    expect_lost(page)
    page.open(ben)
    page.wait_message("hello")
    written = []
    for number in range(12):
        if number == 4:
            own.kill("gateway", 0)
        if number == 8:
            page.find("#message").send_keys("half of ")
            send(ben.socket(), anna, "meanwhile")
            own.restart("gateway", 0, ready=False)
        text = f"number {number}"
        page.write(text)
        written.append(("half of " if number == 8 else "") + text)
    page.wait(lambda: page.ticks() == ["sent"] * 12, lambda: f"all to be sent, not {page.ticks()}")
    page.wait_message("meanwhile")
    assert sorted(texts(ben, anna)) == sorted([*written, "hello", "meanwhile"])
    assert [text for text in texts(ben, anna) if text in written] == written
    shown = page.messages()
    assert sorted(shown) == sorted(texts(ben, anna))
    page.wait_gone(".connection")


@pytest.mark.parametrize("way", WAYS)
def test_the_network_is_cut_for_a_while(windows, line, stack, anna, ben, way):
    befriend(ben.socket(), anna)
    page = windows.open("first", f"http://localhost:{line.port}").enter(anna)
    expect_lost(page)
    page.open(ben)
    page.wait_message("hello")
    cut(page, line, way)
    page.write("written without a line")
    page.wait(lambda: page.ticks() == ["sending"], "it to wait")
    page.wait_shown(".connection")
    assert page.messages() == ["hello", "written without a line"]
    send(ben.socket(), anna, "from the other side")
    heal(page, line, way)
    page.wait_ticks(["sent"])
    page.wait_message("from the other side")
    page.wait_gone(".connection")
    assert sorted(texts(ben, anna)) == ["from the other side", "hello", "written without a line"]


def cut(page, line, way):
    if way == "tools say offline":
        page.offline(True)
    line.cut()


def heal(page, line, way):
    line.heal()
    if way == "tools say offline":
        page.offline(False)
    page.run("dispatchEvent(new Event('online'))")  # as the system reports it


def test_a_page_that_is_loaded_without_a_server_shows_what_is_known(windows, line, anna, ben):
    befriend(ben.socket(), anna)
    page = windows.open("first", f"http://localhost:{line.port}").enter(anna)
    expect_lost(page)
    page.open(ben)
    page.wait_message("hello")
    page.wait_kept()
    page.reload()
    page.wait_messenger()
    line.cut()
    page.reload()
    page.wait_message("hello")
    page.write("without a server")
    page.reload()
    page.wait_message("without a server")
    assert page.ticks() == ["sending"]
    line.heal()
    page.run("dispatchEvent(new Event('online'))")
    page.wait_ticks(["sent"])
    assert texts(ben, anna) == ["hello", "without a server"]


def test_a_computer_that_was_asleep_finds_that_its_connection_is_gone(windows, line, anna, ben):
    """Nothing is reported to it: packets are swallowed, and the window is looked at again."""
    befriend(ben.socket(), anna)
    page = windows.open("first", f"http://localhost:{line.port}").enter(anna)
    expect_lost(page)
    page.open(ben)
    page.wait_message("hello")
    line.swallow()
    send(ben.socket(), anna, "while it slept")
    page.run("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait(lambda: page.run("return messenger.session.connection") != "current", "the loss to be noticed")
    line.heal()
    page.wait_message("while it slept")
    assert page.messages() == ["hello", "while it slept"]


def test_an_update_of_the_page_replaces_the_kept_one(windows, stack, anna):
    """The worker asks the server first; a kept page of another version goes with its files."""
    page = windows.open("first", stack.url(0)).enter(anna)
    page.wait_kept()
    page.driver.execute_async_script("""
        const [done] = arguments;
        (async () => {
            const cache = await caches.open("messenger page");
            await cache.put("/", new Response("<title>an older page</title>"));
            await cache.put("/assets/0123456789abcdef/client/main.js", new Response("older"));
        })().then(done);
        """)
    page.reload()
    page.wait_messenger()
    assert page.driver.title == "Messenger"
    page.wait(lambda: page.driver.execute_async_script("""
        const [done] = arguments;
        caches.open("messenger page").then(async (cache) => {
            const page = await (await cache.match("/")).text();
            done(page.includes("older page") || Boolean(await cache.match("/assets/0123456789abcdef/client/main.js")));
        });
        """) is False, "the older files to be gone")


def test_keys_alone_suffice(windows, stack, anna, ben):
    befriend(ben.socket(), anna)
    page = windows.open("first", stack.url(0)).enter(anna)
    page.press(Keys.CONTROL, "k")
    assert page.focused().get_attribute("id") == "search"
    page.press(Keys.ARROW_DOWN)
    page.press(Keys.ENTER)
    page.wait_open(ben)
    assert page.focused().get_attribute("id") == "message"
    page.press("hi")
    page.press(Keys.ENTER)
    page.wait_message("hi")
    page.press(Keys.ESCAPE)
    page.wait(lambda: page.run("return messenger.store.state.open") == "", "the conversation to be closed")
    page.press(Keys.ALT, Keys.ARROW_DOWN)
    page.wait_open(ben)
    page.find(".log").send_keys("?")
    page.wait_shown("dialog[open] .keys")
    page.press(Keys.ESCAPE)
    wait_until(lambda: not page.is_shown("dialog[open]"), "the sheet to be closed")
