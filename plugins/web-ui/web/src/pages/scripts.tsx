// The scripts: which there are, and what went wrong in them.
import { api } from "../api/client";
import type { Script } from "../api/types";
import { Await, Badge, Card, useAsked } from "../parts/basics";
import { Log } from "../parts/log";
import { to } from "../state/route";
import { useMay } from "../state/rights";
import { say } from "../words/say";

export function ScriptsPage({ name }: { name: string | null }) {
  const scripts = useAsked(api.scripts, "scripts");
  return (
    <>
      <h1>{name ?? say("scripts.title")}</h1>
      {name !== null && <p><a href={to("scripts")}>{say("scripts.title")}</a></p>}
      <Await loaded={scripts}>
        {(all) => {
          const shown = name === null ? all : all.filter((script) => script.name === name);
          if (shown.length === 0) return <p class="quiet">{say("scripts.none")}</p>;
          return <ul class="grid">{shown.map((script) => <li key={script.name}><One script={script} /></li>)}</ul>;
        }}
      </Await>
      {name !== null && <ScriptLog name={name} />}
    </>
  );
}

function One({ script }: { script: Script }) {
  return (
    <article class="card">
      <h2><a href={to("scripts", script.name)}>{script.name}</a></h2>
      <p><Badge grade={script.error === null ? "plain" : "bad"}>{script.state}</Badge></p>
      {script.error !== null && <pre class="failed">{script.error}</pre>}
    </article>
  );
}

function ScriptLog({ name }: { name: string }) {
  const administrator = useMay("administer");
  const log = useAsked(() => (administrator ? api.scriptLog(name) : Promise.resolve([])), name);
  if (!administrator) return null;
  return (
    <Card title={say("scripts.log")}>
      <Await loaded={log}>{(lines) => <Log lines={lines} label={say("scripts.log")} />}</Await>
    </Card>
  );
}
