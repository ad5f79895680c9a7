/** Keeps the newest message in sight, unless the reader has gone up to read. */

import { el, icon } from "./dom.js";

const NEAR_PX = 80;

export class Scroller {
  /** @param {...Node} content */
  constructor(...content) {
    this._stuck = true;
    this._top = 0;
    this._unread = 0;
    this._content = el("div", { class: "content" }, ...content);
    this.element = el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Conversation", onscroll: () => this._scrolled() },
      this._content,
    );
    this._words = el("span");
    this.pill = el(
      "button",
      { type: "button", class: "pill", hidden: true, onclick: () => this.toBottom({ smooth: true }) },
      this._words,
      icon("down"),
    );
    // Pictures that load and keyboards that open change heights without a message coming.
    this._watch = new ResizeObserver(() => {
      if (this._stuck) this.toBottom();
    });
  }

  watch() {
    this._watch.observe(this.element);
    this._watch.observe(this._content);
  }

  unwatch() {
    this._watch.disconnect();
  }

  /** @param {number} count messages that came and may be out of sight */
  arrived(count) {
    if (this._stuck) {
      this.toBottom();
    } else if (count > 0) {
      this._unread += count;
      this._words.textContent = this._unread === 1 ? "New message" : `${this._unread} new messages`;
      this.pill.hidden = false;
    }
  }

  /** @param {{smooth?: boolean}} [how] */
  toBottom({ smooth = false } = {}) {
    this._stuck = true;
    this._read();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.element.scrollTo({
      top: this.element.scrollHeight,
      behavior: smooth && !calm ? "smooth" : "instant",
    });
  }

  _scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    const near = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    // On the way down, as a smooth scroll is for a while, nobody has gone up to read.
    this._stuck = near || (this._stuck && scrollTop >= this._top);
    this._top = scrollTop;
    if (near) this._read();
  }

  _read() {
    if (this.pill.contains(this.pill.ownerDocument.activeElement)) this.element.focus();
    this._unread = 0;
    this.pill.hidden = true;
  }
}
