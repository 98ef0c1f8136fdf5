"use strict";

// Everything that comes from the server is shown by textContent, never as HTML.

const byId = (id) => document.getElementById(id);

/** Makes an element with a class and children; strings become text. */
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Asks the API, and returns the whole answer or throws an error with its text. */
async function ask(path, params = {}, signal) {
  const body = new URLSearchParams(params);
  const post = path.startsWith("query");
  const response = await fetch("api/v1/" + path + (post ? "" : "?" + body), {
    method: post ? "POST" : "GET",
    body: post ? body : undefined,
    signal,
  });
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(response.status + " " + (text.trim() || response.statusText));
  }
  if (answer.status !== "success") throw new Error(answer.errorType + ": " + answer.error);
  return answer;
}

function showNotes(box, answer) {
  const notes = [...(answer.warnings || []), ...(answer.infos || [])];
  box.replaceChildren(...notes.map((note) => element("p", "note", note)));
}

function showError(box, error) {
  box.replaceChildren(element("p", "note error", error.message));
}

/* Durations such as 1h30m */

const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000 };
const RANGES = ["1m", "5m", "15m", "30m", "1h", "2h", "6h", "12h", "1d", "2d", "1w", "2w", "4w", "8w", "1y"];

/** Returns seconds, or null for a text that is no duration. */
function parseDuration(text) {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  if (!/^(\d+(ms|[smhdwy]))+$/.test(trimmed)) return null;
  let seconds = 0;
  for (const [, count, unit] of trimmed.matchAll(/(\d+)(ms|[smhdwy])/g)) {
    seconds += Number(count) * UNITS[unit];
  }
  return seconds;
}

/* Series as text */

const plainName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const quoted = (text) => JSON.stringify(text);

function seriesText(metric) {
  const { __name__: name = "", ...labels } = metric;
  const pairs = Object.entries(labels).map(([key, value]) =>
    (plainName.test(key) ? key : quoted(key)) + "=" + quoted(value));
  if (!plainName.test(name)) return "{" + [...(name ? [quoted(name)] : []), ...pairs].join(", ") + "}";
  return pairs.length ? name + "{" + pairs.join(", ") + "}" : name;
}

function seriesElement(metric) {
  const { __name__: name, ...labels } = metric;
  const box = element("span", "mono");
  if (name) box.append(element("span", "metric-name", name));
  const pairs = Object.entries(labels);
  if (pairs.length || !name) box.append("{");
  pairs.forEach(([key, value], index) => {
    box.append(index ? ", " : "", element("span", "label-name", key + "="), quoted(value));
  });
  if (pairs.length || !name) box.append("}");
  return box;
}

/* The query page */

const TABLE_ROWS_MAX = 2000;
const state = { view: "table", asked: null, result: null, hidden: new Set() };

function readUrl() {
  const url = new URLSearchParams(location.search);
  byId("expression").value = url.get("g0.expr") || "";
  byId("range").value = url.get("g0.range_input") || "1h";
  byId("step").value = url.get("g0.step_input") || "";
  byId("end").value = (url.get("g0.end_input") || url.get("g0.moment_input") || "").replace(" ", "T");
  const tab = url.get("g0.tab");
  setView(tab === "graph" || tab === "0" ? "graph" : "table");
}

function writeUrl() {
  const url = new URLSearchParams({ "g0.expr": byId("expression").value, "g0.tab": state.view });
  if (byId("range").value !== "1h") url.set("g0.range_input", byId("range").value);
  if (byId("step").value) url.set("g0.step_input", byId("step").value);
  if (byId("end").value) url.set("g0.end_input", byId("end").value.replace("T", " "));
  if (location.search !== "?" + url) history.pushState(null, "", "?" + url);
}

function setView(view) {
  state.view = view;
  byId("show-table").setAttribute("aria-pressed", view === "table");
  byId("show-graph").setAttribute("aria-pressed", view === "graph");
  for (const control of document.querySelectorAll(".for-graph")) control.hidden = view !== "graph";
  byId("table").hidden = view !== "table";
  byId("graph").hidden = view !== "graph" || !state.result || state.result.kind !== "graph";
}

const EXAMPLES = ["up", "scrape_duration_seconds", "rate(prometheus_http_requests_total[1m])", "process_resident_memory_bytes"];

/** What to try first. */
function showExamples() {
  const buttons = EXAMPLES.map((query) => {
    const button = element("button", "mono", query);
    button.type = "button";
    button.addEventListener("click", () => {
      byId("expression").value = query;
      byId("query-form").requestSubmit();
    });
    return button;
  });
  byId("table").replaceChildren(
    element("p", "empty", "Write a PromQL expression, or begin with one of these."),
    element("div", "examples", ...buttons));
}

async function runQuery() {
  const query = byId("expression").value.trim();
  if (!query) {
    setView("table");
    showExamples();
    return;
  }
  state.asked?.abort();
  const asked = (state.asked = new AbortController());
  const view = state.view;
  const started = performance.now();
  byId("summary").textContent = "Asking …";
  try {
    const end = byId("end").value ? new Date(byId("end").value).getTime() / 1000 : Date.now() / 1000;
    const answer = view === "graph"
      ? await askRange(query, end, asked.signal)
      : await ask("query", { query, time: end.toFixed(3) }, asked.signal);
    if (asked.signal.aborted) return;
    const count = Array.isArray(answer.data.result) && /vector|matrix/.test(answer.data.resultType)
      ? answer.data.result.length : 1;
    const took = Math.round(performance.now() - started);
    byId("summary").textContent = count + (count === 1 ? " result in " : " results in ") + took + " ms";
    showNotes(byId("notes"), answer);
    if (view === "graph") showGraph(answer.data.result, answer.asked);
    else showTable(answer.data);
  } catch (error) {
    if (asked.signal.aborted) return;
    byId("summary").textContent = "";
    showError(byId("notes"), error);
    state.result = null;
    byId("table").replaceChildren();
    byId("graph").hidden = true;
  }
}

async function askRange(query, end, signal) {
  const range = parseDuration(byId("range").value);
  if (!range) throw new Error("Range: write a duration such as 30m or 1h30m");
  const stepText = byId("step").value.trim();
  const step = stepText ? parseDuration(stepText) : Math.max(range / 250, 1);
  if (!step) throw new Error("Step: write a duration such as 15s, or leave it empty");
  const answer = await ask("query_range", { query, start: (end - range).toFixed(3), end: end.toFixed(3), step: String(step) }, signal);
  answer.asked = { start: end - range, end, step };
  return answer;
}

function showTable({ resultType, result }) {
  state.result = { kind: "table" };
  const rows = [];
  if (resultType === "vector") {
    for (const series of result.slice(0, TABLE_ROWS_MAX)) rows.push([seriesElement(series.metric), series.value[1]]);
  } else if (resultType === "matrix") {
    for (const series of result.slice(0, TABLE_ROWS_MAX)) {
      const lines = series.values.map(([time, value]) => value + " @" + time);
      rows.push([seriesElement(series.metric), lines.join("\n")]);
    }
  } else {
    rows.push([element("span", "muted", resultType), result[1]]);
  }
  const table = byId("table");
  if (!rows.length) {
    table.replaceChildren(element("p", "empty", "No series match, or none has a sample at this time."));
    return;
  }
  const body = element("tbody", "", ...rows.map(([left, right]) =>
    element("tr", "", element("td", "text", left), element("td", "value mono", right))));
  const head = element("thead", "", element("tr", "", element("th", "", "Series"), element("th", "value", "Value")));
  table.replaceChildren(element("table", "", head, body));
  if (Array.isArray(result) && result.length > TABLE_ROWS_MAX && resultType !== "scalar") {
    table.append(element("p", "empty", "The first " + TABLE_ROWS_MAX + " of " + result.length + " series."));
  }
}

/* The graph */

const GRAPH_SERIES_MAX = 500;
const MARGIN = { left: 64, right: 12, top: 10, bottom: 26 };

function seriesColor(index) {
  // Hues a golden angle apart stay distinct for any number of series.
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return "hsl(" + ((index * 137.508 + 14) % 360).toFixed(0) + " 62% " + (dark ? 64 : 42) + "%)";
}

function showGraph(result, asked) {
  const series = result.slice(0, GRAPH_SERIES_MAX).map(({ metric, values }) => ({
    name: seriesText(metric),
    points: values.map(([time, value]) => [time, Number(value.replace("Inf", "Infinity"))]),
  }));
  state.result = { kind: "graph", series, asked };
  state.hidden = new Set();
  byId("graph").hidden = false;
  showLegend(result.length);
  drawGraph();
}

function showLegend(total) {
  const { series } = state.result;
  const items = series.map(({ name }, index) => {
    const swatch = element("span", "swatch");
    swatch.style.background = seriesColor(index);
    const button = element("button", "mono", swatch, element("span", "", name));
    button.type = "button";
    button.title = "Show this series alone; with Ctrl or ⌘, show or hide it";
    button.setAttribute("aria-pressed", !state.hidden.has(index));
    button.addEventListener("click", (event) => toggleSeries(index, event.ctrlKey || event.metaKey));
    return element("li", "", button);
  });
  if (!total) items.push(element("li", "empty", "No series match, or none has a sample in this range."));
  if (total > series.length) items.push(element("li", "muted", "The first " + series.length + " of " + total + " series."));
  byId("legend").replaceChildren(...items);
}

function toggleSeries(index, keepOthers) {
  const { series } = state.result;
  const others = series.map((_, other) => other).filter((other) => other !== index);
  if (keepOthers) {
    if (!state.hidden.delete(index)) state.hidden.add(index);
  } else if (!state.hidden.has(index) && state.hidden.size === others.length) {
    state.hidden.clear();
  } else {
    state.hidden = new Set(others);
  }
  document.querySelectorAll("#legend button").forEach((button, at) =>
    button.setAttribute("aria-pressed", !state.hidden.has(at)));
  drawGraph();
}

/** Returns steps of 1, 2 or 5 times a power of ten that cover the values. */
function niceScale(low, high, count) {
  if (!(high > low)) {
    const pad = Math.abs(low) / 2 || 1;
    [low, high] = [low - pad, high + pad];
  }
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.floor(low / step), last = Math.ceil(high / step);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  return { low: first * step, high: last * step, ticks };
}

function shortNumber(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  for (const [unit, factor] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (size >= factor && size < 1e15) return Number((value / factor).toPrecision(4)) + unit;
  }
  return size >= 1e15 || size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000];

function timeTicks(start, end, count) {
  const rough = (end - start) / count;
  const step = TIME_STEPS.find((size) => size >= rough) || TIME_STEPS.at(-1);
  const zone = new Date(start * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let time = Math.ceil((start - zone) / step) * step + zone; time <= end; time += step) ticks.push(time);
  return { step, ticks };
}

function timeText(time, step) {
  const date = new Date(time * 1000);
  if (step >= 86400) return date.toLocaleDateString([], { month: "short", day: "numeric" });
  const seconds = step < 60 ? { second: "2-digit" } : {};
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...seconds });
}

/** Maps times and values to pixels, over the visible series. */
function layOut(width, height) {
  const { series, asked } = state.result;
  let low = Infinity, high = -Infinity;
  series.forEach(({ points }, index) => {
    if (state.hidden.has(index)) return;
    for (const [, value] of points) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  });
  if (low > high) [low, high] = [0, 1];
  const scale = niceScale(low, high, 5);
  const span = Math.max(asked.end - asked.start, 1e-3);
  return {
    scale,
    x: (time) => MARGIN.left + (time - asked.start) / span * (width - MARGIN.left - MARGIN.right),
    y: (value) => MARGIN.top + (scale.high - value) / (scale.high - scale.low) * (height - MARGIN.top - MARGIN.bottom),
  };
}

function drawGraph(hover) {
  if (state.result?.kind !== "graph" || byId("graph").hidden) return;
  const canvas = byId("canvas");
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const layout = layOut(width, height);
  drawAxes(pen, layout, width, height);
  pen.lineWidth = 1.6;
  pen.lineJoin = "round";
  state.result.series.forEach(({ points }, index) => {
    if (!state.hidden.has(index)) drawLine(pen, layout, points, seriesColor(index));
  });
  if (hover) drawHover(pen, layout, hover, height);
}

function drawAxes(pen, { scale, x, y }, width, height) {
  const style = getComputedStyle(document.documentElement);
  const { asked } = state.result;
  pen.font = "12px system-ui, sans-serif";
  pen.strokeStyle = style.getPropertyValue("--line");
  pen.fillStyle = style.getPropertyValue("--muted");
  pen.lineWidth = 1;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const tick of scale.ticks) {
    const at = Math.round(y(tick)) + 0.5;
    pen.beginPath();
    pen.moveTo(MARGIN.left, at);
    pen.lineTo(width - MARGIN.right, at);
    pen.stroke();
    pen.fillText(shortNumber(tick), MARGIN.left - 8, at);
  }
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  const { step, ticks } = timeTicks(asked.start, asked.end, Math.max(2, width / 110));
  for (const tick of ticks) pen.fillText(timeText(tick, step), x(tick), height - 7);
}

/** A line breaks where a step has no value. */
function drawLine(pen, { x, y }, points, color) {
  const gap = state.result.asked.step * 1.5;
  pen.strokeStyle = pen.fillStyle = color;
  pen.beginPath();
  let before = null, run = 0;
  const endRun = () => {
    // A value without neighbours is a dot.
    if (run === 1) pen.fillRect(x(before[0]) - 1.5, y(before[1]) - 1.5, 3, 3);
    run = 0;
  };
  for (const point of points) {
    if (!Number.isFinite(point[1])) continue;
    const joined = before && point[0] - before[0] <= gap;
    if (!joined) endRun();
    if (joined) pen.lineTo(x(point[0]), y(point[1]));
    else pen.moveTo(x(point[0]), y(point[1]));
    run += 1;
    before = point;
  }
  endRun();
  pen.stroke();
}

function drawHover(pen, { x, y }, { point, index }, height) {
  pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--muted");
  pen.lineWidth = 1;
  pen.setLineDash([3, 3]);
  pen.beginPath();
  pen.moveTo(x(point[0]), MARGIN.top);
  pen.lineTo(x(point[0]), height - MARGIN.bottom);
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = seriesColor(index);
  pen.beginPath();
  pen.arc(x(point[0]), y(point[1]), 4, 0, 2 * Math.PI);
  pen.fill();
}

/** Returns the visible point that is nearest to a pixel. */
function nearestPoint(left, top) {
  const canvas = byId("canvas");
  const { x, y } = layOut(canvas.clientWidth, canvas.clientHeight);
  let nearest = null, best = Infinity;
  state.result.series.forEach(({ name, points }, index) => {
    if (state.hidden.has(index)) return;
    for (const point of points) {
      if (!Number.isFinite(point[1])) continue;
      // Across time counts more: the cursor chooses a time first.
      const distance = 3 * Math.abs(x(point[0]) - left) + Math.abs(y(point[1]) - top);
      if (distance < best) [best, nearest] = [distance, { point, index, name }];
    }
  });
  return nearest;
}

function hoverGraph(event) {
  const tooltip = byId("tooltip");
  const nearest = state.result?.kind === "graph" ? nearestPoint(event.offsetX, event.offsetY) : null;
  tooltip.hidden = !nearest;
  drawGraph(nearest);
  if (!nearest) return;
  const when = new Date(nearest.point[0] * 1000).toLocaleString([], { hourCycle: "h23" });
  tooltip.replaceChildren(
    element("span", "muted", when), element("b", "", String(nearest.point[1])), element("span", "mono", nearest.name));
  const plot = tooltip.parentElement;
  const left = event.offsetX + 24 + tooltip.offsetWidth > plot.clientWidth
    ? event.offsetX - tooltip.offsetWidth - 4 : event.offsetX + 24;
  const top = Math.min(event.offsetY + 16, plot.clientHeight - tooltip.offsetHeight - 4);
  tooltip.style.transform = "translate(" + Math.max(left, 0) + "px," + Math.max(top, 0) + "px)";
}

function growExpression() {
  const box = byId("expression");
  box.style.height = "auto";
  box.style.height = box.scrollHeight + 2 + "px";
}

function startQueryPage() {
  const run = () => { writeUrl(); runQuery(); };
  byId("query-form").addEventListener("submit", (event) => { event.preventDefault(); run(); });
  byId("expression").addEventListener("input", growExpression);
  byId("expression").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); run(); }
  });
  for (const view of ["table", "graph"]) {
    byId("show-" + view).addEventListener("click", () => { setView(view); run(); });
  }
  const moveRange = (by) => {
    const now = parseDuration(byId("range").value) || 3600;
    const sizes = RANGES.map(parseDuration);
    const next = by > 0 ? sizes.findIndex((size) => size > now) : sizes.findLastIndex((size) => size < now);
    if (next >= 0) byId("range").value = RANGES[next];
    run();
  };
  byId("shorter").addEventListener("click", () => moveRange(-1));
  byId("longer").addEventListener("click", () => moveRange(1));
  for (const id of ["range", "step", "end"]) byId(id).addEventListener("change", run);
  byId("canvas").addEventListener("mousemove", hoverGraph);
  byId("canvas").addEventListener("mouseleave", () => { byId("tooltip").hidden = true; drawGraph(); });
  new ResizeObserver(() => drawGraph()).observe(byId("canvas"));
  new ResizeObserver(growExpression).observe(byId("query-form"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (state.result?.kind === "graph") { showLegend(state.result.series.length); drawGraph(); }
  });
  const restore = () => { readUrl(); growExpression(); runQuery(); };
  addEventListener("popstate", restore);
  restore();
  byId("expression").focus();
}

/* The targets page */

function labelChips(labels) {
  return Object.entries(labels).map(([name, value]) =>
    element("span", "chip", element("span", "label-name", name + "="), quoted(value)));
}

function ago(time) {
  const when = new Date(time);
  if (when.getUTCFullYear() < 1970) return "never";
  const seconds = Math.max(0, (Date.now() - when) / 1000);
  return seconds < 60 ? seconds.toFixed(1) + " s ago" : Math.round(seconds / 60) + " min ago";
}

function targetRow(target) {
  const health = element("span", "health " + (["up", "down"].includes(target.health) ? target.health : "unknown"), target.health);
  const endpoint = element("td", "text");
  // Only web addresses become links.
  if (/^https?:\/\//.test(target.globalUrl)) {
    const link = element("a", "mono", target.scrapeUrl);
    link.href = target.globalUrl;
    link.rel = "noreferrer";
    endpoint.append(link);
  } else {
    endpoint.append(element("span", "mono", target.scrapeUrl));
  }
  if (target.lastError) endpoint.append(element("div", "failure", target.lastError));
  const took = target.lastScrapeDuration > 0 ? (target.lastScrapeDuration * 1000).toFixed(1) + " ms" : "–";
  return element("tr", "", endpoint, element("td", "", ...labelChips(target.labels)),
    element("td", "short", ago(target.lastScrape)), element("td", "short", took), element("td", "", health));
}

async function showTargets() {
  try {
    const { data } = await ask("targets", { state: "active" });
    byId("target-notes").replaceChildren();
    const pools = Map.groupBy ? Map.groupBy(data.activeTargets, (target) => target.scrapePool) : groupByPool(data.activeTargets);
    const sections = [...pools].map(([name, targets]) => {
      const up = targets.filter((target) => target.health === "up").length;
      const columns = ["Endpoint", "Labels", "Last scrape", "Took", "Health"].map((text) => element("th", "", text));
      const table = element("table", "", element("thead", "", element("tr", "", ...columns)),
        element("tbody", "", ...targets.map(targetRow)));
      const title = element("h2", "", name + " ", element("span", "muted", up + " of " + targets.length + " up"));
      return element("div", "", title, element("div", "panel", table));
    });
    if (!sections.length) sections.push(element("p", "panel empty", "Nothing is scraped: the configuration names no target."));
    byId("pools").replaceChildren(...sections);
  } catch (error) {
    showError(byId("target-notes"), error);
  }
}

function groupByPool(targets) {
  const pools = new Map();
  for (const target of targets) {
    pools.set(target.scrapePool, [...(pools.get(target.scrapePool) || []), target]);
  }
  return pools;
}

/* The status page */

function pairTable(pairs) {
  return element("table", "pairs", element("tbody", "", ...Object.entries(pairs).map(([name, value]) =>
    element("tr", "", element("th", "", name), element("td", "text mono", String(value))))));
}

/** Leaves out what only a Go process has, and what is not known. */
function known(pairs) {
  return Object.fromEntries(Object.entries(pairs).filter(([name, value]) => !/^go/i.test(name) && value !== ""));
}

async function showStatus() {
  try {
    const names = ["runtimeinfo", "buildinfo", "flags", "config"];
    const [runtime, build, flags, config] = await Promise.all(names.map((name) => ask("status/" + name)));
    byId("runtime").replaceChildren(pairTable(known(runtime.data)));
    byId("build").replaceChildren(pairTable(known(build.data)));
    byId("flags").replaceChildren(pairTable(flags.data));
    byId("config").textContent = config.data.yaml;
  } catch (error) {
    showError(byId("status-notes"), error);
  }
}

/* Which page */

const PAGES = { query: startQueryPage, targets: showTargets, status: showStatus };
const REFRESH_MS = 5000;

function start() {
  const last = location.pathname.split("/").pop();
  const page = last in PAGES ? last : "query";
  byId(page).hidden = false;
  document.querySelector('nav [data-page="' + page + '"]').setAttribute("aria-current", "page");
  PAGES[page]();
  if (page === "targets") setInterval(() => { if (!document.hidden) showTargets(); }, REFRESH_MS);
}

start();
