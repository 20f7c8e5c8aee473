// The way in.
import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal, session, words } from "../api/client";
import { who } from "../state/live";
import { say } from "../words/say";

export function LogIn() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    session.begin(name, password).then((begun) => who.set(begun), (failure: unknown) => {
      setBusy(false);
      setPassword("");
      setError(reason(failure));
    });
  };
  return (
    <main class="log-in" id="content">
      <form class="card" onSubmit={submit}>
        <img src="icon.svg" alt="" width="48" height="48" />
        <h1>{say("login.title")}</h1>
        <label class="field">
          <span>{say("login.name")}</span>
          <input ref={field} value={name} autocomplete="username" autocapitalize="none" spellcheck={false} required
            onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{say("login.password")}</span>
          <input type="password" value={password} autocomplete="current-password" required
            onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p class="failed" role="alert">{error}</p>
        <button type="submit" class="main" disabled={busy}>{say("login.go")}</button>
        <p class="quiet">{say("login.first")}</p>
      </form>
    </main>
  );
}

function reason(failure: unknown): string {
  if (!(failure instanceof Refusal)) return say("page.failed", { why: words(failure) });
  if (failure.status === 401) return say("login.wrong");
  if (failure.status === 429) return say("login.wait", { seconds: failure.retryAfter ?? "?" });
  return say("page.failed", { why: failure.message });
}
