"use strict";
// What every script of the page shares: data by name, and elements whose text is text.
(() => {
  const parsed = new Map();

  /** The data of a section by its name; parsed when first asked for. */
  function data(name) {
    if (!parsed.has(name)) {
      parsed.set(name, JSON.parse(document.getElementById(`data-${name}`).textContent));
    }
    return parsed.get(name);
  }

  /** element("button", {class: "x", "aria-pressed": "false"}, "text", child, ...): strings become text, never HTML. */
  function element(tag, attributes = {}, ...children) {
    return filled(document.createElement(tag), attributes, children);
  }

  /** The same in SVG. */
  function shape(tag, attributes = {}, ...children) {
    return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  }

  function filled(made, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (/^on|^style$|^srcdoc$/i.test(name) || (/^(href|src|xlink:href)$/i.test(name) && !/^(#|data:image\/)/.test(value))) {
        throw new Error(`${name}=${String(value).slice(0, 40)} may not be set here`);
      }
      made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  /** Text of a document: isolated from the direction of what stands around it; a long one is cut, and says how long it is. */
  function quoted(text, maxChars = 2000) {
    const shown = text.length > maxChars ? `${text.slice(0, maxChars)} ... (${text.length.toLocaleString("en")} characters)` : text;
    return element("bdi", {}, shown);
  }

  window.pagemill = Object.freeze({ data, element, shape, quoted });
})();
