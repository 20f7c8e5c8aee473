// The real daemon with a simulated UPS, the packed plugin, and somebody of each role; for each test its own.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, type Page } from "@playwright/test";

export const PASSWORD = "a-sunny-place";
export const ROLES = ["administrator", "operator", "monitor"] as const;
export type Role = (typeof ROLES)[number];

const TARGET = join(import.meta.dirname, "../../../../target");
const PROGRAM = process.env["OPENNMC"] ?? join(TARGET, "debug/opennmc");
/** A script that fails with markup in its words. */
const SCRIPT = "fn on_start() { throw \"<img src=x onerror=document.title='owned'>\" }\n";

export interface Daemon {
  address: string;
  /** A request as the administrator; the text of the answer. */
  ask(method: string, path: string, body?: unknown): Promise<string>;
  /** A line for the simulated UPS `main`. */
  simulate(line: string): Promise<void>;
  /** `opennmc …` on the machine itself. */
  command(...words: string[]): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

class Real implements Daemon {
  address = "";
  #folder = mkdtempSync(join(tmpdir(), "opennmc-pages-"));
  #process: ChildProcess | null = null;
  #credentials = "";

  async prepare(): Promise<void> {
    const [pages, nut] = [await freePort(), await freePort()];
    this.address = `http://127.0.0.1:${pages}`;
    const at = (name: string): string => JSON.stringify(join(this.#folder, name));
    writeFileSync(join(this.#folder, "fails.rhai"), SCRIPT);
    const lines = [
      `[control]\nsocket = ${at("control")}`, `[state]\ndir = ${at("state")}`, `[http]\nlisten = ["127.0.0.1:${pages}"]`,
      `[plugins]\ndirs = [${JSON.stringify(join(TARGET, "plugins"))}]`, "[plugin.web-ui]",
      `[plugin.nut-server]\nlisten = { nut = ["127.0.0.1:${nut}"] }`, `[script.fails]\nfile = ${at("fails.rhai")}`,
      `[ups.main]\nport = "sim:smart-ups-1500"\ndescription = "Rack 1"`, `[ups.office]\nport = "sim:smart-ups-1500"`,
    ];
    writeFileSync(join(this.#folder, "opennmc.toml"), `${lines.join("\n")}\n`);
    await this.start();
    const told = readFileSync(join(this.#folder, "state/initial-password"), "utf8");
    const password = /password: (\S+)/.exec(told)?.[1] ?? "";
    this.#credentials = Buffer.from(`admin:${password}`).toString("base64");
    for (const role of ROLES) await this.ask("POST", "/api/v1/users", { name: role, role, password: PASSWORD });
    // What a UPS can do is found out bit by bit after its first answer.
    await until("everything was read once", async () => {
      const commands = await this.ask("GET", "/api/v1/ups/main/commands");
      const settings = await this.ask("GET", "/api/v1/ups/main/settings");
      return commands.includes("beeper.disable") && settings.includes("input.transfer.low");
    });
  }

  async start(): Promise<void> {
    const child = spawn(PROGRAM, ["run", "--config", join(this.#folder, "opennmc.toml")], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    let log = "";
    child.stderr.on("data", (piece: Buffer) => (log += piece.toString()));
    await new Promise<void>((ready, failed) => {
      child.stdout.on("data", (piece: Buffer) => { if (piece.toString().includes("ready")) ready(); });
      child.on("exit", (code) => failed(new Error(`opennmc ended (${String(code)}): ${log}`)));
      child.on("error", failed);
    });
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    child.removeAllListeners("exit");
    const ended = new Promise((done) => child.on("exit", done));
    child.kill("SIGKILL");
    await ended;
    this.#process = null;
  }

  async command(...words: string[]): Promise<void> {
    const child = spawn(PROGRAM, [...words, "--socket", join(this.#folder, "control")], { stdio: "inherit" });
    const code = await new Promise((done, failed) => child.on("exit", done).on("error", failed));
    if (code !== 0) throw new Error(`opennmc ${words.join(" ")} ended with ${String(code)}`);
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async ask(method: string, path: string, body?: unknown): Promise<string> {
    const headers = { authorization: `Basic ${this.#credentials}`, "content-type": "application/json" };
    const request: RequestInit = { method, headers };
    if (body !== undefined) request.body = JSON.stringify(body);
    const answer = await fetch(this.address + path, request);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text;
  }

  async simulate(line: string): Promise<void> {
    await this.ask("POST", "/api/v1/simulate/main", { line });
  }
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const PATIENCE_MS = 60_000;
  const LOOK_MS = 50;
  const end = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within a minute: ${what}`);
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}

export const test = base.extend<{ daemon: Daemon }>({
  // eslint-disable-next-line no-empty-pattern
  daemon: async ({}, use) => {
    const daemon = new Real();
    try {
      await daemon.prepare();
      await use(daemon);
    } finally {
      await daemon.end();
    }
  },
});

export async function logIn(page: Page, daemon: Daemon, role: Role): Promise<void> {
  await page.goto(`${daemon.address}/#/`);
  await page.getByLabel("Name").fill(role);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Log out" }).waitFor();
}

export { expect } from "@playwright/test";
