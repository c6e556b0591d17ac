// <settings-form>: the form of a JSON Schema 2020-12, as pydantic writes it, with our hints under x-… keys.
//
//   form.draw(schema, value)      what `value` leaves out is filled in from the schema's defaults
//   form.value                    what is shown, as JSON; what nobody touched comes back exactly as it was
//   form.showErrors({"image_pipeline.target_size.0": "expected a whole number"})      each at its field
//
// Nothing is judged here: text that is no number is sent as text, and the server says what is wrong with it. Each kind
// of value is a node: {element, read(), child(part), label}; `child` leads an error's dotted name to its field.
"use strict";

(() => {
  let made = 0;

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  const words = (name) => {
    const text = String(name).replaceAll("_", " ").trim();
    return text.charAt(0).toUpperCase() + text.slice(1);
  };
  const { best, fresh, filled, fits, has, isObject, isPart, members, resolve, tags } = brevetti.settingsValues;

  function range(schema) {
    const low = schema.minimum ?? schema.exclusiveMinimum;
    const high = schema.maximum ?? schema.exclusiveMaximum;
    const least = low === undefined ? "" : `${schema.exclusiveMinimum !== undefined ? "more than" : "at least"} ${low}`;
    const most = high === undefined ? "" : `${schema.exclusiveMaximum !== undefined ? "less than" : "at most"} ${high}`;
    return [least, most].filter(Boolean).join(", ");
  }

  const help = (schema) => [schema.description?.split("\n")[0], range(schema)].filter(Boolean).join(" · ");

  function named(control, field) {
    control.id = field.id = `setting-${++made}`;
    if (field.label) control.setAttribute("aria-label", field.label);
    if (field.describedBy) control.setAttribute("aria-describedby", field.describedBy);
    return control;
  }

  // A single control. What nobody touched is read as it was given.
  function single(control, given, parse) {
    let touched = false;
    for (const name of ["input", "change"]) control.addEventListener(name, () => { touched = true; });
    return { element: control, control, read: () => (touched ? parse(control) : given), child: () => null };
  }

  function parsedNumber(text) {
    const plain = text.trim();
    return plain !== "" && Number.isFinite(Number(plain)) ? Number(plain) : text;
  }

  function choiceNode(schema, value, field, nullable) {
    const choices = nullable ? [null, ...schema.enum] : schema.enum;
    const strange = value !== undefined && !choices.includes(value);
    const offered = strange ? [...choices, value] : choices;
    const control = named(make("select"), field);
    offered.forEach((choice, index) => control.append(make("option", { value: index, textContent: choice === null ? "none" : String(choice) })));
    control.selectedIndex = value === undefined ? -1 : offered.indexOf(value);
    return single(control, value, () => offered[control.selectedIndex]);
  }

  function numberNode(schema, value, field, nullable) {
    const control = named(make("input", { type: "text", inputMode: schema.type === "integer" ? "numeric" : "decimal", className: "short", autocomplete: "off" }), field);
    control.value = value === undefined || value === null ? "" : String(value);
    if (nullable) control.placeholder = "none";
    return single(control, value, () => (nullable && control.value.trim() === "" ? null : parsedNumber(control.value)));
  }

  function textNode(schema, value, field) {
    const widget = schema["x-widget"];
    const long = widget === "textarea" || (typeof value === "string" && value.includes("\n"));
    const control = named(long ? make("textarea", { rows: 4 }) : make("input", { type: widget === "password" ? "password" : "text", autocomplete: "off" }), field);
    control.value = value === undefined ? "" : value;
    return single(control, value, () => control.value);
  }

  function truthNode(schema, value, field) {
    const control = named(make("input", { type: "checkbox", checked: value === true }), field);
    return single(control, value, () => control.checked);
  }

  function jsonNode(schema, value, field) {
    const control = named(make("textarea", { rows: 4, className: "code", spellcheck: false }), field);
    control.value = value === undefined ? "" : JSON.stringify(value, null, 2);
    return single(control, value, () => {
      try {
        return JSON.parse(control.value);
      } catch {
        return control.value;
      }
    });
  }

  function constantNode(schema) {
    return { element: make("code", { textContent: String(schema.const) }), read: () => schema.const, child: () => null };
  }

  function tupleNode(schema, value, field, parts) {
    const given = Array.isArray(value) ? value : [];
    const nodes = schema.prefixItems.map((item, index) => node(item, has(given, index) ? given[index] : fresh(item, parts), { label: `${field.label ?? words(field.name)} ${index + 1}`, describedBy: field.describedBy }, parts));
    const element = make("div", { className: "tuple", role: "group" }, ...nodes.map((item) => item.element));
    if (field.label || field.name) element.setAttribute("aria-label", field.label ?? words(field.name));
    return { element, read: () => [...nodes.map((item) => item.read()), ...given.slice(nodes.length)], child: (part) => nodes[part] ?? null };
  }

  // Rows that can be added, moved up and removed: of a list, and of a map, whose rows have a key too.
  function rowsNode(label, begin, addText, drawRow, collect) {
    const rows = [];
    const list = make("ol", { className: "rows" });
    const add = make("button", { type: "button", textContent: addText });
    add.setAttribute("aria-label", `${addText} to ${label}`);
    const button = (text, name, act) => {
      const control = make("button", { type: "button", textContent: text });
      control.setAttribute("aria-label", name);
      control.addEventListener("click", act);
      return control;
    };
    const append = (given) => {
      const row = drawRow(given, rows.length);
      const up = button("↑", `Move up in ${label}`, () => {
        const index = rows.indexOf(row);
        if (!index) return;
        rows.splice(index - 1, 0, ...rows.splice(index, 1));
        list.insertBefore(row.item, rows[index].item);
        up.focus();
      });
      const remove = button("×", `Remove from ${label}`, () => {
        rows.splice(rows.indexOf(row), 1);
        row.item.remove();
        add.focus();
      });
      row.item = make("li", {}, ...row.elements, make("div", { className: "moves" }, up, remove));
      rows.push(row);
      list.append(row.item);
      return row;
    };
    begin.forEach(append);
    add.addEventListener("click", () => append(undefined).item.querySelector("input, select, textarea, button").focus());
    return { element: make("div", { className: "list-field", role: "group", ariaLabel: label }, list, add), read: () => collect(rows), child: (part) => rows.find((row, index) => row.answersTo(part, index))?.node ?? null };
  }

  function listNode(schema, value, field, parts) {
    const label = field.label ?? words(field.name);
    const item = schema.items ?? {};
    let touched = false;
    const rows = rowsNode(label, Array.isArray(value) ? value : [], "Add", (given, index) => {
      const inner = node(item, given === undefined ? fresh(item, parts) : given, { label: `${label} ${index + 1}` }, parts);
      return { node: inner, elements: [inner.element], answersTo: (part, at) => String(at) === part };
    }, (all) => all.map((row) => row.node.read()));
    rows.element.addEventListener("click", () => { touched = true; });
    rows.element.addEventListener("input", () => { touched = true; });
    return { ...rows, read: () => (value === undefined && !touched ? undefined : rows.read()) };
  }

  function mapNode(schema, value, field, parts) {
    const label = field.label ?? words(field.name);
    const item = isObject(schema.additionalProperties) ? schema.additionalProperties : {};
    let touched = false;
    const rows = rowsNode(label, Object.entries(isObject(value) ? value : {}), "Add", (given, index) => {
      const key = make("input", { type: "text", value: given ? given[0] : "", placeholder: "name", autocomplete: "off" });
      key.setAttribute("aria-label", `${label}, name ${index + 1}`);
      const inner = node(item, given ? given[1] : fresh(item, parts), { label: `${label}, value ${index + 1}` }, parts);
      const name = single(key, given ? given[0] : "", () => key.value);
      return { node: inner, name, elements: [key, make("span", { textContent: "→", ariaHidden: "true" }), inner.element], answersTo: (part) => name.read() === part };
    }, (all) => Object.fromEntries(all.map((row) => [row.name.read(), row.node.read()])));
    for (const name of ["click", "input"]) rows.element.addEventListener(name, () => { touched = true; });
    return { ...rows, read: () => (value === undefined && !touched ? undefined : rows.read()) };
  }

  const TYPES = { array: "list", object: "part", string: "text", integer: "whole number", number: "number", boolean: "yes or no", null: "none" };

  function memberName(schema, parts) {
    const plain = resolve(schema, parts);
    const [tag] = Object.values(tags(plain));
    if (tag !== undefined) return String(tag);
    if (plain.type === "object" && plain.title) return words(plain.title);
    return plain.const !== undefined ? String(plain.const) : TYPES[plain.type] ?? "any";
  }

  // A choice of the member, and the member; another member starts afresh.
  function unionNode(choices, value, field, parts) {
    const control = named(make("select"), field);
    choices.forEach((choice, index) => control.append(make("option", { value: index, textContent: memberName(choice, parts) })));
    const strange = value !== undefined && !choices.some((choice) => fits(choice, value, parts));
    if (strange) control.append(make("option", { value: choices.length, textContent: "as it was given" }));
    const place = make("div", { className: "member" });
    let inner;
    const show = (index, given) => {
      const plain = resolve(choices[index], parts);
      if (index === choices.length) inner = jsonNode(plain, given, { label: field.label ?? words(field.name) });
      else inner = plain.type === "null" ? { element: make("span"), read: () => null, child: () => null } : node(plain, given, { label: field.label ?? words(field.name), union: tags(plain) }, parts);
      place.replaceChildren(inner.element);
    };
    control.selectedIndex = strange ? choices.length : value === undefined ? 0 : choices.indexOf(best(choices, value, parts));
    show(control.selectedIndex, value === undefined ? fresh(choices[0], parts) : value);
    control.addEventListener("change", () => show(control.selectedIndex, fresh(choices[control.selectedIndex], parts)));
    return { element: make("div", { className: "union" }, control, place), control, read: () => inner.read(), child: (part) => inner.child(part), anyPart: true };
  }

  // Label, control, help, and the place of an error.
  function fieldOf(name, schema, value, parts, required) {
    const plain = resolve(schema, parts);
    const line = make("p", { className: "help", id: `help-${++made}`, textContent: help(plain) });
    const field = { name, describedBy: line.textContent ? line.id : "" };
    const inner = node(plain, value, field, parts);
    const title = plain["x-label"] ?? words(name);
    const unit = plain["x-unit"] ? make("span", { className: "quiet", textContent: ` ${plain["x-unit"]}` }) : null;
    const mark = required ? make("span", { className: "quiet", textContent: " (needed)" }) : null;
    const label = inner.control ? make("label", { htmlFor: inner.control.id }, title, unit, mark) : make("span", { className: "label" }, title, unit, mark);
    const check = inner.control?.type === "checkbox";
    const element = make("div", { className: check ? "field check" : "field" }, ...(check ? [inner.element, label] : [label, inner.element]), line.textContent ? line : null);
    return { ...inner, element };
  }

  function partNode(schema, value, field, parts) {
    const given = isObject(value) ? value : {};
    const fixed = field.union ?? {};
    const needed = new Set(schema.required ?? []);
    const nodes = new Map();
    const plain = make("div");
    const advanced = make("div");
    for (const [name, inner] of Object.entries(schema.properties)) {
      const found = resolve(inner, parts);
      if (has(fixed, name)) {
        nodes.set(name, constantNode(found));
        continue;
      }
      const drawn = isPart(found) ? foldedPart(name, found, given[name], parts) : fieldOf(name, inner, given[name], parts, needed.has(name));
      nodes.set(name, drawn);
      (found["x-advanced"] ? advanced : plain).append(drawn.element);
    }
    const element = make("div", { className: "part" }, plain);
    if (advanced.children.length) element.append(make("details", { className: "advanced" }, make("summary", { textContent: `Advanced (${advanced.children.length})` }), advanced));
    const read = () => {
      const result = { ...given };
      for (const [name, inner] of nodes) {
        const now = inner.read();
        if (now !== undefined) result[name] = now;
      }
      return result;
    };
    return { element, read, child: (part) => nodes.get(part) ?? null };
  }

  function foldedPart(name, schema, value, parts) {
    const inner = partNode(schema, value, { name }, parts);
    const description = schema.description?.split("\n")[0];
    const summary = make("summary", {}, make("span", { className: "strong", textContent: schema["x-label"] ?? words(name) }), description ? make("span", { className: "quiet", textContent: ` ${description}` }) : null);
    return { ...inner, element: make("details", { className: "fold" }, summary, inner.element) };
  }

  function node(schema, value, field, parts) {
    const plain = resolve(schema, parts);
    const choices = members(plain);
    if (choices) {
      const others = choices.filter((choice) => resolve(choice, parts).type !== "null");
      const only = others.length === 1 ? resolve(others[0], parts) : null;
      const nullable = others.length < choices.length;
      if (only?.enum) return choiceNode(only, value, field, nullable);
      if (nullable && (only?.type === "integer" || only?.type === "number")) return numberNode(only, value, field, true);
      return unionNode(nullable ? [{ type: "null" }, ...others] : choices, value, field, parts);
    }
    // Also what has not even the shape of such a value: it is shown as it is, to be put right.
    const list = plain.prefixItems || plain.type === "array";
    const misshapen = value !== undefined && ((list && !Array.isArray(value)) || (plain.type === "object" && !isObject(value)));
    if (plain["x-widget"] === "json" || misshapen) return jsonNode(plain, value, field);
    if (plain.const !== undefined) return constantNode(plain);
    if (plain.enum) return choiceNode(plain, value, field, false);
    if (plain.prefixItems) return tupleNode(plain, value, field, parts);
    if (isPart(plain)) return partNode(plain, value, field, parts);
    const drawn = { boolean: truthNode, integer: numberNode, number: numberNode, string: textNode, array: listNode }[plain.type];
    if (drawn) return drawn(plain, value, field, parts);
    return plain.type === "object" && isObject(plain.additionalProperties) ? mapNode(plain, value, field, parts) : jsonNode(plain, value, field);
  }

  class SettingsForm extends HTMLElement {
    #root = null;
    #schema = {};

    draw(schema, value) {
      this.#schema = schema;
      const parts = schema.$defs ?? {};
      this.#root = partNode({ properties: {}, ...schema }, filled(schema, value ?? {}, parts), { name: "settings" }, parts);
      this.replaceChildren(this.#root.element);
    }

    get value() {
      return this.#root ? this.#root.read() : {};
    }

    // The words that stand for a dotted name: those of the schema.
    labelOf(name) {
      let schema = this.#schema;
      const found = name.split(".").map((part) => {
        schema = resolve(schema?.properties?.[part] ?? schema?.items, this.#schema.$defs ?? {});
        return schema["x-label"] ?? words(part);
      });
      return found.join(", ");
    }

    // Marks each wrong value; returns the messages of names that no field has.
    showErrors(errors) {
      for (const line of this.querySelectorAll(".field-error")) line.remove();
      for (const control of this.querySelectorAll("[aria-invalid]")) {
        control.removeAttribute("aria-invalid");
        if (control.dataset.described !== undefined) control.setAttribute("aria-describedby", control.dataset.described);
      }
      const homeless = [];
      for (const [name, message] of Object.entries(errors)) {
        const place = this.#place(name.split("."));
        if (place) this.#mark(place, message);
        else homeless.push(name ? `${name}: ${message}` : message);
      }
      this.querySelector("[aria-invalid]")?.focus();
      return homeless;
    }

    // The deepest field that a dotted name leads to. A part of it that no field has is the name of a union's member.
    #place(parts) {
      let found = this.#root;
      for (const part of parts) found = found?.child(part) ?? found;
      return found === this.#root ? null : found;
    }

    #mark(place, message) {
      const control = place.control ?? place.element.querySelector("input, select, textarea") ?? place.element;
      const line = make("p", { className: "field-error", id: `wrong-${++made}`, textContent: message });
      line.setAttribute("role", "alert");
      const item = place.element.closest("li") ?? place.element.closest(".field") ?? place.element;
      item.append(line);
      control.setAttribute("aria-invalid", "true");
      control.dataset.described ??= control.getAttribute("aria-describedby") ?? "";
      control.setAttribute("aria-describedby", `${control.dataset.described} ${line.id}`.trim());
      for (let above = line.parentElement; above && above !== this; above = above.parentElement) {
        if (above.tagName === "DETAILS") above.open = true;
      }
    }
  }

  customElements.define("settings-form", SettingsForm);
})();
