/**
 * What this browser remembers between visits: which conversation is on (under a name of its own),
 * the server's ticket for it, and messages the server has not confirmed. Where storage is
 * forbidden, it lasts as long as the page.
 */

const CONVERSATION = "parley.conversation";
const TICKET = "parley.ticket.";
const UNCONFIRMED = "parley.unconfirmed.";
const VALID_ID = /^[A-Za-z0-9_-]{16,64}$/;

/**
 * A message on its way.
 * @typedef {{id: string, text: string, timestamp: number}} Unconfirmed
 */

/** @type {Map<string, string>} */
const memory = new Map();

/** @param {string} key */
function get(key) {
  try {
    return localStorage.getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

/** @param {string} key @param {string} value */
function set(key, value) {
  memory.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // forbidden or full: memory holds it
  }
}

/** @param {string} key */
function remove(key) {
  memory.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // forbidden: it was never there
  }
}

function keys() {
  try {
    return [...new Set([...Object.keys(localStorage), ...memory.keys()])];
  } catch {
    return [...memory.keys()];
  }
}

/**
 * Random bytes as hexadecimal digits; crypto.randomUUID is missing on plain http.
 *
 * @param {number} bytes
 */
function randomHex(bytes) {
  const numbers = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(numbers, (number) => number.toString(16).padStart(2, "0")).join("");
}

/** A random UUID (version 4). */
export function newMessageId() {
  const hex = randomHex(16);
  const variant = "89ab"[parseInt(hex[16], 16) % 4];
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`];
  return [...parts, variant + hex.slice(17, 20), hex.slice(20)].join("-");
}

/** The conversation that is on, begun if there is none. */
export function currentConversation() {
  const known = get(CONVERSATION);
  return known && VALID_ID.test(known) ? known : newConversation();
}

/** Begin another conversation; the old one's unconfirmed messages are forgotten. */
export function newConversation() {
  for (const key of keys()) {
    if (key.startsWith(UNCONFIRMED) || key.startsWith(TICKET)) remove(key);
  }
  const id = randomHex(24);
  set(CONVERSATION, id);
  return id;
}

/**
 * What opens the conversation on the server; before there were tickets, its name did.
 *
 * @param {string} conversation
 */
export function ticketOf(conversation) {
  return get(TICKET + conversation) ?? conversation;
}

/** @param {string} conversation @param {string} ticket */
export function rememberTicket(conversation, ticket) {
  if (ticketOf(conversation) !== ticket) set(TICKET + conversation, ticket);
}

/**
 * Call back when another tab begins a conversation, or is given a ticket for it.
 *
 * @param {() => void} callback
 * @param {AbortSignal} signal
 */
export function onConversationChange(callback, signal) {
  addEventListener(
    "storage",
    (event) => {
      const ours = event.key === CONVERSATION || event.key?.startsWith(TICKET);
      if (ours || event.key === null) callback();
    },
    { signal },
  );
}

/**
 * Messages of a conversation that no server has confirmed, oldest first.
 *
 * @param {string} conversation
 * @returns {Unconfirmed[]}
 */
export function unconfirmed(conversation) {
  const prefix = `${UNCONFIRMED}${conversation}.`;
  return keys()
    .filter((key) => key.startsWith(prefix))
    .flatMap((key) => readUnconfirmed(get(key)))
    .sort((one, other) => one.timestamp - other.timestamp);
}

/**
 * @param {string | null} stored
 * @returns {Unconfirmed[]} none where somebody else wrote something else there
 */
function readUnconfirmed(stored) {
  try {
    const { id, text, timestamp } = JSON.parse(stored ?? "");
    const whole = typeof id === "string" && typeof text === "string";
    return whole && typeof timestamp === "number" ? [{ id, text, timestamp }] : [];
  } catch {
    return [];
  }
}

/** @param {string} conversation @param {Unconfirmed} message */
export function rememberUnconfirmed(conversation, { id, text, timestamp }) {
  set(`${UNCONFIRMED}${conversation}.${id}`, JSON.stringify({ id, text, timestamp }));
}

/** @param {string} conversation @param {string} id */
export function forgetUnconfirmed(conversation, id) {
  remove(`${UNCONFIRMED}${conversation}.${id}`);
}
