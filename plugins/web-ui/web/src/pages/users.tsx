// Who may log in, and the tokens of programs. For administrators.
import { useState } from "preact/hooks";
import { api, words } from "../api/client";
import type { Role, Token, User } from "../api/types";
import { Await, Badge, Card, Field, Table, useAsked } from "../parts/basics";
import { Dialog } from "../parts/dialog";
import { tell } from "../parts/toast";
import { lasting, moment, say } from "../words/say";

const ROLES: Role[] = ["administrator", "operator", "monitor", "backup"];

type Asked = { what: "add" } | { what: "password" | "remove"; user: User };

export function UsersPage() {
  const users = useAsked(api.users, "users");
  const [asked, setAsked] = useState<Asked | null>(null);
  const then = (done: Promise<unknown>): void => {
    done.catch((error: unknown) => tell(words(error), false)).finally(users.again);
  };
  return (
    <>
      <h1>{say("users.title")}</h1>
      <Card>
        <Await loaded={users}>
          {(all) => (
            <Table label={say("users.title")} head={[say("login.name"), say("users.role"), say("users.login"), say("page.actions")]}>
              {all.map((user) => (
                <tr key={user.name}>
                  <th scope="row">
                    {user.name} {user.weak && <Badge grade="watch">{say("users.weak")}</Badge>}
                    {user.locked_s !== null && <Badge grade="bad">{say("users.locked", { time: lasting(user.locked_s) })}</Badge>}
                  </th>
                  <td>
                    <select aria-label={`${say("users.role")}: ${user.name}`} value={user.role}
                      onChange={(event) => then(api.changeUser(user.name, { role: event.currentTarget.value as Role }))}>
                      {ROLES.map((role) => <option key={role} value={role}>{say(`role.${role}`)}</option>)}
                    </select>
                  </td>
                  <td>{user.login_at === null ? say("users.never") : moment(user.login_at)}</td>
                  <td class="buttons">
                    <button type="button" aria-label={`${say("users.password")}: ${user.name}`}
                      onClick={() => setAsked({ what: "password", user })}>{say("users.password")}</button>
                    {user.locked_s !== null && (
                      <button type="button" onClick={() => then(api.changeUser(user.name, { unlock: true }))}>{say("users.unlock")}</button>
                    )}
                    <button type="button" class="grave" aria-label={`${say("users.remove")}: ${user.name}`}
                      onClick={() => setAsked({ what: "remove", user })}>{say("users.remove")}</button>
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </Await>
        <p><button type="button" class="main" onClick={() => setAsked({ what: "add" })}>{say("users.add")}</button></p>
      </Card>
      <Tokens users={users.value ?? []} />
      {asked?.what === "add" && <AddUser close={() => setAsked(null)} added={users.again} />}
      {asked?.what === "password" && <SetPassword name={asked.user.name} close={() => setAsked(null)} done={users.again} />}
      {asked?.what === "remove" && (
        <Dialog title={say("users.removeAsk", { name: asked.user.name })} action={say("users.remove")} grave
          run={() => api.removeUser(asked.user.name).finally(users.again)} close={() => setAsked(null)} />
      )}
    </>
  );
}

function AddUser({ close, added }: { close: () => void; added: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("monitor");
  return (
    <Dialog title={say("users.add")} action={say("users.add")} close={close} ready={name !== "" && password !== ""}
      run={() => api.addUser(name, password, role).finally(added)}>
      <Field label={say("login.name")}>
        <input value={name} autocomplete="off" autocapitalize="none" onInput={(event) => setName(event.currentTarget.value)} />
      </Field>
      <Field label={say("login.password")}>
        <input type="password" value={password} autocomplete="new-password" onInput={(event) => setPassword(event.currentTarget.value)} />
      </Field>
      <Field label={say("users.role")}>
        <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
          {ROLES.map((one) => <option key={one} value={one}>{say(`role.${one}`)}</option>)}
        </select>
      </Field>
    </Dialog>
  );
}

function SetPassword({ name, close, done }: { name: string; close: () => void; done: () => void }) {
  const [password, setPassword] = useState("");
  return (
    <Dialog title={say("users.new", { name })} action={say("users.password")} close={close} ready={password !== ""}
      run={() => api.changeUser(name, { password }).finally(done)}>
      <Field label={say("login.password")}>
        <input type="password" value={password} autocomplete="new-password" onInput={(event) => setPassword(event.currentTarget.value)} />
      </Field>
    </Dialog>
  );
}

function Tokens({ users }: { users: User[] }) {
  const tokens = useAsked(api.tokens, "tokens");
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [revoking, setRevoking] = useState<Token | null>(null);
  return (
    <Card title={say("tokens.title")}>
      {secret !== null && <p class="secret" role="status">{say("tokens.shown")} <code>{secret}</code></p>}
      <Await loaded={tokens}>
        {(all) => all.length === 0 ? <p class="quiet">{say("tokens.none")}</p> : (
          <Table label={say("tokens.title")} head={[say("tokens.label"), say("tokens.user"), say("tokens.scopes"), say("tokens.used"), say("tokens.expires"), say("page.actions")]}>
            {all.map((token) => (
              <tr key={token.id}>
                <th scope="row">{token.label}</th>
                <td>{token.user}</td>
                <td>{token.scopes.join(" ")}</td>
                <td>{token.used_at === null ? say("users.never") : moment(token.used_at)}</td>
                <td>{token.expires_at === null ? say("users.never") : moment(token.expires_at)}</td>
                <td><button type="button" class="grave" aria-label={`${say("tokens.revoke")}: ${token.label}`} onClick={() => setRevoking(token)}>{say("tokens.revoke")}</button></td>
              </tr>
            ))}
          </Table>
        )}
      </Await>
      <p><button type="button" onClick={() => setMaking(true)}>{say("tokens.make")}</button></p>
      {making && <MakeToken users={users} close={() => setMaking(false)} made={(text) => { setSecret(text); tokens.again(); }} />}
      {revoking !== null && (
        <Dialog title={say("tokens.revokeAsk", { label: revoking.label })} action={say("tokens.revoke")} grave
          run={() => api.removeToken(revoking.id).finally(tokens.again)} close={() => setRevoking(null)} />
      )}
    </Card>
  );
}

function MakeToken({ users, close, made }: { users: User[]; close: () => void; made: (secret: string) => void }) {
  const [user, setUser] = useState(users[0]?.name ?? "");
  const [label, setLabel] = useState("");
  const [scopes, setScopes] = useState("read");
  const run = async (): Promise<void> => {
    const token = await api.addToken(user, label, scopes.split(/\s+/).filter((scope) => scope !== ""));
    made(token.secret);
  };
  return (
    <Dialog title={say("tokens.make")} action={say("tokens.make")} close={close} ready={user !== "" && label !== ""} run={run}>
      <Field label={say("tokens.user")}>
        <select value={user} onChange={(event) => setUser(event.currentTarget.value)}>
          {users.map((one) => <option key={one.name} value={one.name}>{one.name}</option>)}
        </select>
      </Field>
      <Field label={say("tokens.label")}>
        <input value={label} onInput={(event) => setLabel(event.currentTarget.value)} />
      </Field>
      <Field label={say("tokens.scopes")}>
        <input value={scopes} onInput={(event) => setScopes(event.currentTarget.value)} />
      </Field>
      <p class="quiet">{say("tokens.scopesHint")}</p>
    </Dialog>
  );
}
