/* The icons: lines in a square of 24. */

import { drawing, h } from "./dom.js";

const PATHS = {
    back: ["m15 5-7 7 7 7"],
    plus: ["M12 5v14", "M5 12h14"],
    search: ["M4.500 11a6.500 6.500 0 1 0 13 0a6.500 6.500 0 1 0-13 0", "m16 16 4.500 4.500"],
    close: ["M6 6l12 12", "M18 6 6 18"],
    down: ["M6 9.500 12 15.500l6-6"],
    smile: ["M3.500 12a8.500 8.500 0 1 0 17 0a8.500 8.500 0 1 0-17 0", "M9 10h.01", "M15 10h.01",
        "M8.500 14.500c1 1.300 2.200 2 3.500 2s2.500-.7 3.500-2"],
    keyboard: ["M4 6.500h16a1.500 1.500 0 0 1 1.500 1.500v8a1.500 1.500 0 0 1-1.500 1.500H4A1.500 1.500 0 0 1 2.500 16V8A1.500 1.500 0 0 1 4 6.500z",
        "M7 10.500h.01M10.500 10.500h.01M14 10.500h.01M17.500 10.500h.01M8 14h8"],
    camera: ["M4 8h3.200L9 5.500h6L16.800 8H20a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1z",
        "M8.500 13.200a3.500 3.500 0 1 0 7 0a3.500 3.500 0 1 0-7 0"],
    retry: ["M19.500 12a7.500 7.500 0 1 1-2.300-5.400", "M19.500 3.500v4h-4"],
    block: ["M3.500 12a8.500 8.500 0 1 0 17 0a8.500 8.500 0 1 0-17 0", "M6 6l12 12"],
    people: ["M8.500 11.500a3 3 0 1 0 0-6a3 3 0 0 0 0 6z", "M2.500 19c.5-3.500 2.500-5 6-5s5.500 1.500 6 5", "M15.500 11.500a2.500 2.500 0 1 0 0-5", "M17 14c2.500.3 4 1.800 4.500 5"],
    nobody: ["M8.500 8.500a3.500 3.500 0 1 0 7 0a3.500 3.500 0 1 0-7 0", "M5 19.500c.7-3.800 3.300-5.500 7-5.500s6.300 1.700 7 5.500"],
    computer: ["M5.500 5h13a1 1 0 0 1 1 1v9h-15V6a1 1 0 0 1 1-1z", "M2.500 18.500h19"],
    phone: ["M8.500 3h7A1.500 1.500 0 0 1 17 4.500v15a1.500 1.500 0 0 1-1.500 1.500h-7A1.500 1.500 0 0 1 7 19.500v-15A1.500 1.500 0 0 1 8.500 3z", "M11 18h2"],
    chat: ["M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-6.500L8 21v-4H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z"],
};
/* In a square of 64. */
export const LOGO = "M14 8h36a10 10 0 0 1 10 10v20a10 10 0 0 1-10 10H31L18.6 58.3A1.6 1.6 0 0 1 16 57.1V48h-2A10 10 0 0 1 4 38V18A10 10 0 0 1 14 8z";
const SEND = "M3.500 11.200 19.600 4.100c.8-.3 1.500.4 1.200 1.200l-6.500 15.800c-.4.9-1.600.8-1.900-.1l-1.900-5.700a1.500 1.500 0 0 0-1-1l-6-1.900"
    + "c-.9-.3-1-1.500 0-1.200z";
const READ = "m1 8.500 3 3L10 5M7 11.200l.4.3L14 5";
const SENT = "m3.500 8.500 3 3L13 5";
const SENDING = "M8 2.500a5.500 5.500 0 1 0 0 11a5.500 5.500 0 1 0 0-11M8 5v3.200l2 1.300";

export function icon(name) {
    return drawing("line", "0 0 24 24", ...PATHS[name]);
}

export function sendIcon() {
    return drawing("solid", "0 0 24 24", SEND);
}

/* "sending", "sent" or "read". */
export function tick(state) {
    return drawing(`tick ${state}`, "0 0 16 16", { sending: SENDING, sent: SENT, read: READ }[state]);
}

/* A round button with an icon only. */
export function iconButton(name, label, click) {
    return h("button.icon", { type: "button", title: label, aria: { label }, on: { click } }, icon(name));
}
