// What vendor/vega-interpreter.js asks of "vega-util", from the vega that the page has loaded.
export const { ascending, isString, DisallowedObjectProperties } = globalThis.vega;
