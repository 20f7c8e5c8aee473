// The live state: one EventSource, reconnected by ourselves with a growing pause, because browsers give up on an error
// answer and because people want to see that it is tried. It never throws; what it hears goes to the listener.
import { ROOT } from "./client";
import type { Happening, Status, Ups } from "./types";

export interface Listener {
  snapshot(status: Status): void;
  ups(ups: Ups): void;
  happening(event: Happening): void;
  connected(is: boolean): void;
  /** The stream was refused; the caller finds out whether the session is over. */
  refused(): void;
}

/** The first attempt after a break comes soon: mostly a plugin or the daemon was restarted. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** Opens the stream; the result closes it for good. */
export function listen(listener: Listener): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let pause = FIRST_PAUSE_MS;
  let closed = false;

  const open = (): void => {
    window.clearTimeout(timer);
    source?.close();
    source = new EventSource(`${ROOT}/stream`);
    source.addEventListener("open", () => {
      pause = FIRST_PAUSE_MS;
      listener.connected(true);
    });
    const on = <T>(name: string, then: (data: T) => void): void => {
      source?.addEventListener(name, (event) => then(JSON.parse((event as MessageEvent<string>).data) as T));
    };
    on<Status>("snapshot", (status) => listener.snapshot(status));
    on<Ups>("status", (ups) => listener.ups(ups));
    on<Happening>("event", (event) => listener.happening(event));
    source.addEventListener("error", () => {
      source?.close();
      if (closed) return;
      listener.connected(false);
      listener.refused();
      timer = window.setTimeout(open, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    });
  };
  // A phone that wakes up, or a network that is back, should not wait for the pause to end.
  const hurry = (): void => {
    if (!closed && document.visibilityState === "visible" && source?.readyState === EventSource.CLOSED) open();
  };
  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  open();
  return () => {
    closed = true;
    window.clearTimeout(timer);
    source?.close();
    window.removeEventListener("online", hurry);
    document.removeEventListener("visibilitychange", hurry);
  };
}
