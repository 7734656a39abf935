/**
 * The filter line: terms as chips, then an input; a term is taken by Enter, or by a space after it.
 */
import { useRef, useState } from "preact/hooks";
import { about } from "../about.js";
import { filter, filterBy, open } from "../address.js";
import { problem } from "../feed.js";
import { html } from "../html.js";
import { completions, PRESETS } from "./presets.js";
import { isExchangeId, line, parts, quoted, terms } from "./terms.js";

export const INPUT_ID = "filter";
const SHOWN_COMPLETIONS = 8;

/** The line with what was typed or pasted; words without a key are searched as one text.
 * @param {string} typed */
function added(typed) {
  const text = typed.trim();
  if (!text) return filter.peek();
  if (isExchangeId(text)) return text.toLowerCase();
  const list = terms(text);
  const plain = list.every((term) => !parts(term).key && !term.startsWith('"'));
  const taken = plain ? [quoted(text).startsWith('"') ? quoted(text) : `"${text}"`] : list;
  return line(
    terms(filter.peek())
      .filter((term) => !taken.includes(term) && !isExchangeId(term))
      .concat(taken),
  );
}

/** @param {string} typed */
function isComplete(typed) {
  const { key, value } = parts(typed);
  return Boolean(key && value) && (value.match(/"/g) ?? []).length % 2 === 0;
}

/** @param {{term: string, onEdit: (term: string) => void}} props */
function Chip({ term, onEdit }) {
  const { key, operator, value } = parts(term);
  const without = () => filterBy(line(terms(filter.value).filter((other) => other !== term)));
  return html`<span class="chip" data-key=${key || "text"}>
    <button type="button" class="chip-text" title="Edit" onClick=${() => onEdit(term)}>
      ${key && html`<span class="chip-key">${key}${operator}</span>`}
      <span>${value}</span>
    </button>
    <button type="button" class="chip-remove" aria-label=${`Remove ${term}`} onClick=${without}>
      ×
    </button>
  </span>`;
}

/**
 * @param {{list: {text: string, hint: string}[], chosen: number, onChoose: (text: string) => void}}
 *   props
 */
function Completions({ list, chosen, onChoose }) {
  return html`<ul class="completions" role="listbox" id="completions" aria-label="Completions">
    ${list.map(
      ({ text, hint }, index) => html`<li
        key=${text}
        id=${`completion-${index}`}
        role="option"
        aria-selected=${index === chosen}
        onPointerDown=${(/** @type {Event} */ event) => {
          event.preventDefault(); // the input keeps the focus
          onChoose(text);
        }}
      ><span class="mono">${text}</span><span class="dim">${hint}</span></li>`,
    )}
  </ul>`;
}

export function FilterLine() {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(-1);
  const [focused, setFocused] = useState(false);
  const input = useRef(/** @type {HTMLInputElement|null} */ (null));
  const list = focused && typed ? completions(typed, about.value).slice(0, SHOWN_COMPLETIONS) : [];

  /** @param {string} text */
  const take = (text) => {
    filterBy(added(text));
    setTyped("");
    setChosen(-1);
    if (isExchangeId(text)) open(text.trim().toLowerCase());
  };
  /** @param {string} term */
  const edit = (term) => {
    filterBy(line(terms(filter.peek()).filter((other) => other !== term)));
    setTyped(term);
    input.current?.focus();
  };
  /** @param {string} text */
  const choose = (text) => {
    setChosen(-1);
    if (isComplete(text)) take(text);
    else setTyped(text);
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === "ArrowDown" && list.length) setChosen((chosen + 1) % list.length);
    else if (event.key === "ArrowUp" && list.length)
      setChosen(((chosen + list.length) % (list.length + 1)) - 1);
    else if (event.key === "Enter" && chosen >= 0) choose(list[chosen].text);
    else if (event.key === "Tab" && list.length && !event.shiftKey)
      choose(list[Math.max(chosen, 0)].text);
    else if (event.key === "Enter") take(typed);
    else if (event.key === " " && isComplete(typed)) take(typed);
    else if (event.key === "Backspace" && !typed && filter.value)
      edit(terms(filter.value).at(-1) ?? "");
    else if (event.key === "Escape") input.current?.blur();
    else return;
    event.preventDefault();
  };
  /** @param {ClipboardEvent} event */
  const onPaste = (event) => {
    const text = event.clipboardData?.getData("text") ?? "";
    if (!isExchangeId(text)) return;
    event.preventDefault();
    take(text);
  };
  const wrong = problem.value?.status === 400 ? problem.value : null;
  return html`<div class="filter">
    <form
      class="filter-line"
      role="search"
      onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}
    >
      <svg class="glass" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="M10.5 10.5 14 14" />
      </svg>
      ${terms(filter.value).map(
        (term) => html`<${Chip} key=${term} term=${term} onEdit=${edit} />`,
      )}
      <input
        id=${INPUT_ID}
        ref=${input}
        class="filter-input"
        value=${typed}
        autocomplete="off"
        spellcheck="false"
        placeholder=${
          filter.value
            ? "and …"
            : 'outcome:!completed   tokens>1000   "text in prompt or answer"   an x-exchange-id'
        }
        role="combobox"
        aria-label="Filter"
        aria-expanded=${list.length > 0}
        aria-controls="completions"
        aria-autocomplete="list"
        aria-activedescendant=${chosen >= 0 ? `completion-${chosen}` : undefined}
        aria-invalid=${wrong !== null}
        onInput=${(/** @type {any} */ event) => setTyped(event.target.value)}
        onKeyDown=${onKeyDown}
        onPaste=${onPaste}
        onFocus=${() => setFocused(true)}
        onBlur=${() => setFocused(false)}
      />
      ${
        filter.value &&
        html`<button type="button" class="quiet" onClick=${() => filterBy("")}>Clear</button>`
      }
      <kbd aria-hidden="true">/</kbd>
    </form>
    ${list.length > 0 && html`<${Completions} list=${list} chosen=${chosen} onChoose=${choose} />`}
    ${wrong && html`<p class="filter-problem" role="alert">${wrong.message}</p>`}
    <div class="presets" role="group" aria-label="Filters">
      ${PRESETS.map(
        ({ name, terms: preset, title }) => html`<button
          key=${name}
          type="button"
          title=${title}
          aria-pressed=${filter.value === preset}
          onClick=${() => filterBy(preset)}
        >${name}</button>`,
      )}
    </div>
  </div>`;
}
