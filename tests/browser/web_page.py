"""The web client at `/` as a person uses it. Every step waits for what a person would wait for."""

from urllib.parse import urlsplit

from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import sight
from support.wait import wait_until

POLL_SECONDS = 0.03


class WebPage:
    """`address` of a gateway, or of a proxy before it."""

    def __init__(self, driver, address):
        self.driver = driver
        self.address = address.rstrip("/")
        self.expected_problems = []  # parts of console messages that a test causes
        self.emulate(1280, 800)
        driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})

    # The browser

    def emulate(self, width, height=800, scheme="light"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def look(self, looking):
        """Whether the person looks at this window: it has the focus, until it is loaded again."""
        self.run("""
            Object.defineProperty(document, "hasFocus", { value: () => arguments[0], configurable: true });
            dispatchEvent(new Event(arguments[0] ? "focus" : "blur"));
            """, looking)

    def offline(self, away):
        """As the network tab of the browser's tools does it, for this window."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
            "offline": away, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})

    def load(self, path="/"):
        self.driver.get(self.address + path)

    def reload(self):
        self.driver.refresh()

    def forget(self):
        """A browser that has never been here."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.address))
        self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def problems(self):
        """What the browser complains about, without what the test expects."""
        messages = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "INFO"]
        return [message for message in messages if not any(part in message for part in self.expected_problems)]

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    # Finding and waiting

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, condition, what):
        """An element may be replaced between finding and asking it: then it is asked again."""
        def holds():
            try:
                return condition()
            except (NoSuchElementException, StaleElementReferenceException):
                return False
        return wait_until(holds, what, poll=POLL_SECONDS)

    def is_shown(self, selector):
        return sight.is_shown(self.driver, selector)

    def wait_shown(self, selector):
        self.wait(lambda: self.is_shown(selector), f"{selector} to be shown")

    def wait_gone(self, selector):
        self.wait(lambda: not self.is_shown(selector), f"{selector} to be gone")

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].filter((item) => item.checkVisibility())"
                        ".map((item) => item.innerText.trim())", selector)

    def text(self, selector):
        return self.find(selector).text

    def click(self, selector):
        self.wait_shown(selector)
        self.find(selector).click()

    def fill(self, selector, text):
        element = self.find(selector)
        element.clear()
        element.send_keys(text)

    def press(self, *keys):
        chain = ActionChains(self.driver)
        *held, last = keys
        for key in held:
            chain.key_down(key)
        chain.send_keys(last)
        for key in reversed(held):
            chain.key_up(key)
        chain.perform()

    def focused(self):
        return self.driver.switch_to.active_element

    # Accounts

    def enter(self, user, path="/"):
        """With the token of a user, as a browser that has logged in before."""
        self.driver.execute_cdp_cmd("Network.setCookie", {
            "name": "auth", "value": user.token, "url": self.address, "httpOnly": True})
        self.load(path)
        self.wait_messenger()
        return self

    def wait_messenger(self):
        self.wait_shown(".messenger .list")
        self.wait(lambda: self.run("return messenger.session?.connection === 'current' && messenger.store.state.listed"),
                  "the connection and the list")

    def wait_kept(self):
        """By the service worker: from now on the page opens without the server."""
        self.wait(lambda: self.driver.execute_async_script("""
            const [done] = arguments;
            navigator.serviceWorker.ready.then(() => caches.open("messenger page"))
                .then((cache) => cache.match("/")).then((page) => done(Boolean(page)));
            """), "the page to be kept")

    def kept(self):
        """Everything in IndexedDB and in the caches, as one text."""
        return self.driver.execute_async_script("""
            const [done] = arguments;
            const found = [JSON.stringify(localStorage)];
            const request = indexedDB.open("messenger");
            request.onsuccess = async () => {
                const db = request.result;
                for (const name of db.objectStoreNames) {
                    const all = db.transaction(name).objectStore(name).getAll();
                    await new Promise((resolve) => { all.onsuccess = resolve; });
                    found.push(JSON.stringify(all.result));
                }
                db.close();
                for (const name of await caches.keys()) {
                    for (const { url } of await (await caches.open(name)).keys()) found.push(url);
                }
                done(found.join());
            };
            """)

    def wait_sign_in(self):
        self.wait_shown(".sign-in form")

    def log_out(self):
        self.click(".own")
        self.click("dialog[open] .danger")
        self.wait_sign_in()

    # Devices and password

    def open_devices(self):
        self.open_profile_sheet("devices")
        self.wait(self.devices, "the devices")

    def open_profile_sheet(self, name):
        if not self.is_shown("dialog[open] .profile"):
            self.click(".own")
        self.click(f"[data-opens={name}]")
        self.wait_shown(f"dialog[open] .{name}")

    def devices(self):
        """[(id, name, whether it is this one)], from top to bottom."""
        return [tuple(row) for row in self.run("""
            return [...document.querySelectorAll("dialog[open] .device")].map((row) => [row.dataset.id,
                row.querySelector("b").innerText, Boolean(row.querySelector(".here"))]);
            """)]

    def end_device(self, id, sure=True):
        self.click(f".device[data-id='{id}'] button")
        self.answer_question(sure)

    def end_other_devices(self, sure=True):
        self.click(".devices > .danger")
        self.answer_question(sure)

    def answer_question(self, sure):
        self.wait_shown("dialog[open] .question")
        self.click(".question .danger" if sure else ".question .secondary")
        self.wait_gone(".question")

    def change_password(self, old, new):
        self.fill("#password-oldPassword", old)
        self.fill("#password-newPassword", new)
        self.click(".password form .main")

    # Conversations

    def rows(self):
        """Names in the list, from top to bottom."""
        return self.texts(".scroll .conversation b")

    def row(self, user):
        return f".conversation[data-tag='{user.tag}']"

    def open(self, user):
        self.wait_shown(self.row(user))
        self.find(self.row(user) + " a").click()
        self.wait_open(user)

    def open_by_search(self, user):
        self.fill("#search", user.tag)
        self.wait(lambda: self.is_shown(f".found a[href='#{user.tag}']"), "the person to be found")
        self.find(f".found a[href='#{user.tag}']").click()
        self.wait_open(user)

    def wait_open(self, user):
        self.wait(lambda: self.run("return messenger.store.state.open") == user.tag.lower()
                  and self.is_shown(".talk"), f"the conversation with {user.tag}")

    def badge(self, user):
        """The number of unread messages in the list, or 0."""
        text = self.texts(self.row(user) + " .badge")
        return int(text[0].replace(",", "")) if text else 0

    def is_online(self, user):
        return bool(self.find_all(self.row(user) + " .face.online"))

    # Messages

    def write(self, text):
        """Types it and presses Enter."""
        self.find("#message").send_keys(text, Keys.ENTER)

    def messages(self):
        """The texts in the document, from top to bottom: of a long conversation, those near the window."""
        return self.texts(".log .msg p")

    def wait_message(self, text):
        self.wait(lambda: text in self.messages(), f"the message {text!r}")

    def ticks(self):
        """Of each own message: "sending", "sent", "read" or "failed"."""
        return self.run("""
            return [...document.querySelectorAll(".log .msg.mine")].map((item) => item.classList.contains("failed")
                ? "failed" : item.querySelector(".tick").classList[1]);
            """)

    def wait_ticks(self, wanted):
        self.wait(lambda: self.ticks() == wanted, lambda: f"{wanted}, not {self.ticks()}")

    def scroll_to(self, top):
        self.run("document.querySelector('.log').scrollTop = arguments[0]", top)

    def at_end(self):
        return self.run("const log = document.querySelector('.log');"
                        "return log.scrollHeight - log.scrollTop - log.clientHeight < 5")

    def position_of(self, text):
        """How far below the top of the window the message stands; None when it is not in the document."""
        return self.run("""
            const log = document.querySelector(".log").getBoundingClientRect();
            const found = [...document.querySelectorAll(".log .msg p")].find((item) => item.innerText.trim() === arguments[0]);
            return found ? found.getBoundingClientRect().top - log.top : null;
            """, text)
