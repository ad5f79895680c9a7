/** Making elements without markup: what is not an element becomes text. */

const SVG = "http://www.w3.org/2000/svg";

/** Shapes on a grid of 24, drawn as lines. @type {Record<string, string[]>} */
const SHAPES = {
  bot: [
    "M5.5 5h8a2.5 2.5 0 0 1 2.5 2.5v3a2.5 2.5 0 0 1-2.5 2.5H9.5L6.5 15.5V13h-1A2.5 2.5 0 0 1 3 10.5v-3A2.5 2.5 0 0 1 5.5 5Z",
    "M19 9.2a2.5 2.5 0 0 1 2 2.4v3a2.5 2.5 0 0 1-2.5 2.5h-.5v2.4l-2.9-2.4h-2.6a2.5 2.5 0 0 1-2-1",
  ],
  agent: ["M12 12a3.8 3.8 0 1 0 0-7.6 3.8 3.8 0 0 0 0 7.6Z", "M5 19.5c.8-3 3.6-4.8 7-4.8s6.2 1.8 7 4.8"],
  send: ["M12 19V5.5", "M6 11.5l6-6 6 6"],
  fresh: ["M12 20H5.5A1.5 1.5 0 0 1 4 18.5V5.5A1.5 1.5 0 0 1 5.5 4H12", "M9.5 14.5l.6-3L17.3 4.3a1.7 1.7 0 0 1 2.4 2.4L12.5 13.9Z"],
  down: ["M12 5.5V18", "M6.5 12.5l5.5 5.5 5.5-5.5"],
  clock: ["M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z", "M12 7.5V12l3 2"],
  warning: ["M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z", "M12 7.8v4.7", "M12 15.9v.1"],
  file: ["M7 3.5h6.5L18 8v11a1.5 1.5 0 0 1-1.5 1.5h-9.5A1.5 1.5 0 0 1 5.5 19V5A1.5 1.5 0 0 1 7 3.5Z", "M13 3.8V8.5h4.7"],
  check: ["M5.5 12.5l4.2 4.2L18.5 8"],
  leave: ["M9 6h9v9", "M17.5 6.5L6.5 17.5"],
  close: ["M7 7l10 10", "M17 7L7 17"],
};

/**
 * An element with attributes, listeners (``onclick``…) and children. An attribute
 * that is null, undefined or false is left out; true gives the empty attribute.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  // Children first: with dir=auto already there, a browser reads all the text for each of them.
  for (const child of children) {
    if (child) element.append(child);
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  return element;
}

/**
 * A decoration: screen readers pass over it.
 *
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  for (const shape of SHAPES[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", shape);
    svg.append(path);
  }
  return svg;
}

/**
 * Heard, not seen.
 *
 * @param {string} text
 */
export const unseen = (text) => el("span", { class: "unseen" }, text);
