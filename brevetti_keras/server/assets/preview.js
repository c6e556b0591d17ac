// Samples as the network gets them: one figure for each sample and image pipeline, its variations beside it.
"use strict";

brevetti.drawPreview = (place, preview, labelOf) => {
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter(Boolean));
    return element;
  };

  // Small pictures are enlarged by whole pixels, so that what the network gets is seen as it is.
  const picture = (view, words) => make("img", { src: view.image, alt: words, className: Math.max(...view.shape.slice(0, 2)) < 96 ? "pixels" : "" });

  function figure(sample, pipeline, views, several) {
    const file = sample.path.split("/").pop();
    const caption = make("figcaption", {}, make("span", { className: "strong", textContent: sample.label }), " ", make("span", { className: "quiet", textContent: file }));
    const problem = views.find((view) => view.problem);
    const body = make("div", { className: "views" });
    for (const view of views.filter((one) => one.image)) {
      const words = view.augmentation ? "varied" : view.shape.join(" × ");
      body.append(make("div", {}, picture(view, `${file} of ${sample.label}, ${view.augmentation ? `varied by ${labelOf(view.augmentation)}` : "as the network gets it"}`), make("span", { className: "quiet", textContent: words })));
    }
    if (problem) body.append(make("p", { className: "broken", textContent: `Not shown: ${problem.problem}` }));
    if (several) caption.append(" ", make("span", { className: "quiet", textContent: labelOf(pipeline) }));
    return make("figure", { title: sample.path }, body, caption);
  }

  const pipelines = [...new Set(preview.samples.flatMap((sample) => sample.views.map((view) => view.pipeline)))];
  const figures = preview.samples.flatMap((sample) => pipelines.map((pipeline) =>
    figure(sample, pipeline, sample.views.filter((view) => view.pipeline === pipeline), pipelines.length > 1)));
  const notes = preview.notes.map((note) => make("p", { className: "quiet", textContent: note }));
  place.replaceChildren(...notes, figures.length ? make("div", { className: "previews" }, ...figures) : "");
  place.hidden = false;
};
