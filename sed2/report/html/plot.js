// The plot of the page: what is shown of its document, and what a reader may choose.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("document").textContent);
  const $ = (id) => document.getElementById(id);
  // With more curves than `drawn`, they and the rings at their crossings would hide each other.
  const { places, drawn, at_eps_n: atEpsN } = JSON.parse($("plot").dataset.view);
  const { eps: grid, eps_n: epsN } = data;
  // Where eps_n comes among the radii; null if it is one of them, or there is none.
  const isOwn = epsN !== null && grid.every((value) => Math.abs(value / epsN - 1) > 1e-9);
  const inserted = isOwn ? grid.filter((value) => value < epsN).length : null;
  const eps = isOwn ? grid.toSpliced(inserted, 0, epsN) : grid;
  const NAMES = {
    lower_two_sed: "lower 2sED",
    two_sed: "2sED",
    end_to_end: "2sED end-to-end",
    joint: "joint 2sED",
  };
  // The measure that models are ordered by.
  const scored =
    { "end-to-end": "end_to_end", joint: "joint" }[data.settings.score] ?? "lower_two_sed";
  const chosen = { measure: scored, scale: "log", point: startingPoint() };
  const series = data.models ? data.models.map(ofModel) : bothOf(data);
  let place;

  function ofModel(model, m) {
    const curves = curvesOf(model, m);
    const shown = m < drawn || data.models.length <= drawn;
    return { name: model.name, place: places[m], shown, curve: () => curves[chosen.measure] };
  }

  function bothOf(result) {
    return Object.entries(curvesOf(result, 0)).map(([key, curve], place) => ({
      name: NAMES[key],
      place,
      shown: true,
      curve: () => curve,
      dashed: key === "two_sed",
    }));
  }

  // The curves of a model by measure, with their points at eps_n.
  function curvesOf(model, m) {
    const points = atEpsN[m];
    const found = Object.keys(NAMES).filter((key) => model[key]);
    return Object.fromEntries(found.map((key) => [key, withPoint(model[key], points[key])]));
  }

  function withPoint(curve, point) {
    if (!isOwn) return curve;
    const fields = Object.entries(point);
    return Object.fromEntries(
      fields.map(([name, value]) => [name, curve[name].toSpliced(inserted, 0, value)]),
    );
  }

  // At eps_n, or in the middle of the grid.
  function startingPoint() {
    if (epsN === null) return Math.floor(eps.length / 2);
    return nearest((value) => Math.abs(Math.log(value / epsN)));
  }

  function nearest(distance) {
    const distances = eps.map(distance);
    return distances.indexOf(Math.min(...distances));
  }

  // The curves are of the score, where crossings are told, and few enough for rings.
  function ringed() {
    const few = series.filter((one) => one.shown).length <= drawn;
    return few && chosen.measure === scored ? (data.crossings ?? []) : [];
  }

  function measure() {
    return NAMES[chosen.measure];
  }

  function view() {
    const title = data.models ? measure() : "effective dimension";
    const nTrain = data.settings.n_train;
    return { eps, epsN, nTrain, title, series, scale: chosen.scale, crossings: ringed() };
  }

  function draw() {
    place = chart.draw($("canvas"), view());
    describe();
    readOut();
  }

  // The values at the chosen eps, in the legend and on the curves.
  function readOut() {
    const e = chosen.point;
    const words = scales.short(eps[e]) + (eps[e] === epsN ? " = eps_n" : "");
    $("eps").textContent = words;
    $("point").value = e;
    $("point").setAttribute("aria-valuetext", `eps ${words}`);
    $("measure").textContent = data.models ? measure() : "value";
    for (const one of series) {
      const [value, interval] = scales.inWords(one.curve(), e);
      one.cells[0].textContent = value;
      one.cells[1].textContent = interval;
      one.row.classList.toggle("off", !one.shown);
      one.box.checked = one.shown;
    }
    chart.point($("canvas"), place, view(), e);
  }

  // One row of the legend, with the box that shows the curve or hides it.
  function addRow(one) {
    one.row = $("legend").insertRow();
    one.box = document.createElement("input");
    one.box.type = "checkbox";
    one.box.addEventListener("change", () => {
      one.shown = one.box.checked;
      draw();
    });
    const name = document.createElement("span");
    name.textContent = one.name;
    const label = document.createElement("label");
    label.append(one.box, chart.sample(one), name);
    const header = document.createElement("th");
    header.scope = "row";
    header.className = "name";
    header.append(label);
    one.row.append(header);
    one.cells = [one.row.insertCell(), one.row.insertCell()];
    for (const cell of one.cells) cell.className = "number";
  }

  // What the lines and bands mean, below them.
  function describe() {
    const curves = series.map((one) => one.curve());
    const lower = curves.some((curve) => curve.lower_estimate.includes(true));
    const intervals = curves.some((curve) => curve.interval_95.some((one) => one !== null));
    const of = data.models ? `${measure()} of ${series.length} models` : data.model.name;
    const sentences = [
      `${of} over eps.`,
      intervals && "Bands: 95% interval.",
      lower &&
        "Faint, between dotted lines: two standard deviations between seeds either way, where " +
          "the value is biased low (>: few effective draws).",
      epsN !== null && "Dashed line: eps_n of Theorem 5.1, where models are ranked.",
      ringed().length > 0 && "Rings: two curves change order.",
    ];
    $("caption").textContent = sentences.filter(Boolean).join(" ");
  }

  function listen() {
    for (const name of ["measure", "scale"])
      for (const button of document.getElementsByName(name))
        button.addEventListener("change", () => {
          chosen[name] = button.value;
          draw();
        });
    $("point").addEventListener("input", () => {
      chosen.point = Number($("point").value);
      readOut();
    });
    const follow = (event) => {
      const at = event.clientX - $("canvas").getBoundingClientRect().left;
      chosen.point = nearest((value) => Math.abs(place.x(value) - at));
      readOut();
    };
    for (const kind of ["pointermove", "pointerdown"]) $("canvas").addEventListener(kind, follow);
    for (const id of ["all", "none"])
      $(id).addEventListener("click", () => {
        for (const one of series) one.shown = id === "all";
        draw();
      });
  }

  $("measures").hidden = !data.models;
  for (const button of document.getElementsByName("measure")) {
    button.checked = button.value === scored;
    button.parentElement.hidden = !data.models?.every((model) => model[button.value]);
  }
  $("scales").hidden = eps.length === 1;
  $("all-or-none").hidden = series.length < 5;
  $("point").hidden = eps.length === 1;
  $("point").max = eps.length - 1;
  $("plot").hidden = false;
  series.forEach(addRow);
  lists.shorten($("legend").parentElement);
  listen();
  draw();
  new ResizeObserver(draw).observe($("plot"));
})();
