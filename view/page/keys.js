/** The keys of the page. They rest while the reader types, and while a dialog is open. */
import { open, openId, view } from "./address.js";
import { toggle as toggleCharts } from "./charts/data.js";
import { copyCurl, neighbourKind } from "./exchange/panel.js";
import { detail } from "./exchange/detail.js";
import { live } from "./feed.js";
import { INPUT_ID } from "./filter/filter_line.js";
import { helpShown } from "./help.js";
import { activeId, close, move, openActive } from "./table/selection.js";

/** @type {Record<string, () => void>} */
const ANYWHERE = {
  "/": () => {
    const focus = () => document.getElementById(INPUT_ID)?.focus();
    if (view.peek() === "exchanges") return focus(); // now: the next key is typed into it
    view.value = "exchanges";
    requestAnimationFrame(focus);
  },
  ".": () => {
    live.value = !live.peek();
  },
  "?": () => {
    helpShown.value = true;
  },
  c: copyCurl,
  g: toggleCharts,
  Escape: () => {
    if (openId.peek() !== null) leave();
  },
  "[": () => step("previous"),
  "]": () => step("next"),
};

/** @type {Record<string, () => void>} */
const IN_TABLE = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  PageDown: () => move(15),
  PageUp: () => move(-15),
  Home: () => move(-Infinity),
  End: () => move(Infinity),
  Enter: enter,
};

/** Open the active row; if it is open already, go to it. */
function enter() {
  const covers = matchMedia("(max-width: 900px)").matches;
  const wasOpen = openId.peek() !== null;
  openActive();
  if (wasOpen || covers)
    requestAnimationFrame(() => document.getElementById("panel-title")?.focus());
}

/** Close the exchange, and go back to its row. */
function leave() {
  close();
  const id = activeId.peek();
  requestAnimationFrame(() => document.getElementById(`row-${id}`)?.focus());
}

/** @param {"previous"|"next"} to */
function step(to) {
  const exchange = detail.peek()?.exchange;
  const id = exchange?.[to]?.[neighbourKind(exchange)];
  if (id) open(id);
}

/** @param {Element} element */
function isTyped(element) {
  return element.matches("input, textarea, select, [contenteditable]");
}

/** Arrows, Home, End, Page keys and Enter belong to a control that has the focus.
 * @param {Element} element
 * @param {string} key */
function isTaken(element, key) {
  if (key.length === 1) return false;
  return element.closest(".panel, .view, button, a, summary") !== null;
}

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
    return;
  const element = /** @type {Element} */ (event.target);
  if (isTyped(element) || event.defaultPrevented) return;
  const act =
    ANYWHERE[event.key] ??
    (view.peek() === "exchanges" && !isTaken(element, event.key) ? IN_TABLE[event.key] : undefined);
  if (!act) return;
  event.preventDefault();
  act();
}

export function follow() {
  addEventListener("keydown", onKeyDown);
}
