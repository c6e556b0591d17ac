// Hands records and atlas to the frame that draws Facets Dive; the frame itself can load nothing.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const SPRITE = 64;
  for (const frame of document.querySelectorAll("iframe.facets")) {
    let handed;
    addEventListener("message", async (event) => {
      if (event.source !== frame.contentWindow || event.data !== "ready") return;
      try {
        handed ??= Promise.all([
          brevetti.fetchJson(frame.dataset.facets),
          fetch(frame.dataset.atlas).then((response) => {
            if (!response.ok) throw new Error(`the server answered ${response.status}`);
            return response.arrayBuffer();
          }),
        ]);
        const [records, atlas] = await handed;
        // The frame's origin is opaque, so it cannot be named; what it is handed is the job's own.
        frame.contentWindow.postMessage({ records, atlas, sprite: SPRITE }, "*");
      } catch (error) {
        const line = document.createElement("div");
        frame.replaceWith(line);
        brevetti.failed(line, "Facets", error);
      }
    });
  }
});
