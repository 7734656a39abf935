/** The data of the charts, and when they are loaded anew. */
import { effect, signal } from "@preact/signals";
import * as api from "../api.js";
import { filter } from "../address.js";
import { live, total } from "../feed.js";

const REFRESH_MS = 5_000;
/** A multiple of what a refresh takes: charts of many exchanges come less often. */
const REST = 10;
const KEY = "fnsse.charts";

/**
 * The data of the charts; every time is in Unix seconds, as uPlot wants them.
 * @typedef {object} Charts
 * @property {[number, number]} span
 * @property {number} bucketS
 * @property {{points: [number, number, string][], bands: [number, number, number][]}} ttft
 * @property {Record<string, [number, number][]>} tokens by deployment
 * @property {Record<string, [number, number][]>} outcomes
 * @property {[number, number][]|null} openStreams
 */

export const SPANS = [
  { minutes: 15, name: "15 min" },
  { minutes: 60, name: "1 h" },
  { minutes: 360, name: "6 h" },
  { minutes: 1440, name: "24 h" },
];

export const minutes = signal(60);
export const visible = signal(localStorage.getItem(KEY) !== "hidden");
/** @type {import("@preact/signals").Signal<Charts|null>} */
export const charts = signal(null);

/** @template {[number, ...unknown[]]} T
 * @param {T[]} points whose first member is in milliseconds
 * @returns {T[]} */
const seconds = (points) => points.map(([at, ...rest]) => /** @type {T} */ ([at / 1000, ...rest]));

/** @param {Record<string, [number, number][]>} series */
const allSeconds = (series) =>
  Object.fromEntries(Object.entries(series).map(([name, points]) => [name, seconds(points)]));

/** @param {any} answer of `/api/charts`
 * @returns {Charts} */
function inSeconds(answer) {
  return {
    span: [answer.from_ms / 1000, answer.to_ms / 1000],
    bucketS: answer.bucket_ms / 1000,
    ttft: { points: seconds(answer.ttft.points), bands: seconds(answer.ttft.bands) },
    tokens: allSeconds(answer.tokens),
    outcomes: allSeconds(answer.outcomes),
    openStreams: answer.open_streams ? seconds(answer.open_streams) : null,
  };
}

/** @param {string} q
 * @param {number} span in minutes */
async function load(q, span) {
  try {
    const answer = await api.charts(q, span);
    if (q === filter.peek() && span === minutes.peek()) charts.value = inSeconds(answer);
  } catch {
    charts.value = null; // the table says what is wrong
  }
}

export function toggle() {
  visible.value = !visible.peek();
  localStorage.setItem(KEY, visible.peek() ? "shown" : "hidden");
}

/** Load the charts at each change of what they show, and while rows come. */
export function follow() {
  let nextAt = 0;
  let timer = 0;
  const now = async (/** @type {string} */ q, /** @type {number} */ span) => {
    timer = 0;
    const began = Date.now();
    nextAt = began + REFRESH_MS;
    await load(q, span);
    nextAt = Math.max(nextAt, Date.now() + REST * (Date.now() - began));
  };
  effect(() => {
    if (visible.value) now(filter.value, minutes.value);
  });
  total.subscribe(() => {
    if (!visible.peek() || !live.peek()) return;
    const wait = Math.max(0, nextAt - Date.now());
    timer ||= setTimeout(() => now(filter.peek(), minutes.peek()), wait);
  });
}
