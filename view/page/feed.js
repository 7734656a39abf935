/**
 * The rows that the table shows, newest first, and how they come: page by page as the reader
 * scrolls down, and live at the top. While the reader looks at something, what is new is counted
 * and held.
 */
import { batch, computed, effect, signal } from "@preact/signals";
import { filter, openId } from "./address.js";
import * as api from "./api.js";

const PAGE_ROWS = 500;
/** More rows than this are not held: the table is loaded anew instead. */
const HELD_LIMIT = 2_000;
/** Rows that come within this time are shown together. */
const GATHER_MS = 80;

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Status} Status */

/** @type {import("@preact/signals").Signal<Row[]>} */
export const rows = signal([]);
export const total = signal(0);
export const loading = signal(true);
/**
 * Why the filter or the server refused, the newest time.
 * @type {import("@preact/signals").Signal<api.ApiError|null>}
 */
export const problem = signal(null);
/** @type {import("@preact/signals").Signal<Status|null>} */
export const status = signal(null);
/** Whether the connection for live rows stands. */
export const connected = signal(false);
/** The live switch. */
export const live = signal(true);
/** Whether the pointer is in the table. */
export const pointed = signal(false);
/** Whether the table is scrolled down. */
export const scrolled = signal(false);
/**
 * New rows that are not in the table yet, newest first.
 * @type {import("@preact/signals").Signal<Row[]>}
 */
export const held = signal([]);
export const holds = computed(
  () => !live.value || pointed.value || scrolled.value || openId.value !== null,
);

/** Rows of the playground's own calls, by id; no filter leaves them out. */
export const latest = signal(/** @type {Row|null} */ (null));

/** @type {string|null} */
let cursor = null;
/** @type {AbortController|null} */
let request = null;

/** Load the newest rows of the present filter. */
export async function reload() {
  request?.abort();
  request = new AbortController();
  await load(null, (page) => {
    rows.value = page.rows;
    total.value = page.total;
    held.value = [];
    problem.value = null;
  });
}

/** Load the next older rows, if there are any and none are on their way. */
export async function loadOlder() {
  if (cursor === null || loading.peek() || !request) return;
  await load(cursor, (page) => {
    rows.value = rows.peek().concat(page.rows);
    problem.value = null;
  });
}

/**
 * Load a page of rows and show it, unless the request is aborted meanwhile.
 * @param {string | null} after the cursor of the page before; null: the newest rows
 * @param {(page: Awaited<ReturnType<typeof api.exchanges>>) => void} show
 */
async function load(after, show) {
  const { signal: aborted } = /** @type {AbortController} */ (request);
  loading.value = true;
  try {
    const page = await api.exchanges(filter.peek(), after, PAGE_ROWS, aborted);
    cursor = page.next;
    batch(() => {
      show(page);
      loading.value = false;
    });
  } catch (error) {
    if (aborted.aborted) return;
    batch(() => {
      problem.value = /** @type {api.ApiError} */ (error);
      loading.value = false;
    });
  }
}

/** Show the rows that were held. */
export function release() {
  const fresh = held.peek();
  if (fresh.length >= HELD_LIMIT) return void reload();
  batch(() => {
    held.value = [];
    rows.value = fresh.concat(rows.peek());
  });
}

/** Take in rows that came, oldest first. A row that is in the table already is replaced there.
 * @param {Row[]} came */
export function take(came) {
  const byId = new Map(came.map((row) => [row.id, row]));
  const replaced = (/** @type {Row[]} */ list) =>
    list.some((row) => byId.has(row.id)) ? list.map((row) => pick(byId, row)) : list;
  batch(() => {
    rows.value = replaced(rows.peek());
    held.value = replaced(held.peek());
    const fresh = [...byId.values()].reverse();
    total.value += fresh.length;
    held.value = fresh.concat(held.peek()).slice(0, HELD_LIMIT);
  });
  if (!holds.peek() && held.peek().length) release();
}

/** The new version of a row, which then is not new any more.
 * @param {Map<string, Row>} byId
 * @param {Row} row */
function pick(byId, row) {
  const newer = byId.get(row.id);
  byId.delete(row.id);
  return newer ?? row;
}

/** Listen for rows of the filter, until the returned function is called.
 * @param {string} q */
function listen(q) {
  const source = api.live(q);
  /** @type {Row[]} */
  let came = [];
  let timer = 0;
  const flush = () => {
    timer = 0;
    const gathered = came;
    came = [];
    take(gathered);
  };
  let opened = false;
  source.addEventListener("open", () => {
    connected.value = true;
    if (opened) reload(); // what came while the connection was down is in the store
    opened = true;
  });
  source.addEventListener("error", () => {
    connected.value = false;
  });
  source.addEventListener("row", (message) => {
    const row = JSON.parse(message.data);
    latest.value = row;
    came.push(row);
    timer ||= setTimeout(flush, GATHER_MS);
  });
  source.addEventListener("status", (message) => {
    status.value = JSON.parse(message.data);
  });
  source.addEventListener("reload", () => void reload());
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

/** Follow the filter from now on. */
export function follow() {
  effect(() => {
    const q = filter.value;
    reload();
    return listen(q);
  });
  effect(() => {
    if (!holds.value && held.peek().length) release();
  });
}
