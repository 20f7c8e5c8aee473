// Requests to the API. Everything that the pages ask for goes through `ask`, which adds what protects against requests of
// other pages and turns refusals into `Refusal`. Nothing here knows of pages.
import type {
  Audit, Command, Happening, Health, History, LogLine, OrderResult, Plugin, Problem, Role, Script, Session, Setting,
  Token, User,
} from "./types";

/** What the daemon refused, in its own words. */
export class Refusal extends Error {
  readonly status: number;
  readonly retryAfter: number | null;

  constructor(problem: Problem, retryAfter: number | null) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.retryAfter = retryAfter;
  }
}

/** A request that takes longer than the host gives a plugin will not be answered any more. */
const PATIENCE_MS = 35_000;
export const ROOT = "/api/v1";

let csrf: string | null = null;
let onLoggedOut: () => void = () => undefined;

/** Calls this when an answer says that nobody is logged in. */
export function whenLoggedOut(then: () => void): void {
  onLoggedOut = then;
}

export async function ask<T>(method: string, path: string, body?: unknown, extra?: Record<string, string>): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json", ...extra };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrf !== null) headers["x-csrf-token"] = csrf;
  const request: RequestInit = { method, headers, signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body !== undefined) request.body = JSON.stringify(body);
  const answer = await fetch(ROOT + path, request);
  if (answer.ok) {
    const text = await answer.text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }
  if (answer.status === 401 && path !== "/session") onLoggedOut();
  throw await refusal(answer);
}

async function refusal(answer: Response): Promise<Refusal> {
  const seconds = Number(answer.headers.get("retry-after") ?? "");
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  const plain: Problem = { title: answer.statusText || `HTTP ${answer.status}`, status: answer.status };
  if (!(answer.headers.get("content-type") ?? "").includes("json")) return new Refusal(plain, retryAfter);
  try {
    return new Refusal({ ...plain, ...((await answer.json()) as Partial<Problem>) }, retryAfter);
  } catch {
    return new Refusal(plain, retryAfter);
  }
}

/** The words of whatever went wrong. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function remember(session: Session): Session {
  csrf = session.csrf;
  return session;
}

const at = encodeURIComponent;

function query(values: Record<string, string | number | undefined>): string {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") all.set(name, String(value));
  }
  const text = all.toString();
  return text === "" ? "" : `?${text}`;
}

/** Lists come bare, or in an object with the list and a cursor. */
function list<T>(answer: T[] | Record<string, unknown>): T[] {
  if (Array.isArray(answer)) return answer;
  return (Object.values(answer).find((value) => Array.isArray(value)) as T[] | undefined) ?? [];
}

export const session = {
  read: async () => remember(await ask<Session>("GET", "/session")),
  begin: async (name: string, password: string) => remember(await ask<Session>("POST", "/session", { name, password })),
  end: async () => {
    await ask<undefined>("DELETE", "/session");
    csrf = null;
  },
};

export interface EventFilter {
  ups?: string;
  kind?: string;
  severity?: string;
  from?: string;
  to?: string;
  before?: number;
  limit?: number;
}

export const api = {
  about: () => ask<{ name: string; version: string; api: number }>("GET", ""),
  commands: async (ups: string) => list<Command>(await ask("GET", `/ups/${at(ups)}/commands`)),
  command: (ups: string, name: string, key: string) =>
    ask<OrderResult>("POST", `/ups/${at(ups)}/commands/${at(name)}`, { confirm: true }, { "idempotency-key": key }),
  settings: async (ups: string) => list<Setting>(await ask("GET", `/ups/${at(ups)}/settings`)),
  set: (ups: string, name: string, value: string) =>
    ask<OrderResult>("PUT", `/ups/${at(ups)}/variables/${at(name)}`, { value }),
  forceShutdown: (ups: string, on: boolean) =>
    ask<OrderResult>("PUT", `/ups/${at(ups)}/forced-shutdown`, { on, confirm: true }),
  series: async (ups: string) => list<string>(await ask("GET", `/ups/${at(ups)}/series`)),
  history: (ups: string, variable: string, from: string, to: string, points: number) =>
    ask<History>("GET", `/ups/${at(ups)}/history${query({ variable, from, to, points })}`),
  events: async (filter: EventFilter) => list<Happening>(await ask("GET", `/events${query({ ...filter })}`)),
  audit: async (limit: number) => list<Audit>(await ask("GET", `/audit${query({ limit })}`)),
  users: async () => list<User>(await ask("GET", "/users")),
  addUser: (name: string, password: string, role: Role) => ask<unknown>("POST", "/users", { name, password, role }),
  changeUser: (name: string, change: { password?: string; role?: Role; unlock?: true }) =>
    ask<unknown>("PATCH", `/users/${at(name)}`, change),
  removeUser: (name: string) => ask<unknown>("DELETE", `/users/${at(name)}`),
  tokens: async () => list<Token>(await ask("GET", "/tokens")),
  addToken: (user: string, label: string, scopes: string[]) =>
    ask<Token & { secret: string }>("POST", "/tokens", { user, label, scopes }),
  removeToken: (id: string) => ask<unknown>("DELETE", `/tokens/${at(id)}`),
  plugins: async () => list<Plugin>(await ask("GET", "/plugins")),
  pluginLog: async (id: string) => list<LogLine>(await ask("GET", `/plugins/${at(id)}/log`)),
  steerPlugin: (id: string, what: "enable" | "disable" | "restart") =>
    ask<unknown>("POST", `/plugins/${at(id)}/${what}`),
  scripts: async () => list<Script>(await ask("GET", "/scripts")),
  scriptLog: async (name: string) => list<LogLine>(await ask("GET", `/scripts/${at(name)}/log`)),
  health: () => ask<Health>("GET", "/health"),
  reload: () => ask<{ changed: string[]; needs_restart: string[] }>("POST", "/reload"),
};
