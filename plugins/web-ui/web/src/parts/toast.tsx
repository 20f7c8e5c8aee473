// Short answers to what somebody did, read aloud by screen readers.
import { store, useStore } from "../state/store";

interface Toast {
  text: string;
  good: boolean;
}

/** Long enough to read two lines. */
const STAY_MS = 8000;
const shown = store<Toast | null>(null);
let timer = 0;

export function tell(text: string, good = true): void {
  window.clearTimeout(timer);
  shown.set({ text, good });
  timer = window.setTimeout(() => shown.set(null), STAY_MS);
}

export function Toasts() {
  const toast = useStore(shown);
  return (
    <div class="toasts" role="status">
      {toast !== null && <div class={toast.good ? "toast" : "toast bad"}>{toast.text}</div>}
    </div>
  );
}
