/** Light or dark: as the system has it, or as the reader chose. */
import { effect, signal } from "@preact/signals";

const KEY = "fnsse.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @type {import("@preact/signals").Signal<string>} `""` follows the system */
const chosen = signal(localStorage.getItem(KEY) ?? "");
const systemIsDark = signal(dark.matches);

/** The theme that is shown: drawings on a canvas depend on it. */
export const theme = signal("light");

export function toggle() {
  chosen.value = theme.peek() === "dark" ? "light" : "dark";
}

/** A colour as the theme has it now, for a canvas.
 * @param {string} expression such as `var(--line)` */
export function token(expression) {
  const probe = document.createElement("i");
  probe.style.color = expression;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function follow() {
  dark.addEventListener("change", () => {
    systemIsDark.value = dark.matches;
  });
  effect(() => {
    const name = chosen.value || (systemIsDark.value ? "dark" : "light");
    document.documentElement.dataset.theme = name;
    if (chosen.value) localStorage.setItem(KEY, chosen.value);
    theme.value = name;
  });
}
