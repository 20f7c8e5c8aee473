// A value that components watch. Small on purpose: the pages have a handful of shared values.
import { useEffect, useState } from "preact/hooks";

export interface Store<T> {
  get(): T;
  set(next: T): void;
  update(change: (now: T) => T): void;
  watch(then: () => void): () => void;
}

export function store<T>(first: T): Store<T> {
  let value = first;
  const watchers = new Set<() => void>();
  const set = (next: T): void => {
    if (Object.is(next, value)) return;
    value = next;
    for (const watcher of [...watchers]) watcher();
  };
  return {
    get: () => value,
    set,
    update: (change) => set(change(value)),
    watch: (then) => {
      watchers.add(then);
      return () => watchers.delete(then);
    },
  };
}

/** The value now, and again whenever it changes. */
export function useStore<T>(from: Store<T>): T {
  const [value, setValue] = useState(from.get());
  useEffect(() => {
    setValue(() => from.get());
    return from.watch(() => setValue(() => from.get()));
  }, [from]);
  return value;
}
