"""What the pages' Content Security Policy lets a script do, in a real browser."""

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from support.wait import PATIENCE_SECONDS

# Ends with what happened to the WebSocket: "refused" by the policy, or "open" or "closed" by its server.
OPEN_SOCKET = """
    const [address, done] = arguments;
    addEventListener("securitypolicyviolation", (event) => event.effectiveDirective === "connect-src" && done("refused"));
    const socket = new WebSocket(address);
    socket.onopen = () => done("open");
    socket.onclose = () => setTimeout(done, 1000, "closed");
    """
# Ends with the name of the error. In a task of the page's own: what the driver itself runs may use eval.
RUN = "const [done] = arguments; setTimeout(() => { try { %s; done('no error'); } catch (error) { done(error.name); } });"


@pytest.fixture(params=["/", "/example"])
def opened(request, browsers, stack):
    driver = browsers.get("first")
    driver.set_script_timeout(PATIENCE_SECONDS)
    driver.get(stack.url(0) + request.param)
    yield request.param, driver
    driver.get("about:blank")
    driver.get_log("browser")


def test_a_page_connects_to_its_own_server(opened, stack):
    _, driver = opened
    for path in ("/api", "/"):
        assert driver.execute_async_script(OPEN_SOCKET, stack.url(0).replace("http:", "ws:") + path) == "open"


def test_only_the_demo_page_connects_elsewhere(opened, pair):
    """To another port, which is another origin: its gateway refuses the page with 403; the policy refuses before it is asked."""
    target, driver = opened
    found = driver.execute_async_script(OPEN_SOCKET, pair.url(0).replace("http:", "ws:") + "/api")
    assert found == ("refused" if target == "/" else "closed")


@pytest.mark.parametrize("script", ["document.body.innerHTML = '<b>a</b>'", "eval('1')", "new Function('return 1')", "document.write('a')",
                                    "document.createElement('script').src = '/a.js'", "new DOMParser().parseFromString('<b>', 'text/html')"])
def test_text_becomes_neither_markup_nor_code(opened, script):
    _, driver = opened
    assert driver.execute_async_script(RUN % script) in ("TypeError", "EvalError")


def test_only_the_client_has_a_policy_of_trusted_types_and_only_one(opened):
    target, driver = opened
    make = RUN % "trustedTypes.createPolicy('%s', { createScriptURL: (url) => url })"
    assert driver.execute_async_script(make % "another") == "TypeError"
    if target == "/example":
        assert driver.execute_async_script(make % "messenger-worker") == "TypeError"


def test_styles_and_scripts_in_the_markup_do_nothing(opened):
    _, driver = opened
    driver.execute_script("""
        const made = document.body.appendChild(document.createElement("p"));
        made.id = "made";
        made.setAttribute("style", "position: fixed");
        const script = document.head.appendChild(document.createElement("style"));
        script.textContent = "#made { display: none }";
        """)
    assert driver.execute_script("const { position, display } = getComputedStyle(document.getElementById('made')); return [position, display]") == ["static", "block"]
