/* A walk on a page: the picture drawn, steps, tables. One owner: the page of
   `quiver explain` holds this file inline, the lab loads it. Every text that comes
   from elsewhere is set as text, never as markup. */

const NAMESPACE = "http://www.w3.org/2000/svg";
const MARGIN = 24;
const PLAY_MILLISECONDS = 600;

const disc = r => `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`;
const diamond = r => `M0 ${-r}L${r} 0L0 ${r}L${-r} 0Z`;
const MARKS = {
  far: disc(1.5), seen: disc(3.5), beam: disc(5), expanded: diamond(6.5),
  now: diamond(10), ring: disc(9), query: "M-8 0H8M0 -8V8",
};

export function make(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function draw(name, attributes = {}, ...children) {
  return filled(document.createElementNS(NAMESPACE, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function row(...cells) {
  return make("tr", {}, ...cells.map(cell => make("td", {}, String(cell))));
}

export const shown = number => number === null ? "none" : number.toPrecision(4);

const mark = (kind, attributes = {}) =>
  draw("path", { class: kind, d: MARKS[kind], ...attributes });

export function drawKeys() {
  for (const icon of document.querySelectorAll(".key svg")) {
    icon.setAttribute("viewBox", "-11 -11 22 22");
    icon.setAttribute("aria-hidden", "true");
    const kind = icon.dataset.mark === "true" ? "ring" : icon.dataset.mark;
    icon.replaceChildren(mark(kind));
  }
}

/* From places on the plane to places on the picture: one scale for both directions,
   since the plane must not be stretched. */
function placing(spots, { width, height }) {
  const xs = spots.map(spot => spot[0]), ys = spots.map(spot => spot[1]);
  const left = Math.min(...xs), top = Math.max(...ys);
  const scale = Math.min(
    (width - 2 * MARGIN) / (Math.max(...xs) - left || 1),
    (height - 2 * MARGIN) / (top - Math.min(...ys) || 1));
  const rounded = number => Math.round(10 * number) / 10;
  return ([x, y]) =>
    [rounded(MARGIN + (x - left) * scale), rounded(MARGIN + (top - y) * scale)];
}

/* What matters is painted over what does not. */
const height = node => Number(node.true) + 2 * Number(node.expanded !== null);

export class WalkView {
  constructor(prefix = "") {
    this.part = name => document.getElementById(prefix + name);
    this.slider = this.part("step");
    this.timer = null;
    this.slider.addEventListener("input", () => { this.pause(); this.step(); });
    this.part("back").addEventListener("click", () => this.move(-1));
    this.part("next").addEventListener("click", () => this.move(1));
    this.part("play").addEventListener("click", () => this.toggle());
  }

  /* Show a walk, as `quiver.pages.walk.walk_document` tells it. */
  show(walk) {
    this.pause();
    this.walk = walk;
    this.spots = new Map(walk.points.map(([id, ...spot]) => [id, spot]));
    this.at = placing(
      [...this.spots.values(), walk.query], this.part("picture").viewBox.baseVal);
    this.drawPicture();
    this.part("summary").textContent = walk.summary;
    this.fillTables();
    this.slider.max = walk.hops.length;
    this.slider.value = walk.hops.length;
    this.step();
  }

  fillTables() {
    const { walk } = this;
    this.part("answer").replaceChildren(...walk.answer.map(one => row(
      this.label(one.id), one.shown, one.place ?? "none", one.hop ?? "none")));
    this.part("true").replaceChildren(...walk.true.map(one => row(
      this.label(one.id), one.shown, one.fate, one.stage ?? "", one.reason)));
  }

  label(id) {
    return Object.hasOwn(this.walk.labels, id) ? `${id}: ${this.walk.labels[id]}` : id;
  }

  drawPicture() {
    const { walk } = this;
    const dots = walk.points.map(([, ...spot]) => this.placed(mark("far"), spot));
    this.links = walk.hops.flatMap((hop, place) =>
      hop.seen.map(id => [place + 1, this.link(hop.node, id)]));
    this.nodes = [...walk.nodes].sort((a, b) => height(a) - height(b))
      .map(node => [node, this.node(node)]);
    const query = this.placed(mark("query"), walk.query);
    query.append(draw("title", {}, "query"));
    this.part("picture").replaceChildren(
      ...dots, ...this.links.map(([, line]) => line),
      ...this.nodes.map(([, node]) => node), query);
  }

  placed(element, spot) {
    element.setAttribute("transform", `translate(${this.at(spot)})`);
    return element;
  }

  link(from, to) {
    const [x1, y1] = this.at(this.spots.get(from));
    const [x2, y2] = this.at(this.spots.get(to));
    return draw("line", { x1, y1, x2, y2 });
  }

  node({ id, true: isTrue }) {
    const group = draw("g", { class: "node" }, draw("title", {}, this.label(id)));
    if (isTrue)
      group.append(mark("ring"));
    group.append(mark("seen"));
    return this.placed(group, this.spots.get(id));
  }

  step() {
    const now = Number(this.slider.value);
    for (const [hop, line] of this.links) {
      line.classList.toggle("on", hop <= now);
      line.classList.toggle("now", hop === now);
    }
    for (const [node, group] of this.nodes)
      this.stepNode(node, group, now);
    this.list(now);
  }

  stepNode(node, group, now) {
    const isSeen = node.seen !== null && node.seen <= now;
    const isIn = isSeen && (node.dropped === null || node.dropped > now);
    const isExpanded = node.expanded !== null && node.expanded <= now;
    const kind = node.expanded === now ? "now"
      : isExpanded ? "expanded" : isIn ? "beam" : "seen";
    group.classList.toggle("on", isSeen);
    group.classList.toggle("beam", isIn);
    group.classList.toggle("now", node.expanded === now);
    group.lastChild.setAttribute("class", kind);
    group.lastChild.setAttribute("d", MARKS[kind]);
  }

  list(now) {
    const { hops } = this.walk, hop = hops[now - 1];
    this.part("count").textContent = `hop ${now} of ${hops.length}`;
    this.part("headline").textContent =
      hop ? `expands ${this.label(hop.node)}` : "at the entry point";
    this.part("facts").textContent = hop
      ? `code distance ${shown(hop.distance)}; sees ${hop.seen.length} new, `
        + `drops ${hop.dropped}; the beam holds ${hop.size}`
      : "only its own distance is known";
    const byId = new Map(this.walk.nodes.map(node => [node.id, node]));
    this.part("beam").replaceChildren(...(hop ? hop.beam : []).map(
      ([id, distance]) => row(
        this.label(id), shown(distance), this.states(byId.get(id), now))));
  }

  states(node, now) {
    return [
      node.seen === now ? "new" : "",
      node.expanded !== null && node.expanded <= now ? "expanded" : "",
      node.true ? "true neighbour" : "",
    ].filter(Boolean).join(", ");
  }

  move(by) {
    this.pause();
    this.slider.value = Number(this.slider.value) + by;
    this.step();
  }

  toggle() {
    if (this.timer !== null) {
      this.pause();
      return;
    }
    if (this.slider.value === this.slider.max)
      this.slider.value = 0;
    this.part("play").textContent = "pause";
    this.step();
    this.timer = setInterval(() => this.advance(), PLAY_MILLISECONDS);
  }

  advance() {
    this.slider.value = Number(this.slider.value) + 1;
    this.step();
    if (this.slider.value === this.slider.max)
      this.pause();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.part("play").textContent = "play";
  }
}
