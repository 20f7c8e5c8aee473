// Commands, with a question before each and a second step before those that can cut the power.
import { useState } from "preact/hooks";
import { api, words } from "../api/client";
import type { Command, OrderResult } from "../api/types";
import { Await, Card, useAsked } from "../parts/basics";
import { Dialog } from "../parts/dialog";
import { tell } from "../parts/toast";
import type { Seen } from "../state/live";
import { tokens } from "../words/condition";
import { say, sayOr } from "../words/say";

interface Asked {
  title: string;
  note: string;
  danger: boolean;
  run: () => Promise<OrderResult>;
}

export function outcome(result: OrderResult): string {
  const known = sayOr(`order.${result.result}`, result.result);
  return result.message === null || result.message === undefined ? known : `${known} ${result.message}`;
}

/** Random and unique enough to tell repeats of one press from another press; there without TLS, too. */
export function pressKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function UpsControl({ ups }: { ups: Seen }) {
  const commands = useAsked(() => api.commands(ups.name), ups.name);
  const [asked, setAsked] = useState<Asked | null>(null);
  const forced = tokens(ups).has("FSD");
  const ask = (command: Command): void => {
    const key = pressKey();
    setAsked({
      title: say("control.ask", { command: command.name, ups: ups.name }),
      note: command.description ?? "",
      danger: command.danger,
      run: () => api.command(ups.name, command.name, key),
    });
  };
  const askForced = (): void => setAsked({
    title: say("control.ask", { command: say(forced ? "control.fsdOff" : "control.fsd"), ups: ups.name }),
    note: forced ? "" : say("control.fsdNote"),
    danger: !forced,
    run: () => api.forceShutdown(ups.name, !forced),
  });
  return (
    <>
      <Await loaded={commands}>
        {(all) => (
          <>
            <Card title={say("tab.control")}>
              {all.length === 0 && <p class="quiet">{say("control.none")}</p>}
              <Commands all={all.filter((command) => !command.danger)} ask={ask} />
            </Card>
            <Card title={say("control.danger")}>
              <p class="quiet">{say("control.dangerNote")}</p>
              <Commands all={all.filter((command) => command.danger)} ask={ask} grave />
              <ul class="commands">
                <li>
                  <div><strong>{say(forced ? "control.fsdOff" : "control.fsd")}</strong><p class="quiet">{say("control.fsdNote")}</p></div>
                  <button type="button" class={forced ? "" : "grave"} onClick={askForced}
                    aria-label={`${say("control.run")}: ${say(forced ? "control.fsdOff" : "control.fsd")}`}>{say("control.run")}</button>
                </li>
              </ul>
            </Card>
          </>
        )}
      </Await>
      {asked !== null && <Question asked={asked} ups={ups.name} close={() => setAsked(null)} />}
    </>
  );
}

function Commands({ all, ask, grave = false }: { all: Command[]; ask: (command: Command) => void; grave?: boolean }) {
  return (
    <ul class="commands">
      {all.map((command) => (
        <li key={command.name}>
          <div><strong>{command.description ?? command.name}</strong><p class="quiet">{command.name}</p></div>
          <button type="button" class={grave ? "grave" : ""} onClick={() => ask(command)}
            aria-label={`${say("control.run")}: ${command.name}`}>{say("control.run")}</button>
        </li>
      ))}
    </ul>
  );
}

function Question({ asked, ups, close }: { asked: Asked; ups: string; close: () => void }) {
  const [typed, setTyped] = useState("");
  const run = async (): Promise<void> => {
    try {
      tell(outcome(await asked.run()));
    } catch (error) {
      tell(words(error), false);
      throw error;
    }
  };
  return (
    <Dialog title={asked.title} action={say("control.confirm")} grave={asked.danger}
      ready={!asked.danger || typed.trim() === ups} run={run} close={close}>
      {asked.note !== "" && <p>{asked.note}</p>}
      {asked.danger && (
        <>
          <p class="failed">{say("control.loss")}</p>
          <label class="field">
            <span>{say("control.type", { ups })}</span>
            <input value={typed} autocomplete="off" autocapitalize="none" spellcheck={false}
              onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
        </>
      )}
    </Dialog>
  );
}
