/** JSON with line breaks and colours. */
import { html } from "../html.js";

/** A longer text is shown without colours, to stay fast. */
const COLOURED_CHARACTERS = 120_000;
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** @param {string} text
 * @returns {unknown[]} */
function coloured(text) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon, word] = match;
    pieces.push(text.slice(end, match.index));
    const kind = string ? "json-string" : word ? "json-word" : "json-number";
    if (colon) pieces.push(html`<span class="json-key">${string}</span>`, colon);
    else pieces.push(html`<span class=${kind}>${whole}</span>`);
    end = match.index + whole.length;
  }
  pieces.push(text.slice(end));
  return pieces;
}

/** @param {{text: string, label: string}} props */
export function JsonView({ text, label }) {
  return html`<pre class="code" tabindex="0" role="region" aria-label=${label}>${
    text.length > COLOURED_CHARACTERS ? text : coloured(text)
  }</pre>`;
}
