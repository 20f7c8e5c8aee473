// Small pieces that every page uses.
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { words } from "../api/client";
import { say } from "../words/say";
import type { Grade } from "../words/condition";

export function Card({ title, children, id }: { title?: string; children: ComponentChildren; id?: string }) {
  return (
    <section class="card" {...(id === undefined ? {} : { id })}>
      {title !== undefined && <h2>{title}</h2>}
      {children}
    </section>
  );
}

export function Badge({ grade, children }: { grade: Grade | "plain"; children: ComponentChildren }) {
  return <span class={`badge ${grade}`}>{children}</span>;
}

export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  return (
    <p class="failed" role="alert">
      {say("page.failed", { why: words(error) })}
      {again !== undefined && <button type="button" onClick={again}>{say("page.retry")}</button>}
    </p>
  );
}

export interface Loaded<T> {
  value: T | null;
  error: unknown;
  again: () => void;
}

/** Asks when the page is shown and whenever `key` changes. An answer that comes too late is dropped. */
export function useAsked<T>(asked: () => Promise<T>, key: string): Loaded<T> {
  const [state, setState] = useState<{ key: string; value: T | null; error: unknown }>({ key, value: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let wanted = true;
    asked().then(
      (value) => wanted && setState({ key, value, error: null }),
      (error: unknown) => wanted && setState((now) => ({ key, value: now.key === key ? now.value : null, error })),
    );
    return () => {
      wanted = false;
    };
    // `asked` is a new function at each drawing; `key` says what it asks for.
  }, [key, turn]);
  const again = useCallback(() => setTurn((now) => now + 1), []);
  const fits = state.key === key;
  return { value: fits ? state.value : null, error: fits ? state.error : null, again };
}

/** What was asked for, or that it is on its way, or why it did not come. */
export function Await<T>({ loaded, children }: { loaded: Loaded<T>; children: (value: T) => ComponentChildren }) {
  if (loaded.error !== null) return <Failed error={loaded.error} again={loaded.again} />;
  if (loaded.value === null) return <p class="quiet" role="status">{say("page.loading")}</p>;
  return <>{children(loaded.value)}</>;
}

/** A table that scrolls by itself on a narrow screen; reachable by keyboard, so that it can be scrolled there, too. */
export function Table({ label, head, children }: { label: string; head: string[]; children: ComponentChildren }) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>{head.map((name) => <th scope="col" key={name}>{name}</th>)}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Field({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
    </label>
  );
}
