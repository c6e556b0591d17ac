// A form that is sent before the page's scripts are there waits for them: the browser would send its fields by itself, to
// the page they stand on, which does nothing and says nothing. Loaded before the page is drawn, like the colours.
"use strict";

(() => {
  const waiting = new Map();

  function hold(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting.set(event.target, event.submitter);
  }

  document.addEventListener("submit", hold, true);
  // The window hears of it after the document, so after every script of the page has prepared its forms.
  window.addEventListener("DOMContentLoaded", () => {
    document.removeEventListener("submit", hold, true);
    for (const [form, submitter] of waiting) form.requestSubmit(submitter);
  });
})();
