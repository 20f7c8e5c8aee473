// How a UPS is, in words and by how much it needs somebody: from the tokens of `ups.status` and from whether it answers.
import type { Seen } from "../state/live";
import { lasting, say, type Key } from "./say";

export type Grade = "good" | "watch" | "bad" | "away";

export interface Condition {
  grade: Grade;
  words: string;
  /** What else is to be said, such as a battery to be replaced. */
  also: string[];
}

/** By weight: the first that is there names the state. */
const STATES: [string, Key, Grade][] = [
  ["FSD", "state.shutdown", "bad"],
  ["LB", "state.low", "bad"],
  ["OVER", "state.overload", "bad"],
  ["OFF", "state.off", "bad"],
  ["CAL", "state.calibration", "watch"],
  ["OB", "state.battery", "watch"],
  ["BYPASS", "state.bypass", "watch"],
];

/** What is said beside the state. */
const REMARKS: [string, Key, Grade][] = [
  ["RB", "state.replace", "watch"],
  ["ALARM", "state.alarm", "watch"],
  ["BOOST", "state.boost", "good"],
  ["TRIM", "state.trim", "good"],
];

export function tokens(ups: Seen): Set<string> {
  return new Set((ups.variables["ups.status"] ?? "").split(/\s+/).filter((token) => token !== ""));
}

export function ageOf(ups: Seen, now: number): number | null {
  return ups.heardHere === null ? null : Math.max(0, (now - ups.heardHere) / 1000);
}

export function isLive(ups: Seen): boolean {
  return ups.availability === "live";
}

export function condition(ups: Seen, now: number): Condition {
  if (!isLive(ups)) {
    const age = ageOf(ups, now);
    if (age !== null) return { grade: "away", words: say("state.stale", { age: lasting(age) }), also: [] };
    return { grade: "away", words: say(ups.availability === "waiting" ? "state.waiting" : "state.never"), also: [] };
  }
  const told = tokens(ups);
  const states = STATES.filter(([token]) => told.has(token));
  const remarks = REMARKS.filter(([token]) => told.has(token));
  const state = states[0];
  const testing = ups.variables["ups.test.result"] === "In progress" || ups.variables["ups.mode"] === "battery test";
  const calm = say(testing ? "state.test" : "state.line");
  const also = [...states.slice(1).filter(([token]) => token !== "OB"), ...remarks].map(([, key]) => say(key));
  const grades = [...states, ...remarks].map(([, , grade]) => grade);
  const grade = (["bad", "watch"] as const).find((one) => grades.includes(one)) ?? "good";
  return { grade, words: state === undefined ? calm : say(state[1]), also };
}

const ORDER: Record<Grade, number> = { bad: 0, watch: 1, away: 2, good: 3 };

/** Those that need somebody first, else by name. */
export function byNeed(now: number): (a: Seen, b: Seen) => number {
  return (a, b) =>
    ORDER[condition(a, now).grade] - ORDER[condition(b, now).grade] ||
    a.name.localeCompare(b.name, undefined, { numeric: true });
}
