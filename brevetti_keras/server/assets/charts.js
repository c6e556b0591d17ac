// Vega-Lite charts without eval and without a network: expressions are interpreted, every address is refused.
// The libraries (some 300 kB packed) are loaded with the first chart.
const SCRIPTS = ["vendor/vega.min.js", "vendor/vega-lite.min.js", "vendor/vega-embed.min.js"];
const LEAST_WIDTH = 120;
let ready;

const refuse = (address) => Promise.reject(new Error(`charts load nothing, but this one asks for ${String(address).slice(0, 200)}`));
const LOADER = { load: refuse, sanitize: refuse, http: refuse, file: refuse, options: {} };

function config() {
  const ink = brevetti.style("ink");
  const quiet = brevetti.style("quiet");
  const line = brevetti.style("line");
  const font = "system-ui, sans-serif";
  return {
    background: "transparent",
    font,
    title: { color: ink, subtitleColor: quiet, font, fontSize: 14 },
    axis: { labelColor: quiet, titleColor: quiet, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal" },
    legend: { labelColor: quiet, titleColor: quiet, labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal" },
    header: { labelColor: quiet, titleColor: quiet },
    view: { stroke: line },
    text: { color: ink },
  };
}

// A chart of one view fills its place, whatever width it was made for; those that are composed keep their own size.
function isSingle(spec) {
  const one = ("mark" in spec || "layer" in spec) && !spec.encoding?.row && !spec.encoding?.column && !spec.encoding?.facet;
  const free = spec.width === undefined || typeof spec.width === "number";
  return one && free && String(spec.$schema ?? "").includes("vega-lite");
}

// Axes and legends take what they need, so the width that is left for the marks is known only once they are drawn.
async function fit(figure) {
  const place = figure.querySelector(".canvas");
  const drawn = place.querySelector("canvas").clientWidth;
  if (figure.single && Math.abs(place.clientWidth - drawn) > 2) {
    const { view } = figure.embedded;
    await view.width(Math.max(LEAST_WIDTH, view.width() + place.clientWidth - drawn)).runAsync();
  }
  figure.classList.toggle("wide", place.scrollWidth > place.clientWidth + 2);
}

function load(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${address} did not load`));
    document.head.append(script);
  });
}

async function libraries() {
  for (const name of SCRIPTS) await load(`/static/${name}`);
  const { expressionInterpreter } = await import("./vendor/vega-interpreter.js");
  return { embed: globalThis.vegaEmbed, expressionInterpreter };
}

async function show(figure) {
  const canvas = figure.querySelector(".canvas");
  try {
    const { embed, expressionInterpreter } = await (ready ??= libraries());
    figure.spec ??= await brevetti.fetchJson(figure.dataset.chart);
    // What a chart's author asks of the embedding is not followed: it could name another loader or another host.
    const { usermeta, ...spec } = figure.spec;
    figure.single = isSingle(spec);
    if (figure.single) spec.width ??= Math.max(LEAST_WIDTH, canvas.clientWidth - 100);
    figure.embedded?.finalize();
    figure.embedded = await embed(canvas, spec, {
      ast: true,
      expr: expressionInterpreter,
      loader: LOADER,
      renderer: "canvas",
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
      actions: false,
      config: config(),
    });
    await fit(figure);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Chart ${figure.dataset.name}`);
    canvas.removeAttribute("aria-busy");
  } catch (error) {
    brevetti.failed(canvas, "The chart", error);
  }
}

function showAll() {
  for (const figure of document.querySelectorAll(".chart[data-chart]")) {
    if (!figure.started) {
      figure.started = true;
      show(figure);
    }
  }
}

showAll();
document.addEventListener("htmx:load", showAll);
window.addEventListener("colours-changed", () => document.querySelectorAll(".chart[data-chart]").forEach(show));
window.addEventListener("resize", () => {
  for (const figure of document.querySelectorAll(".chart[data-chart]")) if (figure.embedded) fit(figure);
});
