/** One message as an element. */

import { el, icon, unseen } from "./dom.js";
import { link, safeImage, safeLink } from "./links.js";
import { markdown } from "./markdown.js";
import { clock, iso } from "./time.js";

/**
 * @typedef {import("./conversation.js").Item} Item
 * @typedef {import("./conversation.js").Choice} Choice
 *
 * @typedef {object} Wishes what a person may want of a message
 * @property {(payload: string, event: Event) => void} pick
 * @property {(id: string) => void} retry
 * @property {(id: string) => void} discard
 */

const SENDERS = { user: "You said:", bot: "Assistant said:", agent: "A colleague said:" };
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\uFE0F\u200D]*\s*){1,3}$/u;
const MOST_JSON = 20_000;

/** An element for an item, and the way to bring it up to date with a later state of it. */
export class MessageView {
  /** @param {Item} item @param {Wishes} wishes */
  constructor(item, wishes) {
    this._wishes = wishes;
    this._choices = item.said ? choices(item.said.buttons, "buttons", wishes) : null;
    this._quick = item.said ? choices(item.said.quickReplies, "quick", wishes) : null;
    this._status = el("div", { class: "status" });
    this._stamp = el("time", { class: "stamp" });
    this._told = "";
    const body = el("div", { class: "body" }, unseen(SENDERS[item.from]), ...parts(item));
    body.append(...[this._choices, this._quick].filter((group) => group !== null));
    body.append(this._status, this._stamp);
    this.element = el("div", { class: `message ${item.from}`, "data-key": item.key });
    if (item.from !== "user") {
      this.element.append(el("span", { class: "avatar" }, icon(item.from)));
    }
    this.element.append(body);
  }

  /**
   * @param {Item} item
   * @param {{starts: boolean, ends: boolean, rests: boolean}} place whether it begins or ends
   *   one sender's group, and whether a pause follows it
   */
  update(item, { starts, ends, rests }) {
    this.element.classList.toggle("starts", starts);
    this.element.classList.toggle("ends", ends);
    this.element.classList.toggle("pending", item.waiting?.status === "pending");
    this.element.classList.toggle("failed", item.waiting?.status === "failed");
    this._stamp.hidden = !rests || !item.said || !item.timestamp;
    if (!this._stamp.hidden) {
      this._stamp.dateTime = iso(item.timestamp);
      this._stamp.textContent = clock(item.timestamp);
    }
    settle(this._choices, item);
    settle(this._quick, item);
    this._tellStatus(item);
  }

  /** @param {Item} item */
  _tellStatus({ waiting }) {
    const told = waiting ? `${waiting.status} ${waiting.note}` : "";
    if (told === this._told) return;
    this._told = told;
    this._status.replaceChildren();
    if (waiting?.status === "pending") {
      this._status.append(icon("clock"), el("span", {}, waiting.note || "Sending…"));
    } else if (waiting) {
      const { id } = waiting;
      this._status.append(
        icon("warning"),
        el("span", {}, waiting.note || "Not sent."),
        el("button", { type: "button", class: "retry", onclick: () => this._wishes.retry(id) }, "Try again"),
        el("button", { type: "button", class: "discard", onclick: () => this._wishes.discard(id) }, "Remove"),
      );
    }
  }
}

/** @param {Item} item @returns {Node[]} */
function parts({ from, shown, said }) {
  /** @type {Node[]} */
  const found = [];
  if (shown) found.push(words(from, shown));
  if (!said) return found;
  if (said.image) found.push(image(said.image, shown));
  if (said.attachment) found.push(attachment(said.attachment));
  if (said.custom && Object.keys(said.custom).length) found.push(details("More details", said.custom));
  return found;
}

/** @param {Item["from"]} from @param {string} text */
function words(from, text) {
  const bubble = el("div", { class: "bubble" });
  if (from === "user") bubble.append(el("p", { dir: "auto" }, text));
  else bubble.append(markdown(text));
  bubble.classList.toggle("jumbo", ONLY_EMOJI.test(text.slice(0, 60).trim()));
  return bubble;
}

/**
 * A picture; where it cannot be shown, its address as a link.
 *
 * @param {unknown} address
 * @param {string} caption
 */
function image(address, caption) {
  const source = safeImage(address);
  if (!source) return broken(address);
  const picture = el("img", {
    alt: caption ? `Picture: ${caption.slice(0, 200)}` : `Picture ${fileName(source)}`.trim(),
    loading: "lazy",
    decoding: "async",
    referrerpolicy: "no-referrer",
  });
  const target = safeLink(source);
  const holder = target ? link(target, picture) : el("div", {}, picture);
  holder.classList.add("picture");
  picture.addEventListener("error", () => holder.replaceWith(broken(source)));
  picture.addEventListener("load", () => holder.classList.add("shown"));
  picture.src = source;
  return holder;
}

/** @param {unknown} address */
function broken(address) {
  const target = safeLink(address);
  const text = target ? link(target, target) : "This picture cannot be shown.";
  return el("div", { class: "bubble" }, el("p", { dir: "ltr" }, text));
}

/**
 * A file: an address, or Rasa's ``{type, payload: {src | url, title}}``. What is neither is
 * shown as data.
 *
 * @param {any} given
 */
function attachment(given) {
  const payload = typeof given === "object" ? (given.payload ?? given) : { url: given };
  const target = safeLink(payload?.url ?? payload?.src ?? payload?.href);
  if (!target) return details("Attachment", given);
  const title = [payload.title, payload.name, given.title].find((name) => typeof name === "string" && name);
  const label = title ?? (fileName(target) || target);
  const node = link(target, icon("file"), el("span", { dir: "auto" }, label), icon("leave"));
  node.classList.add("attachment");
  return node;
}

/** @param {string} address */
function fileName(address) {
  if (address.startsWith("data:")) return "";
  const last = new URL(address).pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** @param {string} label @param {unknown} value */
function details(label, value) {
  const json = JSON.stringify(value, null, 2);
  const shown = json.length > MOST_JSON ? `${json.slice(0, MOST_JSON)}\n…` : json;
  return el(
    "details",
    { class: "data" },
    el("summary", {}, label),
    el("pre", { dir: "ltr", tabindex: "0" }, el("code", {}, shown)),
  );
}

/**
 * @param {Choice[]} offered
 * @param {"buttons" | "quick"} kind
 * @param {Wishes} wishes
 * @returns {HTMLElement | null} null where nothing is offered
 */
function choices(offered, kind, wishes) {
  if (!offered.length) return null;
  const group = el("div", { class: `choices ${kind}`, role: "group", "aria-label": "Suggested answers" });
  for (const { title, payload, url } of offered) {
    const target = safeLink(url);
    if (target) {
      const away = link(target, el("span", { dir: "auto" }, title), icon("leave"));
      away.classList.add("choice");
      group.append(away);
      continue;
    }
    const press = (/** @type {Event} */ event) => wishes.pick(payload, event);
    const attributes = { type: "button", class: "choice", "data-payload": payload, onclick: press };
    group.append(el("button", attributes, icon("check"), el("span", { dir: "auto" }, title)));
  }
  group.addEventListener("keydown", walk);
  return group;
}

/** Arrow keys, Home and End go from choice to choice. @param {KeyboardEvent} event */
function walk(event) {
  const group = /** @type {HTMLElement} */ (event.currentTarget);
  const stops = /** @type {HTMLElement[]} */ ([...group.querySelectorAll("button:enabled, a")]);
  const at = stops.indexOf(/** @type {HTMLElement} */ (event.target));
  const steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: -1 };
  const to = steps[/** @type {keyof typeof steps} */ (event.key)];
  if (to === undefined || !stops.length) return;
  event.preventDefault();
  stops.at(to % stops.length)?.focus();
}

/** @param {HTMLElement | null} group @param {Item} item */
function settle(group, { open, chosen }) {
  if (!group) return;
  group.classList.toggle("settled", !open);
  const buttons = [...group.querySelectorAll("button")];
  const answer = open ? undefined : buttons.find((button) => button.dataset.payload === chosen);
  for (const button of buttons) {
    const taken = button === answer;
    button.disabled = !open;
    button.classList.toggle("taken", taken);
    if (taken) button.setAttribute("aria-label", `${button.textContent}, chosen`);
    else button.removeAttribute("aria-label");
  }
}
