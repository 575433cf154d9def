/* The fields of a form, each with its label and the place for what is wrong with it. */

import { h, setText } from "./dom.js";

export class FormFields {
    #prefix; // of the ids
    #changed; // called when the user writes into a field
    #fields = new Map(); // name -> {input, problem}

    constructor(prefix, changed) {
        this.#prefix = prefix;
        this.#changed = changed;
    }

    /* The element of a new field. `options` are the attributes of its input; `hint` may be "". */
    add(name, label, options, hint = "") {
        const id = `${this.#prefix}-${name}`;
        const problem = h("p.problem", { id: `${id}-problem`, hidden: true });
        const input = h("input", {
            id, name, type: "text", dir: "auto", spellcheck: "false", autocapitalize: "none", ...options,
            aria: { describedby: problem.id }, on: { input: () => this.#written(name) },
        });
        this.#fields.set(name, { input, problem });
        return h("div.input", { data: { field: name } }, h("label", { for: id }, label), input, hint ? h("p.hint", {}, hint) : null,
            problem);
    }

    get names() {
        return [...this.#fields.keys()];
    }

    input(name) {
        return this.#fields.get(name).input;
    }

    inputs() {
        return [...this.#fields.values()].map(({ input }) => input);
    }

    /* What is wrong with a field; "": nothing. */
    showProblem(name, text) {
        const { input, problem } = this.#fields.get(name);
        problem.hidden = text === "";
        setText(problem, text);
        if (text) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
    }

    clear() {
        for (const name of this.names) this.showProblem(name, "");
    }

    /* True when there is none. */
    focusFirstProblem() {
        const first = [...this.#fields.values()].find(({ problem }) => !problem.hidden);
        first?.input.focus();
        return !first;
    }

    #written(name) {
        this.showProblem(name, "");
        this.#changed();
    }
}
