/**
 * A list of rows of one height of which only those in view are in the document.
 * A row's element is made by `renderRow` and reused as long as the row and its state are the same.
 */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";

/** Rows above and below the view that are there before they are scrolled to. */
const MARGIN_ROWS = 12;
/** So near to the end, older rows are asked for. */
const NEAR_END_ROWS = 150;

/**
 * @param {object} props
 * @param {number} props.count
 * @param {number} props.rowHeight in CSS pixels
 * @param {(index: number) => unknown} props.renderRow
 * @param {number|null} props.visible the index of a row to keep in view
 * @param {boolean} props.ready whether older rows can be asked for
 * @param {() => void} props.onNearEnd
 * @param {(top: number) => void} props.onScroll
 * @param {Record<string, unknown>} props.attributes of the scrolling element
 */
export function VirtualList({
  count,
  rowHeight,
  renderRow,
  visible,
  ready,
  onNearEnd,
  onScroll,
  attributes,
}) {
  const scroller = useRef(/** @type {HTMLElement|null} */ (null));
  const [range, setRange] = useState({ first: 0, last: 60 });

  const measure = () => {
    const element = scroller.current;
    if (!element) return;
    const top = Math.floor(element.scrollTop / rowHeight);
    const visible = Math.ceil(element.clientHeight / rowHeight);
    const first = Math.max(0, top - MARGIN_ROWS);
    const last = top + visible + MARGIN_ROWS;
    setRange((old) => (old.first === first && old.last === last ? old : { first, last }));
    if (ready && last + NEAR_END_ROWS > count) onNearEnd();
    onScroll(element.scrollTop);
  };

  // The observer measures at once, so a list that stands near its end asks without being scrolled.
  useLayoutEffect(() => {
    const observer = new ResizeObserver(measure);
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, [count, ready]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || visible === null) return;
    const top = visible * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + rowHeight - element.clientHeight;
    }
  }, [visible]);

  const last = Math.min(range.last, count);
  const first = Math.min(range.first, last);
  const elements = [];
  for (let index = first; index < last; index += 1) elements.push(renderRow(index));
  return html`<div class="scroller" ref=${scroller} onScroll=${measure} ...${attributes}>
    <div class="canvas" role="presentation" style=${{ height: `${count * rowHeight}px` }}>
      <div
        class="window"
        role="presentation"
        style=${{ transform: `translateY(${first * rowHeight}px)` }}
      >${elements}</div>
    </div>
  </div>`;
}
