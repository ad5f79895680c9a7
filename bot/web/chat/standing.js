/** How the connection stands, for eyes (a counting strip) and for ears (said once). */

import { el } from "./dom.js";

/** @typedef {import("./connection.js").Standing} Standing */

export class StandingView {
  /** @param {string} subtitle shown while all is well @param {() => void} hurry */
  constructor(subtitle, hurry) {
    this._subtitle = subtitle;
    this._beenOpen = false;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this._ticking = undefined;
    this._text = el("span", { class: "state-text" }, "Connecting…");
    this.summary = el("p", { class: "state", "data-state": "connecting" }, el("span", { class: "dot" }), this._text);
    this._message = el("span", { "aria-hidden": "true" });
    const now = el("button", { type: "button", class: "now", onclick: hurry }, "Try now");
    this._now = now;
    this.strip = el("div", { class: "strip", hidden: true }, this._message, now);
    this.heard = el("p", { class: "unseen", role: "status" });
  }

  /** @param {Standing} standing */
  show({ state, retryAt }) {
    clearInterval(this._ticking);
    this.summary.dataset.state = state;
    this._now.hidden = state !== "waiting";
    this.strip.hidden = state === "open" || state === "closed" || (state === "connecting" && !this._beenOpen);
    switch (state) {
      case "open":
        this._text.textContent = this._subtitle;
        if (this._beenOpen) this._say("Connected again.");
        this._beenOpen = true;
        break;
      case "connecting":
        this._text.textContent = "Connecting…";
        this._message.textContent = "Connecting…";
        break;
      case "offline":
        this._text.textContent = "Offline";
        this._message.textContent = "You are offline. What you write is sent when you are back.";
        this._say(this._message.textContent);
        break;
      case "waiting": {
        this._text.textContent = "Not connected";
        const tell = () => {
          const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
          this._message.textContent = `No connection. Trying again in ${seconds} s`;
        };
        tell();
        this._ticking = setInterval(tell, 1000);
        this._say("No connection. Trying again.");
        break;
      }
      case "closed":
        break;
    }
  }

  /** @param {string} text the same again is not repeated */
  _say(text) {
    if (this.heard.textContent !== text) this.heard.textContent = text;
  }
}
