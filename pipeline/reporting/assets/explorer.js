"use strict";
// What other thresholds would do: the page rules over every page of the build, evaluated here as `quality.rule_table` does. Signals
// are codes on a scale of points (`reporting.scales`), and a threshold is a point, so every comparison is exact.
(() => {
  const { data, element, shape, quoted } = pagemill;
  const at = (id) => document.getElementById(id);
  const values = data("explorer");
  const ruleNames = Object.keys(values.rules);
  const thresholdNames = Object.keys(values.thresholds);
  const UNKNOWN = 65535;
  const NUM_BINS = 80;
  const NUM_EXAMPLES = 6;
  const [HEIGHT, HEAD, FOOT] = [190, 16, 24];

  const comparisonOf = {};
  const ruleOf = {};
  for (const [rule, tree] of Object.entries(values.rules)) collect(tree, rule);

  function collect(node, rule) {
    if (node.threshold) [comparisonOf[node.threshold], ruleOf[node.threshold]] = [node, rule];
    for (const part of node.all || node.any || []) collect(part, rule);
  }

  const pointsOf = (threshold) => values.signals[comparisonOf[threshold].signal].points;
  const count = (number) => number.toLocaleString("en");
  const signed = (number) => (number > 0 ? `+${count(number)}` : count(number));

  // Unpacking -----------------------------------------------------------------------------------------------------------------

  async function unpacked({ bytesEach, deflate }) {
    const packed = Uint8Array.from(atob(deflate), (sign) => sign.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(stream).arrayBuffer();
    const view = new DataView(buffer);
    const numbers = bytesEach === 2 ? new Uint16Array(buffer.byteLength / 2) : new Uint32Array(buffer.byteLength / 4);
    for (let place = 0; place < numbers.length; place++) {
      numbers[place] = bytesEach === 2 ? view.getUint16(2 * place, true) : view.getUint32(4 * place, true);
    }
    return numbers;
  }

  const columns = {};
  let facts, verdicts, documentOf, pageOf, isJudged;

  async function unpack() {
    for (const [name, signal] of Object.entries(values.signals)) columns[name] = await unpacked(signal.codes);
    facts = await unpacked(values.facts.bits);
    verdicts = await unpacked(values.verdicts.places);
    documentOf = await unpacked(values.documentOf);
    pageOf = await unpacked(values.pageOf);
    const judged = values.verdicts.names.indexOf("judged");
    isJudged = verdicts.map((verdict) => (verdict === judged ? 1 : 0));
  }

  // Judging -------------------------------------------------------------------------------------------------------------------

  /** A rule as a function of a page. `codes` has the code of each threshold's point: 2i + 1. */
  function compiled(node, codes, known = {}) {
    if (node.fact) {
      const bit = 1 << values.facts.names.indexOf(node.fact);
      return (page) => (facts[page] & bit) !== 0;
    }
    if (node.signal) {
      if (node.threshold in known) return () => known[node.threshold];
      const [column, code] = [columns[node.signal], codes[node.threshold]];
      if (node.is === "<") return (page) => column[page] < code;
      if (node.is === ">") return (page) => column[page] > code && column[page] !== UNKNOWN;
      return (page) => column[page] >= code && column[page] !== UNKNOWN;
    }
    const parts = (node.all || node.any).map((part) => compiled(part, codes, known));
    return node.all ? (page) => parts.every((part) => part(page)) : (page) => parts.some((part) => part(page));
  }

  /** The broken rules of each page as bits, in the order of the rules. */
  function judged(codes) {
    const broken = new Uint16Array(values.numPages);
    ruleNames.forEach((_, number) => judgeRule(number, codes, broken));
    return broken;
  }

  function judgeRule(number, codes, broken) {
    const rule = compiled(values.rules[ruleNames[number]], codes);
    const bit = 1 << number;
    for (let page = 0; page < broken.length; page++) {
      if (isJudged[page] && rule(page)) broken[page] |= bit;
      else broken[page] &= ~bit;
    }
  }

  const codeOf = (threshold, value) => 2 * pointsOf(threshold).indexOf(value) + 1;
  const codesOf = (thresholds) =>
    Object.fromEntries(thresholdNames.map((name) => [name, codeOf(name, thresholds[name] ?? values.thresholds[name])]));

  // State ---------------------------------------------------------------------------------------------------------------------

  const thresholds = { ...values.thresholds };
  let active = thresholdNames.includes("low_conf_below") ? "low_conf_below" : thresholdNames[0];
  let before, after, deciding;

  function nearest(threshold, value) {
    const points = pointsOf(threshold);
    let [low, high] = [0, points.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (points[middle] <= value) low = middle;
      else high = middle;
    }
    return value - points[low] <= points[high] - value ? points[low] : points[high];
  }

  function move(threshold, value) {
    thresholds[threshold] = nearest(threshold, value);
    judgeRule(ruleNames.indexOf(ruleOf[threshold]), codesOf(thresholds), after);
    draw();
  }

  /** Pages whose rule turns on the active threshold alone. */
  function findDeciding() {
    const codes = codesOf(thresholds);
    const tree = values.rules[ruleOf[active]];
    const [ifTrue, ifFalse] = [compiled(tree, codes, { [active]: true }), compiled(tree, codes, { [active]: false })];
    deciding = new Uint8Array(values.numPages);
    for (let page = 0; page < values.numPages; page++) deciding[page] = isJudged[page] && ifTrue(page) !== ifFalse(page) ? 1 : 0;
  }

  // Drawing -------------------------------------------------------------------------------------------------------------------

  let domain = [0, 1];
  let widthPx = 800;

  function chooseDomain() {
    const points = pointsOf(active);
    const column = columns[comparisonOf[active].signal];
    const known = [];
    for (let page = 0; page < column.length; page++) if (isJudged[page] && column[page] !== UNKNOWN) known.push(column[page]);
    known.sort((one, other) => one - other);
    const valueAt = (code) => points[Math.min(Math.max(code >> 1, 0), points.length - 1)];
    const low = known.length ? valueAt(known[0]) : points[0];
    const high = known.length ? valueAt(known[Math.floor((known.length - 1) * 0.995)]) : points[points.length - 1];
    const limit = values.thresholds[active];
    const span = Math.max(high - low, Math.abs(limit) * 0.5, points[1] - points[0]);
    const from = Math.max(points[0], Math.min(low, limit - span * 0.15));
    const to = Math.min(points[points.length - 1], Math.max(high, limit + span * 0.15));
    domain = to > from ? [from, to] : [points[0], points[points.length - 1]];
  }

  const xOf = (value) => (widthPx * (Math.min(Math.max(value, domain[0]), domain[1]) - domain[0])) / (domain[1] - domain[0]);

  function binned() {
    const points = pointsOf(active);
    const column = columns[comparisonOf[active].signal];
    const [low, high] = [points.findIndex((point) => point >= domain[0]), points.findLastIndex((point) => point <= domain[1])];
    const numBins = Math.max(1, Math.min(NUM_BINS, high - low));
    const bins = Array.from({ length: numBins }, () => ({ all: 0, deciding: 0 }));
    let [known, unknown] = [0, 0];
    for (let page = 0; page < column.length; page++) {
      if (!isJudged[page]) continue;
      if (column[page] === UNKNOWN) {
        unknown++;
        continue;
      }
      known++;
      const point = points[Math.min(Math.max((column[page] - 1) >> 1, 0), points.length - 1)];
      const share = (point - domain[0]) / (domain[1] - domain[0]);
      const bin = bins[Math.min(Math.max(Math.floor(share * numBins), 0), numBins - 1)];
      bin.all++;
      bin.deciding += deciding[page];
    }
    return { bins, known, unknown };
  }

  function drawPlot() {
    const { bins, known, unknown } = binned();
    const most = Math.max(1, ...bins.map((bin) => bin.all));
    const heightOf = (number) => (number === 0 ? 0 : (HEIGHT * Math.log1p(number)) / Math.log1p(most));
    const plot = at("exp-plot");
    widthPx = plot.clientWidth || widthPx;
    const width = widthPx / bins.length;
    plot.setAttribute("viewBox", `0 ${-HEAD} ${widthPx} ${HEIGHT + FOOT + HEAD}`);
    plot.setAttribute("height", HEIGHT + FOOT + HEAD);
    const bars = bins.flatMap((bin, place) => {
      const from = domain[0] + ((domain[1] - domain[0]) * place) / bins.length;
      const title = () => shape("title", {}, `from ${spell(from)}: ${count(bin.all)} pages, ${count(bin.deciding)} of them decided here`);
      return [
        ["exp-all", bin.all],
        ["exp-deciding", bin.deciding],
      ].map(([kind, number]) =>
        shape("rect", { class: kind, x: place * width + 0.5, y: HEIGHT - heightOf(number), width: Math.max(width - 1, 0.5), height: heightOf(number) }, title()),
      );
    });
    const ticks = roundTicks(widthPx / 90).map((value) => {
      const share = (value - domain[0]) / (domain[1] - domain[0]);
      const anchor = share < 0.03 ? "start" : share > 0.97 ? "end" : "middle";
      return shape("text", { class: "exp-tick", x: share * widthPx, y: HEIGHT + 17, "text-anchor": anchor }, spell(value));
    });
    ticks.push(shape("text", { class: "exp-tick", x: 4, y: -3 }, `${count(most)} pages`));
    const hadFocus = plot.contains(document.activeElement);
    plot.replaceChildren(...bars, shape("line", { class: "exp-axis", x1: 0, x2: widthPx, y1: HEIGHT, y2: HEIGHT }), ...ticks, wasLine(), handle());
    if (hadFocus) plot.querySelector(".exp-handle").focus();
    const scale = "Heights grow with the logarithm of the number of pages.";
    const without = unknown ? ` ${count(unknown)} pages have no such signal.` : "";
    at("exp-caption").textContent = `${count(known)} pages by ${values.signals[comparisonOf[active].signal].column}; in colour those that this threshold decides, all else equal. ${scale}${without}`;
  }

  /** At most `most` round values within the domain. */
  function roundTicks(most) {
    const span = domain[1] - domain[0];
    const power = 10 ** Math.floor(Math.log10(span / most));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => span / each <= most);
    const ticks = [];
    for (let place = Math.ceil(domain[0] / step - 1e-9); place * step <= domain[1] + step * 1e-9; place++) ticks.push(place * step);
    return ticks;
  }

  const spell = (value) => Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 4 });

  function wasLine() {
    const x = xOf(values.thresholds[active]);
    return shape("line", { class: "exp-was", x1: x, x2: x, y1: 0, y2: HEIGHT });
  }

  /** The threshold on the plot: by pointer, and by arrows when it has the focus. */
  function handle() {
    const points = pointsOf(active);
    const x = xOf(thresholds[active]);
    const group = shape("g", {
      class: "exp-handle",
      tabindex: "0",
      role: "slider",
      "aria-label": active,
      "aria-valuemin": points[0],
      "aria-valuemax": points[points.length - 1],
      "aria-valuenow": thresholds[active],
    });
    group.append(
      shape("rect", { x: x - 14, y: -HEAD, width: 28, height: HEIGHT + HEAD, class: "exp-grip" }),
      shape("line", { x1: x, x2: x, y1: -4, y2: HEIGHT }),
      shape("circle", { cx: x, cy: -6, r: 7 }),
    );
    return group;
  }

  function listenToPlot() {
    const plot = at("exp-plot");
    let isDragging = false;
    const valueUnder = (event) => {
      const box = plot.getBoundingClientRect();
      return domain[0] + ((domain[1] - domain[0]) * (event.clientX - box.left)) / box.width;
    };
    plot.addEventListener("pointerdown", (event) => {
      isDragging = true;
      plot.setPointerCapture(event.pointerId);
      move(active, valueUnder(event));
      plot.querySelector(".exp-handle").focus();
      event.preventDefault();
    });
    plot.addEventListener("pointermove", (event) => isDragging && move(active, valueUnder(event)));
    for (const kind of ["pointerup", "pointercancel"]) plot.addEventListener(kind, () => (isDragging = false));
    plot.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (!steps) return;
      event.preventDefault();
      event.stopPropagation();
      const points = pointsOf(active);
      const place = points.indexOf(thresholds[active]) + steps;
      move(active, points[Math.min(Math.max(place, 0), points.length - 1)]);
    });
  }

  function counts() {
    const found = { judged: 0, keptBefore: 0, keptAfter: 0, newlyRejected: 0, newlyKept: 0, byRule: {}, stillRejected: {} };
    for (const name of ruleNames) found.byRule[name] = { before: 0, after: 0 };
    const rule = 1 << ruleNames.indexOf(ruleOf[active]);
    for (let page = 0; page < values.numPages; page++) {
      if (!isJudged[page]) continue;
      const [was, is] = [before[page], after[page]];
      found.judged++;
      if (was === 0) found.keptBefore++;
      if (is === 0) found.keptAfter++;
      if (was === 0 && is !== 0) found.newlyRejected++;
      if (was !== 0 && is === 0) found.newlyKept++;
      const isFreed = (was & rule) !== 0 && (is & rule) === 0 && is !== 0;
      for (let number = 0; number < ruleNames.length; number++) {
        const name = ruleNames[number];
        if (was & (1 << number)) found.byRule[name].before++;
        if (is & (1 << number)) {
          found.byRule[name].after++;
          if (isFreed) found.stillRejected[name] = (found.stillRejected[name] || 0) + 1;
        }
      }
    }
    return found;
  }

  function drawCounts() {
    const found = counts();
    const kept = found.keptAfter - found.keptBefore;
    const parts = [`Kept ${count(found.keptBefore)} \u2192 ${count(found.keptAfter)} of ${count(found.judged)} pages that rules decide on (${signed(kept)}).`];
    parts.push(`Newly rejected ${count(found.newlyRejected)}, newly kept ${count(found.newlyKept)}.`);
    const still = Object.entries(found.stillRejected).map(([name, number]) => `${name} ${count(number)}`);
    if (still.length) parts.push(`No longer ${ruleOf[active]}, but still rejected: ${still.join(", ")}.`);
    at("exp-summary").textContent = parts.join(" ");
    const rows = ruleNames.map((name) => {
      const { before: was, after: is } = found.byRule[name];
      const first = thresholdNames.find((threshold) => ruleOf[threshold] === name);
      const label = first ? element("button", { type: "button", class: "exp-rule" }, name) : name;
      if (first) label.addEventListener("click", () => activate(first));
      const row = [element("th", { scope: "row" }, label), ...[count(was), count(is), signed(is - was)].map((text) => element("td", { class: "num" }, text))];
      return element("tr", { class: name === ruleOf[active] ? "active" : "" }, ...row);
    });
    const others = [...values.verdicts.names.entries()].filter(([, name]) => name !== "judged");
    rows.push(
      ...others.map(([place, name]) => {
        const number = verdicts.reduce((sum, verdict) => sum + (verdict === place ? 1 : 0), 0);
        return element("tr", { class: "fixed" }, element("th", { scope: "row" }, quoted(name, 80)), ...[count(number), count(number), "no rule decides"].map((text) => element("td", { class: "num" }, text)));
      }),
    );
    const body = at("exp-rules").tBodies[0];
    const focused = body.contains(document.activeElement) ? document.activeElement.textContent : null;
    body.replaceChildren(...rows);
    if (focused) [...body.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
  }

  const pageId = (page) => `${values.documents[documentOf[page]]}/${String(pageOf[page]).padStart(6, "0")}`;

  function drawExamples() {
    const { signal, is } = comparisonOf[active];
    const column = columns[signal];
    const code = codeOf(active, thresholds[active]);
    const isMet = compiled({ signal, is, threshold: active }, codesOf(thresholds));
    const sides = { broken: [], held: [] };
    for (let page = 0; page < values.numPages; page++) {
      if (deciding[page] && column[page] !== UNKNOWN) sides[isMet(page) ? "broken" : "held"].push(page);
    }
    for (const [side, places] of Object.entries(sides)) {
      places.sort((one, other) => Math.abs(column[one] - code) - Math.abs(column[other] - code) || one - other);
      const items = places.slice(0, NUM_EXAMPLES).map((page) => {
        const value = spell(pointsOf(active)[Math.min((column[page] - 1) >> 1, pointsOf(active).length - 1)] ?? 0);
        const shown = values.shown[page];
        const name = shown ? element("a", { href: `#page=${shown}` }, pageId(page)) : element("code", { title: "not among the sampled pages; pagemill inspect shows it" }, pageId(page));
        return element("li", {}, name, ` at ${value}`);
      });
      at(`exp-${side}`).replaceChildren(...(items.length ? items : [element("li", {}, "no page here turns on this threshold")]));
    }
  }

  function yaml() {
    const lines = ["# Page and document rules, for: pagemill rejudge CONFIG --rules THIS-FILE"];
    for (const [section, rules] of Object.entries(values.allRules)) {
      lines.push(`${section}:`);
      for (const [name, value] of Object.entries(rules)) {
        const now = section === "pages" && name in thresholds ? thresholds[name] : value;
        const note = now === value ? "" : `  # was ${JSON.stringify(value)}`;
        lines.push(`  ${name}: ${JSON.stringify(now)}${note}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }

  function drawControls() {
    at("exp-threshold").value = active;
    if (document.activeElement !== at("exp-value")) at("exp-value").value = String(thresholds[active]);
    const { signal, is } = comparisonOf[active];
    const when = is === "<" ? "below" : is === ">" ? "above" : "at or above";
    at("exp-meaning").textContent = `${ruleOf[active]}: ${values.meanings[active]}; counts ${when} ${thresholds[active]} (${values.signals[signal].column}). It was ${values.thresholds[active]}.`;
    at("exp-back").disabled = thresholds[active] === values.thresholds[active];
    at("exp-back-all").disabled = thresholdNames.every((name) => thresholds[name] === values.thresholds[name]);
    for (const option of at("exp-threshold").options) {
      const isMoved = thresholds[option.value] !== values.thresholds[option.value];
      option.textContent = isMoved ? `${option.value} (moved)` : option.value;
    }
  }

  function draw() {
    findDeciding();
    drawControls();
    drawPlot();
    drawCounts();
    drawExamples();
    at("exp-rules-yaml").textContent = yaml();
  }

  function activate(threshold) {
    active = threshold;
    at("exp-value").value = String(thresholds[active]);
    chooseDomain();
    draw();
  }

  function fillThresholds() {
    for (const rule of ruleNames) {
      const own = thresholdNames.filter((name) => ruleOf[name] === rule);
      if (own.length) at("exp-threshold").append(element("optgroup", { label: rule }, ...own.map((value) => element("option", { value }, value))));
    }
  }

  function listen() {
    listenToPlot();
    addEventListener("resize", drawPlot);
    at("exp-threshold").addEventListener("change", () => activate(at("exp-threshold").value));
    at("exp-value").addEventListener("change", () => {
      const value = Number(at("exp-value").value);
      if (at("exp-value").value !== "" && Number.isFinite(value)) move(active, value);
      at("exp-value").value = String(thresholds[active]);
    });
    at("exp-back").addEventListener("click", () => move(active, values.thresholds[active]));
    at("exp-back-all").addEventListener("click", () => {
      Object.assign(thresholds, values.thresholds);
      after = judged(codesOf(thresholds));
      draw();
    });
    at("exp-download").addEventListener("click", () => {
      const link = element("a", { download: "rules.yaml" });
      link.href = URL.createObjectURL(new Blob([yaml()], { type: "application/yaml" }));
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
    at("exp-copy").addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(yaml());
        at("exp-copied").textContent = "copied";
      } catch {
        getSelection().selectAllChildren(at("exp-rules-yaml"));
        at("exp-copied").textContent = "selected; press Ctrl-C";
      }
    });
  }

  async function start() {
    fillThresholds();
    await unpack();
    before = judged(codesOf(values.thresholds));
    after = before.slice();
    listen();
    activate(active);
    for (const id of ["exp-controls", "exp-download", "exp-copy"]) at(id).disabled = false;
  }

  /** For whoever recounts: the broken rules of every page under some thresholds, by page id. */
  async function verdictsUnder(other) {
    await ready;
    const broken = judged(codesOf(other));
    const named = {};
    for (let page = 0; page < values.numPages; page++) {
      if (isJudged[page]) named[pageId(page)] = ruleNames.filter((_, number) => broken[page] & (1 << number));
    }
    return named;
  }

  const whenSeen = new Promise((resolve) => {
    const watch = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        watch.disconnect();
        resolve();
      }
    }, { rootMargin: "600px" });
    watch.observe(at("explorer-root"));
  });
  let ready = null;
  const begin = () => (ready ??= start());
  whenSeen.then(begin);
  window.pagemillThresholds = Object.freeze({
    verdictsUnder: (other) => (begin(), verdictsUnder(other)),
    counts: async () => (await begin(), counts()),
    move: async (threshold, value) => (await begin(), move(threshold, value)),
  });
})();
