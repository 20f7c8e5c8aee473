// How the daemon is, and what it is.
import { api, words } from "../api/client";
import { Await, Card, Table, useAsked } from "../parts/basics";
import { Quiet } from "../parts/facts";
import { tell } from "../parts/toast";
import { daemon } from "../state/live";
import { useMay } from "../state/rights";
import { useStore } from "../state/store";
import { moment, number, say } from "../words/say";

export function HealthPage() {
  const health = useAsked(api.health, "health");
  const about = useStore(daemon);
  const administrator = useMay("administer");
  const reload = (): void => {
    api.reload().then((done) => {
      const needs = done.needs_restart.length === 0 ? "" : ` ${say("health.restart", { what: done.needs_restart.join(", ") })}`;
      const what = done.changed.length === 0 ? say("health.unchanged") : done.changed.join(", ");
      tell(`${say("health.reloaded")} ${what}${needs}`);
    }, (error: unknown) => tell(words(error), false));
  };
  const head = ["UPS", say("health.port"), say("health.sent"), say("health.answered"), say("health.timeouts"), say("health.faults"), say("health.resyncs")];
  return (
    <>
      <h1>{say("health.title")}</h1>
      <Card>
        <dl class="quiet-facts">
          <Quiet name={say("health.version")} value={about?.version ?? ""} />
          <Quiet name={say("health.started")} value={about === null ? "" : moment(about.started_at)} />
          <Quiet name={say("health.pid")} value={about === null ? "" : String(about.pid)} />
        </dl>
        <p class="quiet">{say("health.api")}</p>
        <p class="quiet">{say("health.licence")}</p>
        {administrator && <button type="button" onClick={reload}>{say("health.reload")}</button>}
      </Card>
      <Await loaded={health}>
        {(is) => (
          <>
            {is.history_problem !== undefined && <p class="failed">{say("health.history")}: {is.history_problem}</p>}
            <Card title={say("health.loop")}>
              <p>{say("health.late", { median: number(is.late_median_ms, 2), p99: number(is.late_p99_ms, 2), longest: number(is.late_longest_ms, 2) })}</p>
            </Card>
            <Card title={say("health.lines")}>
              <Table label={say("health.lines")} head={head}>
                {is.lines.map((line) => (
                  <tr key={line.ups}>
                    <th scope="row">{line.ups}</th><td>{line.port}</td><td>{number(line.sent, 0)}</td><td>{number(line.answered, 0)}</td>
                    <td>{number(line.timeouts, 0)}</td><td>{number(line.faults, 0)}</td><td>{number(line.resyncs, 0)}</td>
                  </tr>
                ))}
              </Table>
            </Card>
          </>
        )}
      </Await>
    </>
  );
}
