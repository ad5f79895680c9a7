/**
 * A little Markdown as nodes: **bold**, *italic*, _italic_, `code`, fenced code, lists,
 * [links](https://…) and bare addresses. Anything else stays the text it is. Nothing is ever
 * parsed as HTML, and the time taken grows with the length of the text, whatever it holds.
 */

import { el } from "./dom.js";
import { link, safeLink } from "./links.js";

const BULLET = /^ {0,3}[-*•] +(.*)$/;
const NUMBER = /^ {0,3}(\d{1,9})[.)] +(.*)$/;
const WORD = /[\p{L}\p{N}_]/u;
const ESCAPABLE = "\\`*_[]()-.!";
const MOST_NESTED = 4;
const LONGEST_LABEL = 300;
const LONGEST_ADDRESS = 2000;

/**
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function markdown(text) {
  const out = document.createDocumentFragment();
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  for (let at = 0; at < lines.length; ) {
    const end = blockEnd(lines, at);
    const block = makeBlock(lines.slice(at, end));
    if (block) out.append(block);
    at = end;
  }
  return out;
}

/** @param {string} line */
function kind(line) {
  if (line.startsWith("```")) return "fence";
  if (!line.trim()) return "blank";
  if (BULLET.test(line)) return "bullet";
  return NUMBER.test(line) ? "number" : "text";
}

/**
 * The line after the block that begins at ``at``.
 *
 * @param {string[]} lines
 * @param {number} at
 */
function blockEnd(lines, at) {
  const begun = kind(lines[at]);
  let end = at + 1;
  if (begun === "fence") {
    while (end < lines.length && !lines[end].startsWith("```")) end += 1;
    return Math.min(end + 1, lines.length);
  }
  while (end < lines.length && kind(lines[end]) === begun) end += 1;
  return end;
}

/** @param {string[]} lines */
function makeBlock(lines) {
  switch (kind(lines[0])) {
    case "blank":
      return null;
    case "fence": {
      const closed = lines.length > 1 && lines[lines.length - 1].startsWith("```");
      const code = lines.slice(1, closed ? -1 : undefined).join("\n");
      return el("pre", { dir: "ltr", tabindex: "0" }, el("code", {}, code));
    }
    case "bullet":
      return el("ul", { dir: "auto" }, ...lines.map((line) => item(BULLET.exec(line)?.[1] ?? "")));
    case "number": {
      const start = NUMBER.exec(lines[0])?.[1];
      const items = lines.map((line) => item(NUMBER.exec(line)?.[2] ?? ""));
      return el("ol", { dir: "auto", start: start === "1" ? null : start }, ...items);
    }
    default: {
      const parts = lines.flatMap((line, index) => [index ? el("br") : "", ...inline(line)]);
      return el("p", { dir: "auto" }, ...parts);
    }
  }
}

/** @param {string} text */
const item = (text) => el("li", {}, ...inline(text));

/**
 * @param {string} text one line
 * @param {number} [depth] how many marks this text stands within
 * @returns {(Node | string)[]}
 */
function inline(text, depth = 0) {
  /** @type {(Node | string)[]} */
  const out = [];
  const absent = new Set(); // closing marks that do not come any more
  let plain = "";
  /** @param {string} mark @param {number} from */
  const find = (mark, from) => {
    if (absent.has(mark)) return -1;
    const found = text.indexOf(mark, from);
    if (found < 0) absent.add(mark);
    return found;
  };
  for (let at = 0; at < text.length; ) {
    if (text[at] === "\\" && at + 1 < text.length && ESCAPABLE.includes(text[at + 1])) {
      plain += text[at + 1];
      at += 2;
      continue;
    }
    const span = depth < MOST_NESTED ? spanAt(text, at, find, depth) : null;
    if (span) {
      if (plain) out.push(plain);
      plain = "";
      out.push(span.node);
      at = span.end;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  if (plain) out.push(plain);
  return out;
}

/**
 * What is marked at ``at``, or null where the character only stands for itself.
 *
 * @param {string} text
 * @param {number} at
 * @param {(mark: string, from: number) => number} find
 * @param {number} depth
 * @returns {{node: Node, end: number} | null}
 */
function spanAt(text, at, find, depth) {
  switch (text[at]) {
    case "`": {
      const end = find("`", at + 1);
      return end > at + 1
        ? { node: el("code", { dir: "ltr" }, text.slice(at + 1, end)), end: end + 1 }
        : null;
    }
    case "*":
      return text.startsWith("**", at)
        ? emphasis(text, at, "**", "strong", find, depth)
        : emphasis(text, at, "*", "em", find, depth);
    case "_":
      return emphasis(text, at, "_", "em", find, depth);
    case "[":
      return labelled(text, at, depth);
    case "h":
      return bare(text, at);
    default:
      return null;
  }
}

/**
 * @param {string} text
 * @param {number} at
 * @param {string} mark
 * @param {"strong" | "em"} tag
 * @param {(mark: string, from: number) => number} find
 * @param {number} depth
 */
function emphasis(text, at, mark, tag, find, depth) {
  const begin = at + mark.length;
  let close = find(mark, begin);
  if (mark === "*" && close >= 0 && text.startsWith("**", close)) {
    const after = text.indexOf("**", close + 2); // *a **b** c*
    close = after < 0 ? -1 : text.indexOf("*", after + 2);
  }
  if (mark === "**" && text[close + 2] === "*") close += 1; // **a *b***
  if (close <= begin || /\s/.test(text[begin]) || /\s/.test(text[close - 1])) return null;
  const end = close + mark.length;
  if (mark === "_" && (WORD.test(text[at - 1] ?? "") || WORD.test(text[end] ?? ""))) return null;
  return { node: el(tag, {}, ...inline(text.slice(begin, close), depth + 1)), end };
}

/** @param {string} text @param {number} at @param {number} depth */
function labelled(text, at, depth) {
  const near = text.slice(at, at + LONGEST_LABEL);
  const middle = near.indexOf("](");
  if (middle < 2) return null;
  const begin = at + middle + 2;
  const length = text.slice(begin, begin + LONGEST_ADDRESS).indexOf(")");
  const address = length < 0 ? null : safeLink(text.slice(begin, begin + length));
  if (!address) return null;
  const label = text.slice(at + 1, at + middle);
  return {
    node: link(address, ...inline(label, Math.max(depth + 1, MOST_NESTED - 1)).map(unlinked)),
    end: begin + length + 1,
  };
}

/** @param {Node | string} part of a link's label, where a second link may not be */
const unlinked = (part) => (part instanceof HTMLAnchorElement ? (part.textContent ?? "") : part);

/** @param {string} text @param {number} at */
function bare(text, at) {
  if (!text.startsWith("http://", at) && !text.startsWith("https://", at)) return null;
  if (WORD.test(text[at - 1] ?? "")) return null;
  const near = text.slice(at, at + LONGEST_ADDRESS);
  let shown = /^[^\s<>"]+/.exec(near)?.[0] ?? "";
  while (".,;:!?'*_)]".includes(shown.at(-1) ?? " ")) shown = shown.slice(0, -1);
  const address = safeLink(shown);
  const node = address ? link(address, shown) : document.createTextNode(shown);
  return { node, end: at + shown.length };
}
