// What every page does: times in the reader's zone, commands to copy, the place in a long page.
"use strict";

window.brevetti = {
  // The present value of a colour or length of pages.css, for what is drawn on a canvas.
  style(name) {
    const probe = document.createElement("span");
    probe.className = `probe-${name}`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  },

  async fetchJson(address) {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      // Existing clients write the bare words NaN and Infinity, which JSON does not know.
      const words = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
      return JSON.parse(text.replace(words, (word) => (word[0] === '"' ? word : "null")));
    }
  },

  // Puts one line in place of what could not be shown.
  failed(place, what, error) {
    const line = document.createElement("p");
    line.className = "problem";
    line.setAttribute("role", "alert");
    line.textContent = `${what} cannot be shown: ${error.message}. Load the page again; the file itself is among the artifacts.`;
    place.replaceChildren(line);
    place.removeAttribute("aria-busy");
  },
};

(() => {
  const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

  function localTimes(root) {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      element.textContent = SHORT.format(moment);
      element.title = FULL.format(moment);
    }
  }

  function copyButtons(root) {
    for (const block of root.querySelectorAll("[data-copy]")) {
      if (block.querySelector("button")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.setAttribute("aria-label", "Copy the command");
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(block.querySelector("code").textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
      block.append(button);
    }
  }

  function prepare(root) {
    localTimes(root);
    copyButtons(root);
    for (const log of root.querySelectorAll("pre.log")) log.scrollTop = log.scrollHeight;
  }

  function markSection() {
    const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
    if (!links.size) return;
    const seen = new Set();
    const observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) isIntersecting ? seen.add(target.id) : seen.delete(target.id);
      const first = [...links.keys()].find((id) => seen.has(id));
      for (const [id, link] of links) id === first ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    }, { rootMargin: "-15% 0px -60% 0px" });
    for (const id of links.keys()) {
      const section = document.getElementById(id);
      if (section) observer.observe(section);
    }
  }

  // A page that the browser kept as it was left would show old figures, and forms that still wait for their answer.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  document.addEventListener("DOMContentLoaded", () => {
    prepare(document);
    markSection();
  });
  // htmx brings a new section with times as the server wrote them.
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt.parentElement ?? document));
})();
