/** The messages as a list of elements that changes only where the conversation did. */

import { el } from "./dom.js";
import { MessageView } from "./message.js";
import { dayKey, dayName } from "./time.js";

/**
 * @typedef {import("./conversation.js").Item} Item
 * @typedef {import("./message.js").Wishes} Wishes
 */

const PAUSE_S = 5 * 60; // messages closer than this belong together

export class Timeline {
  /** @param {Wishes} wishes */
  constructor(wishes) {
    this._wishes = wishes;
    /** @type {Map<string, MessageView>} */
    this._views = new Map();
    /** @type {Map<string, HTMLElement>} */
    this._days = new Map();
    this.element = el("div", {
      class: "log",
      role: "log",
      "aria-live": "polite",
      "aria-label": "Messages",
      "aria-busy": "true",
    });
  }

  /** While busy, what is added is not read aloud: history is not news. @param {boolean} busy */
  set busy(busy) {
    this.element.setAttribute("aria-busy", String(busy));
    this.element.setAttribute("aria-live", busy ? "off" : "polite");
  }

  /** @param {Item[]} items */
  update(items) {
    /** @type {HTMLElement[]} */
    const wanted = [];
    items.forEach((item, at) => {
      const previous = items[at - 1];
      if (item.timestamp && (!previous || !sameDay(previous, item))) wanted.push(this._day(item));
      const next = items[at + 1];
      const view = this._view(item);
      view.update(item, {
        starts: !previous || !together(previous, item),
        ends: !next || !together(item, next),
        rests: !next || !near(item, next),
      });
      wanted.push(view.element);
    });
    this._place(wanted);
  }

  /** @param {Item} item */
  _view(item) {
    const known = this._views.get(item.key);
    if (known) return known;
    const view = new MessageView(item, this._wishes);
    this._views.set(item.key, view);
    return view;
  }

  /** @param {Item} item */
  _day(item) {
    const key = dayKey(item.timestamp);
    const name = dayName(item.timestamp);
    const day = this._days.get(key) ?? el("p", { class: "day" });
    if (day.textContent !== name) day.textContent = name;
    this._days.set(key, day);
    return day;
  }

  /** @param {HTMLElement[]} wanted */
  _place(wanted) {
    const keep = new Set(wanted);
    for (const node of [...this.element.children]) {
      if (!keep.has(/** @type {HTMLElement} */ (node))) node.remove();
    }
    for (const [key, view] of this._views) {
      if (!keep.has(view.element)) this._views.delete(key);
    }
    let cursor = this.element.firstElementChild;
    for (const node of wanted) {
      if (node === cursor) cursor = cursor.nextElementSibling;
      else this.element.insertBefore(node, cursor);
    }
  }
}

/** @param {Item} one @param {Item} other */
function sameDay(one, other) {
  return dayKey(one.timestamp) === dayKey(other.timestamp);
}

/** @param {Item} one @param {Item} next */
function near(one, next) {
  return sameDay(one, next) && next.timestamp - one.timestamp < PAUSE_S;
}

/** @param {Item} one @param {Item} next */
function together(one, next) {
  return one.from === next.from && near(one, next);
}
