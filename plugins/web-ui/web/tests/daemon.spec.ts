// The pages with the real daemon behind them: what each role sees, what it may do, and what an outage looks like.
import AxeBuilder from "@axe-core/playwright";
import { expect, logIn, ROLES, test, until, type Role } from "./daemon";

test.setTimeout(240_000);

const OF_ALL = [
  "#/", "#/ups/main", "#/ups/main/charts", "#/ups/main/battery", "#/ups/main/variables", "#/events", "#/plugins",
  "#/plugins/nut-server", "#/scripts", "#/scripts/fails", "#/health", "#/preferences",
];
const OF_OPERATORS = ["#/ups/main/control", "#/ups/main/settings"];
const OF_ADMINISTRATORS = ["#/users", "#/audit"];

/** What changes something, and from which role on it is permitted. */
const CHANGES: [string, string, unknown, Role][] = [
  ["POST", "/ups/main/commands/beeper.disable", {}, "operator"],
  ["PUT", "/ups/main/variables/ups.id", { value: "RACK" }, "operator"],
  ["PUT", "/ups/main/forced-shutdown", { on: false }, "operator"],
  ["POST", "/users", { name: "eve", role: "administrator", password: "another-sunny-place" }, "administrator"],
  ["PATCH", "/users/monitor", { role: "administrator" }, "administrator"],
  ["DELETE", "/users/monitor", undefined, "administrator"],
  ["POST", "/tokens", { user: "administrator" }, "administrator"],
  ["POST", "/plugins/nut-server/disable", undefined, "administrator"],
  ["POST", "/reload", undefined, "administrator"],
  ["POST", "/simulate/main", { line: "line off" }, "administrator"],
  ["GET", "/users", undefined, "administrator"],
  ["GET", "/plugins/nut-server/log", undefined, "administrator"],
];

for (const role of ROLES) {
  test(`every page opens for the role ${role}, and what it may not do is neither shown nor possible`, async ({ page, daemon }) => {
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("401")) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await logIn(page, daemon, role);
    const mine = [...OF_ALL, ...(role === "monitor" ? [] : OF_OPERATORS), ...(role === "administrator" ? OF_ADMINISTRATORS : [])];
    for (const path of mine) {
      await page.goto(`${daemon.address}/${path}`);
      await page.locator("main h1").waitFor();
      await expect(page.getByText("Loading …")).toHaveCount(0);
      await expect(page.locator("p.failed")).toHaveCount(0);
      const { violations } = await new AxeBuilder({ page }).analyze();
      for (const one of violations) complaints.push(`${path}: ${one.id}`);
    }
    expect(complaints).toEqual([]);
    expect(await page.title()).not.toContain("owned");

    await page.goto(`${daemon.address}/#/`);
    await expect(page.getByRole("link", { name: "Users" })).toHaveCount(role === "administrator" ? 1 : 0);
    await page.goto(`${daemon.address}/#/ups/main`);
    await expect(page.getByRole("link", { name: "Control" })).toHaveCount(role === "monitor" ? 0 : 1);
    // By hand, with the page's own session.
    const rank = ROLES.indexOf(role);
    for (const [method, path, body, least] of CHANGES) {
      if (rank <= ROLES.indexOf(least)) continue;
      const status = await page.evaluate(async ([method, path, body]) => {
        const { csrf } = (await (await fetch("/api/v1/session")).json()) as { csrf: string };
        const headers = { "content-type": "application/json", "x-csrf-token": csrf };
        const request: RequestInit = { method: String(method), headers };
        if (body !== undefined && body !== null) request.body = JSON.stringify(body);
        return (await fetch(`/api/v1${String(path)}`, request)).status;
      }, [method, path, body] as const);
      expect(`${method} ${path}: ${status}`).toBe(`${method} ${path}: 403`);
    }
  });
}

test("an outage is on the page without reload, and so is its end", async ({ page, daemon }) => {
  await logIn(page, daemon, "monitor");
  await expect(page.getByText("On line power", { exact: true }).first()).toBeVisible();
  const banner = page.getByRole("region", { name: "main runs on battery" });
  // The moment at which the browser has it, by its own clock, which is this machine's.
  const seen = page.evaluate(() => new Promise<number>((done) => {
    const look = new MutationObserver(() => {
      if (document.body.textContent.includes("main runs on battery")) done(Date.now());
    });
    look.observe(document.body, { subtree: true, childList: true, characterData: true });
  }));
  const began = Date.now();
  await daemon.simulate("line off");
  await expect(banner).toBeVisible();
  const took = (await seen) - began;
  console.log(`the outage was on the page after ${took} ms`);
  await daemon.simulate("line on");
  await expect(banner).toBeHidden();
});

test("a setting is written to the UPS and read back", async ({ page, daemon }) => {
  await logIn(page, daemon, "operator");
  await page.goto(`${daemon.address}/#/ups/main/settings`);
  const field = page.getByLabel("ups.id");
  await field.fill("RACK7");
  await page.locator("form", { has: field }).getByRole("button", { name: "Save" }).click();
  await until("the UPS has it", async () => (await daemon.ask("GET", "/api/v1/ups/main/variables/ups.id")).includes("RACK7"));
});

test("while the plugin is down the pages stay, the UPSes go on, and all of it comes back", async ({ page, daemon }) => {
  await logIn(page, daemon, "administrator");
  await daemon.ask("POST", "/api/v1/plugins/nut-server/restart");
  await daemon.command("plugin", "disable", "web-ui");
  await page.goto(`${daemon.address}/#/health`);
  await expect(page.locator("p.failed")).toBeVisible();
  await daemon.command("plugin", "enable", "web-ui");
  await page.goto(`${daemon.address}/#/`);
  await page.goto(`${daemon.address}/#/health`);
  await expect(page.locator("main h2").first()).toBeVisible();
  await expect(page.locator("p.failed")).toHaveCount(0);
  await until("it answers", async () => daemon.ask("GET", "/status.json").then(() => true, () => false));
  await daemon.simulate("line off");
  await expect(page.getByRole("region", { name: "main runs on battery" })).toBeVisible();
});

test("a daemon that is killed is told, and the page finds the new one", async ({ page, daemon }) => {
  await logIn(page, daemon, "monitor");
  await daemon.kill();
  await expect(page.getByText("Connection to the daemon lost. Reconnecting …")).toBeVisible();
  await expect(page.getByRole("heading", { name: "main" })).toBeVisible();
  await daemon.start();
  // Sessions are in memory: the new daemon asks who it is.
  await expect(page.getByLabel("Password")).toBeVisible();
  await logIn(page, daemon, "monitor");
  await expect(page.getByText("On line power", { exact: true }).first()).toBeVisible();
});
