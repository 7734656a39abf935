/**
 * The address holds the state of the page: the view, the filter and the open exchange.
 * So links lead to it, and the browser's own back and forward work.
 */
import { batch, effect, signal } from "@preact/signals";

export const VIEWS = /** @type {const} */ (["exchanges", "playground", "health"]);

/** @type {import("@preact/signals").Signal<string>} */
export const view = signal("exchanges");
/** The filter line's text. */
export const filter = signal("");
/** The id of the exchange that is open. @type {import("@preact/signals").Signal<string|null>} */
export const openId = signal(null);

/** Whether the next change adds an entry to the history, or replaces the present one. */
let adds = false;

function read() {
  const query = new URLSearchParams(location.search);
  const requested = query.get("view") ?? "";
  batch(() => {
    view.value = VIEWS.includes(/** @type {any} */ (requested)) ? requested : "exchanges";
    filter.value = query.get("q") ?? "";
    openId.value = query.get("open");
  });
}

/** The address of the page with the given state. */
function address() {
  const query = new URLSearchParams();
  if (view.value !== "exchanges") query.set("view", view.value);
  if (filter.value) query.set("q", filter.value);
  if (openId.value) query.set("open", openId.value);
  const text = query.toString();
  return location.pathname + (text ? `?${text}` : "");
}

/** @param {string} name */
export function show(name) {
  adds = true;
  batch(() => {
    view.value = name;
    openId.value = null;
  });
}

/** @param {string} text */
export function filterBy(text) {
  adds = true;
  batch(() => {
    view.value = "exchanges";
    filter.value = text;
  });
}

/** Opening adds an entry to the history; stepping from one exchange to the next does not.
 * @param {string|null} id */
export function open(id) {
  adds = (openId.value === null) !== (id === null);
  openId.value = id;
}

/** Read the address, and keep it up to date from now on. */
export function follow() {
  read();
  addEventListener("popstate", read);
  effect(() => {
    const next = address();
    if (next === location.pathname + location.search) return;
    if (adds) history.pushState(null, "", next);
    else history.replaceState(null, "", next);
    adds = false;
  });
}
