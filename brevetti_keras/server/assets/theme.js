// Colours: as the system, unless the reader chose; loaded before the page is drawn, so that nothing flashes.
"use strict";

(() => {
  const NAMES = { "": "as the system", light: "light", dark: "dark" };
  const NEXT = { "": "dark", dark: "light", light: "" };
  const SIGNS = { "": "◐", dark: "☾", light: "☀" };

  function stored() {
    try {
      const value = localStorage.getItem("theme");
      return value in NAMES ? value : "";
    } catch {
      return "";
    }
  }

  function apply(value) {
    if (value) document.documentElement.dataset.theme = value;
    else delete document.documentElement.dataset.theme;
    const button = document.getElementById("theme");
    if (button) {
      button.textContent = SIGNS[value];
      button.setAttribute("aria-label", `Colours: ${NAMES[value]}`);
      button.title = `Colours: ${NAMES[value]}`;
    }
  }

  let value = stored();
  apply(value);
  document.addEventListener("DOMContentLoaded", () => {
    apply(value);
    document.getElementById("theme").addEventListener("click", () => {
      value = NEXT[value];
      try {
        localStorage.setItem("theme", value);
      } catch {
        // A browser that keeps nothing still shows the choice on this page.
      }
      apply(value);
      window.dispatchEvent(new Event("colours-changed"));
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => window.dispatchEvent(new Event("colours-changed")));
})();
