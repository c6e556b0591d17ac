// The samples behind a figure: those of the facets whose fields match, as pictures cut from the atlas.
"use strict";

brevetti.samplesBehind = (() => {
  const SPRITE = 64;
  const MOST = 120;
  let loading;

  const text = (value) => (Array.isArray(value) ? value.join(", ") : value === null || value === undefined ? "N/A" : String(value));

  // A sample of several labels stands under each of them.
  const matches = (record, filter) => Object.entries(filter).every(([key, value]) =>
    text(record[key]) === value || (Array.isArray(record[key]) && record[key].map(String).includes(value)));

  // The sample's own page where its dataset is known, which shows it whole; else the file.
  function pageOf(record) {
    const { url } = record;
    if (typeof url !== "string" || !url.startsWith("/") || url.startsWith("//")) return null;
    const [route, query] = url.split("?");
    const path = route === "/download" ? new URLSearchParams(query).get("path") : null;
    if (!path?.startsWith("/") || !record.dataset_id || record.dataset_id === "N/A") return url;
    return `/datasets/${encodeURIComponent(record.dataset_id)}/image?${new URLSearchParams({ path })}`;
  }

  function picture(record, index, columns, atlas) {
    const item = document.createElement("li");
    const address = pageOf(record);
    const element = document.createElement(address ? "a" : "span");
    if (address) element.href = address;
    element.className = "sprite";
    element.setAttribute("role", address ? "link" : "img");
    element.setAttribute("aria-label", `Sample ${index + 1}: ${text(record.category ?? record.folder)}`);
    element.title = Object.entries(record).slice(0, 12).map(([key, value]) => `${key}: ${text(value)}`).join("\n");
    element.style.backgroundImage = `url("${atlas}")`;
    element.style.backgroundPosition = `-${(index % columns) * SPRITE}px -${Math.floor(index / columns) * SPRITE}px`;
    item.append(element);
    return item;
  }

  return async function samplesBehind(place, table, filter, count) {
    const heading = document.createElement("h3");
    const said = Object.entries(filter).map(([, [label, value]]) => `${label} = ${value}`).join(", ") || "all samples";
    heading.textContent = `${count} behind this figure: ${said}`;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    const body = document.createElement("div");
    const row = document.createElement("div");
    row.className = "row";
    row.append(heading, close);
    place.replaceChildren(row, body);
    place.hidden = false;
    close.addEventListener("click", () => { place.hidden = true; table.focus(); });
    place.focus();
    const line = (words) => {
      const paragraph = document.createElement("p");
      paragraph.className = "quiet";
      paragraph.textContent = words;
      body.append(paragraph);
    };
    if (!table.dataset.facets) {
      line("The job wrote no facets, so there are no pictures of these samples; sample_identification.csv among the artifacts lists all.");
      return;
    }
    try {
      const records = await (loading ??= brevetti.fetchJson(table.dataset.facets));
      const wanted = Object.fromEntries(Object.entries(filter).map(([key, [, value]]) => [key, value]));
      const missing = Object.keys(wanted).filter((key) => !records.some((record) => key in record));
      if (missing.length) {
        line(`The facets do not hold ${missing.join(", ")}, so these samples cannot be picked out of them.`);
        return;
      }
      const columns = Math.ceil(Math.sqrt(records.length));
      const found = records.map((record, index) => [record, index]).filter(([record]) => matches(record, wanted));
      const list = document.createElement("ul");
      list.className = "sprites";
      list.append(...found.slice(0, MOST).map(([record, index]) => picture(record, index, columns, table.dataset.atlas)));
      body.append(list);
      if (found.length > MOST) line(`The first ${MOST} of ${found.length} in the facets are shown.`);
      else if (!found.length) line("None of these samples is among those that the facets show.");
    } catch (error) {
      brevetti.failed(body, "The samples", error);
    }
  };
})();
