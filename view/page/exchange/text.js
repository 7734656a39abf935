/** Long texts: shown in part until the reader asks for all. Always as text, never as markup. */
import { useState } from "preact/hooks";
import * as format from "../format.js";
import { html } from "../html.js";

const SHOWN_CHARACTERS = 6_000;

/** @param {{text: string, mono?: boolean}} props */
export function Text({ text, mono = false }) {
  const [all, setAll] = useState(false);
  const cut = !all && text.length > SHOWN_CHARACTERS;
  return html`<div class=${mono ? "text mono" : "text"}>
    ${cut ? text.slice(0, SHOWN_CHARACTERS) : text}
    ${cut && html`<span class="dim"> …</span>`}
  </div>
  ${
    cut &&
    html`<button type="button" class="quiet" onClick=${() => setAll(true)}>
      Show all ${format.count(text.length)} characters
    </button>`
  }`;
}

/** A JSON text with line breaks; what is not JSON stays as it is.
 * @param {string} text */
export function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
