/* What a session's `device` means to a person: a User-Agent, or a name that the client gave itself. */

/* The first that matches; most browsers also name those that they descend from. */
const BROWSERS = [
    [/\bEdg(?:e|A|iOS)?\//, "Edge"],
    [/\b(?:OPR|OPiOS|OPT|Opera|Opera Mini)\//, "Opera"],
    [/\bSamsungBrowser\//, "Samsung Internet"],
    [/\bVivaldi\//, "Vivaldi"],
    [/\bYaBrowser\//, "Yandex Browser"],
    [/\b(?:DuckDuckGo|Ddg)\//, "DuckDuckGo"],
    [/\bSeaMonkey\//i, "SeaMonkey"],
    [/\b(?:Firefox|FxiOS)\//, "Firefox"],
    [/\bEpiphany\//, "GNOME Web"],
    [/\bChromium\//, "Chromium"],
    [/\b(?:HeadlessChrome|Chrome|CriOS)\//, "Chrome"],
    [/\b(?:MSIE |Trident\/)/, "Internet Explorer"],
    [/\bSafari\//, "Safari"],
];
const SYSTEMS = [
    [/\biPhone\b/, "iPhone"],
    [/\biPad\b/, "iPad"],
    [/\biPod\b/, "iPod"],
    [/\bWindows Phone\b/, "Windows Phone"],
    [/\bAndroid\b/, "Android"],
    [/\bWindows\b/, "Windows"],
    [/\bCrOS\b/, "ChromeOS"],
    [/\bMacintosh\b/, "Mac"],
    [/\b(?:Linux|X11)\b/, "Linux"],
];
const APPLE = new Set(["iPhone", "iPad", "iPod", "Mac"]);
const HANDHELD = new Set(["iPhone", "iPad", "iPod", "Android", "Windows Phone"]);

/* Of a program: "curl/8.5.0", "okhttp/4.12.0 …" */
const PROGRAM = /^([A-Za-z][\w.-]*)\/v?\d[\w.+-]*(?:\s|$)/;

/*
 * {key, browser, system, name, isHandheld}: `key` of the words that the others are filled in, or "" when `name`
 * is all, as the name that the client gave itself.
 */
export function describeDevice(device) {
    const text = device.trim();
    if (!/^(?:Mozilla|Opera)\/\d/.test(text)) return describeOther(text);
    const system = firstOf(SYSTEMS, text);
    const named = firstOf(BROWSERS, text);
    const browser = named === "Safari" && !APPLE.has(system) ? "" : named; // elsewhere it is what another one descends from
    return { key: keyOf(browser, system), browser, system, name: browser, isHandheld: HANDHELD.has(system) };
}

function keyOf(browser, system) {
    if (browser) return system ? "devices.browserOn" : "";
    return system ? "devices.someBrowserOn" : "devices.someBrowser";
}

function describeOther(text) {
    const [, program = ""] = PROGRAM.exec(text) ?? [];
    const key = text === "" ? "devices.unknown" : program ? "devices.program" : "";
    return { key, browser: "", system: "", name: program || text, isHandheld: false };
}

function firstOf(list, text) {
    return list.find(([pattern]) => pattern.test(text))?.[1] ?? "";
}

/* In the words of the page; `t` as that of Strings. */
export function deviceName(device, t) {
    const { key, ...values } = describeDevice(device);
    return key ? t(key, values) : values.name;
}

/* The user's sessions: the present one first, then as the server lists them, the last seen first. */
export function sortSessions(sessions) {
    return [...sessions].sort((one, other) => Number(other.isCurrent) - Number(one.isCurrent));
}
