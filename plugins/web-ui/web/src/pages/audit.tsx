// Who did what.
import { api } from "../api/client";
import { Await, Card, Table, useAsked } from "../parts/basics";
import { moment, say } from "../words/say";

const SHOWN = 200;

export function AuditPage() {
  const audit = useAsked(() => api.audit(SHOWN), "audit");
  const head = [say("events.when"), say("audit.who"), say("events.ups"), say("audit.what"), say("audit.result"), say("audit.from")];
  return (
    <>
      <h1>{say("audit.title")}</h1>
      <Card>
        <Await loaded={audit}>
          {(all) => all.length === 0 ? <p class="quiet">{say("audit.none")}</p> : (
            <Table label={say("audit.title")} head={head}>
              {[...all].sort((a, b) => b.at.localeCompare(a.at)).map((one, index) => (
                <tr key={one.id ?? `new ${index}`}>
                  <td><time dateTime={one.at}>{moment(one.at)}</time></td>
                  <td>{one.user}</td>
                  <td>{one.ups ?? "–"}</td>
                  <td class="long">{one.what}</td>
                  <td class="long">{one.result}</td>
                  <td>{one.origin}</td>
                </tr>
              ))}
            </Table>
          )}
        </Await>
      </Card>
    </>
  );
}
