// What has happened, filtered, and as a file for elsewhere.
import { useState } from "preact/hooks";
import { api, words, type EventFilter } from "../api/client";
import type { Happening } from "../api/types";
import { Await, Card, Field, useAsked } from "../parts/basics";
import { EventList } from "../parts/event-list";
import { tell } from "../parts/toast";
import { upses } from "../state/live";
import { useStore } from "../state/store";
import { csv, download } from "../words/export";
import { say } from "../words/say";

const PAGE = 100;
/** An export ends here, and says nothing less than the newest. */
const EXPORT_PAGES = 100;

interface Chosen {
  ups: string;
  severity: string;
  kind: string;
  from: string;
  to: string;
}

/** The fields hold the reader's days; the API wants moments. */
function filter(chosen: Chosen): EventFilter {
  const day = (text: string, end: boolean): string => {
    const date = new Date(`${text}T${end ? "23:59:59.999" : "00:00:00"}`);
    return text === "" || Number.isNaN(date.getTime()) ? "" : date.toISOString();
  };
  return { ...chosen, from: day(chosen.from, false), to: day(chosen.to, true), limit: PAGE };
}

export function EventsPage() {
  const [chosen, setChosen] = useState<Chosen>({ ups: "", severity: "", kind: "", from: "", to: "" });
  const [older, setOlder] = useState<Happening[]>([]);
  const all = useStore(upses) ?? [];
  const wanted = filter(chosen);
  const first = useAsked(() => api.events(wanted), JSON.stringify(wanted));
  const change = (part: Partial<Chosen>): void => {
    setOlder([]);
    setChosen((now) => ({ ...now, ...part }));
  };
  const more = (shown: Happening[]): void => {
    const last = shown[shown.length - 1];
    if (last === undefined) return;
    api.events({ ...wanted, before: last.id }).then((next) => {
      if (next.length === 0) tell(say("events.none"));
      setOlder((now) => [...now, ...next]);
    }, (error: unknown) => tell(words(error), false));
  };
  const save = (as: "csv" | "json"): void => {
    everything(wanted).then((events) => {
      if (as === "csv") download("opennmc-events.csv", "text/csv", csv(events));
      else download("opennmc-events.json", "application/json", JSON.stringify(events, null, 2));
    }, (error: unknown) => tell(words(error), false));
  };
  return (
    <>
      <h1>{say("events.title")}</h1>
      <Card>
        <div class="filters">
          <Field label={say("events.ups")}>
            <select value={chosen.ups} onChange={(event) => change({ ups: event.currentTarget.value })}>
              <option value="">{say("events.any")}</option>
              {all.map((ups) => <option key={ups.name} value={ups.name}>{ups.name}</option>)}
            </select>
          </Field>
          <Field label={say("events.severity")}>
            <select value={chosen.severity} onChange={(event) => change({ severity: event.currentTarget.value })}>
              <option value="">{say("events.any")}</option>
              {(["info", "warning", "critical"] as const).map((one) => (
                <option key={one} value={one}>{say(`severity.${one}`)}</option>
              ))}
            </select>
          </Field>
          <Field label={say("events.kind")}>
            <input value={chosen.kind} placeholder="ups.on-battery" onChange={(event) => change({ kind: event.currentTarget.value.trim() })} />
          </Field>
          <Field label={say("events.from")}>
            <input type="date" value={chosen.from} onChange={(event) => change({ from: event.currentTarget.value })} />
          </Field>
          <Field label={say("events.to")}>
            <input type="date" value={chosen.to} onChange={(event) => change({ to: event.currentTarget.value })} />
          </Field>
        </div>
        <div class="actions">
          <button type="button" onClick={() => save("csv")}>{say("events.csv")}</button>
          <button type="button" onClick={() => save("json")}>{say("events.json")}</button>
        </div>
      </Card>
      <Card>
        <Await loaded={first}>
          {(newest) => {
            const shown = [...newest].sort((a, b) => b.id - a.id).concat(older);
            return (
              <>
                <EventList events={shown} />
                {shown.length >= PAGE && <button type="button" onClick={() => more(shown)}>{say("events.more")}</button>}
              </>
            );
          }}
        </Await>
      </Card>
    </>
  );
}

async function everything(wanted: EventFilter): Promise<Happening[]> {
  const all: Happening[] = [];
  for (let page = 0; page < EXPORT_PAGES; page += 1) {
    const last = all[all.length - 1];
    const next = await api.events(last === undefined ? wanted : { ...wanted, before: last.id });
    all.push(...next.sort((a, b) => b.id - a.id));
    if (next.length < PAGE) break;
  }
  return all;
}
