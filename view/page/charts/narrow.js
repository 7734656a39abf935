/** Filters the table by what was clicked in a chart. */
import { filter, filterBy } from "../address.js";
import { withTerms } from "../filter/terms.js";

/** @param {string[]} terms added to the filter; each replaces the term of its key */
export const narrow = (terms) => filterBy(withTerms(filter.peek(), terms));
