// Everything that is known of a UPS, by its NUT names.
import { useState } from "preact/hooks";
import { Card, Field, Table } from "../parts/basics";
import type { Seen } from "../state/live";
import { ageOf, isLive } from "../words/condition";
import { lasting, say } from "../words/say";
import { shown } from "../words/variable";

export function UpsVariables({ ups, now }: { ups: Seen; now: number }) {
  const [filter, setFilter] = useState("");
  const wanted = filter.trim().toLowerCase();
  const all = Object.entries(ups.variables).filter(([name, value]) => `${name} ${value}`.toLowerCase().includes(wanted));
  const age = ageOf(ups, now);
  return (
    <Card title={say("tab.variables")}>
      {age !== null && <p class={isLive(ups) ? "quiet" : "failed"}>{say("ups.updated", { age: lasting(age) })}</p>}
      <Field label={say("var.filter")}>
        <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      </Field>
      {all.length === 0 ? <p class="quiet">{say("var.none")}</p> : (
        <Table label={say("tab.variables")} head={[say("var.name"), say("var.value")]}>
          {all.map(([name, value]) => <tr key={name}><th scope="row">{name}</th><td>{shown(name, value)}</td></tr>)}
        </Table>
      )}
    </Card>
  );
}
