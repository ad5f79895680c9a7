/** What was said, and what is still on its way. No DOM. */

import { forgetUnconfirmed, newMessageId, rememberUnconfirmed, unconfirmed } from "./storage.js";

/**
 * @typedef {{title: string, payload: string, url: string | null}} Choice
 *
 * @typedef {object} Said one committed message
 * @property {number} seq
 * @property {"user" | "bot" | "agent"} from
 * @property {string} text
 * @property {Choice[]} buttons
 * @property {Choice[]} quickReplies
 * @property {unknown} image
 * @property {unknown} attachment
 * @property {unknown} custom
 * @property {string | null} id the client's, on user messages
 * @property {number} timestamp seconds since the epoch
 *
 * @typedef {object} Waiting a message the server has not confirmed
 * @property {string} id
 * @property {string} text
 * @property {number} timestamp
 * @property {"pending" | "failed"} status
 * @property {string} note why it failed, or what it waits for
 * @property {number} attempts
 *
 * @typedef {object} Item a message as the page shows it
 * @property {string} key
 * @property {"user" | "bot" | "agent"} from
 * @property {string} shown
 * @property {Said | null} said null while unconfirmed
 * @property {Waiting | null} waiting
 * @property {number} timestamp
 * @property {boolean} open whether its buttons may be pressed
 * @property {string | null} chosen the payload the user answered with
 */

export class Conversation {
  /** @param {string} id what this browser calls it */
  constructor(id) {
    this.id = id;
    /** @type {string | null} what the server calls it, once it said so */
    this.served = null;
    /** @type {Said[]} in order of seq */
    this.said = [];
    /** @type {Waiting[]} in the order they were written */
    this.waiting = unconfirmed(id).map((message) => pending(message));
  }

  /** The last event seen. */
  get after() {
    return this.said.at(-1)?.seq ?? 0;
  }

  /**
   * Take a message frame in.
   *
   * @param {Record<string, any>} frame
   * @returns {boolean} false if it was known, or is no message
   */
  receive(frame) {
    if (!Number.isInteger(frame.seq) || !["user", "bot", "agent"].includes(frame.from)) return false;
    const said = readSaid(frame);
    if (said.id) this.discard(said.id);
    let at = this.said.length;
    while (at > 0 && this.said[at - 1].seq > said.seq) at -= 1;
    if (this.said[at - 1]?.seq === said.seq) return false;
    this.said.splice(at, 0, said);
    return true;
  }

  /**
   * The server says which conversation this is. What another one said is forgotten; what is on
   * its way goes there.
   *
   * @param {string} served
   * @returns {boolean} whether it is another one than before
   */
  begin(served) {
    const other = this.served !== null && this.served !== served;
    if (other) this.forget();
    this.served = served;
    return other;
  }

  /** The server knows less than we do: begin to read from the start. */
  forget() {
    this.said = [];
  }

  /**
   * Put a message on its way.
   *
   * @param {string} text
   * @returns {Waiting}
   */
  post(text) {
    const message = pending({ id: newMessageId(), text, timestamp: Date.now() / 1000 });
    this.waiting.push(message);
    rememberUnconfirmed(this.id, message);
    return message;
  }

  /** @param {string} id */
  find(id) {
    return this.waiting.find((message) => message.id === id) ?? null;
  }

  /** @param {string} id */
  discard(id) {
    this.waiting = this.waiting.filter((message) => message.id !== id);
    forgetUnconfirmed(this.id, id);
  }

  /**
   * Everything to show, in order.
   *
   * @returns {Item[]}
   */
  items() {
    /** @type {Item[]} */
    const items = [];
    /** @type {Map<string, string>} payload → title of every button so far */
    const titles = new Map();
    /** @type {Set<string>} payloads offered since the user last spoke */
    const offered = new Set();
    for (const said of this.said) {
      if (said.from === "user") {
        const shown = shownText(said.text, titles, offered);
        offered.clear();
        settle(items, said.text);
        if (shown !== null) items.push(userItem(said.id ?? `seq ${said.seq}`, shown, said, null));
        continue;
      }
      for (const choice of [...said.buttons, ...said.quickReplies]) {
        titles.set(choice.payload, choice.title);
        offered.add(choice.payload);
      }
      items.push({ ...userItem(`seq ${said.seq}`, said.text, said, null), from: said.from, open: true });
    }
    for (const message of this.waiting) {
      const shown = shownText(message.text, titles, offered) ?? message.text;
      settle(items, message.text);
      items.push(userItem(message.id, shown, null, message));
    }
    return items;
  }
}

/**
 * @param {string} key
 * @param {string} shown
 * @param {Said | null} said
 * @param {Waiting | null} waiting
 * @returns {Item}
 */
function userItem(key, shown, said, waiting) {
  const timestamp = said?.timestamp ?? waiting?.timestamp ?? 0;
  return { key, from: "user", shown, said, waiting, timestamp, open: false, chosen: null };
}

/**
 * A button's payload reads as its title; a payload of no known button is not for people.
 *
 * @param {string} text
 * @param {Map<string, string>} titles
 * @param {Set<string>} offered
 * @returns {string | null}
 */
function shownText(text, titles, offered) {
  if (text.startsWith("/")) return titles.get(text) ?? null;
  return offered.has(text) ? (titles.get(text) ?? text) : text;
}

/**
 * The user has spoken: what was offered before can no longer be pressed.
 *
 * @param {Item[]} items
 * @param {string} text
 */
function settle(items, text) {
  for (let at = items.length - 1; at >= 0 && items[at].from !== "user"; at -= 1) {
    if (!items[at].open) return;
    items[at].open = false;
    items[at].chosen = text;
  }
}

/** @param {{id: string, text: string, timestamp: number}} message @returns {Waiting} */
function pending(message) {
  return { ...message, status: "pending", note: "", attempts: 0 };
}

/** @param {Record<string, any>} frame @returns {Said} */
function readSaid(frame) {
  return {
    seq: frame.seq,
    from: frame.from,
    text: typeof frame.text === "string" ? frame.text : "",
    buttons: readChoices(frame.buttons),
    quickReplies: readChoices(frame.quick_replies),
    image: frame.image ?? null,
    attachment: frame.attachment ?? null,
    custom: frame.custom ?? null,
    id: typeof frame.id === "string" ? frame.id : null,
    timestamp: Number.isFinite(frame.timestamp) ? frame.timestamp : 0,
  };
}

/**
 * @param {unknown} choices as a bot's author wrote them
 * @returns {Choice[]}
 */
function readChoices(choices) {
  if (!Array.isArray(choices)) return [];
  return choices.flatMap((choice) => {
    const title = choice?.title ?? choice?.payload;
    if (typeof title !== "string" || !title) return [];
    const payload = typeof choice.payload === "string" && choice.payload ? choice.payload : title;
    return [{ title, payload, url: typeof choice.url === "string" ? choice.url : null }];
  });
}
