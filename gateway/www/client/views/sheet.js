/* A sheet above the page, for one thing to do. Escape and a click beside it close it. */

import { h } from "./dom.js";
import { iconButton } from "./icons.js";

/* {element, open(), close()}. `closed()` is called after it was closed, by whatever. */
export function sheet(app, title, content, closed = () => {}) {
    const id = `sheet-${Math.random().toString(36).slice(2)}`;
    const element = h("dialog.sheet", { aria: { labelledby: id }, on: { close: () => { element.remove(); closed(); } } },
        h("header", {}, h("h2", { id }, title), iconButton("close", app.t("sheet.close"), () => element.close())),
        content);
    element.addEventListener("click", (event) => { if (event.target === element) element.close(); });
    return {
        element,
        open() {
            if (!element.isConnected) document.body.append(element);
            if (!element.open) element.showModal();
        },
        close: () => element.close(),
    };
}
