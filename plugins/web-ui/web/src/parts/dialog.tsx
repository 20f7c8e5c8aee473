// Questions before something is done. The browser's own dialog element keeps the focus inside and closes with Escape.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { words } from "../api/client";
import { say } from "../words/say";

interface Props {
  title: string;
  children?: ComponentChildren;
  action: string;
  grave?: boolean;
  ready?: boolean;
  run: () => Promise<unknown>;
  close: () => void;
}

export function Dialog({ title, children, action, grave = false, ready = true, run, close }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const id = useId();
  useEffect(() => {
    element.current?.showModal();
  }, []);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (busy || !ready) return;
    setBusy(true);
    setError(null);
    run().then(close, (failure: unknown) => {
      setError(words(failure));
      setBusy(false);
    });
  };
  return (
    <dialog ref={element} aria-labelledby={id} onClose={close}>
      <form onSubmit={submit}>
        <h2 id={id}>{title}</h2>
        {children}
        {error !== null && <p class="failed" role="alert">{say("page.failed", { why: error })}</p>}
        <div class="actions">
          <button type="button" onClick={close}>{say("control.cancel")}</button>
          <button type="submit" class={grave ? "grave" : "main"} disabled={busy || !ready}>{action}</button>
        </div>
      </form>
    </dialog>
  );
}
