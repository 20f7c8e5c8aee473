// Texts in the language of the reader, and numbers and times as people read them.
import { taste } from "../state/taste";
import { de } from "./de";
import { en, type Key } from "./en";

export type { Key };

const TEXTS = { en, de };

export function say(key: Key, filled: Record<string, string | number> = {}): string {
  return TEXTS[taste.get().language][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(filled[name] ?? whole));
}

/** The text of a key that is made of what the daemon said, or what it said when there is none. */
export function sayOr(key: string, otherwise: string): string {
  return key in en ? say(key as Key) : otherwise;
}

function locale(): string {
  return taste.get().language === "de" ? "de-DE" : "en-GB";
}

export function number(value: number, digits: number): string {
  return value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** About how long, for ages and durations. */
export function lasting(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 2 * MINUTE) return say("time.s", { n: s });
  if (s < HOUR) return say("time.min", { n: Math.floor(s / MINUTE) });
  if (s < 2 * DAY) return say("time.h", { h: Math.floor(s / HOUR), m: Math.floor((s % HOUR) / MINUTE) });
  return say("time.d", { d: Math.floor(s / DAY), h: Math.floor((s % DAY) / HOUR) });
}

/** To the second, for what counts down: `41:07`, `1:02:09`. */
export function counting(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number): string => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(s / HOUR), Math.floor((s % HOUR) / MINUTE)];
  return h > 0 ? `${h}:${two(m)}:${two(s % MINUTE)}` : `${m}:${two(s % MINUTE)}`;
}

export function moment(at: string | number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return date.toLocaleString(locale(), { dateStyle: "short", timeStyle: "medium" });
}

export function timeOfDay(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : date.toLocaleTimeString(locale(), { timeStyle: "short" });
}

/** On the axis of a chart: the time of day, or the day where the range has several. */
export function instant(at: number, rangeMs: number): string {
  const date = new Date(at);
  return rangeMs <= 2 * DAY * 1000
    ? date.toLocaleTimeString(locale(), { timeStyle: "short" })
    : date.toLocaleDateString(locale(), { day: "2-digit", month: "2-digit" });
}

export function bytes(count: number): string {
  const KIB = 1024;
  return count < KIB * KIB ? `${number(count / KIB, 0)} KiB` : `${number(count / KIB / KIB, 1)} MiB`;
}
