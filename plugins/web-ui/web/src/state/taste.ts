// What a person likes: kept in this browser only.
import { store } from "./store";

export type Theme = "auto" | "light" | "dark";
export type Language = "en" | "de";
export interface Taste {
  theme: Theme;
  language: Language;
  fahrenheit: boolean;
}

const KEY = "opennmc-taste";

function first(): Taste {
  const language: Language = navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
  const taste: Taste = { theme: "auto", language, fahrenheit: navigator.language === "en-US" };
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (typeof kept !== "object" || kept === null) return taste;
    const said = kept as Partial<Record<keyof Taste, unknown>>;
    if (said.theme === "light" || said.theme === "dark") taste.theme = said.theme;
    if (said.language === "en" || said.language === "de") taste.language = said.language;
    if (typeof said.fahrenheit === "boolean") taste.fahrenheit = said.fahrenheit;
  } catch {
    // A browser that keeps nothing still shows everything.
  }
  return taste;
}

export const taste = store<Taste>(first());

export function prefer(change: Partial<Taste>): void {
  taste.update((now) => ({ ...now, ...change }));
  try {
    localStorage.setItem(KEY, JSON.stringify(taste.get()));
  } catch {
    // As above.
  }
}
