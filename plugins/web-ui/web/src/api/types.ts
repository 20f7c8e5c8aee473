// The shapes of docs/schema/*.json and of openapi.json, as far as the pages read them.

export type Role = "administrator" | "operator" | "monitor" | "backup";

export interface Session {
  user: string;
  role: Role;
  /** Null when the browser sends Basic credentials by itself. */
  csrf: string | null;
}

export type Availability = "waiting" | "live" | "stale" | "disconnected";

export interface Ups {
  name: string;
  description: string | null;
  availability: Availability;
  heard_at: string | null;
  age_s: number | null;
  commands: string[];
  variables: Record<string, string>;
}

export interface Daemon {
  version: string;
  pid: number;
  started_at: string;
}

export interface Status {
  daemon: Daemon;
  upses: Ups[];
}

export type Severity = "info" | "warning" | "critical";

export interface Happening {
  id: number;
  at: string;
  kind: string;
  severity: Severity;
  ups: string | null;
  fields: Record<string, string>;
}

export interface Point {
  at: string;
  min: number;
  avg: number;
  max: number;
  count: number;
}

export interface History {
  ups: string;
  variable: string;
  step_s: number;
  points: Point[];
}

export interface Command {
  name: string;
  description: string | null;
  /** Whether it may take the power from the load, or drain the battery. */
  danger: boolean;
}

export interface Setting {
  name: string;
  value: string;
  description: string | null;
  type: "text" | "number" | "choice" | "range";
  choices?: string[];
  ranges?: [number, number][];
  longest?: number;
}

export interface OrderResult {
  result: string;
  message: string | null;
}

export interface User {
  name: string;
  role: Role;
  scopes: string[];
  has_password: boolean;
  weak: boolean;
  made_at: string;
  password_at: string | null;
  login_at: string | null;
  locked_s: number | null;
  tokens: number;
}

export interface Token {
  id: string;
  user: string;
  label: string;
  scopes: string[];
  made_at: string;
  expires_at: string | null;
  used_at: string | null;
}

export interface Plugin {
  id: string;
  version: string | null;
  state: "starting" | "running" | "waiting" | "quarantined" | "stopped";
  listening: Record<string, string[]>;
  pages?: { mount: string; public: boolean } | null;
  connections: number;
  memory: number;
  calls: number;
  slowest_call_us: number;
  missed_events: number;
  restarts: number;
  failed_at: string | null;
  last_failure: string | null;
  strikes: number;
  limits: Record<string, string | number>;
  sha256: string | null;
  package: string | null;
  signer: string | null;
  metrics?: Record<string, number>;
}

export interface LogLine {
  number: number;
  at_ms: number;
  level: "error" | "warn" | "info" | "debug";
  text: string;
}

export interface Script {
  name: string;
  state: string;
  error: string | null;
  [more: string]: unknown;
}

export interface Audit {
  id: number | null;
  at: string;
  user: string;
  role: string;
  origin: string;
  ups: string | null;
  what: string;
  result: string;
}

export interface Line {
  ups: string;
  port: string;
  opened: number;
  sent: number;
  answered: number;
  faults: number;
  timeouts: number;
  mismatches: number;
  resyncs: number;
}

export interface Health {
  turns: number;
  late_median_ms: number;
  late_p99_ms: number;
  late_longest_ms: number;
  lines: Line[];
  history_problem?: string;
}

/** application/problem+json */
export interface Problem {
  title: string;
  status: number;
  detail?: string;
  outcome?: string;
}
