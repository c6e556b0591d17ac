// Forms that change something: each says what it sends, the answer is shown where the eye is, an error at its field.
//
//   <form data-send="PATCH /api/datasets/1">           sends its named fields as JSON and says that it was saved
//   <form data-send="POST /api/tags" data-then="reload" data-focus="id">      draws the page anew, the focus stays
//   <form data-send="POST /api/datasets" data-then="/datasets/{id}">          goes on to what was made
//   <form data-send="POST /api/demo" data-wait="The images are written…">    what is said until the answer comes
//   <form data-send="DELETE …" data-ask="Really remove it">                   asks once more on its own button
"use strict";

brevetti.send = async (method, address, body) => {
  const headers = { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  let response;
  try {
    response = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Error("the server does not answer: is it still running?");
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.error ?? `the server answered ${response.status}`);
  return answer;
};

(() => {
  let made = 0;

  // The line below a field (or a whole form) that says what is wrong with it.
  function errorLine(form) {
    let line = form.querySelector(":scope > .field-error");
    if (!line) {
      line = document.createElement("p");
      line.className = "field-error";
      line.id = `error-${++made}`;
      line.setAttribute("role", "alert");
      form.append(line);
    }
    return line;
  }

  brevetti.showError = (form, field, error) => {
    const line = errorLine(form);
    line.textContent = error ? error.message : "";
    if (!field) return;
    if (error) {
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", line.id);
      field.focus();
    } else {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
  };

  const textFields = (form) => [...form.querySelectorAll("input[name]:not([type=hidden]), textarea[name]")];

  function bodyOf(form) {
    const body = {};
    for (const field of form.querySelectorAll("[name]")) {
      if (field.value || !("optional" in field.dataset)) body[field.name] = field.value;
    }
    return body;
  }

  async function redraw(sent, focus) {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const open = [...document.querySelectorAll("main details[open]")].map((details) => details.id);
    // What was typed into the other forms, and not saved yet, stays.
    const typed = textFields(document).filter((field) => field.id && field.value !== field.defaultValue && !sent.contains(field));
    document.querySelector("main").replaceChildren(...fresh.querySelector("main").childNodes);
    for (const { id, value } of typed) {
      const field = document.getElementById(id);
      if (field) field.value = value;
    }
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    (document.getElementById(focus) ?? document.querySelector("main")).focus();
  }

  // The first press of a button that removes asks; the second does it.
  function asksFirst(form, button) {
    if (!form.dataset.ask || button.dataset.asked) return false;
    const label = button.textContent;
    button.dataset.asked = "true";
    button.textContent = `${form.dataset.ask}?`;
    button.addEventListener("blur", () => {
      delete button.dataset.asked;
      button.textContent = label;
    }, { once: true });
    return true;
  }

  async function submit(form) {
    const button = form.querySelector("button[type=submit]");
    if (form.busy || asksFirst(form, button)) return;
    // A second press, before the answer to the first, would do it twice.
    form.busy = true;
    const [method, address] = form.dataset.send.split(" ");
    const [field] = textFields(form);
    const said = form.querySelector(".said");
    brevetti.showError(form, field, null);
    if (said) said.textContent = form.dataset.wait ?? "…";
    let leaving = false;
    try {
      const answer = await brevetti.send(method, address, method === "DELETE" ? undefined : bodyOf(form));
      if (said) said.textContent = "Saved";
      if (form.dataset.then === "reload") await redraw(form, form.dataset.focus);
      else if (form.dataset.then) {
        location.href = form.dataset.then.replace("{id}", encodeURIComponent(answer?.id ?? ""));
        leaving = true;
      } else if (form.querySelector("[name=name]")) document.querySelector("h1").textContent = answer.name;
    } catch (error) {
      if (said) said.textContent = "";
      brevetti.showError(form, field, error);
    } finally {
      form.busy = leaving;
    }
  }

  async function changeTags(form, change) {
    // All tags are sent at once: a second change, before the answer to the first, would undo it.
    if (form.busy) return;
    form.busy = true;
    const field = form.querySelector("input");
    brevetti.showError(form, field, null);
    try {
      const present = [...form.querySelectorAll("li[data-tag]")].map((item) => item.dataset.tag);
      await brevetti.send("PATCH", form.dataset.tags, { tag_ids: await change(present, field.value.trim()) });
      await redraw(form, field.id);
    } catch (error) {
      brevetti.showError(form, field, error);
    } finally {
      form.busy = false;
    }
  }

  async function withTag(form, present, text) {
    const known = [...form.querySelectorAll("option")].find((option) => option.value === text);
    const id = known ? known.dataset.tag : (await brevetti.send("POST", "/api/tags/ensure", { text })).id;
    return [...present, id];
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.send) {
      event.preventDefault();
      submit(form);
    } else if (form.dataset.tags) {
      event.preventDefault();
      changeTags(form, (present, text) => withTag(form, present, text));
    }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("li[data-tag] button");
    if (!button) return;
    const { tag } = button.parentElement.dataset;
    changeTags(button.closest("form"), (present) => present.filter((id) => id !== tag));
  });

  // A section that is drawn anew while one of its buttons is pressed, or asks, would take the button from under the
  // reader: a running job's status comes with every epoch. It is drawn when the button is done with.
  let pressed = null;
  const owed = new Set();

  function drawOwed() {
    for (const section of owed) {
      if (section.contains(pressed) || section.querySelector("[data-asked]")) continue;
      owed.delete(section);
      const [, name] = /^(\S+) from:body$/.exec(section.getAttribute("hx-trigger")) ?? [];
      if (name && section.isConnected) document.body.dispatchEvent(new Event(name));
    }
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const section = event.detail.target;
    if (!section.contains(pressed) && !section.querySelector("[data-asked]")) return;
    event.detail.shouldSwap = false;
    owed.add(section);
  });
  document.addEventListener("pointerdown", (event) => { pressed = event.target.closest("button, a"); });
  for (const name of ["pointerup", "pointercancel"]) {
    document.addEventListener(name, () => {
      pressed = null;
      // The click itself comes after the pointer is let go.
      setTimeout(drawOwed);
    });
  }
  document.addEventListener("focusout", () => setTimeout(drawOwed));
  document.addEventListener("input", (event) => {
    const said = event.target.closest("form[data-send]")?.querySelector(".said");
    if (said) said.textContent = "";
  });
})();
