// The page of a new job: datasets are found by name or tag, the chosen model type draws its form, the server judges it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("new-job");
  const settings = document.getElementById("settings");
  const said = form.querySelector(".said");
  const filter = document.getElementById("filter");
  const place = Object.fromEntries(["data", "type", "models", "preview", "start"].map((id) => [id, document.getElementById(id)]));
  const pictures = document.getElementById("pictures");
  // What was filled in for a model type is there again when it is chosen again.
  const kept = new Map();
  let shown = null;
  let loading = 0;
  let settled = Promise.resolve();
  let busy = false;
  // A job that was made, but not started: asked for again as it is, it is that one which starts.
  let made = { body: "", config: null };

  const datasets = () => [...form.querySelectorAll("[name=dataset_id]:checked")];
  const models = () => (modelType()?.dataset.kind === "report" ? [...form.querySelectorAll("[name=model_id]:checked")] : []);
  const modelType = () => form.querySelector("[name=model_type]:checked");

  function countChosen() {
    const number = datasets().length;
    document.getElementById("chosen").textContent = number ? `${number} chosen` : "none chosen yet";
  }

  function find() {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const item of document.querySelectorAll("#datasets li")) {
      // What is chosen stays in sight, so that nothing is trained on unseen.
      item.hidden = !wanted.every((word) => item.dataset.words.includes(word)) && !item.querySelector(":checked");
      found += item.hidden ? 0 : 1;
    }
    document.getElementById("none-found").hidden = found > 0;
  }

  async function drawSettings() {
    const chosen = modelType();
    place.models.hidden = chosen?.dataset.kind !== "report";
    if (!chosen) return;
    if (shown) kept.set(shown, settings.value);
    const turn = ++loading;
    brevetti.showError(place.type, null, null);
    try {
      const described = await brevetti.send("GET", `/api/model-types/${encodeURIComponent(chosen.value)}`);
      let value = kept.get(chosen.value);
      if (!value && form.dataset.fromType === chosen.value) {
        value = (await brevetti.send("GET", `/api/jobs/${encodeURIComponent(form.dataset.from)}`)).settings;
      }
      if (turn !== loading) return;
      settings.draw(described.settings_schema, value ?? {});
      shown = chosen.value;
      document.getElementById("no-type").hidden = true;
    } catch (error) {
      brevetti.showError(place.type, chosen, error);
    }
  }

  function missing(isPreview = false) {
    for (const section of Object.values(place)) brevetti.showError(section, null, null);
    if (!datasets().length) {
      brevetti.showError(place.data, form.querySelector("[name=dataset_id]"), new Error("choose at least one dataset to work on"));
      return true;
    }
    if (!modelType() || shown !== modelType().value) {
      brevetti.showError(place.type, form.querySelector("[name=model_type]"), new Error("choose a model type"));
      return true;
    }
    if (!place.models.hidden && !isPreview && !models().length) {
      brevetti.showError(place.models, form.querySelector("[name=model_id]"), new Error("choose at least one model to test"));
      return true;
    }
    return false;
  }

  // Marks what is wrong, and says so in the section that was asked.
  function marked(section, errors) {
    const others = settings.showErrors(errors);
    const number = Object.keys(errors).length;
    if (!number) return false;
    const line = number === 1 ? "One setting is wrong; it is marked." : `${number} settings are wrong; they are marked.`;
    brevetti.showError(section, null, new Error(others.length ? others.join("; ") : line));
    return true;
  }

  async function areWrong(value) {
    const address = `/api/model-types/${encodeURIComponent(shown)}/validate`;
    return marked(place.start, (await brevetti.send("POST", address, { settings: value })).errors);
  }

  // Each press after the first draws other samples and other variations, unless what they are drawn from has changed.
  let drawn = { of: "", seed: 0 };

  async function preview(button) {
    if (missing(true)) return;
    const line = place.preview.querySelector(".said");
    const asked = { settings: settings.value, dataset_ids: datasets().map((one) => one.value) };
    const of = JSON.stringify([shown, asked]);
    drawn = { of, seed: of === drawn.of ? drawn.seed + 1 : 0 };
    button.disabled = true;
    line.textContent = "The samples are prepared…";
    try {
      const answer = await brevetti.send("POST", `/api/model-types/${encodeURIComponent(shown)}/preview`, { ...asked, seed: drawn.seed });
      if (marked(place.preview, answer.errors)) {
        pictures.hidden = true;
        drawn.of = "";
        line.textContent = "";
        return;
      }
      pictures.classList.remove("old");
      brevetti.drawPreview(pictures, answer, (name) => settings.labelOf(name));
      line.textContent = answer.samples.length ? "With the settings above." : "";
      button.textContent = "Show others";
    } catch (error) {
      line.textContent = "";
      brevetti.showError(place.preview, null, error);
    } finally {
      button.disabled = false;
    }
  }

  // Pictures of other settings or data would mislead.
  function outdate() {
    const of = JSON.stringify([shown, { settings: settings.value, dataset_ids: datasets().map((one) => one.value) }]);
    if (pictures.hidden || of === drawn.of) return;
    pictures.classList.add("old");
    place.preview.querySelector(".said").textContent = "The settings or data have changed since.";
    place.preview.querySelector("button").textContent = "Show again";
  }

  async function makeJob(value) {
    const chosen = datasets();
    const of = models().length ? ` of ${models().map((one) => one.dataset.name).join(", ")}` : "";
    const name = form.elements.name.value.trim() || `${shown}${of} on ${chosen.map((one) => one.dataset.name).join(", ")}`.slice(0, 200);
    const asked = {
      name,
      model_type: shown,
      model_type_version: modelType().dataset.version,
      dataset_ids: chosen.map((one) => one.value),
      models: models().map((one) => ({ id: one.value })),
      settings: value,
      parent: form.dataset.from ?? null,
    };
    const body = JSON.stringify(asked);
    if (made.body !== body) made = { body, config: await brevetti.send("POST", "/api/jobs", asked) };
    return made.config;
  }

  function showSimulated(config) {
    document.getElementById("simulated-id").textContent = config.id;
    document.getElementById("simulated-key").textContent = config.api_key;
    const home = `'${form.dataset.home.replaceAll("'", "'\\''")}'`;
    document.getElementById("simulated-command").textContent = `python my_training.py --job_id ${config.id} --platform ${home}`;
    document.getElementById("simulated-link").href = `/jobs/${encodeURIComponent(config.id)}`;
    const section = document.getElementById("simulated");
    section.hidden = false;
    section.focus();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    // A second press, before the answer to the first, would make two jobs.
    if (busy) return;
    busy = true;
    const buttons = [...form.querySelectorAll("#start button")];
    const simulate = event.submitter?.value === "simulate";
    let leaving = false;
    try {
      await settled;
      if (missing()) return;
      for (const button of buttons) button.disabled = true;
      said.textContent = "The settings are checked…";
      const value = settings.value;
      if (await areWrong(value)) return;
      const config = await makeJob(value);
      if (simulate) {
        made = { body: "", config: null };
        showSimulated(config);
      } else {
        await brevetti.send("POST", `/api/jobs/${encodeURIComponent(config.id)}/start`);
        location.href = `/jobs/${encodeURIComponent(config.id)}`;
        leaving = true;
      }
    } catch (error) {
      brevetti.showError(place.start, null, error);
    } finally {
      if (!leaving) {
        busy = false;
        said.textContent = "";
        for (const button of buttons) button.disabled = false;
      }
    }
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "dataset_id") countChosen();
    if (event.target.name === "model_type") settled = drawSettings();
    outdate();
  });
  place.preview.querySelector("button").addEventListener("click", (event) => preview(event.target));
  filter?.addEventListener("input", find);
  if (filter) countChosen();
  settled = drawSettings();
});
