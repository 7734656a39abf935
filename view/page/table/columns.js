/** The columns of the table. `rank` says which go first where there is little room. */
import * as format from "../format.js";
import { html } from "../html.js";
import { Outcome } from "../outcome.js";

/** @typedef {import("../types.js").Row} Row */
/**
 * @typedef {{key: string, label: string, title: string, number?: boolean, cell: (row: Row) =>
 *   unknown}} Column
 */

/** The milliseconds apart, which a narrow table leaves out.
 * @param {{iso: string}} props */
function Moment({ iso }) {
  const text = format.time(iso);
  const point = text.lastIndexOf(".");
  return html`${text.slice(0, point)}<span class="milliseconds">${text.slice(point)}</span>`;
}

/** @type {Column[]} */
export const COLUMNS = [
  {
    key: "time",
    label: "Time",
    title: "End of the exchange, local time",
    cell: (row) => html`<${Moment} iso=${row.time} />`,
  },
  {
    key: "outcome",
    label: "Outcome",
    title: "How the exchange ended",
    cell: (row) => html`<${Outcome} name=${row.outcome} status=${row.status} />`,
  },
  { key: "deployment", label: "Deployment", title: "Deployment", cell: (row) => row.deployment },
  { key: "model", label: "Model", title: "The model that answered", cell: (row) => row.model },
  {
    key: "caller",
    label: "Caller",
    title: "Subscription, product or user",
    cell: (row) => row.caller,
  },
  {
    key: "prompt",
    label: "Prompt",
    title: "The first words of the prompt's last message",
    cell: (row) => html`<span title=${row.prompt}>${row.prompt}</span>`,
  },
  {
    key: "in",
    label: "In",
    title: "Tokens of the prompt",
    number: true,
    cell: (row) => format.count(row.tokens_in),
  },
  {
    key: "out",
    label: "Out",
    title: "Tokens of the answer",
    number: true,
    cell: (row) => format.count(row.tokens_out),
  },
  {
    key: "cached",
    label: "Cached",
    title: "Tokens of the prompt from the cache",
    number: true,
    cell: (row) => format.count(row.tokens_cached),
  },
  {
    key: "cost",
    label: "Cost",
    title: "Cost, if prices are known",
    number: true,
    cell: (row) => format.alignedCost(row.cost, row.currency),
  },
  {
    key: "ttft",
    label: "First token",
    number: true,
    title:
      "From the request to the first token of the answer: chunks before it may hold none " +
      "(time_to_first_chunk_ms of the event)",
    cell: (row) => format.duration(row.ttft_ms),
  },
  {
    key: "duration",
    label: "Duration",
    title: "Request to end",
    number: true,
    cell: (row) => format.duration(row.duration_ms),
  },
];
