/* The same question to one backend or to each, beside the reference. */

import { ask } from "./asking.js";
import { make, row } from "./walk.js";

const SHOWN_IDS = 5;
const part = id => document.getElementById(id);

export class Backends {
  constructor(about, question) {
    this.backends = about.backends;
    this.question = question;
    part("backend").replaceChildren(...about.backends.map(option));
    part("backend").value = about.used;
    part("one-backend").addEventListener("click", () =>
      this.compare([part("backend").value]));
    part("every-backend").addEventListener("click", () => this.compare(
      about.backends.filter(one => one.available).map(one => one.name)));
  }

  /* One after the other, so that none waits for another's compilation. */
  async compare(names) {
    const rows = part("backends");
    rows.replaceChildren();
    for (const name of names)
      for (const question of this.question()) {
        const waiting = row(name, question.side, "asked …", "", "");
        rows.append(waiting);
        waiting.replaceWith(await this.told({ ...question, backend: name }));
      }
  }

  async told(question) {
    try {
      const { name, target, is_equal, digest, ids } = await ask("backend", question);
      return row(
        `${name} (${target})`, question.side,
        is_equal ? "equal in every bit" : "DIFFERS from the reference",
        digest.slice(0, 16), ids.slice(0, SHOWN_IDS).join(" "));
    } catch (error) {
      return row(question.backend, question.side, error.message, "", "");
    }
  }
}

function option({ name, available, reason }) {
  const text = available ? name : `${name}: ${reason}`;
  const chosen = make("option", { value: name }, text);
  chosen.disabled = !available;
  return chosen;
}
