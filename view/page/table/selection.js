/** The row that the keyboard is on, which is not always open. */
import { computed, signal } from "@preact/signals";
import { open, openId } from "../address.js";
import { rows } from "../feed.js";

/** @type {import("@preact/signals").Signal<string|null>} */
const chosen = signal(null);

export const activeId = computed(() => openId.value ?? chosen.value);
export const activeIndex = computed(() => {
  const id = activeId.value;
  const index = id === null ? -1 : rows.value.findIndex((row) => row.id === id);
  return index < 0 ? null : index;
});

/** @param {string|null} id */
export function choose(id) {
  chosen.value = id;
  if (openId.peek() !== null) open(id);
}

/** Move by a number of rows. If an exchange is open, the one moved to opens.
 * @param {number} by */
export function move(by) {
  const list = rows.peek();
  if (!list.length) return;
  const from = activeIndex.peek();
  const to = from === null ? 0 : Math.min(Math.max(from + by, 0), list.length - 1);
  choose(list[to].id);
}

export function openActive() {
  if (activeId.peek() !== null) open(activeId.peek());
}

export function close() {
  chosen.value = openId.peek() ?? chosen.peek();
  open(null);
}
