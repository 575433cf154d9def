/* A person's picture, or the initials on a colour; of a deleted account, nobody's. */

import { pictureAddress } from "../server/accounts.js";
import { hueOf, initialsOf } from "../text/names.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

const AGAIN_MS = 30_000; // after a picture could not be loaded
const NO_PICTURE = "default.jpg";

/* {element, show(user, isOnline)}. `size` in pixels. */
export function face(size = 46) {
    const letters = h("span"); // drawn by the style sheet: they are a picture, not a text
    const picture = h("img", { alt: "", hidden: true, width: size, height: size, decoding: "async" });
    const element = h("span.face", { aria: { hidden: "true" }, style: { "--size": `${size}px` } }, letters, picture);
    picture.addEventListener("error", () => {
        picture.hidden = true;
        picture.dataset.failed = Date.now();
    });
    return {
        element,
        show(user, isOnline) {
            element.classList.toggle("gone", Boolean(user.isDeleted));
            letters.dataset.letters = user.isDeleted ? "" : initialsOf(user);
            letters.replaceChildren(...(user.isDeleted ? [icon("nobody")] : []));
            element.style.setProperty("--hue", hueOf(user.tag));
            element.classList.toggle("online", Boolean(isOnline));
            showPicture(picture, user.img);
        },
    };
}

function showPicture(picture, img) {
    const address = img && img !== NO_PICTURE ? pictureAddress(img) : "";
    const isLate = Date.now() - Number(picture.dataset.failed ?? Infinity) > AGAIN_MS;
    if (picture.dataset.address === address && !isLate) return;
    delete picture.dataset.failed;
    picture.dataset.address = address;
    picture.hidden = address === "";
    if (address) picture.src = address;
    else picture.removeAttribute("src");
}
