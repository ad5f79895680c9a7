/** Which addresses the page may show, and how a link to one looks. */

import { el } from "./dom.js";

const LINKS = new Set(["http:", "https:", "mailto:"]);

/**
 * The address if it is a whole http, https or mailto one, else null.
 *
 * @param {unknown} address
 * @returns {string | null}
 */
export function safeLink(address) {
  if (typeof address !== "string") return null;
  try {
    const url = new URL(address.trim());
    return LINKS.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * The address if a picture may be loaded from it: http, https, a path on this server, or
 * image data.
 *
 * @param {unknown} address
 * @returns {string | null}
 */
export function safeImage(address) {
  if (typeof address !== "string" || !address.trim()) return null;
  try {
    const url = new URL(address.trim(), document.baseURI);
    if (url.protocol === "data:") return /^data:image\//i.test(url.href) ? url.href : null;
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * A link that opens beside the conversation and tells the other side nothing of it.
 *
 * @param {string} address one that safeLink let through
 * @param {...(Node | string)} children
 */
export function link(address, ...children) {
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children);
}
