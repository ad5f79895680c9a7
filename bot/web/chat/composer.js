/** Where a message is written. */

import { el, icon } from "./dom.js";

export const MOST_CHARACTERS = 4000;
const COUNT_FROM = 200; // characters left

export class Composer {
  /** @param {(text: string) => void} send */
  constructor(send) {
    this._send = send;
    this._input = el("textarea", {
      id: "message",
      rows: "1",
      dir: "auto",
      placeholder: "Write a message…",
      enterkeyhint: "send",
      autocomplete: "off",
      "aria-describedby": "hint count",
      onkeydown: (/** @type {KeyboardEvent} */ event) => this._key(event),
      oninput: () => this._written(),
    });
    this._button = el("button", { type: "submit", class: "send", "aria-label": "Send" }, icon("send"));
    this._count = el("span", { id: "count", class: "count", hidden: true });
    this.element = el(
      "form",
      { class: "composer", novalidate: true, onsubmit: (/** @type {Event} */ event) => this._submit(event) },
      el("label", { class: "unseen", for: "message" }, "Message"),
      el("div", { class: "field" }, this._input, this._count, this._button),
      el("p", { id: "hint", class: "hint" }, "Enter sends, Shift + Enter begins a new line"),
    );
    this._written();
  }

  focus() {
    this._input.focus({ preventScroll: true });
  }

  /** Make the field as high as its text, up to what the style allows. */
  _fit() {
    this._input.style.height = "auto";
    if (this._input.value) this._input.style.height = `${this._input.scrollHeight}px`;
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    // Enter also ends a word being composed (Chinese, Japanese …), which sends nothing.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    this._submit(event);
  }

  /** @param {Event} event */
  _submit(event) {
    event.preventDefault();
    const text = this._input.value.trim();
    if (!text || this._left() < 0) return;
    this._input.value = "";
    this._written();
    this._send(text);
    this.focus();
  }

  _left() {
    return MOST_CHARACTERS - this._input.value.trim().length;
  }

  _written() {
    const left = this._left();
    this._count.hidden = left > COUNT_FROM;
    this._count.textContent = left < 0 ? `${-left} too many` : `${left} left`;
    this._count.classList.toggle("over", left < 0);
    this._input.setAttribute("aria-invalid", String(left < 0));
    this._button.disabled = left < 0 || !this._input.value.trim();
    this._fit();
  }
}
