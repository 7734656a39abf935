/** A uPlot chart as a component: made once, fed with new data, sized by its box. */
import { useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { html } from "../html.js";
import { theme, token } from "../theme.js";

const HEIGHT = 112;

/** @typedef {Partial<uPlot.Options> & Pick<uPlot.Options, "series">} OwnOptions */

/** The parts that all charts share.
 * @param {OwnOptions} options
 * @param {[number, number]} span of the time axis, Unix seconds
 * @param {(value: number) => string} label of the y axis
 * @param {import("uplot").Axis.Splits} [splits] where the y axis has labels, if uPlot is not to
 *   decide it
 */
function whole(options, span, label, splits) {
  const axis = {
    stroke: token("var(--dim)"),
    grid: { stroke: token("var(--grid)"), width: 1 },
    ticks: { show: false },
    font: "10.5px system-ui, sans-serif",
  };
  return {
    width: 300,
    height: HEIGHT,
    legend: { show: false },
    padding: /** @type {[number, number, number, number]} */ ([6, 6, 0, 0]),
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    axes: [
      { ...axis, size: 18, gap: 2, space: 70, grid: { show: false }, values: "{HH}:{mm}" },
      {
        ...axis,
        size: 46,
        gap: 4,
        space: 26,
        ...(splits && { splits }),
        values: (/** @type {unknown} */ _, /** @type {number[]} */ values) =>
          values.map((value) => (value == null ? "" : label(value))),
      },
    ],
    ...options,
    scales: { x: { time: true, range: span }, ...options.scales },
  };
}

/**
 * @param {object} props
 * @param {(token: (expression: string) => string) => OwnOptions} props.options
 * @param {string} props.shape two plots of the same shape differ in their data alone
 * @param {any} props.data
 * @param {[number, number]} props.span
 * @param {(value: number) => string} props.label
 * @param {import("uplot").Axis.Splits} [props.splits]
 * @param {(chart: uPlot, index: number|null|undefined, x: number, y: number) => void} props.onClick
 * @param {string} props.description for a screen reader
 */
export function Plot({ options, shape, data, span, label, splits, onClick, description }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const chart = useRef(/** @type {uPlot|null} */ (null));
  const latest = useRef({ data, span, onClick });
  latest.current = { data, span, onClick };
  const shownTheme = theme.value;

  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    const range = () => latest.current.span;
    const plot = new uPlot(
      whole(options(token), /** @type {any} */ (range), label, splits),
      latest.current.data,
      element,
    );
    plot.over.addEventListener("click", (event) =>
      latest.current.onClick(plot, plot.cursor.idx, event.offsetX, event.offsetY),
    );
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: Math.max(element.clientWidth, 80), height: HEIGHT }),
    );
    observer.observe(element);
    chart.current = plot;
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [shape, shownTheme]);

  useLayoutEffect(() => chart.current?.setData(data), [data]);
  return html`<div class="plot" ref=${box} role="img" aria-label=${description}></div>`;
}
