// The pivot table: drag and drop (or keys), figures that open the samples behind them.
"use strict";

document.addEventListener("DOMContentLoaded", async () => {
  const place = document.getElementById("pivot-table");
  const said = document.getElementById("pivot-said");
  const { naturalSort, sortAs, renderers, numberFormat } = jQuery.pivotUtilities;
  const whole = numberFormat({ digitsAfterDecimal: 0 });
  const percent = numberFormat({ digitsAfterDecimal: 1, scaler: 100, suffix: " %" });
  const decimal = numberFormat({ digitsAfterDecimal: 4 });
  const unwrap = (value) => (Array.isArray(value) ? value.join(", ") : value === null || value === undefined ? "N/A" : typeof value === "object" ? JSON.stringify(value) : value);

  // Samples are counted once each: one with several labels has several records under one id.
  function counter() {
    const seen = new Set();
    return {
      total: 0,
      push(record) {
        if (record.id !== undefined && record.id !== "N/A") {
          if (seen.has(record.id)) return;
          seen.add(record.id);
        }
        this.total += Number(record.count ?? 1);
      },
    };
  }

  const samples = () => () => {
    const counted = counter();
    return { push: (record) => counted.push(record), value: () => counted.total, format: whole };
  };

  const share = (of) => () => (data, row, column) => {
    const counted = counter();
    return {
      push: (record) => counted.push(record),
      samples: counted,
      value() {
        const all = data.getAggregator(...of(row ?? [], column ?? [])).samples.total;
        return all ? counted.total / all : null;
      },
      format: percent,
    };
  };

  const mean = (key) => () => () => {
    let total = 0;
    let weight = 0;
    return {
      push(record) {
        const value = record[key];
        if (typeof value !== "number") return;
        const count = Number(record.count ?? 1);
        total += value * count;
        weight += count;
      },
      value: () => (weight ? total / weight : null),
      format: (value) => (value === null ? "" : decimal(value)),
    };
  };

  function colourScale(values) {
    const numbers = values.filter((value) => Number.isFinite(value));
    const top = Math.max(...numbers, 0);
    const ink = brevetti.style("accent").match(/[\d.]+/g).slice(0, 3).join(", ");
    return (value) => (top > 0 && Number.isFinite(value) ? `rgba(${ink}, ${(0.55 * value) / top})` : "transparent");
  }

  function describe(keys, values) {
    return Object.fromEntries(keys.map(([key, label], index) => [key, [label, String(values[index])]]));
  }

  function makeReachable(table) {
    for (const cell of table.querySelectorAll("td.pvtVal, td.pvtTotal, td.pvtGrandTotal")) {
      if (!cell.textContent) continue;
      cell.tabIndex = 0;
      cell.setAttribute("role", "button");
    }
    for (const chip of table.querySelectorAll("li span.pvtAttr")) {
      chip.tabIndex = 0;
      chip.setAttribute("role", "button");
      chip.setAttribute("aria-haspopup", "menu");
      chip.setAttribute("aria-expanded", "false");
      const where = chip.closest(".pvtRows") ? "in rows" : chip.closest(".pvtCols") ? "in columns" : "not used";
      chip.setAttribute("aria-label", `Field ${chip.firstChild.textContent.trim()}, ${where}`);
    }
    for (const [selector, name] of [[".pvtAggregator", "Figure"], [".pvtRenderer", "Shown as"]]) {
      table.querySelector(selector)?.setAttribute("aria-label", name);
    }
    for (const [selector, name] of [[".pvtRowOrder", "Order of the rows"], [".pvtColOrder", "Order of the columns"]]) {
      const element = table.querySelector(selector);
      if (!element) continue;
      element.setAttribute("role", "button");
      element.tabIndex = 0;
      element.setAttribute("aria-label", name);
    }
    for (const triangle of table.querySelectorAll(".pvtTriangle")) triangle.setAttribute("aria-hidden", "true");
  }

  const AREAS = { r: [".pvtRows", "rows"], c: [".pvtCols", "columns"], u: [".pvtUnused", "unused fields"] };

  function moved(chip, words) {
    said.textContent = `${chip.firstChild.textContent.trim()} moved ${words}`;
    // Moving an element takes its focus away.
    chip.focus();
    makeReachable(place);
    const item = jQuery(chip.closest("li"));
    item.parent().trigger("sortupdate", { item });
  }

  function moveTo(chip, area) {
    const [selector, words] = AREAS[area];
    place.querySelector(selector).append(chip.closest("li"));
    moved(chip, `to ${words}`);
  }

  function openFilter(chip) {
    jQuery(chip.querySelector(".pvtTriangle")).trigger("click");
    [...place.querySelectorAll(".pvtFilterBox")].find((box) => box.checkVisibility())?.querySelector("input, button")?.focus();
  }

  const ACTIONS = [["r", "To the rows"], ["c", "To the columns"], ["u", "Take it out"], ["f", "Filter…"]];

  function closeMenu(chip) {
    const menu = place.querySelector(".menu");
    chip?.setAttribute("aria-expanded", "false");
    // Before the menu goes: an element that goes with the focus in it tells its listeners in the middle of that.
    if (chip) chip.focus();
    else place.focus();
    menu?.remove();
  }

  function act(chip, key) {
    if (key === "f") openFilter(chip);
    else moveTo(chip, key);
  }

  // What dragging does, as a menu below the field: for keys, and for those who cannot drag.
  function openMenu(chip) {
    const open = place.querySelector("[aria-expanded=true]");
    if (open) closeMenu(open);
    const menu = document.createElement("div");
    menu.className = "menu";
    menu.setAttribute("role", "menu");
    menu.setAttribute("aria-label", chip.getAttribute("aria-label"));
    for (const [key, words] of ACTIONS) {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "menuitem");
      button.append(words, " ", Object.assign(document.createElement("kbd"), { textContent: key }));
      button.addEventListener("click", () => {
        closeMenu(chip);
        act(chip, key);
      });
      menu.append(button);
    }
    menu.addEventListener("keydown", (event) => {
      const buttons = [...menu.children];
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].focus();
      else if (event.key === "Escape") closeMenu(chip);
      else if (event.key in AREAS || event.key === "f") {
        closeMenu(chip);
        act(chip, event.key);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    menu.addEventListener("focusout", (event) => {
      if (menu.contains(event.relatedTarget) || !menu.isConnected) return;
      chip.setAttribute("aria-expanded", "false");
      menu.remove();
    });
    chip.closest("li").append(menu);
    chip.setAttribute("aria-expanded", "true");
    menu.firstChild.focus();
  }

  function onKey(event) {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches("td[role=button], .pvtRowOrder, .pvtColOrder") && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      jQuery(target).trigger("click");
      return;
    }
    if (!target.matches("span.pvtAttr")) return;
    const item = target.closest("li");
    const [before, after] = [item.previousElementSibling, item.nextElementSibling];
    if (event.key === "Enter" || event.key === " ") openMenu(target);
    else if (event.key in AREAS || event.key === "f") act(target, event.key);
    else if (event.key === "ArrowLeft" && before?.matches("li")) {
      before.before(item);
      moved(target, "forward");
    } else if (event.key === "ArrowRight" && after?.matches("li")) {
      after.after(item);
      moved(target, "back");
    } else return;
    event.preventDefault();
  }

  // A finger cannot drag here: each tap moves a field on, from the unused to the rows, the columns and back.
  function onTap(event) {
    if (event.pointerType !== "touch" || !event.target.matches("span.pvtAttr")) return;
    moveTo(event.target, event.target.closest(".pvtRows") ? "c" : event.target.closest(".pvtCols") ? "u" : "r");
  }

  try {
    const [fields, records] = await Promise.all([brevetti.fetchJson(place.dataset.fields), brevetti.fetchJson(place.dataset.records)]);
    const all = [...fields.rowFields, ...fields.colFields, ...fields.fields];
    // The table knows fields by their label; two of one label keep their keys.
    const twice = new Set(all.map((field) => field.label).filter((label, index, labels) => labels.indexOf(label) !== index));
    const label = (field) => (twice.has(field.label) ? `${field.label} (${field.key})` : field.label);
    const keyOf = new Map(all.map((field) => [label(field), field.key]));
    const sorters = Object.fromEntries(all.filter((field) => field.sort).map((field) => [label(field), sortAs(field.sort.map((value) => String(unwrap(value))))]));
    const extra = [...new Set(records.flatMap((record) => Object.keys(record)))].filter((key) => key !== "id" && key !== "count" && !all.some((field) => field.key === key));
    const rows = records.map((record) => {
      const row = { id: record.id, count: record.count };
      for (const field of all) row[label(field)] = String(unwrap(record[field.key]));
      for (const key of extra) row[key] = record[key];
      return row;
    });
    const aggregators = {
      Samples: samples,
      "Share of all": share(() => [[], []]),
      "Share of the row": share((row) => [row, []]),
      "Share of the column": share((row, column) => [[], column]),
    };
    for (const key of extra.filter((name) => records.some((record) => typeof record[name] === "number"))) aggregators[`Mean of ${key}`] = mean(key);
    const onCell = (event, value, filters, data) => {
      const keys = Object.keys(filters).map((name) => [keyOf.get(name) ?? name, name]);
      const filter = describe(keys, Object.values(filters));
      const counted = counter();
      data.forEachMatchingRecord(filters, (record) => counted.push(record));
      const count = counted.total;
      brevetti.samplesBehind(document.getElementById("pivot-behind"), place, filter, `${whole(count)} ${count === 1 ? "sample" : "samples"}`);
    };
    // What the reader has arranged, which other colours do not change.
    const ARRANGED = ["rows", "cols", "vals", "rowOrder", "colOrder", "aggregatorName", "rendererName", "inclusions", "exclusions", "inclusionsInfo"];
    const arranged = () => {
      const shown = jQuery(place).data("pivotUIOptions") ?? {};
      return Object.fromEntries(ARRANGED.filter((name) => name in shown).map((name) => [name, shown[name]]));
    };
    const draw = () => jQuery(place).empty().pivotUI(rows, {
      rows: fields.rowFields.map(label),
      cols: fields.colFields.map(label),
      hiddenAttributes: ["id", "count", ...extra],
      aggregators,
      aggregatorName: "Samples",
      renderers: { Table: renderers.Table, "Heat map": renderers.Heatmap, "Heat map by row": renderers["Row Heatmap"], "Heat map by column": renderers["Col Heatmap"], Bars: renderers["Table Barchart"] },
      rendererName: "Heat map",
      sorters: (name) => sorters[name] ?? naturalSort,
      rendererOptions: { table: { clickCallback: onCell }, heatmap: { colorScaleGenerator: colourScale } },
      unusedAttrsVertical: false,
      onRefresh: () => makeReachable(place),
      ...arranged(),
    }, true);
    place.replaceChildren();
    place.tabIndex = -1;
    draw();
    place.addEventListener("keydown", onKey);
    place.addEventListener("pointerup", onTap);
    window.addEventListener("colours-changed", draw);
    place.removeAttribute("aria-busy");
  } catch (error) {
    brevetti.failed(place, "The pivot table", error);
  }
});
