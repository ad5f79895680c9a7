// What an audit of accessibility finds wrong with the page as it stands, as sentences.
() => {
  const found = [];
  const name = (node) => `${node.localName}.${node.className?.baseVal ?? node.className}`;
  const up = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null;
  const everything = (root) =>
    [...root.querySelectorAll("*")].flatMap((node) => [
      node,
      ...(node.shadowRoot ? everything(node.shadowRoot) : []),
    ]);
  const shown = (node) => node.checkVisibility({ visibilityProperty: true });
  const nodes = everything(document).filter(shown);

  const label = (node) => {
    const root = node.getRootNode();
    const named = (node.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
    return (
      named.map((id) => root.getElementById(id)?.textContent ?? "").join(" ") ||
      node.getAttribute("aria-label") ||
      [...(node.labels ?? [])].map((one) => one.textContent).join(" ") ||
      (["textarea", "input"].includes(node.localName) ? "" : node.textContent) ||
      node.querySelector?.("img")?.alt ||
      ""
    ).trim();
  };
  for (const node of nodes) {
    if (node.matches("button, a[href], textarea, input, [role=region], [role=log], [role=group], dialog")) {
      if (!label(node)) found.push(`${name(node)} has no name`);
    }
    if (node.matches("img") && !node.alt) found.push(`${name(node)} has no alternative text`);
    if (node.matches("svg") && node.getAttribute("aria-hidden") !== "true") {
      found.push(`${name(node)} is read aloud`);
    }
    if (node.tabIndex > 0) found.push(`${name(node)} is out of the order of focus`);
    for (const attribute of ["aria-labelledby", "aria-describedby"]) {
      for (const id of (node.getAttribute(attribute) ?? "").split(" ").filter(Boolean)) {
        if (!node.getRootNode().getElementById(id)) found.push(`${attribute}: no ${id}`);
      }
    }
    const scrolls = /auto|scroll/.test(getComputedStyle(node).overflowY);
    if (scrolls && node.scrollHeight > node.clientHeight + 1 && node.tabIndex < 0) {
      found.push(`${name(node)} scrolls but not by keyboard`);
    }
    const box = node.getBoundingClientRect();
    if (node.matches("button, summary") && Math.min(box.width, box.height) < 24) {
      found.push(`${name(node)} is a target of ${box.width}x${box.height}`);
    }
  }

  const ids = nodes.map((node) => node.id).filter(Boolean);
  if (new Set(ids).size < ids.length) found.push(`an id twice in ${ids}`);
  if (!document.documentElement.lang) found.push("the page has no language");
  if (!document.title) found.push("the page has no title");
  for (const one of ["h1", "main", "[role=log]"]) {
    const count = nodes.filter((node) => node.matches(one)).length;
    if (count !== 1) found.push(`${count} times ${one}`);
  }

  // Contrast as WCAG 2.2 computes it (1.4.3).
  const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = up(at)) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
      if (a > 0) layers.push([r, g, b, a]);
      if (a === 1) break;
    }
    return layers.reduceRight(
      (under, [r, g, b, a]) => [r, g, b].map((one, at) => one * a + under[at] * (1 - a)),
      [255, 255, 255],
    );
  };
  const light = (colour) => {
    const [r, g, b] = colour
      .map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const node of nodes) {
    const words = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!words && !node.matches("textarea")) continue;
    const style = getComputedStyle(node);
    const [one, other] = [light(parse(style.color).slice(0, 3)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) {
      found.push(`${name(node)} "${node.textContent.trim().slice(0, 30)}": contrast ${ratio.toFixed(2)}`);
    }
  }
  return found;
}
