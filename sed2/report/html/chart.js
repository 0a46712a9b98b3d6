// Draws curves over eps with their bands into an SVG, as wide as the page has room.
"use strict";
const chart = (() => {
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

  function svg(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function colourOf(one) {
    return `series-${one.place % COLOURS}`;
  }

  function lineKind(one) {
    return one.dashed ? "line dashed" : "line";
  }

  function mark(one, x, y, size = 1) {
    const d = MARKS[one.place % MARKS.length];
    return svg("path", { class: "mark", d, transform: `translate(${x} ${y}) scale(${size})` });
  }

  // A piece of a curve with its mark, for a legend.
  function sample(one) {
    const box = { width: 26, height: 12, viewBox: "-13 -6 26 12", "aria-hidden": "true" };
    const line = svg("path", { class: lineKind(one), d: "M-13 0H13" });
    return svg("svg", { ...box, class: colourOf(one) }, line, mark(one, 0, 0));
  }

  // The band at a point: its 95% interval or, where it is biased low, two standard deviations of the
  // scatter between seeds; null where it is undefined.
  function bandAt(curve, e) {
    const [value, scatter] = [curve.estimate[e], curve.scatter[e]];
    if (value === null) return null;
    if (!curve.lower_estimate[e]) return curve.interval_95[e];
    return scatter === null ? null : [value - 2 * scatter, value + 2 * scatter];
  }

  // Unbroken runs of the places of eps that fulfil the condition.
  function runs(eps, condition) {
    const found = [];
    eps.forEach((_, e) => {
      if (!condition(e)) return;
      if (found.at(-1)?.at(-1) === e - 1) found.at(-1).push(e);
      else found.push([e]);
    });
    return found;
  }

  // From the lowest to the highest of the curves and their bands, with some room.
  function heights(eps, curves) {
    const all = curves.flatMap((curve) =>
      eps.flatMap((_, e) => [curve.estimate[e], ...(bandAt(curve, e) ?? [])]),
    );
    const known = all.filter((value) => value !== null);
    const low = known.reduce((a, b) => Math.min(a, b), Infinity);
    const high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    if (low > high) return [0, 1];
    const room = (high - low) * 0.05 || 1;
    return [low - room, high + room];
  }

  // Where everything goes: the size, the ends of both axes, and the scales x and y.
  function layout(canvas, { eps, epsN, scale, series }) {
    const width = Math.max(canvas.clientWidth, 200);
    const height = Math.round(Math.min(Math.max(width * 0.52, 250), 430));
    const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
    const radii = epsN === null ? eps : [...eps, epsN];
    const ends = [Math.min(...radii), Math.max(...radii)];
    const sides = ends[0] < ends[1] ? ends : [ends[0] / 2, Math.min(1, ends[0] * 2)];
    const shown = series.filter((one) => one.shown);
    const curves = (shown.length ? shown : series).map((one) => one.curve());
    const values = heights(eps, curves);
    const x = scales[scale](sides, [MARGIN.left + 8, right - 8]);
    const y = scales.linear(values, [bottom, MARGIN.top]);
    return { width, height, right, bottom, sides, values, x, y };
  }

  function axes({ width, height, right, bottom, sides, values, x, y }, { scale, title }) {
    const group = svg("g", { "aria-hidden": "true" });
    for (const tick of scales.linearTicks(values, height / 60)) {
      const at = { x1: MARGIN.left, x2: right, y1: y(tick), y2: y(tick), class: "grid" };
      const label = { x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" };
      group.append(svg("line", at), svg("text", label, scales.short(tick)));
    }
    const ticks = scale === "log" ? scales.logTicks : scales.linearTicks;
    for (const tick of ticks(sides, Math.max(3, width / 90))) {
      const at = { x1: x(tick), x2: x(tick), y1: MARGIN.top, y2: bottom, class: "grid" };
      const label = { x: x(tick), y: bottom + 17, "text-anchor": "middle" };
      group.append(svg("line", at), svg("text", label, scales.short(tick)));
    }
    const middle = { x: (MARGIN.left + right) / 2, y: height - 6, "text-anchor": "middle" };
    group.append(
      svg("text", middle, "covering radius eps"),
      svg("text", { x: 2, y: 13 }, title),
    );
    return group;
  }

  function points(place, eps, run, value) {
    return run.map((e) => `${place.x(eps[e]).toFixed(2)} ${place.y(value(e)).toFixed(2)}`);
  }

  function bands(place, eps, one) {
    const curve = one.curve();
    const group = svg("g", { class: colourOf(one) });
    for (const lower of [false, true]) {
      const kind = lower ? "band between-seeds" : "band";
      for (const run of runs(eps, (e) => curve.lower_estimate[e] === lower && bandAt(curve, e))) {
        const low = points(place, eps, run, (e) => bandAt(curve, e)[0]);
        const high = points(place, eps, run, (e) => bandAt(curve, e)[1]);
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

  function line(place, eps, one) {
    const curve = one.curve();
    const group = svg("g", { class: colourOf(one), "data-name": one.name });
    const every = Math.max(1, Math.floor(eps.length / 8));
    const known = runs(eps, (e) => curve.estimate[e] !== null);
    for (const run of known) {
      const path = points(place, eps, run, (e) => curve.estimate[e]).join("L");
      group.append(svg("path", { class: lineKind(one), d: `M${path}` }));
    }
    for (const e of known.flat().filter((e) => e % every === 0))
      group.append(mark(one, place.x(eps[e]), place.y(curve.estimate[e])));
    return group;
  }

  // A vertical line at eps_n, with its words on the side where there is more room.
  function marker(place, { epsN, nTrain }) {
    if (epsN === null) return [];
    const x = place.x(epsN);
    const isLeft = x < place.width / 2;
    const label = { x: x + (isLeft ? 5 : -5), y: MARGIN.top - 6 };
    const words = `eps_n, n = ${nTrain.toLocaleString("en")}`;
    return [
      svg("line", { x1: x, x2: x, y1: MARGIN.top - 16, y2: place.bottom, class: "eps-n" }),
      svg("text", { ...label, "text-anchor": isLeft ? "start" : "end" }, words),
    ];
  }

  // A ring where two curves change order.
  function ring(place, eps, crossing, one) {
    const height = between(eps, one.curve().estimate, crossing.eps);
    const at = { cx: place.x(crossing.eps), cy: place.y(height), r: 7, class: "crossing" };
    const below = `${crossing.larger_below} leads below eps ${crossing.eps.toPrecision(2)}`;
    return svg("circle", at, svg("title", {}, `${below}, ${crossing.larger_above} above`));
  }

  // The height of a curve between two points of the grid, linear in log eps.
  function between(eps, values, radius) {
    const e = eps.findLastIndex((one) => one <= radius);
    const share = Math.log(radius / eps[e]) / Math.log(eps[e + 1] / eps[e]);
    return values[e] + share * (values[e + 1] - values[e]);
  }

  // Draw all anew. A view has `eps` and `epsN` (null without one) with `nTrain`; the `scale` of the
  // axis; the `title` of the other; the `series`, each with `name`, `place`, `shown`, `dashed` and
  // `curve()`; and the `crossings` to ring. Returns the layout, with which `point` is drawn.
  function draw(canvas, view) {
    const { eps, series, crossings } = view;
    const place = layout(canvas, view);
    canvas.setAttribute("viewBox", `0 0 ${place.width} ${place.height}`);
    canvas.setAttribute("height", place.height);
    const shown = series.filter((one) => one.shown);
    const named = new Map(shown.map((one) => [one.name, one]));
    canvas.replaceChildren(
      axes(place, view),
      ...shown.map((one) => bands(place, eps, one)),
      ...marker(place, view),
      ...shown.map((one) => line(place, eps, one)),
      ...crossings
        .filter((one) => named.has(one.larger_below) && named.has(one.larger_above))
        .map((one) => ring(place, eps, one, named.get(one.larger_below))),
      svg("g", { class: "point" }),
    );
    return place;
  }

  // A line at one eps, and larger marks where it meets the curves.
  function point(canvas, place, { eps, series }, e) {
    const x = place.x(eps[e]);
    const ends = { y1: MARGIN.top, y2: place.bottom };
    const cursor = svg("line", { x1: x, x2: x, ...ends, class: "cursor" });
    const met = series.filter((one) => one.shown && one.curve().estimate[e] !== null);
    canvas.querySelector(".point").replaceChildren(
      ...(eps.length === 1 ? [] : [cursor]),
      ...met.map((one) => {
        const y = place.y(one.curve().estimate[e]);
        return svg("g", { class: colourOf(one) }, mark(one, x, y, 1.35));
      }),
    );
  }

  return { draw, point, sample };
})();
