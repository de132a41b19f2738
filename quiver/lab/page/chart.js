/* Code estimates over true distances: squares whose area tells how many rows they
   count, rings around the true neighbours, and where an estimate would be right. */

import { draw, shown } from "./walk.js";

const LEFT = 52, RIGHT = 410, TOP = 8, BOTTOM = 258;

const scale = ([low, high], from, to) =>
  value => from + (value - low) / (high - low) * (to - from);

export function drawEstimates(svg, told) {
  const x = scale(told.true, LEFT, RIGHT), y = scale(told.code, BOTTOM, TOP);
  svg.replaceChildren(
    ...squares(told), ...ideal(told, x, y), ...axes(told),
    ...told.near.map(([true_, code]) =>
      draw("circle", { class: "near", cx: x(true_), cy: y(code), r: 4 })));
}

function squares({ cells, bins }) {
  const width = (RIGHT - LEFT) / bins, height = (BOTTOM - TOP) / bins;
  const most = Math.log1p(Math.max(...cells.map(cell => cell[2])));
  return cells.map(([i, j, count]) => {
    const share = Math.sqrt(Math.log1p(count) / most);
    const cell = draw("rect", {
      class: "cell", width: share * width, height: share * height,
      x: LEFT + (i + (1 - share) / 2) * width,
      y: BOTTOM - (j + (1 + share) / 2) * height,
    });
    cell.append(draw("title", {}, `${count} rows`));
    return cell;
  });
}

/* Where codes have the scale of the distances, an estimate is right on this line. */
function ideal({ true: true_, code, error }, x, y) {
  const low = Math.max(true_[0], code[0]), high = Math.min(true_[1], code[1]);
  if (error === null || low >= high)
    return [];
  return [draw("line", {
    class: "ideal on", x1: x(low), y1: y(low), x2: x(high), y2: y(high) })];
}

function axes({ true: true_, code }) {
  const text = (words, attributes) => draw("text", attributes, words);
  const end = { "text-anchor": "end" };
  return [
    draw("path", { class: "axis", d: `M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}` }),
    text(shown(true_[0]), { x: LEFT, y: BOTTOM + 15 }),
    text(shown(true_[1]), { x: RIGHT, y: BOTTOM + 15, ...end }),
    text("true distance, on the scale of the codes", {
      x: (LEFT + RIGHT) / 2, y: BOTTOM + 32, "text-anchor": "middle" }),
    text(shown(code[0]), { x: LEFT - 5, y: BOTTOM, ...end }),
    text(shown(code[1]), { x: LEFT - 5, y: TOP + 10, ...end }),
    text("code estimate", {
      "text-anchor": "middle",
      transform: `translate(14 ${(TOP + BOTTOM) / 2}) rotate(-90)` }),
  ];
}

export function inWords({ rows, near, error, correlation }) {
  const off = error === null
    ? "these codes tell the order, not the distance"
    : `estimates are off by ${shown(error[0])} ± ${shown(error[1])}`;
  const alike = correlation === null ? "" : `; correlation ${correlation.toFixed(3)}`;
  const line = error === null ? "" : "; on the dashed line an estimate is right";
  return `${rows} rows, the larger a square the more of them; rings are the `
    + `${near.length} true neighbours${line}. In the mean ${off}${alike}.`;
}
