/* What stands there until it is known who the user is: only when that takes a moment. */

import { drawing, h } from "./dom.js";
import { LOGO } from "./icons.js";

export function startScreen({ t }) {
    return h("main.start", {}, drawing("logo", "0 0 64 64", LOGO), h("p", { role: "status" }, t("connection.start")));
}
