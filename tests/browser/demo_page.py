"""The demo page as a visitor uses it. Every step waits for what a visitor would wait for."""

import contextlib
import json

from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import sight
from support.wait import PATIENCE_SECONDS


class DemoPage:
    def __init__(self, driver, base):
        self.driver = driver
        self.expected_problems = []  # parts of console messages that a test causes
        driver.get(base + "/example")
        self.wait_state("unauthenticated")

    # Finding and waiting

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def value(self, selector):
        return self.find(selector).get_property("value")

    def wait(self, condition, what):
        WebDriverWait(self.driver, PATIENCE_SECONDS, poll_frequency=0.05).until(
            lambda _: condition(), f"waited for {what}")

    def wait_text(self, selector, part):
        self.wait(lambda: part in sight.shown_text(self.driver, selector), f"{part!r} in {selector}")

    def state(self):
        return self.driver.execute_script('return document.querySelector("#state")?.dataset.state')

    def wait_state(self, state):
        self.wait(lambda: self.state() == state, f"the socket to be {state}")

    def click(self, selector):
        self.driver.execute_script("""
            const item = document.querySelector(arguments[0]);
            item.scrollIntoView({ block: "center" });
            return item;
            """, selector).click()

    def fill(self, selector, text):
        element = self.find(selector)
        element.clear()
        element.send_keys(text)

    def is_in_sight(self, selector):
        """Is its middle in the window, with nothing above it?"""
        return self.driver.execute_script("""
            const { left, top, width, height } = arguments[0].getBoundingClientRect();
            return arguments[0].contains(document.elementFromPoint(left + width / 2, top + height / 2));
            """, self.find(selector))

    def texts_in_error_colours(self):
        """The visible texts that are in the colour of errors."""
        return self.driver.execute_script("""
            const probe = document.body.appendChild(document.createElement("i"));
            probe.style.color = "var(--bad)";
            const bad = getComputedStyle(probe).color;
            probe.remove();
            const hasText = (item) => [...item.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
            return [...document.querySelectorAll("body *")].filter((item) => item.checkVisibility()
                && hasText(item) && getComputedStyle(item).color === bad).map((item) => item.textContent);
            """)

    def emulate(self, width, height=844, scheme="light"):
        """A window of this size, and the visitor's preference of colours."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    @contextlib.contextmanager
    def only_refresh_on(self, occasion):
        """Loads the page again so that of the occasions on which it refreshes its users by itself,
        it has this one only: "focus", "visibilitychange", "message" or "interval"."""
        script = """
            for (const [target, type] of [[window, "focus"], [document, "visibilitychange"],
                                          [BroadcastChannel.prototype, "message"]]) {
                if (type === "%s") continue;
                const add = target.addEventListener;
                target.addEventListener = function (...listener) {
                    if (listener[0] !== type) add.apply(this, listener);
                };
            }
            if ("%s" !== "interval") window.setInterval = () => 0;
            """ % (occasion, occasion)
        added = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        self.driver.refresh()
        self.wait_state("unauthenticated")
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    # Account and connection

    def sign_up(self):
        """With the example values. Gives the tag."""
        tag = self.value("#sign-up [name=tag]")
        self.click("#sign-up [type=submit]")
        self.wait_signed_in(tag)
        return tag

    def log_in(self):
        self.click("#log-in [type=submit]")

    def log_out(self):
        self.click("#log-out")
        self.wait(lambda: sight.is_shown(self.driver, "#log-in"), "the log-in form")

    def wait_signed_in(self, tag):
        self.wait_state("open")
        self.wait_text("#self-tag", tag)

    # Methods

    def choose(self, method):
        choice = f'#method-choices input[value="{method}"]'
        self.click(f'#method-choices label:has(input[value="{method}"])')
        self.wait(lambda: self.find(choice).is_selected(), f"{method} to be chosen")

    def params(self):
        return json.loads(self.value("#params"))

    def write_params(self, params):
        self.write_text(json.dumps(params))

    def write_text(self, text):
        area = self.find("#params")
        area.send_keys(Keys.CONTROL, "a")
        area.send_keys(text)

    def send(self):
        self.click("#send")

    def run(self, method, params=None):
        """Calls the method from the menu, with its example if no params are given. Gives the tone
        and the title of what is shown."""
        self.choose(method)
        if params is not None:
            self.write_params(params)
        self.send()
        self.wait(lambda: sight.is_shown(self.driver, "#answer"), f"an answer to {method}")
        return self.find("#answer").get_attribute("data-tone"), self.text("#answer-title")

    def answer(self):
        return json.loads(self.text("#answer-json"))

    # People

    def people(self):
        """The tags that the form offers, the first one first."""
        return self.driver.execute_script(
            'return [...document.querySelectorAll("#people-list button")].map((button) => button.innerText)')

    def click_person(self, tag):
        """The list may be replaced at any time."""
        self.driver.execute_script(
            '[...document.querySelectorAll("#people-list button")].find((button) => button.innerText === arguments[0]).click()',
            tag)

    def first_person_title(self):
        return self.driver.execute_script('return document.querySelector("#people-list button").title')

    def wait_first_person(self, tag):
        self.wait(lambda: self.people()[:1] == [tag], f"{tag} to be offered first")

    def wait_receiver(self, tag):
        self.wait(lambda: self.params()[0] == tag, f"{tag} in the params")

    # Messages

    def messages(self, tag):
        """What the page shows of the dialog with this user, from the top: (text, class) each."""
        return self.driver.execute_script("""
            const dialog = [...document.querySelectorAll("#dialogs > li")].find(
                (item) => item.querySelector("h3").textContent === arguments[0]);
            return [...dialog?.querySelectorAll("li") ?? []].map((item) => [item.textContent, item.className]);
            """, tag)

    def wait_messages(self, tag, expected):
        try:
            self.wait(lambda: self.messages(tag) == expected, "the messages")
        except TimeoutException:
            assert self.messages(tag) == expected
            raise

    def write_to(self, tag, text):
        """Sends a message, and does not wait for an answer."""
        self.choose("sendMessageToUser")
        self.write_params([tag, text])
        self.send()

    # The log

    def entries(self, selector=""):
        return sight.seen(self.driver, f"#log .entry{selector}")

    def wait_entry(self, selector, part=""):
        self.wait(lambda: any(part in entry.text for entry in self.entries(selector)),
                  f"a log entry {selector} with {part!r}")
        return next(entry for entry in self.entries(selector) if part in entry.text)

    def console_problems(self):
        """What the browser complained of: errors, and anything its content policy refused."""
        messages = [entry["message"] for entry in self.driver.get_log("browser")
                    if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]]
        return [message for message in messages
                if not any(part in message for part in self.expected_problems)]
