// From numbers to places on an axis, and to the words of the terminal's tables.
"use strict";
const scales = (() => {
  // A scale takes a number of `domain` to a place in `range`, both [low, high].
  function linear([low, high], [start, end]) {
    return (value) => start + ((value - low) / (high - low)) * (end - start);
  }

  function log(domain, range) {
    const scale = linear(domain.map(Math.log), range);
    return (value) => scale(Math.log(value));
  }

  // Round numbers in the domain, about as many as asked for.
  function linearTicks([low, high], count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const share = rough / power;
    const step = power * (share < 1.4 ? 1 : share < 3.2 ? 2 : share < 7 ? 5 : 10);
    const ticks = [];
    for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(i * step);
    return ticks;
  }

  // Powers of ten and, where these are few, multiples of them.
  function logTicks([low, high], count) {
    const first = Math.floor(Math.log10(low));
    const last = Math.ceil(Math.log10(high));
    const every = Math.ceil((last - first) / count);
    for (const factors of [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
      const ticks = [];
      for (let power = first; power <= last; power += every)
        for (const factor of factors) ticks.push(Number(`${factor}e${power}`));
      const inside = ticks.filter((tick) => low <= tick && tick <= high);
      if (inside.length >= Math.min(4, count)) return inside;
    }
    return linearTicks([low, high], count);
  }

  // Three significant digits without trailing zeros.
  function short(value) {
    return String(Number(value.toPrecision(3)));
  }

  // A value and its interval at one eps, or why there is none, as the tables have them.
  function inWords(curve, e) {
    const value = curve.estimate[e];
    if (value === null) return ["–", "–"];
    if (curve.lower_estimate[e]) return [`> ${value.toFixed(1)}`, "biased low"];
    const interval = curve.interval_95[e];
    const ends = interval && interval.map((end) => end.toFixed(1)).join(" to ");
    return [value.toFixed(1), ends ?? "–"];
  }

  return { linear, log, linearTicks, logTicks, short, inWords };
})();
