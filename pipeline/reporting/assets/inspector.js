"use strict";
// Pages side by side: the picture with its blocks, what was read, and why it was judged so. Only the page that is shown is in the
// document. A page that is not in this file is asked of the server that `pagemill inspect` runs, by its number.
(() => {
  const { data, element, shape, quoted } = pagemill;
  const at = (id) => document.getElementById(id);
  const pages = data("inspector").pages;
  const byId = new Map(pages.map((page, number) => [page.id, number]));
  const state = { shown: pages.map((_, number) => number), current: -1, order: false, boxes: true, wide: false, text: "blocks" };
  const ANY = "";
  const NONE = "\u2013";

  const number = (value, digits = 3) =>
    value === null || value === undefined
      ? NONE
      : Number.isInteger(value)
        ? value.toLocaleString("en")
        : value.toLocaleString("en", { maximumFractionDigits: digits });
  const shortName = (uri) => uri.split(/[\\/]/).pop() || uri;
  const isKept = (page) => page.status === "ok" && page.reject.length === 0;
  const verdict = (page) => (isKept(page) ? "kept" : page.reject.join(", ") || page.status);
  const tone = (page) => (isKept(page) ? "good" : page.status === "blank" ? "muted" : "bad");

  // Filters -------------------------------------------------------------------------------------------------------------------

  const CHOICES = {
    "ins-status": (page) => [page.status],
    "ins-reason": (page) => (isKept(page) ? ["(kept)"] : page.reject),
    "ins-rung": (page) => (page.rung === null ? [] : [page.rung]),
    "ins-mode": (page) => (page.mode === null ? [] : [page.mode]),
    "ins-language": (page) => (page.language === null ? [] : [page.language]),
    "ins-stratum": (page) => page.strata,
  };

  function fillChoices() {
    for (const [id, valuesOf] of Object.entries(CHOICES)) {
      const counts = new Map();
      for (const page of pages) {
        for (const value of new Set(valuesOf(page))) counts.set(value, (counts.get(value) || 0) + 1);
      }
      const named = [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
      at(id).append(element("option", { value: ANY }, "any"));
      at(id).append(...named.map(([value, count]) => element("option", { value }, `\u2068${value.slice(0, 60)}\u2069 (${count})`)));
      at(id).closest("label").hidden = named.length === 0;
    }
  }

  function passes(page) {
    for (const [id, valuesOf] of Object.entries(CHOICES)) {
      if (at(id).value !== ANY && !valuesOf(page).includes(at(id).value)) return false;
    }
    const [from, to] = [at("ins-from").value, at("ins-to").value];
    if (from !== "" && !(page.confidence !== null && page.confidence >= Number(from))) return false;
    if (to !== "" && !(page.confidence !== null && page.confidence <= Number(to))) return false;
    const wanted = at("ins-search").value.trim().toLowerCase();
    return wanted === "" || page.uri.toLowerCase().includes(wanted) || page.id.includes(wanted);
  }

  function refilter() {
    state.shown = pages.map((_, place) => place).filter((place) => passes(pages[place]));
    const some = state.shown.length === pages.length ? "" : `${state.shown.length} of `;
    at("ins-count").textContent = `${some}${pages.length} pages`;
    drawList();
    if (!state.shown.includes(state.current) && state.shown.length) show(state.shown[0]);
    if (!state.shown.length) at("ins-page").replaceChildren(element("p", { class: "ins-empty" }, "No page passes these filters."));
  }

  function clearFilters() {
    for (const each of at("ins-filters").querySelectorAll("input, select")) each.value = ANY;
    refilter();
  }

  function drawList() {
    at("ins-list").replaceChildren(
      ...state.shown.map((place) => {
        const page = pages[place];
        const link = element(
          "a",
          { href: `#page=${page.id}`, "data-place": String(place) },
          element("span", { class: `ins-dot ${tone(page)}` }),
          element("span", { class: "ins-name" }, quoted(shortName(page.uri), 80)),
          element("span", { class: "ins-meta" }, `p. ${page.page + 1} `, element("bdi", {}, verdict(page))),
        );
        return element("li", {}, link);
      }),
    );
    markCurrent(false);
  }

  function markCurrent(scroll) {
    for (const link of at("ins-list").querySelectorAll("a")) {
      const isCurrent = Number(link.dataset.place) === state.current;
      if (isCurrent) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      if (isCurrent && scroll) {
        const list = at("ins-list");
        const top = link.offsetTop - list.offsetTop;
        if (top < list.scrollTop || top + link.offsetHeight > list.scrollTop + list.clientHeight) {
          list.scrollTop = top - list.clientHeight / 2;
        }
      }
    }
  }

  // One page ------------------------------------------------------------------------------------------------------------------

  const isHere = (name) => at(`data-${name}`) !== null;

  function show(place) {
    const page = pages[place];
    if (!isHere(`page-${page.id}`)) {
      location.assign(`?at=${place}#page=${page.id}`);
      return;
    }
    state.current = place;
    markCurrent(true);
    const values = data(`page-${page.id}`);
    at("ins-page").replaceChildren(
      header(page, values),
      element("div", { class: state.wide ? "ins-sides wide" : "ins-sides" }, pictureSide(page, values), textSide(page, values)),
      details(page, values),
    );
  }

  function go(place) {
    history.replaceState(null, "", `#page=${pages[place].id}`);
    show(place);
  }

  function step(by) {
    const here = state.shown.indexOf(state.current);
    const next = here < 0 ? 0 : here + by;
    if (next >= 0 && next < state.shown.length) go(state.shown[next]);
  }

  function header(page, values) {
    const chips = [
      ...(isKept(page) ? [chip("kept", "good")] : page.reject.map((reason) => chip(reason, tone(page)))),
      ...(page.status === "ok" ? [] : [chip(page.status, tone(page))]),
      ...page.warnings.map((warning) => chip(warning, "warn")),
    ];
    const facts = [
      `page ${page.page + 1} of ${page.numPages}`,
      page.language,
      values.reading && `confidence ${number(values.reading.confidence)}`,
      page.mode && `mode ${page.mode}`,
      page.rung && page.rung !== "first" && `rung ${page.rung}`,
      values.rotation ? `turned ${values.rotation}\u00b0` : null,
    ].filter(Boolean);
    return element(
      "header",
      { class: "ins-head" },
      element("h3", {}, quoted(shortName(page.uri), 200)),
      element("p", { class: "ins-facts" }, element("bdi", {}, facts.join(" \u00b7 "))),
      element("p", { class: "ins-chips" }, ...chips),
      values.error ? element("p", { class: "ins-error" }, quoted(values.error)) : "",
    );
  }

  const chip = (text, kind) => element("span", { class: `ins-chip ${kind}` }, quoted(text, 80));

  /** Blocks as shapes over the picture, in points of the page, so they stay where they are at any size. */
  function pictureSide(page, values) {
    const [width, height] = [values.widthPt || 595, values.heightPt || 842];
    const frame = shape("svg", {
      viewBox: `0 0 ${width} ${height}`,
      class: "ins-sheet",
      role: "group",
      "aria-label": `Page with ${values.blocks.length} blocks`,
    });
    frame.append(shape("rect", { x: 0, y: 0, width, height, class: "ins-paper" }));
    if (isHere(`picture-${page.id}`)) {
      frame.append(
        shape("image", { href: `data:image/webp;base64,${data(`picture-${page.id}`)}`, x: 0, y: 0, width, height, preserveAspectRatio: "none" }),
      );
    }
    frame.append(...values.blocks.map((block, index) => blockShape(block, index, width)));
    frame.classList.toggle("no-boxes", !state.boxes);
    frame.classList.toggle("order", state.order);
    const missing = values.look.error ? element("p", { class: "ins-error" }, "No picture: ", quoted(values.look.error, 400)) : "";
    return element("figure", { class: "ins-picture" }, frame, missing);
  }

  function blockShape(block, index, pageWidth) {
    const [x0, y0, x1, y1] = block.boxPt;
    const group = shape("g", { class: `ins-block ${doubt(block)}`, "data-block": String(index) });
    group.append(shape("rect", { x: x0, y: y0, width: Math.max(x1 - x0, 0.5), height: Math.max(y1 - y0, 0.5) }));
    const size = pageWidth / 60;
    group.append(shape("circle", { cx: x0, cy: y0 + size / 2, r: size * 0.85, class: "ins-number" }));
    group.append(
      shape("text", { x: x0, y: y0 + size * 0.85, "font-size": size, "text-anchor": "middle", class: "ins-number" }, String(index + 1)),
    );
    return group;
  }

  const doubt = (block) => (block.confidence === null ? "" : block.confidence < 0.6 ? "bad" : block.confidence < 0.8 ? "warn" : "");

  function textSide(page, values) {
    const cleaned = () => element("div", { class: "ins-text", tabindex: "0", role: "region", "aria-label": "Cleaned text", dir: "auto" }, cut(values.text, values.textChars));
    const blocks = () => {
      const list = element("ol", { class: "ins-blocks", tabindex: "0", "aria-label": "Blocks" });
      list.append(
        ...values.blocks.map((block, index) =>
          element(
            "li",
            { "data-block": String(index), class: doubt(block), tabindex: "-1" },
            element("span", { class: "ins-label" }, quoted(block.label, 40), block.confidence === null ? "" : ` ${number(block.confidence, 2)}`),
            element("span", { class: "ins-said", dir: "auto" }, cut(block.text, block.chars)),
          ),
        ),
      );
      if (values.numBlocks > values.blocks.length) {
        list.append(element("li", { class: "ins-more" }, `${number(values.numBlocks - values.blocks.length)} more blocks`));
      }
      return list;
    };
    const hasBlocks = values.blocks.length > 0;
    const kind = hasBlocks && state.text === "blocks" ? "blocks" : "cleaned";
    const tab = (name, label, isThere) => {
      const button = element("button", { type: "button", "aria-pressed": String(kind === name), ...(isThere ? {} : { disabled: "" }) }, label);
      button.addEventListener("click", () => {
        state.text = name;
        show(state.current);
      });
      return button;
    };
    return element(
      "div",
      { class: "ins-words" },
      element(
        "div",
        { class: "ins-tabs" },
        tab("blocks", `Blocks (${number(values.numBlocks)})`, hasBlocks),
        tab("cleaned", `Cleaned text (${number(values.textChars)})`, true),
      ),
      kind === "blocks" ? blocks() : cleaned(),
    );
  }

  /** Text that was cut for the report; `chars` is its true length. */
  function cut(text, chars) {
    const points = [...text].length;
    const shown = quoted(text, Infinity);
    if (points < chars) shown.append(element("span", { class: "ins-cut" }, ` \u2026 cut here; ${number(chars)} characters in all`));
    if (chars === 0) shown.append(element("span", { class: "ins-cut" }, "no text"));
    return shown;
  }

  function details(page, values) {
    return element(
      "div",
      { class: "ins-details" },
      fold("Rules and thresholds", true, testsTable(values)),
      fold("All signals", false, pairs(Object.entries(values.signals))),
      values.attempts.length ? fold(`Other readings (${values.attempts.length})`, true, attemptsTable(values)) : "",
      values.reading ? fold("Reading", false, pairs(Object.entries(values.reading))) : "",
      values.furniture.length
        ? fold(`Taken out as furniture (${values.furniture.length})`, false, element("ul", {}, ...values.furniture.map((line) => element("li", {}, quoted(line)))))
        : "",
      fold(
        "Where it comes from",
        false,
        pairs([
          ["page id", page.id],
          ["document", page.uri],
          ["title", values.title],
          ["author", values.author],
          ["size, pt", values.widthPt === null ? null : `${number(values.widthPt, 1)} x ${number(values.heightPt, 1)}`],
          ["read at, dpi", values.dpi],
          ["ink", values.ink],
          ["chosen for", page.strata.join("; ")],
        ]),
      ),
    );
  }

  const fold = (title, isOpen, ...children) =>
    element("details", isOpen ? { open: "" } : {}, element("summary", {}, title), ...children);

  function pairs(entries) {
    const rows = entries.map(([name, value]) => {
      const shown = typeof value === "number" ? number(value, 5) : Array.isArray(value) ? value.join(", ") : value;
      const text = shown === null || shown === undefined || shown === "" ? NONE : String(shown);
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, quoted(text, 500)));
    });
    return scrolled(element("table", { class: "ins-pairs" }, element("tbody", {}, ...rows)));
  }

  const scrolled = (table) => element("div", { class: "ins-scroll", tabindex: "0", role: "region", "aria-label": "Table" }, table);

  function testsTable(values) {
    if (!values.tests.length) return element("p", {}, "No rule decides on this page: it is blank, or nothing was read of it.");
    let last = "";
    const rows = values.tests.map((test) => {
      const name = test.rule === last ? "" : test.rule;
      last = test.rule;
      return element(
        "tr",
        { class: test.isBroken ? "broken" : "" },
        element("th", { scope: "row" }, name, name && test.isBroken ? element("span", { class: "ins-broken" }, " broken") : ""),
        element("td", {}, test.column),
        element("td", { class: `num ${test.holds ? "met" : ""}` }, number(test.value, 4)),
        element("td", { class: "num" }, `${test.comparison} ${number(test.limit, 4)}`),
        element("td", {}, test.threshold),
      );
    });
    const head = ["rule", "signal", "value", "broken if", "threshold"].map((name) => element("th", { scope: "col" }, name));
    return scrolled(element("table", { class: "ins-tests" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)));
  }

  function attemptsTable(values) {
    const head = ["rung", "mode", "what was wrong", "seconds", "tokens", "error"].map((name) => element("th", { scope: "col" }, name));
    const rows = values.attempts.map((each) =>
      element(
        "tr",
        {},
        ...[each.rung, each.mode, each.reasons.join(", "), number(each.seconds, 2), number(each.outputTokens), each.error].map((text) =>
          element("td", {}, quoted(text || NONE, 300)),
        ),
      ),
    );
    return scrolled(element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)));
  }

  // Block and text, both ways -------------------------------------------------------------------------------------------------

  function mark(index, from) {
    for (const each of at("ins-page").querySelectorAll("[data-block]")) {
      each.classList.toggle("here", each.dataset.block === index);
    }
    if (index === null || from !== "picture") return;
    const said = at("ins-page").querySelector(`li[data-block="${index}"]`);
    if (!said) return;
    const list = said.parentElement;
    const top = said.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top + said.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - list.clientHeight / 3;
  }

  function listenToBlocks() {
    const sheet = at("ins-page");
    const find = (event) => event.target.closest ? event.target.closest("[data-block]") : null;
    for (const kind of ["pointerover", "focusin", "click"]) {
      sheet.addEventListener(kind, (event) => {
        const block = find(event);
        if (block) mark(block.dataset.block, block.tagName === "LI" ? "text" : "picture");
        else if (kind === "pointerover") mark(null, "");
      });
    }
    sheet.addEventListener("keydown", (event) => {
      const list = event.target.closest(".ins-blocks");
      if (!list || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
      event.preventDefault();
      const all = [...list.querySelectorAll("li[data-block]")];
      const here = all.findIndex((each) => each.classList.contains("here"));
      const next = all[Math.min(Math.max(here + (event.key === "ArrowDown" ? 1 : -1), 0), all.length - 1)];
      next.focus();
    });
  }

  // Keys and links ------------------------------------------------------------------------------------------------------------

  function toggle(name, button) {
    state[name] = !state[name];
    button.setAttribute("aria-pressed", String(state[name]));
    const sheet = at("ins-page").querySelector(".ins-sheet");
    at("ins-page").querySelector(".ins-sides")?.classList.toggle("wide", state.wide);
    if (sheet) {
      sheet.classList.toggle("no-boxes", !state.boxes);
      sheet.classList.toggle("order", state.order);
    }
  }

  function toggleHelp() {
    at("ins-help").hidden = !at("ins-help").hidden;
    at("ins-keys").setAttribute("aria-expanded", String(!at("ins-help").hidden));
  }

  function toggleText() {
    state.text = state.text === "blocks" ? "cleaned" : "blocks";
    if (state.current >= 0) show(state.current);
  }

  const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;
  /** Keys are ours while the inspector is what a person looks at. */
  const isInView = () => {
    const box = at("inspector-root").getBoundingClientRect();
    return box.top < innerHeight * 0.75 && box.bottom > innerHeight * 0.25;
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !isInView()) return;
    if (event.key === "Escape" && at("inspector-root").contains(event.target)) {
      clearFilters();
      event.target.blur();
      return;
    }
    const scrolls = event.key.startsWith("Arrow") && event.target.closest(".ins-scroll") !== null;
    if (isTyping(event.target) || scrolls) return;
    const actions = {
      j: () => step(1),
      ArrowRight: () => step(1),
      k: () => step(-1),
      ArrowLeft: () => step(-1),
      "/": () => at("ins-search").focus(),
      o: () => toggle("order", at("ins-order")),
      b: () => toggle("boxes", at("ins-boxes")),
      w: () => toggle("wide", at("ins-wide")),
      c: toggleText,
      "?": toggleHelp,
    };
    if (Object.hasOwn(actions, event.key)) {
      event.preventDefault();
      actions[event.key]();
    }
  }

  function follow() {
    const match = /^#page=([0-9a-f]+\/[0-9]+)$/.exec(location.hash);
    if (!match || !byId.has(match[1])) return false;
    const place = byId.get(match[1]);
    if (!state.shown.includes(place)) clearFilters();
    show(place);
    at("inspector-root").closest("section").scrollIntoView();
    return true;
  }

  function start() {
    fillChoices();
    at("ins-filters").addEventListener("input", refilter);
    at("ins-filters").addEventListener("submit", (event) => event.preventDefault());
    at("ins-reset").addEventListener("click", clearFilters);
    at("ins-previous").addEventListener("click", () => step(-1));
    at("ins-next").addEventListener("click", () => step(1));
    at("ins-order").addEventListener("click", () => toggle("order", at("ins-order")));
    at("ins-boxes").addEventListener("click", () => toggle("boxes", at("ins-boxes")));
    at("ins-wide").addEventListener("click", () => toggle("wide", at("ins-wide")));
    at("ins-keys").addEventListener("click", toggleHelp);
    document.addEventListener("keydown", onKey);
    addEventListener("hashchange", follow);
    listenToBlocks();
    drawList();
    if (!pages.length) at("ins-page").replaceChildren(element("p", { class: "ins-empty" }, "The build has no pages."));
    else if (!follow()) show(pages.findIndex((page) => isHere(`page-${page.id}`)));
  }

  start();
})();
