/*
 * A long list of rows of different heights, of which only those near the window are in the document.
 * Rows are measured when they are shown, and estimated before. What is on the screen is anchored by a
 * row and not by a number of pixels: rows may be added, removed, or change their height anywhere, and
 * what the user is reading stays where it is. At the end, the list follows its end.
 *
 * Rows are objects with a unique `key`. `options`:
 *
 *   scroller     the element that scrolls
 *   list         its only child, which gets the rows' elements as children; block layout, no margins
 *   render(row)  an element for it
 *   isSame(one, other)  whether the element of a row still fits the row that has its key now
 *   update(element, one, other)  changes it so that it does; false when it must be rendered again
 *   estimate(row)       its height in pixels, about
 *   isFirm(row)         whether the row stays where it is when others are added, so that it can be the anchor
 *   moved()      called after what is visible has changed
 */

const OVERSCAN_PX = 800;
const AT_END_PX = 4;
const ROUNDS_MAX = 4;
const EDGE_PX = 16; // above the first row, and below the last

export class VirtualList {
    #options;
    #rows = [];
    #index = new Map(); // key -> its place in #rows
    #heights = new Map(); // key -> measured
    #tops = new Float64Array(1); // of each row, and the end
    #shown = new Map(); // key -> {row, element}
    #anchor = { end: true };
    #width = 0;
    #height = 0;
    #frame = 0;
    #observer;

    constructor(options) {
        this.#options = options;
        const { scroller, list } = options;
        scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        this.#observer = new ResizeObserver(() => this.#resized());
        this.#observer.observe(scroller);
        this.#observer.observe(list);
    }

    /* Whether the end is on the screen. */
    get atEnd() {
        const { scroller } = this.#options;
        return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= AT_END_PX;
    }

    /* How far the rows above the screen reach, in pixels. */
    get above() {
        return this.#options.scroller.scrollTop;
    }

    /* Where the user is: {end: true} or {key, offset}, to be given to `show`. */
    get anchor() {
        return this.#anchor;
    }

    /* Shows other rows, at another place if an anchor is given. */
    show(rows, anchor = this.#anchor) {
        this.#anchor = anchor;
        this.#rows = rows;
        this.#index = new Map(rows.map((row, i) => [row.key, i]));
        this.#settle();
    }

    /* The elements of all rows are made again, at the same place. */
    redraw() {
        for (const { element } of this.#shown.values()) element.remove();
        this.#shown.clear();
        this.#settle();
    }

    /* The rows that follow are others, although they may have the same keys. */
    forget() {
        for (const { element } of this.#shown.values()) element.remove();
        this.#shown.clear();
        this.#heights.clear();
    }

    scrollToEnd() {
        this.#anchor = { end: true };
        this.#settle();
    }

    /* The visible rows, from top to bottom; the lowest pixels may be hidden. */
    visible() {
        const { scroller } = this.#options;
        const from = scroller.scrollTop - EDGE_PX;
        const to = from + scroller.clientHeight;
        const first = this.#at(Math.max(0, from));
        const rows = [];
        for (let i = first; i < this.#rows.length && this.#tops[i + 1] <= to + AT_END_PX; i += 1) rows.push(this.#rows[i]);
        return rows;
    }

    destroy() {
        cancelAnimationFrame(this.#frame);
        this.#observer.disconnect();
    }

    /* Scrolls to the anchor and renders, until what is measured agrees with what was assumed. */
    #settle() {
        const { scroller } = this.#options;
        this.#measureWidth();
        this.#height = scroller.clientHeight;
        for (let round = 0; round < ROUNDS_MAX; round += 1) {
            this.#computeTops();
            const top = this.#anchorTop();
            const isNew = this.#render(top);
            scroller.scrollTop = top;
            if (!isNew || !this.#measure()) break;
        }
        this.#options.moved();
    }

    #anchorTop() {
        const end = this.#tops[this.#rows.length];
        const most = Math.max(0, end + 2 * EDGE_PX - this.#options.scroller.clientHeight);
        const i = this.#index.get(this.#anchor.key);
        if (this.#anchor.end || i === undefined) return most;
        return Math.min(most, Math.max(0, EDGE_PX + this.#tops[i] + this.#anchor.offset));
    }

    /* The user scrolls: the anchor is what is at the top of the screen now. */
    #scrolled() {
        if (this.#frame) return;
        this.#frame = requestAnimationFrame(() => {
            this.#frame = 0;
            if (this.#isResized()) { // which scrolled it: the user did not
                this.#resized();
                return;
            }
            this.#readAnchor();
            this.#render(this.#options.scroller.scrollTop);
            if (this.#measure()) this.#settle();
            else this.#options.moved();
        });
    }

    #readAnchor() {
        const top = this.#options.scroller.scrollTop;
        if (this.atEnd || this.#rows.length === 0) {
            this.#anchor = { end: true };
        } else {
            const { isFirm } = this.#options;
            let i = this.#at(top - EDGE_PX);
            while (i < this.#rows.length - 1 && !isFirm(this.#rows[i])) i += 1;
            this.#anchor = { key: this.#rows[i].key, offset: top - EDGE_PX - this.#tops[i] };
        }
    }

    /* The place of the row at this height: the last one that begins at or above it. */
    #at(top) {
        let low = 0;
        for (let high = this.#rows.length - 1; low < high;) {
            const middle = (low + high + 1) >> 1;
            if (this.#tops[middle] <= top) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    #computeTops() {
        const { estimate } = this.#options;
        const tops = new Float64Array(this.#rows.length + 1);
        for (let i = 0; i < this.#rows.length; i += 1) {
            tops[i + 1] = tops[i] + (this.#heights.get(this.#rows[i].key) ?? estimate(this.#rows[i]));
        }
        this.#tops = tops;
    }

    /* True when rows that were not measured are in the document now. */
    #render(top) {
        const { scroller, list } = this.#options;
        const first = this.#at(top - OVERSCAN_PX);
        const last = Math.min(this.#rows.length, this.#at(top + scroller.clientHeight + OVERSCAN_PX) + 1);
        const wanted = this.#rows.slice(first, last);
        const keys = new Set(wanted.map((row) => row.key));
        for (const [key, { element }] of this.#shown) {
            if (keys.has(key)) continue;
            element.remove();
            this.#shown.delete(key);
        }
        const isNew = this.#place(list, wanted);
        list.style.paddingBlockStart = `${EDGE_PX + this.#tops[first]}px`;
        list.style.paddingBlockEnd = `${EDGE_PX + this.#tops[this.#rows.length] - this.#tops[last]}px`;
        return isNew;
    }

    #place(list, wanted) {
        const before = new Set([...this.#shown.values()].map(({ element }) => element));
        const elements = wanted.map((row) => this.#elementOf(row));
        let next = list.firstElementChild;
        for (const element of elements) {
            if (element === next) next = next.nextElementSibling;
            else list.insertBefore(element, next);
        }
        return elements.some((element) => !before.has(element));
    }

    #elementOf(row) {
        const shown = this.#shown.get(row.key);
        const { isSame, update } = this.#options;
        if (shown && (isSame(shown.row, row) || update(shown.element, shown.row, row))) {
            shown.row = row;
            return shown.element;
        }
        const element = this.#options.render(row);
        shown?.element.replaceWith(element);
        this.#shown.set(row.key, { row, element });
        return element;
    }

    /* True when a height differs from what was assumed. */
    #measure() {
        let changed = false;
        for (const [key, { element }] of this.#shown) {
            const { height } = element.getBoundingClientRect();
            const i = this.#index.get(key);
            if (i === undefined) continue;
            if (Math.abs(this.#tops[i + 1] - this.#tops[i] - height) > 0.5) changed = true;
            this.#heights.set(key, height);
        }
        if (changed) this.#computeTops();
        return changed;
    }

    /* In another width, all rows have other heights. */
    #measureWidth() {
        const width = this.#options.list.clientWidth;
        if (width === this.#width) return;
        this.#width = width;
        this.#heights.clear();
        if (this.#shown.size > 0) this.#measure();
    }

    #isResized() {
        const { scroller, list } = this.#options;
        return list.clientWidth !== this.#width || scroller.clientHeight !== this.#height;
    }

    #resized() {
        if (this.#rows.length === 0 || this.#options.scroller.clientHeight === 0) return;
        this.#measureWidth();
        this.#measure();
        this.#settle();
    }
}
