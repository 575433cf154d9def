/*
 * Elements without markup in texts: nothing here parses HTML, so what users write stays text.
 *
 *   h("button.icon", { type: "button", aria: { label: "Back" }, on: { click } }, child, "text", null)
 *
 * Properties are attributes, except `aria` and `data` (attributes with that prefix), `on` (listeners),
 * `style` (custom properties of CSS) and `value`, `checked`, `disabled`, `hidden` (properties).
 */

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "src", "href"]);
const SVG = "http://www.w3.org/2000/svg";

export function h(selector, properties = {}, ...children) {
    const [name, ...classes] = selector.split(".");
    const element = document.createElement(name);
    if (classes.length > 0) element.className = classes.join(" ");
    for (const [key, value] of Object.entries(properties)) setProperty(element, key, value);
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

function setProperty(element, key, value) {
    if (value === null || value === undefined) return;
    if (key === "aria" || key === "data") {
        for (const [name, text] of Object.entries(value)) setAttribute(element, `${key}-${name}`, text);
    } else if (key === "on") {
        for (const [type, handle] of Object.entries(value)) element.addEventListener(type, handle);
    } else if (key === "style") {
        for (const [name, text] of Object.entries(value)) element.style.setProperty(name, text);
    } else if (PROPERTIES.has(key)) {
        element[key] = value;
    } else {
        setAttribute(element, key, value);
    }
}

/* null, undefined and false remove it; true is the empty value. */
export function setAttribute(element, name, value) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : value);
}

export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/* Makes the children of an element exactly these, in this order, and moves as few as possible. */
export function setChildren(element, children) {
    const wanted = new Set(children);
    for (const child of [...element.childNodes]) if (!wanted.has(child)) child.remove();
    let next = element.firstChild;
    for (const child of children) {
        if (child === next) next = next.nextSibling;
        else element.insertBefore(child, next);
    }
}

/* A drawing of lines: `paths` are values of `d`. */
export function drawing(className, viewBox, ...paths) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", className);
    svg.setAttribute("viewBox", viewBox);
    svg.setAttribute("aria-hidden", "true");
    for (const d of paths) {
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("d", d);
        svg.append(path);
    }
    return svg;
}
