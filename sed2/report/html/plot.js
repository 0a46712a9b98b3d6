// The curves over eps: drawn from the page's document, as large as the page has room.
"use strict";
(() => {
  const COLOURS = 7; // of style.css
  const MARKS = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z", // circle
    "M-3.6-3.6h7.2v7.2h-7.2Z", // square
    "M0-4.6L4.4 3.4h-8.8Z", // triangle
    "M0-5.2L4.2 0L0 5.2L-4.2 0Z", // diamond
    "M0 4.6L4.4-3.4h-8.8Z", // triangle, down
    "M-1.6-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3Z", // plus
    "M0-5L4.8-1.5L2.9 4h-5.8L-4.8-1.5Z", // pentagon
    "M-4.6 0L4-4.4v8.8Z", // triangle, left
  ]; // one more than colours, so that 56 curves all differ
  const MARGIN = { top: 26, right: 14, bottom: 42, left: 52 };
  const RINGED = 12; // with more curves than this, rings at their crossings would hide them

  const data = JSON.parse(document.getElementById("document").textContent);
  const $ = (id) => document.getElementById(id);
  const eps = data.eps;
  const state = { measure: "lower_two_sed", scale: "log", point: startingPoint() };
  const series = data.models ? data.models.map(ofModel) : bothOf(data);

  function ofModel(model, place) {
    return { name: model.name, place, shown: true, curve: () => model[state.measure] };
  }

  function bothOf(result) {
    return [
      { name: "lower 2sED", place: 0, shown: true, curve: () => result.lower_two_sed },
      { name: "2sED", place: 1, shown: true, curve: () => result.two_sed, dashed: true },
    ];
  }

  // The point of the grid nearest to eps_n, or its middle.
  function startingPoint() {
    if (data.eps_n === null) return Math.floor(eps.length / 2);
    return nearest((value) => Math.abs(Math.log(value / data.eps_n)));
  }

  function nearest(distance) {
    const distances = eps.map(distance);
    return distances.indexOf(Math.min(...distances));
  }

  function svg(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // The band at a point: its 95% interval or, of a lower estimate, two standard deviations of the
  // scatter between seeds; null where it is undefined.
  function bandAt(curve, e) {
    const [value, scatter] = [curve.estimate[e], curve.scatter[e]];
    if (value === null) return null;
    if (!curve.lower_estimate[e]) return curve.interval_95[e];
    return scatter === null ? null : [value - 2 * scatter, value + 2 * scatter];
  }

  // Unbroken runs of points that fulfil the condition.
  function runs(condition) {
    const found = [];
    eps.forEach((_, e) => {
      if (!condition(e)) return;
      if (found.at(-1)?.at(-1) === e - 1) found.at(-1).push(e);
      else found.push([e]);
    });
    return found;
  }

  function layout() {
    const width = Math.max($("canvas").clientWidth, 200);
    const height = Math.round(Math.min(Math.max(width * 0.52, 250), 430));
    const radii = data.eps_n === null ? eps : [...eps, data.eps_n];
    const ends = [Math.min(...radii), Math.max(...radii)];
    const sides = ends[0] < ends[1] ? ends : [ends[0] / 2, Math.min(1, ends[0] * 2)];
    const right = width - MARGIN.right;
    const x = scales[state.scale](sides, [MARGIN.left + 8, right - 8]);
    const values = heights();
    const y = scales.linear(values, [height - MARGIN.bottom, MARGIN.top]);
    return { width, height, right, sides, values, x, y };
  }

  // From the lowest to the highest of what is shown, with some room.
  function heights() {
    const shown = series.filter((one) => one.shown);
    const all = (shown.length ? shown : series).flatMap((one) =>
      eps.flatMap((_, e) => [one.curve().estimate[e], ...(bandAt(one.curve(), e) ?? [])]),
    );
    const known = all.filter((value) => value !== null);
    const low = known.reduce((a, b) => Math.min(a, b), Infinity);
    const high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    if (low > high) return [0, 1];
    const room = (high - low) * 0.05 || 1;
    return [low - room, high + room];
  }

  let place;

  function draw() {
    place = layout();
    const canvas = $("canvas");
    canvas.setAttribute("viewBox", `0 0 ${place.width} ${place.height}`);
    canvas.setAttribute("height", place.height);
    const shown = series.filter((one) => one.shown);
    canvas.replaceChildren(
      axes(),
      ...shown.map(bandsOf),
      ...epsN(),
      ...shown.map(lineOf),
      ...crossings(),
      svg("g", { id: "cursor" }),
    );
    readOut();
  }

  function axes() {
    const { width, height, right, sides, values, x, y } = place;
    const bottom = height - MARGIN.bottom;
    const group = svg("g", { "aria-hidden": "true" });
    for (const tick of scales.linearTicks(values, height / 60)) {
      const at = { x1: MARGIN.left, x2: right, y1: y(tick), y2: y(tick), class: "grid" };
      const label = { x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" };
      group.append(svg("line", at), svg("text", label, scales.short(tick)));
    }
    const ticks = state.scale === "log" ? scales.logTicks : scales.linearTicks;
    for (const tick of ticks(sides, Math.max(3, width / 90))) {
      const at = { x1: x(tick), x2: x(tick), y1: MARGIN.top, y2: bottom, class: "grid" };
      const label = { x: x(tick), y: bottom + 17, "text-anchor": "middle" };
      group.append(svg("line", at), svg("text", label, scales.short(tick)));
    }
    const middle = (MARGIN.left + right) / 2;
    group.append(
      svg("text", { x: middle, y: height - 6, "text-anchor": "middle" }, "covering radius eps"),
      svg("text", { x: 2, y: 13 }, data.models ? nameOfMeasure() : "effective dimension"),
    );
    return group;
  }

  function nameOfMeasure() {
    return state.measure === "two_sed" ? "2sED" : "lower 2sED";
  }

  function points(run, value) {
    return run.map((e) => `${place.x(eps[e]).toFixed(2)} ${place.y(value(e)).toFixed(2)}`);
  }

  function bandsOf(one) {
    const curve = one.curve();
    const group = svg("g", { class: `series-${one.place % COLOURS}` });
    for (const lower of [false, true]) {
      const kind = lower ? "band between-seeds" : "band";
      for (const run of runs((e) => curve.lower_estimate[e] === lower && bandAt(curve, e))) {
        const low = points(run, (e) => bandAt(curve, e)[0]);
        const high = points(run, (e) => bandAt(curve, e)[1]);
        if (run.length === 1) {
          const cap = "m-5 0h10m-5 0"; // a band needs two points
          group.append(svg("path", { class: "whisker", d: `M${low[0]}${cap}L${high[0]}${cap}` }));
          continue;
        }
        const around = [...low, ...high.toReversed()].join("L");
        group.append(svg("path", { class: kind, d: `M${around}Z` }));
        if (!lower) continue;
        for (const edge of [low, high])
          group.append(svg("path", { class: "edge", d: `M${edge.join("L")}` }));
      }
    }
    return group;
  }

  function lineOf(one) {
    const curve = one.curve();
    const group = svg("g", { class: `series-${one.place % COLOURS}`, "data-name": one.name });
    const every = Math.max(1, Math.floor(eps.length / 8));
    const lines = runs((e) => curve.estimate[e] !== null);
    for (const run of lines) {
      const path = points(run, (e) => curve.estimate[e]).join("L");
      group.append(svg("path", { class: lineKind(one), d: `M${path}` }));
    }
    for (const e of lines.flat().filter((e) => e % every === 0))
      group.append(mark(one, place.x(eps[e]), place.y(curve.estimate[e])));
    return group;
  }

  function lineKind(one) {
    return one.dashed ? "line dashed" : "line";
  }

  function mark(one, x, y, size = 1) {
    const d = MARKS[one.place % MARKS.length];
    return svg("path", { class: "mark", d, transform: `translate(${x} ${y}) scale(${size})` });
  }

  function epsN() {
    if (data.eps_n === null) return [];
    const x = place.x(data.eps_n);
    const bottom = place.height - MARGIN.bottom;
    const isLeft = x < place.width / 2;
    const label = { x: x + (isLeft ? 5 : -5), y: MARGIN.top - 6 };
    const words = `eps_n, n = ${data.settings.n_train.toLocaleString("en")}`;
    return [
      svg("line", { x1: x, x2: x, y1: MARGIN.top - 16, y2: bottom, class: "eps-n" }),
      svg("text", { ...label, "text-anchor": isLeft ? "start" : "end" }, words),
    ];
  }

  // Rings where two curves that are shown change order.
  function crossings() {
    const shown = new Map(series.filter((one) => one.shown).map((one) => [one.name, one]));
    if (state.measure !== "lower_two_sed" || shown.size > RINGED) return [];
    return (data.crossings ?? [])
      .filter((one) => shown.has(one.larger_below) && shown.has(one.larger_above))
      .map((one) => {
        const value = between(shown.get(one.larger_below).curve().estimate, one.eps);
        const at = { cx: place.x(one.eps), cy: place.y(value), r: 7, class: "crossing" };
        const words = `${one.larger_below} leads below eps ${one.eps.toPrecision(2)}, `;
        return svg("circle", at, svg("title", {}, `${words}${one.larger_above} above`));
      });
  }

  // The height of a curve between two points of the grid, in log eps.
  function between(values, radius) {
    const e = eps.findLastIndex((one) => one <= radius);
    const share = Math.log(radius / eps[e]) / Math.log(eps[e + 1] / eps[e]);
    return values[e] + share * (values[e + 1] - values[e]);
  }

  // The values at the chosen eps, in the legend and on the curves.
  function readOut() {
    const e = state.point;
    const words = scales.short(eps[e]);
    $("eps").textContent = words;
    $("point").value = e;
    $("point").setAttribute("aria-valuetext", `eps ${words}`);
    const x = place.x(eps[e]);
    const ends = { y1: MARGIN.top, y2: place.height - MARGIN.bottom };
    const shown = series.filter((one) => one.shown && one.curve().estimate[e] !== null);
    const line = eps.length === 1 ? [] : [svg("line", { x1: x, x2: x, ...ends, class: "cursor" })];
    $("cursor").replaceChildren(
      ...line,
      ...shown.map((one) => {
        const on = mark(one, x, place.y(one.curve().estimate[e]), 1.35);
        return svg("g", { class: `series-${one.place % COLOURS}` }, on);
      }),
    );
    for (const one of series) {
      const [value, interval] = scales.inWords(one.curve(), e);
      one.cells[0].textContent = value;
      one.cells[1].textContent = interval;
      one.row.classList.toggle("off", !one.shown);
      one.box.checked = one.shown;
    }
    $("measure").textContent = data.models ? nameOfMeasure() : "value";
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
    const sample = svg("svg", { width: 26, height: 12, viewBox: "-13 -6 26 12" });
    sample.setAttribute("class", `series-${one.place % COLOURS}`);
    sample.setAttribute("aria-hidden", "true");
    sample.append(svg("path", { class: lineKind(one), d: "M-13 0H13" }), mark(one, 0, 0));
    const label = document.createElement("label");
    const name = document.createElement("span");
    name.textContent = one.name;
    label.append(one.box, sample, name);
    const header = document.createElement("th");
    header.scope = "row";
    header.className = "name";
    header.append(label);
    one.row.append(header);
    one.cells = [one.row.insertCell(), one.row.insertCell()];
    for (const cell of one.cells) cell.className = "number";
  }

  function describe() {
    const curves = series.map((one) => one.curve());
    const lower = curves.some((curve) => curve.lower_estimate.includes(true));
    const intervals = curves.some((curve) => curve.interval_95.some((one) => one !== null));
    const ringed = data.crossings?.length && state.measure === "lower_two_sed";
    $("caption").textContent = [
      `${data.models ? `${nameOfMeasure()} of ${series.length} models` : data.model.name} over eps.`,
      intervals && "Bands: 95% interval.",
      lower &&
        "Faint, between dotted lines: two standard deviations between seeds either way, where the " +
          "value is a lower estimate (>: few effective draws).",
      data.eps_n !== null && "Dashed line: eps_n of Theorem 5.1, where models are ranked.",
      ringed && series.length <= RINGED && "Rings: two curves change order.",
    ]
      .filter(Boolean)
      .join(" ");
  }

  function listen() {
    for (const name of ["measure", "scale"])
      for (const button of document.getElementsByName(name))
        button.addEventListener("change", () => {
          state[name] = button.value;
          describe();
          draw();
        });
    $("point").addEventListener("input", () => {
      state.point = Number($("point").value);
      readOut();
    });
    const follow = (event) => {
      const at = event.clientX - $("canvas").getBoundingClientRect().left;
      state.point = nearest((value) => Math.abs(place.x(value) - at));
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
  $("scales").hidden = eps.length === 1;
  $("all-or-none").hidden = series.length < 5;
  document.querySelector(".slider input").hidden = eps.length === 1;
  $("point").max = eps.length - 1;
  $("plot").hidden = false;
  series.forEach(addRow);
  listen();
  describe();
  new ResizeObserver(draw).observe($("plot"));
  draw();
})();
