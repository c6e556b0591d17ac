// Inside the frame: sets what the page hands over on the element, and says what is wrong where it cannot be drawn.
"use strict";

(() => {
  const dive = document.getElementById("dive");
  const said = document.getElementById("said");

  // Facets places its labels once before its grid has a size, and properly a moment later; browsers call the first an error.
  const setAttribute = SVGElement.prototype.setAttribute;
  SVGElement.prototype.setAttribute = function set(name, value) {
    if (name !== "transform" || !String(value).includes("NaN")) setAttribute.call(this, name, value);
  };

  function size() {
    dive.height = Math.max(200, window.innerHeight - 8);
  }

  // The fields most worth looking at first, where they are there.
  function first(records, names) {
    return names.find((name) => records.some((record) => record[name] !== undefined && record[name] !== "")) ?? "";
  }

  addEventListener("message", (event) => {
    if (event.source !== parent || !event.data?.records) return;
    const { records, atlas, sprite } = event.data;
    if (!records.length) {
      said.textContent = "There are no samples in these facets.";
      return;
    }
    // Facets groups by plain values; lists become one text each.
    const plain = records.map((record) => Object.fromEntries(Object.entries(record).map(([key, value]) =>
      [key, Array.isArray(value) ? value.join(", ") : value !== null && typeof value === "object" ? JSON.stringify(value) : value])));
    size();
    dive.spriteImageWidth = sprite;
    dive.spriteImageHeight = sprite;
    dive.atlasUrl = URL.createObjectURL(new Blob([atlas]));
    dive.data = plain;
    dive.verticalFacet = first(plain, ["category", "folder"]);
    dive.horizontalFacet = first(plain, ["purpose"]);
    dive.dataset.records = String(plain.length);
  });
  addEventListener("resize", size);
  customElements.whenDefined("facets-dive").then(() => parent.postMessage("ready", "*"));
})();
