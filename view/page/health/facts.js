/** JSON of the operators' routes as facts and tables; it may have any members. */
import * as format from "../format.js";
import { html } from "../html.js";

/** @param {string} key
 * @param {unknown} value
 * @returns {string} */
export function valueText(key, value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return numberOf(key, value);
  if (typeof value === "string")
    return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) ? format.time(utc(value)) : value;
  if (Array.isArray(value) && value.length === 0) return "none";
  return JSON.stringify(value);
}

/** @param {string} key
 * @param {number} value */
function numberOf(key, value) {
  if (key.endsWith("_at_ms")) return format.time(new Date(value).toISOString());
  if (key.endsWith("_ms")) return format.duration(value);
  if (key.endsWith("_s")) return format.duration(value * 1000);
  if (key.endsWith("_bytes")) return format.size(value);
  return Number.isInteger(value) ? format.count(value) : String(value);
}

/** A time without an offset is UTC. @param {string} iso */
const utc = (iso) => (/(?:Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`);

/** @param {string} key */
const label = (key) => format.words(key.replace(/_(at_ms|ms|s|bytes)$/, ""));

/** @param {Record<string, unknown>[]} list
 * @param {string} key */
const isNumber = (list, key) => typeof list[0]?.[key] === "number";

/**
 * @param {{list: Record<string, unknown>[], action?: (row: Record<string, unknown>) => unknown}}
 *   props
 */
export function FactTable({ list, action }) {
  const keys = [...new Set(list.flatMap((row) => Object.keys(row)))];
  return html`<div class="wide" tabindex="0" role="region" aria-label="Table">
    <table class="facts">
      <thead>
        <tr>
          ${keys.map(
            (key) =>
              html`<th key=${key} scope="col" class=${isNumber(list, key) ? "number" : ""}>
                ${label(key)}
              </th>`,
          )}
          ${action && html`<th scope="col"><span class="hidden">Action</span></th>`}
        </tr>
      </thead>
      <tbody>
        ${list.map(
          (row, index) => html`<tr
            key=${index}
            data-complete=${row.complete === undefined ? undefined : Boolean(row.complete)}
          >
            ${keys.map(
              (key) => html`<td key=${key} class=${typeof row[key] === "number" ? "number" : ""}>
                ${valueText(key, row[key])}
              </td>`,
            )}
            ${action && html`<td>${action(row)}</td>`}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {{object: Record<string, unknown>}} props */
export function Facts({ object }) {
  const isGroup = (/** @type {unknown} */ value) =>
    value !== null && typeof value === "object" && !Array.isArray(value);
  const isList = (/** @type {unknown} */ value) =>
    Array.isArray(value) && value.length > 0 && isGroup(value[0]);
  const entries = Object.entries(object);
  const plain = entries.filter(
    ([, value]) => value !== undefined && !isGroup(value) && !isList(value),
  );
  return html`${
    plain.length > 0 &&
    html`<dl class="health-facts">
      ${plain.map(
        ([key, value]) =>
          html`<div key=${key}><dt>${label(key)}</dt><dd>${valueText(key, value)}</dd></div>`,
      )}
    </dl>`
  }
  <div class="health-groups">
    ${entries
      .filter(([, value]) => isGroup(value))
      .map(
        ([key, value]) => html`<section key=${key} class="health-group">
          <h3>${label(key)}</h3>
          <${Facts} object=${value} />
        </section>`,
      )}
  </div>
  ${entries
    .filter(([, value]) => isList(value))
    .map(
      ([key, value]) => html`<section key=${key} class="health-list">
        <h3>${label(key)}</h3>
        <${FactTable} list=${value} />
      </section>`,
    )}`;
}
