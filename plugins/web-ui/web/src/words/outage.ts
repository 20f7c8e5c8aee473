// An outage: since when, how long the battery lasts, and what will happen when. Between two readings the runtime counts down
// by the browser's clock; the next reading corrects it.
import type { Seen } from "../state/live";
import { ageOf, tokens } from "./condition";
import { numeric, shown } from "./variable";
import { lasting, say } from "./say";

export interface Outage {
  forced: boolean;
  low: boolean;
  since: string | null;
  lasted: number | null;
  /** Seconds until the battery is empty, as far as the UPS says. */
  left: number | null;
  then: string;
}

export function outage(ups: Seen, now: number): Outage | null {
  const told = tokens(ups);
  if (!(told.has("OB") && !told.has("CAL")) && !told.has("FSD")) return null;
  const age = ageOf(ups, now) ?? 0;
  const runtime = numeric(ups.variables["battery.runtime"]);
  const left = runtime === null || !told.has("OB") ? null : Math.max(0, runtime - age);
  const since = told.has("OB") ? ups.variables["ups.outage.last.start"] ?? null : null;
  const began = since === null ? Number.NaN : Date.parse(since);
  const forced = told.has("FSD");
  const low = told.has("LB");
  return {
    forced,
    low,
    since,
    lasted: Number.isNaN(began) ? null : Math.max(0, (now - began) / 1000),
    left,
    then: forced || low ? say("outage.now") : consequence(ups, left),
  };
}

function consequence(ups: Seen, left: number | null): string {
  const runtimeLimit = numeric(ups.variables["battery.runtime.low"]);
  const chargeLimit = numeric(ups.variables["battery.charge.low"]);
  const charge = numeric(ups.variables["battery.charge"]);
  const limits: string[] = [];
  const times: number[] = [];
  if (runtimeLimit !== null) {
    limits.push(say("outage.runtime", { time: lasting(runtimeLimit) }));
    if (left !== null) times.push(left - runtimeLimit);
  }
  if (chargeLimit !== null) {
    limits.push(say("outage.charge", { percent: shown("battery.charge", String(chargeLimit)) }));
    // The charge falls as the runtime does, as far as the UPS knows.
    if (left !== null && charge !== null && charge > 0) times.push(left * (1 - chargeLimit / charge));
  }
  if (limits.length === 0 || times.length === 0) return say("outage.thenLow");
  const limit = limits.join(say("outage.or"));
  const time = Math.min(...times);
  return time <= 0 ? say("outage.thenSoon", { limit }) : say("outage.then", { limit, time: lasting(time) });
}
