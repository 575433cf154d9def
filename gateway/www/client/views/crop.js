/* Choosing the square of a picture that becomes one's own: drag, zoom, or the arrow keys. */

import { h } from "./dom.js";
import { sheet } from "./sheet.js";

const VIEW_PX = 280; // of the square on the screen
const RESULT_PX = 512;
const STEP_PX = 10;
const ZOOM_MAX = 4;

export class Crop {
    #sheet;
    #done;
    #canvas = h("canvas", { width: VIEW_PX * 2, height: VIEW_PX * 2, tabindex: "0" });
    #zoom;
    #image = null;
    #x = 0; // of the middle of the square, in pixels of the image
    #y = 0;
    #drag = null;

    /* `done(blob)` with the square as a JPEG, or a PNG when it is transparent. */
    constructor(app, done) {
        const { t } = app;
        this.#done = done;
        this.#canvas.setAttribute("role", "img");
        this.#canvas.setAttribute("aria-label", t("crop.area"));
        this.#zoom = h("input", {
            type: "range", min: "1", max: ZOOM_MAX, step: "0.01", aria: { label: t("crop.zoom") }, on: { input: () => this.#draw() },
        });
        this.#sheet = sheet(app, t("crop.title"), h("div.crop", {}, this.#canvas, this.#zoom,
            h("button.main", { type: "button", on: { click: () => this.#finish() } }, t("crop.use"))), () => this.#release());
        this.#listen();
    }

    /* Rejects when the file is no picture that this browser can show. */
    async open(file) {
        this.#image = await createImageBitmap(file);
        this.#x = this.#image.width / 2;
        this.#y = this.#image.height / 2;
        this.#zoom.value = 1;
        this.#sheet.open();
        this.#draw();
    }

    close() {
        this.#sheet.close();
    }

    #release() {
        this.#image?.close();
        this.#image = null;
    }

    #listen() {
        const canvas = this.#canvas;
        canvas.addEventListener("pointerdown", (event) => {
            canvas.setPointerCapture(event.pointerId);
            this.#drag = { x: event.clientX, y: event.clientY };
        });
        canvas.addEventListener("pointermove", (event) => {
            if (!this.#drag) return;
            this.#shift(this.#drag.x - event.clientX, this.#drag.y - event.clientY);
            this.#drag = { x: event.clientX, y: event.clientY };
        });
        for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, () => { this.#drag = null; });
        canvas.addEventListener("wheel", (event) => {
            event.preventDefault();
            this.#zoom.value = Number(this.#zoom.value) * (event.deltaY < 0 ? 1.05 : 0.95);
            this.#draw();
        });
        canvas.addEventListener("keydown", (event) => {
            const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
            if (!step) return;
            event.preventDefault();
            this.#shift(step[0] * STEP_PX, step[1] * STEP_PX);
        });
    }

    /* The side of the square, in pixels of the image. */
    get #side() {
        return Math.min(this.#image.width, this.#image.height) / Number(this.#zoom.value);
    }

    #shift(dx, dy) {
        const width = this.#canvas.clientWidth || VIEW_PX;
        this.#x += (dx / width) * this.#side;
        this.#y += (dy / width) * this.#side;
        this.#draw();
    }

    #draw() {
        if (!this.#image) return;
        const half = this.#side / 2;
        this.#x = Math.min(Math.max(this.#x, half), this.#image.width - half);
        this.#y = Math.min(Math.max(this.#y, half), this.#image.height - half);
        this.#drawOn(this.#canvas);
    }

    #drawOn(canvas) {
        const side = this.#side;
        const context = canvas.getContext("2d");
        context.clearRect(0, 0, canvas.width, canvas.height);
        context.imageSmoothingQuality = "high";
        context.drawImage(this.#image, this.#x - side / 2, this.#y - side / 2, side, side, 0, 0, canvas.width, canvas.height);
    }

    #finish() {
        const canvas = h("canvas", { width: RESULT_PX, height: RESULT_PX });
        this.#drawOn(canvas);
        const type = isOpaque(canvas) ? "image/jpeg" : "image/png";
        canvas.toBlob((blob) => {
            this.#sheet.close();
            this.#done(blob);
        }, type, 0.92);
    }
}

function isOpaque(canvas) {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 3; i < data.length; i += 4) if (data[i] < 255) return false;
    return true;
}
