// What a JSON Schema says of values: references followed, defaults filled in, the member of a union that a value is of.
"use strict";

brevetti.settingsValues = (() => {
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const copy = (value) => (value === undefined ? undefined : structuredClone(value));
  const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key);

  // Follows references; what stands beside a reference counts more than what it leads to.
  function resolve(schema, parts) {
    let found = schema === true || schema === undefined ? {} : schema;
    for (let depth = 0; depth < 32; depth += 1) {
      const [only] = found.allOf?.length === 1 ? found.allOf : [];
      const next = found.$ref ? parts[found.$ref.split("/").pop()] ?? {} : only;
      if (!next) return found;
      const { $ref, allOf, ...beside } = found;
      found = { ...next, ...beside };
    }
    return found;
  }

  const members = (schema) => schema.oneOf ?? schema.anyOf ?? null;

  function isPart(schema) {
    return schema.type === "object" && schema.properties !== undefined;
  }

  // The constants by which the members of a union are told apart: {"kind": "blur"}.
  function tags(schema) {
    const found = Object.entries(schema.properties ?? {}).filter(([, field]) => field && field.const !== undefined);
    return Object.fromEntries(found.map(([name, field]) => [name, field.const]));
  }

  // How well a value fits a member of a union: 0 not at all.
  function fit(schema, value, parts) {
    const plain = resolve(schema, parts);
    const inner = members(plain);
    if (inner) return Math.max(...inner.map((member) => fit(member, value, parts)));
    if (plain.const !== undefined) return plain.const === value ? 3 : 0;
    if (plain.enum) return plain.enum.includes(value) ? 3 : 0;
    if (value === null) return plain.type === "null" ? 3 : 0;
    if (Array.isArray(value)) {
      if (plain.type !== "array") return plain.type ? 0 : 1;
      const inside = value.map((item, index) => fit(plain.prefixItems?.[index] ?? plain.items ?? {}, item, parts));
      const long = plain.prefixItems && plain.prefixItems.length !== value.length ? 0.5 : 1;
      return (inside.length ? 1 + Math.min(...inside) / 3 : 2) * long;
    }
    if (isObject(value)) {
      if (plain.type !== "object") return plain.type ? 0 : 1;
      if (!plain.properties) return 1.5;
      if (Object.entries(tags(plain)).some(([name, tag]) => value[name] !== tag)) return 0.1;
      const known = Object.keys(value).filter((name) => has(plain.properties, name)).length;
      return 1 + (known / Math.max(1, Object.keys(value).length));
    }
    if (typeof value === "number") return plain.type === "number" || (plain.type === "integer" && Number.isInteger(value)) ? 2 : plain.type ? 0 : 1;
    const kind = typeof value;
    return plain.type === kind ? 2 : plain.type ? 0 : 1;
  }

  const fits = (schema, value, parts) => fit(schema, value, parts) > 0.1;

  // The value of a schema where nothing is given; undefined where the server has to say.
  function initial(schema, parts) {
    const plain = resolve(schema, parts);
    if (has(plain, "default")) return filled(plain, copy(plain.default), parts);
    if (plain.const !== undefined) return plain.const;
    return isPart(plain) ? filled(plain, {}, parts) : undefined;
  }

  // A given value with the defaults of what it leaves out.
  function filled(schema, value, parts) {
    const plain = resolve(schema, parts);
    if (!isObject(value)) return value;
    if (members(plain)) return fits(plain, value, parts) ? filled(best(members(plain), value, parts), value, parts) : value;
    if (!isPart(plain)) return value;
    const given = isObject(plain.default) ? { ...plain.default, ...value } : value;
    const result = { ...given };
    for (const [name, field] of Object.entries(plain.properties)) {
      const beside = resolve(field, parts);
      const inner = has(given, name) ? filled({ ...beside, default: plain.default?.[name] ?? beside.default }, given[name], parts) : initial(field, parts);
      if (inner !== undefined) result[name] = inner;
    }
    return result;
  }

  function best(choices, value, parts) {
    return choices.reduce((one, other) => (fit(other, value, parts) > fit(one, value, parts) ? other : one));
  }

  // What an added row or a newly chosen member begins with.
  function fresh(schema, parts) {
    const plain = resolve(schema, parts);
    const value = initial(plain, parts);
    if (value !== undefined) return value;
    if (members(plain)) return fresh(members(plain)[0], parts);
    if (plain.enum) return plain.enum[0];
    if (plain.prefixItems) return plain.prefixItems.map((item) => fresh(item, parts));
    return { array: [], object: {}, string: "", boolean: false, null: null, integer: "", number: "" }[plain.type] ?? null;
  }

  return { best, fresh, filled, fits, has, isObject, isPart, members, resolve, tags };
})();
