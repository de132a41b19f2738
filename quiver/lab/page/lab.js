/* The lab's page: what is asked, how hard, and what is shown of the answers. */

import { ask } from "./asking.js";
import { Backends } from "./backends.js";
import { drawEstimates, inWords } from "./chart.js";
import { WalkView, drawKeys, make } from "./walk.js";

const TYPING_MILLISECONDS = 150;
const part = id => document.getElementById(id);

class Lab {
  constructor(about) {
    this.about = about;
    this.asked = null;
    this.place = 0;
    this.timers = new Map();
    this.isAsking = false;
    this.sides = Object.keys(about.sides).map(name => new Side(name, about.sides[name]));
    this.backends = new Backends(about, () => this.questions());
    this.describe();
    this.listen();
    this.another();
  }

  describe() {
    const { n, dim, metric, metrics, most, sides, texts, queries } = this.about;
    part("about").textContent =
      `${n} vectors of ${dim} dimensions, ${metric}; ${texts} texts, ${queries} queries`;
    part("metric").replaceChildren(...metrics.map(name =>
      make("option", { value: name }, name === metric ? `${name} (searched)` : name)));
    part("metric").value = metric;
    part("k").max = most.k;
    part("k").value = Math.min(10, most.k);
    part("ef").max = most.ef;
    const [, second] = Object.keys(sides);
    part("beside-label").hidden = second === undefined;
    part("beside-label").querySelector("span").textContent = `${second} beside it`;
    this.fit();
  }

  listen() {
    part("ask").addEventListener("submit", event => this.search(event));
    part("words").addEventListener("input", () => this.later("find", () => this.find()));
    part("another").addEventListener("click", () => this.another());
    part("metric").addEventListener("change", () => this.showDistances());
    for (const id of ["k", "ef", "n_rerank", "every_bound", "beside"])
      part(id).addEventListener("input", () => {
        this.fit();
        this.later("walk", () => this.walk());
      });
  }

  /* Once nothing was typed or dragged for a moment. */
  later(name, act) {
    clearTimeout(this.timers.get(name));
    this.timers.set(name, setTimeout(act, TYPING_MILLISECONDS));
  }

  /* Keep 1 <= k <= n_rerank <= ef, which a search asks for. */
  fit() {
    const k = Math.max(1, Math.min(Number(part("k").value), part("k").max));
    const isAll = part("every_bound").checked;
    part("ef").min = k;
    part("n_rerank").min = k;
    part("n_rerank").max = part("ef").value;
    part("n_rerank").disabled = isAll;
    part("ef-shown").textContent = part("ef").value;
    part("n_rerank-shown").textContent = isAll ? "as needed" : part("n_rerank").value;
    this.effort = {
      k, ef: Number(part("ef").value),
      n_rerank: isAll ? null : Number(part("n_rerank").value),
    };
  }

  visible() {
    return part("beside").checked ? this.sides : this.sides.slice(0, 1);
  }

  questions() {
    const { of, id } = this.asked;
    return this.visible().map(({ name }) => ({ side: name, of, id, ...this.effort }));
  }

  async guarded(act) {
    try {
      await act();
      part("problem").textContent = "";
    } catch (error) {
      part("problem").textContent = error.message;
    }
  }

  async matches() {
    const words = part("words").value;
    return words.trim() ? ask("find", { words }) : [];
  }

  find() {
    return this.guarded(async () => {
      const found = await this.matches();
      part("matches").replaceChildren(...found.map(match => this.choice(match)));
      if (!found.length && part("words").value.trim())
        part("matches").replaceChildren(make("li", {}, "no text has these words"));
    });
  }

  choice(match) {
    const kind = make("span", { class: "kind" }, `${match.of} ${match.id}`);
    const button = make("button", { type: "button" }, kind, " ", match.text);
    button.addEventListener("click", () => this.choose(match));
    return make("li", {}, button);
  }

  search(event) {
    event.preventDefault();
    clearTimeout(this.timers.get("find"));
    return this.guarded(async () => {
      const [best] = await this.matches();
      if (best === undefined)
        throw new Error("No text has these words, and no row this id.");
      this.choose(best);
    });
  }

  another() {
    const { offered } = this.about;
    this.choose(offered[this.place]);
    this.place = (this.place + 1) % offered.length;
  }

  choose(match) {
    this.asked = match;
    part("matches").replaceChildren();
    part("asked").textContent = `${match.of} ${match.id}: ${match.text || "(no text)"}`;
    return this.walk();
  }

  /* One question at a time, then the newest: the lab answers all that it is asked. */
  async walk() {
    this.isStale = true;
    if (this.isAsking)
      return;
    this.isAsking = true;
    part("sides").setAttribute("aria-busy", "true");
    while (this.isStale) {
      this.isStale = false;
      await this.guarded(() => this.show());
    }
    part("sides").setAttribute("aria-busy", "false");
    this.isAsking = false;
  }

  async show() {
    this.sides.forEach(side => side.hide(!this.visible().includes(side)));
    await Promise.all(this.questions().map(async (question, place) =>
      this.sides[place].show(await ask("walk", question))));
    this.showDistances();
  }

  showDistances() {
    this.visible().forEach(side => side.showDistances(part("metric").value));
  }
}

class Side {
  constructor(name, made) {
    this.name = name;
    this.view = new WalkView(`${name}-`);
    this.part("made").textContent =
      `${made.encoding}; ${made.shape}; ${made.hot_bytes_per_vector} bytes a vector hot`;
  }

  part(name) {
    return part(`${this.name}-${name}`);
  }

  hide(isHidden) {
    this.part("side").hidden = isHidden;
  }

  show(told) {
    this.told = told;
    this.view.show(told.walk);
    this.part("summary").textContent =
      `${told.walk.summary}; code distances are ${told.code_distance}`;
    drawEstimates(this.part("chart"), told.estimates);
    this.part("estimates").textContent = inWords(told.estimates);
  }

  showDistances(metric) {
    if (this.told === undefined)
      return;
    const { walk, distances } = this.told;
    for (const one of [...walk.answer, ...walk.true])
      one.shown = distances[metric][one.id];
    this.view.fillTables();
  }
}

async function start() {
  drawKeys();
  try {
    new Lab(await ask("about"));
  } catch (error) {
    part("problem").textContent = error.message;
  }
}

start();
