// The plugins: how they are, what they may take, and why one failed.
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Plugin } from "../api/types";
import { Await, Badge, Card, useAsked } from "../parts/basics";
import { Dialog } from "../parts/dialog";
import { Quiet } from "../parts/facts";
import { Log } from "../parts/log";
import { useMay } from "../state/rights";
import { to } from "../state/route";
import type { Grade } from "../words/condition";
import { bytes, moment, number, say } from "../words/say";

type Step = "enable" | "disable" | "restart";

/** The plugin that these pages belong to. */
const OURSELVES = "web-ui";
const GRADES: Record<Plugin["state"], Grade | "plain"> = {
  running: "good", starting: "plain", stopped: "plain", waiting: "watch", quarantined: "bad",
};

export function PluginsPage({ id }: { id: string | null }) {
  const plugins = useAsked(api.plugins, "plugins");
  return (
    <>
      <h1>{id ?? say("plugins.title")}</h1>
      <Await loaded={plugins}>
        {(all) => {
          if (id === null) return <List all={all} />;
          const one = all.find((plugin) => plugin.id === id);
          return one === undefined ? <p>{say("plugins.unknown")}</p> : <One plugin={one} changed={plugins.again} />;
        }}
      </Await>
    </>
  );
}

function List({ all }: { all: Plugin[] }) {
  if (all.length === 0) return <p class="quiet">{say("plugins.none")}</p>;
  return (
    <ul class="grid">
      {all.map((plugin) => (
        <li key={plugin.id}>
          <article class="card">
            <h2><a href={to("plugins", plugin.id)}>{plugin.id}</a></h2>
            <p><Badge grade={GRADES[plugin.state]}>{say(`plugin.${plugin.state}`)}</Badge> <span class="quiet">{plugin.version}</span></p>
            <dl class="quiet-facts">
              <Quiet name={say("plugins.memory")} value={bytes(plugin.memory)} />
              <Quiet name={say("plugins.connections")} value={String(plugin.connections)} />
              <Quiet name={say("plugins.restarts")} value={String(plugin.restarts)} />
            </dl>
            {plugin.last_failure !== null && <p class="failed">{plugin.last_failure}</p>}
          </article>
        </li>
      ))}
    </ul>
  );
}

function One({ plugin, changed }: { plugin: Plugin; changed: () => void }) {
  const [asked, setAsked] = useState<Step | null>(null);
  const administrator = useMay("administer");
  const listening = Object.entries(plugin.listening).map(([name, all]) => `${name}: ${all.join(", ")}`).join("; ");
  const question = asked === "disable"
    ? say(plugin.id === OURSELVES ? "plugins.selfAsk" : "plugins.disableAsk", { name: plugin.id })
    : say("plugins.restartAsk", { name: plugin.id });
  return (
    <>
      <p><a href={to("plugins")}>{say("plugins.title")}</a></p>
      <Card>
        <p><Badge grade={GRADES[plugin.state]}>{say(`plugin.${plugin.state}`)}</Badge> <span class="quiet">{plugin.version}</span></p>
        <dl class="quiet-facts">
          <Quiet name={say("plugins.memory")} value={bytes(plugin.memory)} />
          <Quiet name={say("plugins.calls")} value={number(plugin.calls, 0)} />
          <Quiet name={say("plugins.slowest")} value={`${number(plugin.slowest_call_us / 1000, 1)} ms`} />
          <Quiet name={say("plugins.connections")} value={String(plugin.connections)} />
          <Quiet name={say("plugins.restarts")} value={String(plugin.restarts)} />
          <Quiet name={say("plugins.listening")} value={listening === "" ? "–" : listening} />
          <Quiet name={say("plugins.page")} value={plugin.pages?.mount ?? "–"} />
          <Quiet name={say("plugins.signer")} value={plugin.signer ?? say("plugins.nobody")} />
          <Quiet name={say("plugins.package")} value={plugin.package ?? "–"} />
        </dl>
        {plugin.last_failure !== null && (
          <p class="failed">{say("plugins.failure")}{plugin.failed_at !== null && ` (${moment(plugin.failed_at)})`}: {plugin.last_failure}</p>
        )}
        {administrator && (
          <div class="actions">
            {plugin.state === "stopped"
              ? <button type="button" class="main" onClick={() => setAsked("enable")}>{say("plugins.enable")}</button>
              : (
                <>
                  <button type="button" onClick={() => setAsked("restart")}>{say("plugins.restart")}</button>
                  <button type="button" class="grave" onClick={() => setAsked("disable")}>{say("plugins.disable")}</button>
                </>
              )}
          </div>
        )}
      </Card>
      <Card title={say("plugins.limits")}>
        <dl class="quiet-facts">
          {Object.entries(plugin.limits).map(([name, value]) => <Quiet key={name} name={name} value={String(value)} />)}
        </dl>
      </Card>
      {Object.keys(plugin.metrics ?? {}).length > 0 && (
        <Card title={say("plugins.metrics")}>
          <dl class="quiet-facts">
            {Object.entries(plugin.metrics ?? {}).map(([name, value]) => <Quiet key={name} name={name} value={String(value)} />)}
          </dl>
        </Card>
      )}
      {administrator && <PluginLog id={plugin.id} />}
      {asked !== null && (
        <Dialog title={asked === "enable" ? `${say("plugins.enable")}: ${plugin.id}` : question} action={say(`plugins.${asked}`)}
          grave={asked === "disable"} close={() => setAsked(null)}
          run={() => api.steerPlugin(plugin.id, asked).finally(changed)} />
      )}
    </>
  );
}

function PluginLog({ id }: { id: string }) {
  const log = useAsked(() => api.pluginLog(id), id);
  return (
    <Card title={say("plugins.log")}>
      <Await loaded={log}>{(lines) => <Log lines={lines} label={say("plugins.log")} />}</Await>
    </Card>
  );
}
