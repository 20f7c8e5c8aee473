// What can be changed in the UPS, each with what it permits.
import { useState } from "preact/hooks";
import { api, words } from "../api/client";
import type { Setting } from "../api/types";
import { Await, Card, useAsked } from "../parts/basics";
import { tell } from "../parts/toast";
import { say } from "../words/say";
import { shown, unit } from "../words/variable";
import { outcome } from "./ups-control";

export function UpsSettings({ ups }: { ups: string }) {
  const settings = useAsked(() => api.settings(ups), ups);
  return (
    <Card title={say("tab.settings")}>
      <p class="quiet">{say("settings.note")}</p>
      <Await loaded={settings}>
        {(all) => all.length === 0 ? <p class="quiet">{say("settings.none")}</p> : (
          <ul class="settings">
            {all.map((setting) => (
              <li key={`${setting.name}=${setting.value}`}><One ups={ups} setting={setting} saved={settings.again} /></li>
            ))}
          </ul>
        )}
      </Await>
    </Card>
  );
}

function One({ ups, setting, saved }: { ups: string; setting: Setting; saved: () => void }) {
  const [value, setValue] = useState(setting.value);
  const [busy, setBusy] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    tell(say("order.sending"));
    api.set(ups, setting.name, value)
      .then((result) => tell(outcome(result)), (error: unknown) => tell(words(error), false))
      .finally(() => {
        setBusy(false);
        saved();
      });
  };
  const label = setting.description ?? setting.name;
  return (
    <form onSubmit={submit}>
      <label class="field">
        <span>{label}<small>{setting.name}</small></span>
        <Input setting={setting} value={value} change={setValue} />
      </label>
      <p class="quiet">{permitted(setting)}</p>
      <button type="submit" disabled={busy || value === setting.value} aria-label={`${say("settings.save")}: ${label}`}>
        {say("settings.save")}
      </button>
    </form>
  );
}

interface InputProps {
  setting: Setting;
  value: string;
  change: (value: string) => void;
}

function Input({ setting, value, change }: InputProps) {
  const choices = setting.choices ?? [];
  if (setting.type === "choice" && choices.length > 0) {
    const all = choices.includes(setting.value) ? choices : [setting.value, ...choices];
    return (
      <select value={value} onChange={(event) => change(event.currentTarget.value)}>
        {all.map((choice) => <option key={choice} value={choice}>{shown(setting.name, choice)}</option>)}
      </select>
    );
  }
  const typed = (event: { currentTarget: HTMLInputElement }): void => change(event.currentTarget.value);
  if (setting.type === "text") {
    const longest = setting.longest === undefined ? {} : { maxLength: setting.longest };
    return <input type="text" list={undefined} value={value} {...longest} onInput={typed} />;
  }
  const ranges = setting.ranges ?? [];
  if (ranges.length === 0) return <input type="number" step="any" value={value} onInput={typed} />;
  const [low, high] = [Math.min(...ranges.map(([from]) => from)), Math.max(...ranges.map(([, to]) => to))];
  return <input type="number" step="any" min={low} max={high} value={value} onInput={typed} />;
}

function permitted(setting: Setting): string {
  const of = unit(setting.name);
  if (setting.ranges !== undefined && setting.ranges.length > 0) {
    return say("settings.range", { ranges: setting.ranges.map(([low, high]) => `${low} – ${high} ${of}`.trim()).join(", ") });
  }
  return setting.longest === undefined ? "" : say("settings.longest", { n: setting.longest });
}
