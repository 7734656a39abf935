/** The template tag of all components: `html` binds htm to Preact. */
import htm from "htm";
import { h } from "preact";

export const html = htm.bind(h);
