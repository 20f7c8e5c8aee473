// What is known of the UPSes at this moment, kept by the stream.
import { session, Refusal } from "../api/client";
import { listen } from "../api/stream";
import type { Daemon, Happening, Session, Ups } from "../api/types";
import { store } from "./store";

/** A UPS with the browser's time of its last word, by which ages grow without asking the daemon. */
export interface Seen extends Ups {
  heardHere: number | null;
}

export const who = store<Session | null | "asking">("asking");
export const upses = store<Seen[] | null>(null);
export const daemon = store<Daemon | null>(null);
export const connected = store<boolean | null>(null);
/** The latest events first, for the overview. */
export const recent = store<Happening[]>([]);
/** The browser's clock, once a second: ages and countdowns follow it. */
export const clock = store(Date.now());

const RECENT = 50;
const TICK_MS = 1000;

function seen(ups: Ups): Seen {
  return { ...ups, heardHere: ups.age_s === null ? null : Date.now() - ups.age_s * 1000 };
}

export function remember(events: Happening[]): void {
  recent.update((now) => {
    const all = new Map([...now, ...events].map((event) => [event.id, event]));
    return [...all.values()].sort((a, b) => b.id - a.id).slice(0, RECENT);
  });
}

let stop: (() => void) | null = null;

/** Follows the daemon until `rest`. */
export function follow(): void {
  rest();
  const close = listen({
    snapshot: (status) => {
      daemon.set(status.daemon);
      upses.set(status.upses.map(seen));
    },
    ups: (one) => upses.update((now) => {
      const others = now ?? [];
      const known = others.some((ups) => ups.name === one.name);
      return known ? others.map((ups) => (ups.name === one.name ? seen(one) : ups)) : [...others, seen(one)];
    }),
    happening: (event) => remember([event]),
    connected: (is) => connected.set(is),
    refused: () => {
      session.read().catch((error: unknown) => {
        if (error instanceof Refusal && error.status === 401) who.set(null);
      });
    },
  });
  const ticking = window.setInterval(() => clock.set(Date.now()), TICK_MS);
  stop = () => {
    close();
    window.clearInterval(ticking);
  };
}

export function rest(): void {
  stop?.();
  stop = null;
  connected.set(null);
}

/** Forgets what only those who are logged in may see. */
export function forget(): void {
  rest();
  upses.set(null);
  daemon.set(null);
  recent.set([]);
}
