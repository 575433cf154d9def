/* The two views of the demo page on a narrow screen, and the sentence that names the next step. */

import { byId } from "./example-dom.js";
import { currentSelf, listenToSelf } from "./example-account.js";
import { hasMessages, listenToMessages } from "./example-messages.js";
import { likelyReceiver, listenToPeople } from "./example-people.js";

const VIEWS = ["steps", "log"];
const scrolled = { steps: 0, log: 0 };

/* Each view keeps its place. On a wide screen both are visible. */
function showView(view) {
    const former = document.body.dataset.view;
    if (view === former) return window.scrollTo(0, 0);
    scrolled[former] = window.scrollY;
    document.body.dataset.view = view;
    for (const name of VIEWS) byId(`${name}-view`).setAttribute("aria-pressed", String(name === view));
    window.scrollTo(0, scrolled[view]);
}

/* The links to a part of the page lead to what the other view may hide. */
function showTarget() {
    showView(location.hash === "#log-title" ? "log" : "steps");
}

function showNextStep() {
    const receiver = likelyReceiver();
    const step = !currentSelf() ? "sign-up" : !receiver ? "second-user" : hasMessages() ? "explore" : "send";
    for (const item of byId("next-step").children) item.hidden = item.dataset.step !== step;
    byId("next-receiver").textContent = receiver ?? "";
}

export function startViews() {
    for (const name of VIEWS) byId(`${name}-view`).addEventListener("click", () => showView(name));
    window.addEventListener("hashchange", showTarget);
    byId("skip-link").addEventListener("click", () => showView("steps"));
    if (location.hash !== "") showTarget();
    listenToSelf(showNextStep);
    listenToPeople(showNextStep);
    listenToMessages(showNextStep);
    showNextStep();
}
