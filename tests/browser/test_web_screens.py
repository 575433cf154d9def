"""Every screen of the web client, at three widths, light and dark: without a finding of axe-core, with
nothing that sticks out; and as a picture in build/screenshots/, to be looked at."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from axe import findings
from support.client import leave, login, send
from support.images import png
from support.process import REPOSITORY

PICTURES = REPOSITORY / "build" / "screenshots"
SIZES = {1280: 800, 768: 1024, 375: 760}
AXE_WIDTHS = (1280, 375)
STANDS_STILL = """
    const [done] = arguments;
    Promise.allSettled(document.getAnimations().map(({ finished }) => finished))
        .then(() => done(document.getAnimations().length === 0));
    """
PEOPLE = [("Grace", "Hopper", "I will bring the moth."), ("Ελένη", "Παπαδοπούλου", "ευχαριστώ πολύ! 🌿"),
          ("عمر", "الخيام", "غداً في الساعة الخامسة"), ("Thảo", "Nguyễn", "A photo of the harbour"),
          ("Bob", "Ross", "How did the first layer turn out?")]


@pytest.fixture
def ada(stack, crowd):
    return crowd.user(stack, firstName="Ada", lastName="Lovelace")


@pytest.fixture
def people(stack, crowd, ada):
    people = [crowd.user(stack, firstName=first, lastName=last) for first, last, _ in PEOPLE]
    for person, (_, _, text) in zip(people, PEOPLE):
        send(person.socket(), ada, text)
    hers = ada.socket()
    bob = people[-1]
    for text in ("Better than I feared. I let it dry overnight, as you said.", "The sky is a little too blue, though."):
        send(hers, bob, text)
    hers.call("markMessagesWithUserAsRead", [bob.tag])
    bob.socket().call("markMessagesWithUserAsRead", [ada.tag])
    for text in ("Then it needs a cloud. A happy little cloud, right there in the corner.",
                 "There are no mistakes, only happy accidents. This one shows what I mean: https://joyofpainting.example/clouds"):
        send(bob.socket(), ada, text)
    return people


@pytest.fixture
def page(windows, stack):
    return windows.open("first", stack.url(0))


def sideways(page):
    return page.run("""
        return [...document.querySelectorAll("body, .log, .scroll, dialog, .sign-in")]
            .filter((item) => item.checkVisibility() && item.scrollWidth > item.clientWidth + 1)
            .map((item) => `${item.tagName} ${item.className}`);
        """)


def look_at(page, axe_source, name):
    """At all sizes, light and dark."""
    for scheme in ("light", "dark"):
        for width, height in SIZES.items():
            page.emulate(width, height, scheme)
            page.wait(lambda: page.run("return innerWidth") == width, "the size")
            page.wait(lambda: page.driver.execute_async_script(STANDS_STILL), "the colours")
            page.wait(lambda: sideways(page) == [], lambda: f"{name} at {width}: {sideways(page)} to fit")
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.driver.save_screenshot(str(PICTURES / f"{name}-{width}-{scheme}.png"))
            if width in AXE_WIDTHS:
                assert findings(page.driver, axe_source) == [], f"{name}, {width}, {scheme}"
    page.emulate(1280)


def test_the_first_screens(page, axe_source):
    page.load()
    page.wait_sign_in()
    look_at(page, axe_source, "log-in")
    page.click(".card .main")
    page.wait(lambda: len(page.texts(".problem")) == 2, "what is missing")
    look_at(page, axe_source, "log-in-errors")
    page.click(".card .link")
    look_at(page, axe_source, "sign-up")


def test_a_new_user(page, axe_source, ada):
    page.enter(ada)
    page.wait_shown(".scroll .nothing")
    look_at(page, axe_source, "empty")


def test_the_list_and_a_conversation(page, axe_source, ada, people):
    page.enter(ada)
    page.wait(lambda: len(page.rows()) == len(PEOPLE), "the list")
    look_at(page, axe_source, "list")
    page.open(people[-1])
    page.write("Going to try it tonight 🎨")
    page.wait(lambda: page.ticks()[-1:] == ["sent"], "it to be sent")
    look_at(page, axe_source, "conversation")
    page.fill("#search", people[0].tag[:4])
    page.wait(lambda: page.find_all(".found a") or page.find_all(".scroll .rows a"), "what is found")
    look_at(page, axe_source, "search")


def test_without_a_connection(page, axe_source, ada, people):
    page.expected_problems = ["WebSocket", "ERR_", "Failed to load resource"]
    page.enter(ada)
    page.open(people[-1])
    page.wait(page.at_end, "the end")
    head = page.run("return document.querySelector('.talk > header').getBoundingClientRect().top")
    page.run("messenger.session.close()")
    page.write("Going to try it tonight 🎨")
    page.write("and this is refused")
    page.run("""
        const { tag, pending } = messenger.store.state.dialogs.get(messenger.store.state.open);
        messenger.store.dispatch({ type: "refused", tag, id: pending.at(-1).id, reason: "an example" });
        """)
    page.wait_shown(".connection")
    page.wait(lambda: page.ticks()[-2:] == ["sending", "failed"], "both states")
    assert page.run("return document.querySelector('.talk > header').getBoundingClientRect().top") == head
    look_at(page, axe_source, "without-connection")


def test_the_sheets(page, axe_source, ada, people, tmp_path):
    page.enter(ada)
    page.open(people[-1])
    page.click(".own")
    look_at(page, axe_source, "profile")
    picture = tmp_path / "picture.png"
    picture.write_bytes(png(300, 200))
    page.find("dialog[open] input[type=file]").send_keys(str(picture))
    page.wait_shown(".crop")
    look_at(page, axe_source, "crop")
    page.run("for (const sheet of document.querySelectorAll('dialog[open]')) sheet.close()")
    page.find(".log").send_keys("?")
    page.wait_shown(".keys")
    look_at(page, axe_source, "keys")
    page.run("for (const sheet of document.querySelectorAll('dialog[open]')) sheet.close()")
    page.click(".compose .icon")
    page.wait_shown(".emoji .grid button")
    look_at(page, axe_source, "emoji")


AGENTS = ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/17.5 Mobile/15E148 Safari/604.1",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "curl/8.5.0",
          "The tablet in the kitchen, " + "w" * 60]


def log_in_elsewhere(user):
    for agent in AGENTS:
        login(user.stack.url(), user.email, user.password, headers={"User-Agent": agent})


def test_the_devices_and_the_password(page, axe_source, ada):
    log_in_elsewhere(ada)
    page.enter(ada)
    page.run("messenger.session.ask = messenger.session.listSessions;"
             "messenger.session.listSessions = () => Promise.reject(new Error('an example'))")
    page.open_profile_sheet("devices")
    page.wait_shown(".devices .failed")
    look_at(page, axe_source, "devices-failed")
    page.run("messenger.session.listSessions = messenger.session.ask")
    page.click(".devices .failed button")
    page.wait(lambda: len(page.devices()) == 5, "the devices")
    look_at(page, axe_source, "devices")
    page.find(".devices > .danger").click()
    page.wait_shown(".question")
    look_at(page, axe_source, "devices-question")
    page.answer_question(False)
    page.run("messenger.session.close()")
    page.wait_shown(".devices .hint")
    look_at(page, axe_source, "devices-offline")
    page.run("messenger.session.connect()")
    page.wait_gone(".devices .hint")
    page.run("document.querySelector('dialog[open] .devices').closest('dialog').close()")
    page.open_profile_sheet("password")
    page.change_password("a guess", "")
    page.wait(lambda: page.texts(".password .problem"), "the error")
    look_at(page, axe_source, "password-errors")
    page.change_password(ada.password, "another password")
    page.wait_shown(".password > .main")
    look_at(page, axe_source, "password-changed")


def test_a_device_that_was_logged_out_from_another_one(page, axe_source, ada):
    page.enter(ada)
    leave(ada.stack.url(), ada.token)
    page.wait_sign_in()
    look_at(page, axe_source, "log-in-ended")


@pytest.mark.parametrize("language", ["de", "ar"])
def test_another_language(page, axe_source, ada, people, language):
    page.load()
    page.run("localStorage.setItem('messenger language', arguments[0])", language)
    page.enter(ada)
    assert page.run("return [document.documentElement.lang, document.documentElement.dir]") == [
        language, "rtl" if language == "ar" else "ltr"]
    page.open(people[-1])
    look_at(page, axe_source, f"conversation-{language}")
    page.click(".own")
    look_at(page, axe_source, f"profile-{language}")
    log_in_elsewhere(ada)
    page.open_devices()
    look_at(page, axe_source, f"devices-{language}")
    page.run("document.querySelector('dialog[open] .devices').closest('dialog').close()")
    page.open_profile_sheet("password")
    page.change_password("a guess", "a")
    page.wait(lambda: page.texts(".password .problem"), "the error")
    look_at(page, axe_source, f"password-{language}")


def test_nothing_jumps_while_loading(page, ada, people):
    """Layout shifts that the person did not cause, as the browser counts them."""
    page.enter(ada, "/#" + people[-1].tag)
    page.wait_open(people[-1])
    script = """
        window.shifts = [];
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
        }).observe({ type: "layout-shift", buffered: true });
        """
    added = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    page.reload()
    page.wait_messenger()
    page.wait_open(people[-1])
    page.wait(page.at_end, "the end")
    assert sum(page.run("return window.shifts")) < 0.02
    page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_nothing_moves_for_those_who_do_not_want_it(page, ada):
    page.enter(ada)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-reduced-motion", "value": "reduce"}]})
    assert page.run("""
        return [...document.querySelectorAll("*")].filter((item) => {
            const { animationName, transitionDuration } = getComputedStyle(item);
            return animationName !== "none" || !/^0s(, 0s)*$/.test(transitionDuration);
        }).length;
        """) == 0


def test_the_page_can_be_installed(page, ada, stack):
    page.enter(ada)
    manifest = page.driver.execute_cdp_cmd("Page.getAppManifest", {})
    assert manifest["errors"] == []
    errors = page.driver.execute_cdp_cmd("Page.getInstallabilityErrors", {})["installabilityErrors"]
    assert [error["errorId"] for error in errors if error["errorId"] != "in-incognito"] == []
