/** The element <parley-chat>: a conversation with the server this page came from. */

import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { el, icon, unseen } from "./dom.js";
import { Scroller } from "./scroller.js";
import { StandingView } from "./standing.js";
import {
  currentConversation,
  newConversation,
  onConversationChange,
  rememberTicket,
  ticketOf,
} from "./storage.js";
import { Timeline } from "./timeline.js";

const CONFIRM_MS = 20_000; // without a word from the server, a message counts as not sent
const TYPING_MS = 60_000; // a typing sign nobody takes back
const MOST_ATTEMPTS = 5; // where the server asks to come again later

class ParleyChat extends HTMLElement {
  constructor() {
    super();
    const heading = this.getAttribute("heading") ?? "Parley";
    this._conversation = new Conversation(currentConversation());
    this._connection = new Connection(socketAddress(), () => this._greeting());
    /**
     * A JWT that says who the visitor is, or what gives one: the site around the page sets it.
     * @type {string | (() => string | Promise<string>) | null}
     */
    this.identity = this.getAttribute("identity");
    this._asked = 0; // the seq the running connection was opened with
    this._shown = ""; // the ticket it was opened with
    this._live = false; // whether history has come
    /** @type {Map<string, ReturnType<typeof setTimeout>>} */
    this._timers = new Map();

    this._timeline = new Timeline({
      pick: (payload, event) => this._pick(payload, event),
      retry: (id) => this._retry(id),
      discard: (id) => this._discard(id),
    });
    this._typing = el(
      "div",
      { class: "message bot typing ends", hidden: true },
      el("span", { class: "avatar" }, icon("bot")),
      el("div", { class: "bubble" }, el("i"), el("i"), el("i"), unseen(`${heading} is writing`)),
    );
    this._welcome = el(
      "div",
      { class: "welcome", hidden: true },
      el("span", { class: "mark" }, icon("bot")),
      el("p", { class: "hello" }, "Hello, how can I help?"),
      el("p", {}, "Write a message below to begin."),
    );
    this._scroller = new Scroller(this._welcome, this._timeline.element, this._typing);
    this._composer = new Composer((text) => this._post(text));
    const subtitle = this.getAttribute("subtitle") ?? "";
    this._standing = new StandingView(subtitle, () => this._connection.hurry());
    this._notice = el("div", { class: "strip notice", role: "alert", hidden: true });
    this._question = this._makeQuestion();
    this._fresh = el(
      "button",
      { type: "button", class: "fresh", "aria-label": "New conversation", onclick: () => this._askFresh() },
      icon("fresh"),
      el("span", {}, "New conversation"),
    );

    this.attachShadow({ mode: "open" }).append(
      el("link", { rel: "stylesheet", href: new URL("chat.css", import.meta.url).href }),
      el(
        "main",
        { class: "card" },
        el(
          "header",
          {},
          el("span", { class: "mark" }, icon("bot")),
          el("div", { class: "title" }, el("h1", {}, heading), this._standing.summary),
          this._fresh,
        ),
        this._standing.strip,
        this._notice,
        el("div", { class: "middle" }, this._scroller.element, this._scroller.pill),
        this._composer.element,
        this._standing.heard,
      ),
      this._question,
    );
  }

  connectedCallback() {
    this._gone = new AbortController();
    const { signal } = this._gone;
    const options = { signal };
    this._connection.addEventListener("frame", (event) => this._frame(detail(event)), options);
    this._connection.addEventListener("standing", (event) => this._stood(detail(event)), options);
    addEventListener("online", () => this._connection.hurry(), options);
    addEventListener("offline", () => this._connection.offline(), options);
    addEventListener("pagehide", () => this._connection.close(), options);
    addEventListener("pageshow", (event) => event.persisted && this._connection.open(), options);
    document.addEventListener("visibilitychange", () => this._looked(), options);
    onConversationChange(() => this._changedElsewhere(), signal);
    window.visualViewport?.addEventListener("resize", () => followKeyboard(), options);
    this._scroller.watch();
    this._connection.open();
    if (!matchMedia("(pointer: coarse)").matches) this._composer.focus();
  }

  disconnectedCallback() {
    this._connection.close();
    this._gone?.abort();
    this._scroller.unwatch();
    this._forgetTimers();
  }

  /** The first frame: what opens the conversation, and how much of it is known here. */
  async _greeting() {
    const given = typeof this.identity === "function" ? await this.identity() : this.identity;
    this._asked = this._conversation.after;
    const ticket = ticketOf(this._conversation.id);
    this._shown = ticket;
    return { type: "begin", ticket, identity: given ?? "", after: this._asked };
  }

  /** @param {Record<string, any>} frame */
  _frame(frame) {
    switch (frame.type) {
      case "begun":
        this._begun(frame);
        break;
      case "hello":
        this._hello(frame);
        break;
      case "message":
        if (!this._conversation.receive(frame)) return;
        this._clearTimer(frame.id);
        if (this._live) this._show({ arrived: frame.from === "user" ? 0 : 1 });
        break;
      case "typing":
        this._showTyping(frame.on === true);
        break;
      case "error":
        this._error(frame);
        break;
    }
  }

  /** Which conversation it is, and the ticket to come back with. @param {Record<string, any>} frame */
  _begun(frame) {
    const current = ticketOf(this._conversation.id);
    if (frame.ticket && current !== this._shown && current.split(".")[0] !== frame.conversation) {
      this._connection.open(); // another tab was given a ticket first: that conversation it is
      return;
    }
    if (this._conversation.begin(String(frame.conversation))) {
      this._asked = 0;
      this._show();
    }
    if (typeof frame.ticket !== "string") return;
    // A user of the site has one conversation, on every device.
    this._fresh.hidden = !frame.ticket;
    if (frame.ticket) rememberTicket(this._conversation.id, frame.ticket);
  }

  /** History is complete. @param {Record<string, any>} frame */
  _hello(frame) {
    if (Number.isInteger(frame.seq) && frame.seq < this._asked) {
      this._conversation.forget(); // the server lost or erased it
      this._show();
      this._connection.open();
      return;
    }
    const first = !this._live;
    this._live = true;
    this._show();
    this._timeline.busy = false;
    if (first) this._scroller.toBottom();
  }

  /** @param {import("./connection.js").Standing} standing */
  _stood(standing) {
    this._standing.show(standing);
    if (standing.state !== "open") {
      this._forgetTimers();
      this._showTyping(false);
      return;
    }
    this._notice.hidden = true;
    for (const message of this._conversation.waiting) {
      if (message.status === "pending") this._send(message);
    }
    this._show();
  }

  /** @param {string} text */
  _post(text) {
    const message = this._conversation.post(text);
    this._send(message);
    this._show();
    this._scroller.toBottom({ smooth: true });
  }

  /** @param {import("./conversation.js").Waiting} message */
  _send(message) {
    const { id, text } = message;
    message.status = "pending";
    message.note = "";
    if (!this._connection.send({ type: "message", id, text })) {
      message.note = "Sent when connected";
      return;
    }
    message.attempts += 1;
    this._await(id);
  }

  /** @param {string} id */
  _await(id) {
    this._setTimer(id, CONFIRM_MS, () => {
      if (!this._typing.hidden) this._await(id); // a turn is being taken, perhaps this one's
      else this._fail(id, "The server did not answer.");
    });
  }

  /** @param {Record<string, any>} frame */
  _error(frame) {
    const reason = typeof frame.message === "string" ? frame.message : "Something went wrong.";
    const message = typeof frame.id === "string" ? this._conversation.find(frame.id) : null;
    if (!message) {
      if (frame.id === null || frame.id === undefined) this._tell(reason);
      return;
    }
    const wait = frame.retry_after_s;
    if (typeof wait !== "number" || !(wait >= 0) || message.attempts >= MOST_ATTEMPTS) {
      this._fail(message.id, reason);
      return;
    }
    message.note = reason;
    this._setTimer(message.id, wait * 1000, () => {
      this._send(message);
      this._show();
    });
    this._show();
  }

  /** @param {string} id @param {string} note */
  _fail(id, note) {
    this._clearTimer(id);
    const message = this._conversation.find(id);
    if (!message) return;
    message.status = "failed";
    message.note = note;
    this._show();
  }

  /** @param {string} id */
  _retry(id) {
    const message = this._conversation.find(id);
    if (!message) return;
    message.attempts = 0;
    this._send(message);
    this._show();
    this._composer.focus();
  }

  /** @param {string} id */
  _discard(id) {
    this._clearTimer(id);
    this._conversation.discard(id);
    this._show();
    this._composer.focus();
  }

  /** @param {string} payload @param {Event} event */
  _pick(payload, event) {
    this._post(payload);
    // A tap should not open the keyboard; a key press must not lose its place.
    const byKey = event instanceof MouseEvent && event.detail === 0;
    if (byKey || !matchMedia("(pointer: coarse)").matches) this._composer.focus();
  }

  /** @param {{arrived?: number}} [news] */
  _show({ arrived = 0 } = {}) {
    const items = this._conversation.items();
    this._timeline.update(items);
    this._welcome.hidden = !this._live || items.length > 0;
    this._scroller.arrived(arrived);
  }

  /** @param {boolean} on */
  _showTyping(on) {
    if (on) this._setTimer("typing", TYPING_MS, () => this._showTyping(false));
    else this._clearTimer("typing");
    if (this._typing.hidden === !on) return;
    this._typing.hidden = !on;
    this._scroller.arrived(0);
  }

  /** @param {string} text */
  _tell(text) {
    if (!this._notice.hidden && this._notice.textContent === text) return; // not read aloud again
    const close = el("button", { type: "button", "aria-label": "Close this notice" }, icon("close"));
    close.addEventListener("click", () => {
      this._notice.hidden = true;
      this._composer.focus();
    });
    this._notice.replaceChildren(el("span", {}, text), close);
    this._notice.hidden = false;
  }

  _makeQuestion() {
    const question = el("dialog", { class: "question", "aria-labelledby": "ask", "aria-describedby": "means" });
    const start = () => {
      question.close();
      this._switchTo(newConversation());
      this._composer.focus();
    };
    question.append(
      el("h2", { id: "ask" }, "Start a new conversation?"),
      el("p", { id: "means" }, "This one closes and will no longer be shown here."),
      el(
        "div",
        { class: "answers" },
        el("button", { type: "button", onclick: () => question.close() }, "Keep this one"),
        el("button", { type: "button", class: "main", onclick: start }, "Start new"),
      ),
    );
    return question;
  }

  _askFresh() {
    if (this._conversation.items().length) this._question.showModal();
    else this._composer.focus();
  }

  /** Another tab began a conversation, or was given another ticket for this one. */
  _changedElsewhere() {
    const { id, served } = this._conversation;
    const current = currentConversation();
    if (current !== id) this._switchTo(current);
    else if (served !== null && ticketOf(id).split(".")[0] !== served) this._connection.open();
  }

  /** @param {string} id */
  _switchTo(id) {
    if (id === this._conversation.id) return;
    this._forgetTimers();
    this._showTyping(false);
    this._conversation = new Conversation(id);
    this._live = false;
    this._timeline.busy = true;
    this._notice.hidden = true;
    this._show();
    this._connection.open();
  }

  _looked() {
    if (document.visibilityState !== "visible") return;
    this._connection.hurry();
    if (this._live) this._show(); // the day may have changed
  }

  /** @param {string} key @param {number} ms @param {() => void} step */
  _setTimer(key, ms, step) {
    this._clearTimer(key);
    this._timers.set(key, setTimeout(step, ms));
  }

  /** @param {string} key */
  _clearTimer(key) {
    clearTimeout(this._timers.get(key));
    this._timers.delete(key);
  }

  _forgetTimers() {
    for (const timer of this._timers.values()) clearTimeout(timer);
    this._timers.clear();
  }
}

function socketAddress() {
  const address = new URL("webhooks/web/socket", document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address;
}

/** @param {Event} event */
function detail(event) {
  return /** @type {CustomEvent} */ (event).detail;
}

/** Safari lays its keyboard over the page: the page then ends where the keyboard begins. */
function followKeyboard() {
  const seen = window.visualViewport;
  if (!seen || seen.scale !== 1) return;
  document.documentElement.style.setProperty("--seen-height", `${seen.height}px`);
  scrollTo(0, 0);
}

customElements.define("parley-chat", ParleyChat);
