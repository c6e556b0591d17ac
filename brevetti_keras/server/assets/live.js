// A job's curves, drawn as its epochs arrive: one small chart for each metric, training and validation together.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("curves");
  const controls = document.getElementById("curve-controls");
  const said = document.getElementById("curve-state");
  const PAIRED = "val_";
  const epochs = [];
  const series = new Map();
  const rows = new Map();
  const charts = new Map();
  let drawing = false;
  let leaving = false;
  window.addEventListener("beforeunload", () => { leaving = true; });

  function take(body) {
    let row = rows.get(body.epoch);
    if (row === undefined) {
      row = epochs.length;
      rows.set(body.epoch, row);
      epochs.push(body.epoch);
      for (const values of series.values()) values.push(null);
    }
    for (const [name, value] of Object.entries(body)) {
      if (name === "epoch" || name === "nonfinite") continue;
      if (value !== null && typeof value !== "number") continue;
      if (!series.has(name)) series.set(name, epochs.map(() => null));
      series.get(name)[row] = value;
    }
  }

  function takeBacklog(data) {
    epochs.length = 0;
    rows.clear();
    series.clear();
    data.epoch.forEach((epoch, row) => { epochs.push(epoch); rows.set(epoch, row); });
    for (const [name, values] of Object.entries(data.series)) series.set(name, values.slice());
  }

  // Exponential smoothing that starts unbiased, as training tools commonly do.
  function smooth(values, share) {
    if (!share) return values;
    let mean = 0;
    let weight = 0;
    return values.map((value) => {
      if (value === null) return null;
      mean = mean * share + value * (1 - share);
      weight = weight * share + (1 - share);
      return mean / weight;
    });
  }

  const base = (name) => (name.startsWith(PAIRED) ? name.slice(PAIRED.length) : name);
  const members = (name) => [name, PAIRED + name].filter((key) => series.has(key));
  const label = (epoch) => String(epoch + 1);
  const figure = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());

  function ordered() {
    // Resumed jobs may report an earlier epoch later.
    return epochs.map((_, row) => row).sort((a, b) => epochs[a] - epochs[b]);
  }

  function data(name) {
    const order = ordered();
    const share = Number(controls.elements.smoothing.value);
    const log = controls.elements.log.checked;
    return [order.map((row) => epochs[row]), ...members(name).map((key) => {
      const values = series.get(key);
      return smooth(order.map((row) => (log && values[row] !== null && values[row] <= 0 ? null : values[row])), share);
    })];
  }

  function options(name, width) {
    const ink = brevetti.style("quiet");
    const line = brevetti.style("line");
    const colours = [brevetti.style("series-1"), brevetti.style("series-2")];
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui, sans-serif" };
    return {
      width,
      height: 220,
      legend: { live: true },
      cursor: { y: false },
      scales: { x: { time: false }, y: controls.elements.log.checked ? { distr: 3 } : {} },
      axes: [
        { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000], values: (_, marks) => marks.map(label) },
        { ...axis, size: 70, values: (_, marks) => marks.map((mark) => (mark === null ? null : figure(mark))) },
      ],
      series: [
        { label: "epoch", value: (_, epoch) => (epoch === null || epoch === undefined ? "–" : label(epoch)) },
        ...members(name).map((key) => ({
          label: key.startsWith(PAIRED) ? "validation" : series.has(PAIRED + key) ? "training" : key,
          stroke: colours[key.startsWith(PAIRED) ? 1 : 0],
          dash: key.startsWith(PAIRED) ? [6, 3] : undefined,
          width: 2,
          spanGaps: true,
          points: { show: epochs.length < 60, size: 5 },
          value: (_, value) => figure(value),
        })),
      ],
    };
  }

  function describe(name) {
    return members(name).map((key) => {
      const values = series.get(key).filter((value) => value !== null);
      const known = values.length ? `last ${figure(values.at(-1))}, lowest ${figure(Math.min(...values))}, highest ${figure(Math.max(...values))}` : "no value";
      return `${key}: ${known}`;
    }).join("; ");
  }

  function chart(name) {
    const known = charts.get(name);
    const keys = members(name).join(" ");
    if (known && known.keys === keys) return known;
    known?.plot.destroy();
    const box = known?.box ?? place.appendChild(document.createElement("figure"));
    box.className = "curve";
    const caption = document.createElement("figcaption");
    caption.textContent = name;
    const canvas = document.createElement("div");
    canvas.setAttribute("role", "img");
    box.replaceChildren(caption, canvas);
    const plot = new uPlot(options(name, Math.max(200, box.clientWidth - 2)), data(name), canvas);
    const made = { box, canvas, plot, keys };
    charts.set(name, made);
    return made;
  }

  function draw() {
    drawing = false;
    document.getElementById("curve-empty").hidden = epochs.length > 0;
    controls.hidden = epochs.length === 0;
    for (const name of new Set([...series.keys()].map(base))) {
      const made = chart(name);
      made.plot.setData(data(name));
      made.canvas.setAttribute("aria-label", `${name} over ${epochs.length} epochs. ${describe(name)}`);
    }
    place.dataset.epochs = String(epochs.length);
  }

  function drawSoon() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(draw);
  }

  function again() {
    for (const made of charts.values()) made.plot.destroy();
    for (const made of charts.values()) made.keys = "";
    drawSoon();
  }

  controls.addEventListener("input", again);
  controls.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("colours-changed", again);
  new ResizeObserver(() => {
    for (const { box, plot } of charts.values()) {
      const width = Math.max(200, box.clientWidth - 2);
      if (Math.abs(plot.width - width) > 2) plot.setSize({ width, height: 220 });
    }
  }).observe(place);

  const CHANGES = { status: "status-changed", complete: "status-changed", output: "output-changed", chart: "charts-changed" };
  const source = new EventSource(place.dataset.live);
  const live = !["completed", "failed", "stopped"].includes(place.dataset.from);
  const tell = (name) => document.body.dispatchEvent(new Event(name));

  source.addEventListener("backlog", (event) => {
    takeBacklog(JSON.parse(event.data));
    drawSoon();
    if (live) said.textContent = "live";
  });
  source.addEventListener("epochs", (event) => {
    JSON.parse(event.data).forEach(take);
    drawSoon();
    tell("status-changed");
  });
  source.addEventListener("changed", (event) => {
    for (const name of new Set(JSON.parse(event.data).map((kind) => CHANGES[kind]).filter(Boolean))) tell(name);
  });
  source.addEventListener("done", () => {
    source.close();
    said.textContent = "";
    // What a job writes at its end (report, pivot table, facets) brings scripts of its own, so the whole page is read
    // anew; but never under the eyes of somebody who reads further down.
    // Not under a reader who has pressed a link already: it would take the page away from where they go.
    if (live && window.scrollY < 300 && !leaving) location.reload();
    else if (live) document.getElementById("ended").hidden = false;
  });
  source.addEventListener("error", () => {
    said.textContent = source.readyState === EventSource.CLOSED ? "The connection ended; load the page again." : "reconnecting…";
  });
  source.addEventListener("open", () => { if (live) said.textContent = "live"; });
});
