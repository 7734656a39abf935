/** The filter line as a list of terms. Pure; the server judges whether a term is right. */

/** A term: outside quotes no white space.  */
const TERM = /(?:[^\s"]|"(?:[^"\\]|\\.)*"?)+/g;
const EXCHANGE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const OPERATOR = /^([a-z_]+)(:!?|>=|<=|>|<)(.*)$/s;

/** @param {string} line
 * @returns {string[]} */
export function terms(line) {
  return line.match(TERM) ?? [];
}

/** @param {string[]} list */
export function line(list) {
  return list.join(" ");
}

/** @param {string} text */
export function isExchangeId(text) {
  return EXCHANGE_ID.test(text.trim());
}

/** A term in its parts; a text or an id has no key.
 * @param {string} term
 * @returns {{key: string, operator: string, value: string}} */
export function parts(term) {
  const match = OPERATOR.exec(term);
  return match
    ? { key: match[1], operator: match[2], value: match[3] }
    : { key: "", operator: "", value: term };
}

/** @param {string} value */
export function quoted(value) {
  return /[\s,"*]/.test(value)
    ? `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
    : value;
}

/** The line with one term for the key: it takes the place of others with the same key and operator.
 * @param {string} text
 * @param {string[]} added */
export function withTerms(text, added) {
  const same = new Set(added.map(head));
  return line(
    terms(text)
      .filter((term) => !same.has(head(term)))
      .concat(added),
  );
}

/** @param {string} term */
function head(term) {
  const { key, operator, value } = parts(term);
  return key ? key + operator[0] : value;
}

/** The line with the term, or without it if it has it already.
 * @param {string} text
 * @param {string} term */
export function toggled(text, term) {
  const list = terms(text);
  return list.includes(term)
    ? line(list.filter((other) => other !== term))
    : withTerms(text, [term]);
}
