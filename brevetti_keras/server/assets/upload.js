// Images from this machine to the server: chosen or dropped, sent a few at a time, a dataset once all are there.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("upload");
  const place = form.querySelector(".drop");
  const said = form.querySelector(".said");
  const bar = form.querySelector("progress");
  const refused = document.getElementById("refused");
  const buttons = Object.fromEntries(["send", "stop", "without"].map((name) => [name, form.querySelector(`[name=${name}]`)]));
  const AT_ONCE = 4;
  const SHOWN = 20;
  const whole = new Intl.NumberFormat();
  // What is chosen, as [path below the dataset, file]; and the upload that runs.
  let chosen = [];
  let folder = "";
  let running = null;

  const size = (bytes) => (bytes < 1e6 ? `${whole.format(Math.ceil(bytes / 1e3))} kB` : `${whole.format(Math.round(bytes / 1e5) / 10)} MB`);
  const files = (number) => `${whole.format(number)} ${number === 1 ? "file" : "files"}`;
  // What systems put beside images, and nobody means to send.
  const isMeant = (path) => !path.split("/").some((part) => part.startsWith(".") || ["thumbs.db", "desktop.ini"].includes(part.toLowerCase()));

  function take(found) {
    const meant = found.filter(([path]) => isMeant(path));
    const tops = new Set(meant.map(([path]) => (path.includes("/") ? path.split("/")[0] : "")));
    // The one folder that holds all gives the name; its sub-folders are the classes.
    const [top] = tops;
    const nested = tops.size === 1 && top && meant.some(([path]) => path.split("/").length > 2);
    folder = tops.size === 1 ? top : "";
    chosen = meant.map(([path, file]) => [nested ? path.slice(top.length + 1) : path, file]);
    const classes = new Set(chosen.map(([path]) => path.split("/").slice(-2, -1)[0] ?? "no class"));
    const bytes = chosen.reduce((sum, [, file]) => sum + file.size, 0);
    brevetti.showError(form, null, null);
    refused.replaceChildren();
    buttons.without.hidden = true;
    said.textContent = chosen.length ? `${files(chosen.length)}, ${size(bytes)}, ${classes.size === 1 ? "one class" : `${classes.size} classes`}` : "There is no file in it.";
    buttons.send.disabled = !chosen.length;
    form.elements.name.placeholder = folder;
  }

  async function* entries(entry, path) {
    if (entry.isFile) {
      yield [path, await new Promise((resolve, reject) => { entry.file(resolve, reject); })];
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (!some.length) return;
      for (const inner of some) yield* entries(inner, `${path}/${inner.name}`);
    }
  }

  async function dropped(transfer) {
    // The list is empty after the first pause.
    const items = [...transfer.items].filter((item) => item.kind === "file");
    const tops = items.map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const found = tops.length ? [] : items.map((item) => item.getAsFile()).map((file) => [file.name, file]);
    for (const top of tops) for await (const one of entries(top, top.name)) found.push(one);
    take(found);
  }

  // One file; `fetch` tells nothing of what is sent so far.
  function put(upload, path, file, onSent) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("PUT", `/api/uploads/${upload.id}/files?path=${encodeURIComponent(path)}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.addEventListener("progress", (event) => onSent(event.loaded));
      request.addEventListener("load", () => {
        if (request.status < 300) return resolve(null);
        let reason = `the server answered ${request.status}`;
        try {
          reason = JSON.parse(request.responseText).error ?? reason;
        } catch {
          // The status says enough.
        }
        // Of one file alone: another name, too long, too large.
        if ([409, 413, 422].includes(request.status)) resolve(reason);
        else reject(new Error(reason));
      });
      request.addEventListener("error", () => reject(new Error("the connection ended: is the server still running?")));
      request.addEventListener("abort", () => reject(new Error("stopped")));
      upload.requests.add(request);
      request.addEventListener("loadend", () => upload.requests.delete(request));
      request.send(file);
    });
  }

  async function sendAll(upload) {
    const total = chosen.reduce((sum, [, file]) => sum + file.size, 0);
    const queue = chosen.slice();
    const problems = [];
    let done = 0;
    let sent = 0;
    const partly = new Map();
    const show = () => {
      const now = sent + [...partly.values()].reduce((sum, bytes) => sum + bytes, 0);
      bar.value = total ? now / total : 0;
      said.textContent = `${whole.format(done)} of ${files(chosen.length)}, ${size(now)} of ${size(total)}`;
    };
    const worker = async () => {
      for (let next = queue.shift(); next && !upload.stopped; next = queue.shift()) {
        const [path, file] = next;
        const reason = await put(upload, path, file, (bytes) => { partly.set(next, Math.min(bytes, file.size)); show(); });
        partly.delete(next);
        sent += file.size;
        done += 1;
        if (reason) problems.push([path, reason]);
        show();
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, worker));
    return problems;
  }

  // Also when the page is left: what has arrived must not stay.
  async function cancel(upload) {
    upload.stopped = true;
    for (const request of upload.requests) request.abort();
    if (!upload.id) return;
    upload.cancelled ??= fetch(`/api/uploads/${upload.id}`, { method: "DELETE", keepalive: true }).catch(() => null);
    await upload.cancelled;
  }

  // Stopped by the reader, or by an error. Both may come together, and another upload may have begun in between.
  async function end(upload, error = null) {
    await cancel(upload);
    if (running !== upload) return;
    running = null;
    refused.replaceChildren();
    buttons.without.hidden = true;
    busy(false);
    said.textContent = error ? "" : "Stopped; nothing was kept.";
    if (error) brevetti.showError(form, form.elements.name, error);
    else buttons.send.focus();
  }

  // From here on it is the server's: what is stopped now might be a dataset already.
  async function finish(upload) {
    buttons.stop.hidden = true;
    buttons.without.disabled = true;
    try {
      const name = form.elements.name.value.trim();
      const added = await brevetti.send("POST", `/api/uploads/${upload.id}/finish`, { folder, ...(name ? { name } : {}) });
      running = null;
      location.href = `/datasets/${encodeURIComponent(added.id)}`;
    } catch (error) {
      buttons.stop.hidden = false;
      buttons.without.disabled = false;
      throw error;
    }
  }

  function showRefused(problems) {
    const list = document.createElement("ul");
    for (const [path, reason] of problems.slice(0, SHOWN)) {
      const item = document.createElement("li");
      item.textContent = `${path}: ${reason}`;
      list.append(item);
    }
    const heading = document.createElement("p");
    heading.className = "strong";
    heading.textContent = `${files(problems.length)} ${problems.length === 1 ? "was" : "were"} not taken${problems.length > SHOWN ? `; the first ${SHOWN}` : ""}:`;
    refused.replaceChildren(heading, list);
  }

  function busy(is) {
    bar.hidden = buttons.stop.hidden = !is;
    buttons.send.disabled = is;
    for (const input of form.querySelectorAll("input")) input.disabled = is;
    place.classList.toggle("busy", is);
  }

  async function upload() {
    brevetti.showError(form, form.elements.name, null);
    busy(true);
    const begun = { id: null, requests: new Set(), stopped: false, cancelled: null };
    running = begun;
    try {
      const name = form.elements.name.value.trim();
      begun.id = (await brevetti.send("POST", "/api/uploads", name ? { name } : {})).id;
      if (begun.stopped) throw new Error("stopped");
      buttons.stop.focus();
      const problems = await sendAll(begun);
      if (begun.stopped) throw new Error("stopped");
      if (problems.length) {
        showRefused(problems);
        buttons.without.hidden = problems.length === chosen.length;
        said.textContent = "";
        bar.hidden = true;
        (buttons.without.hidden ? buttons.stop : buttons.without).focus();
        return;
      }
      await finish(begun);
    } catch (error) {
      await end(begun, begun.stopped ? null : error);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (chosen.length && !running) upload();
  });
  buttons.stop.addEventListener("click", () => { if (running) end(running); });
  buttons.without.addEventListener("click", async () => {
    try {
      await finish(running);
    } catch (error) {
      form.elements.name.disabled = false;
      brevetti.showError(form, form.elements.name, error);
    }
  });
  for (const input of form.querySelectorAll("input[type=file]")) {
    const takeChosen = () => take([...input.files].map((file) => [file.webkitRelativePath || file.name, file]));
    input.addEventListener("change", takeChosen);
    // Chosen before this script was there.
    if (input.files.length) takeChosen();
  }
  for (const name of ["dragenter", "dragover"]) {
    place.addEventListener(name, (event) => {
      event.preventDefault();
      place.classList.toggle("over", !running);
    });
  }
  for (const name of ["dragleave", "drop"]) place.addEventListener(name, () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    if (running) return;
    dropped(event.dataTransfer).catch((error) => brevetti.showError(form, null, error));
  });
  window.addEventListener("pagehide", () => { if (running) cancel(running); });
});
