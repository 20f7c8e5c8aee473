// The pages in a browser, against the mock.
import { expect, logIn, test } from "./site";

test("a wrong password is told, and the right one opens the overview", async ({ page, server }) => {
  await page.goto(server.address);
  await page.getByLabel("Name").fill("admin");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("alert")).toHaveText("The name or the password is wrong.");
  await logIn(page, server.address);
  await expect(page.getByText("On line power", { exact: true })).toBeVisible();
});

test("an outage appears without reload, counts down, and says what happens then", async ({ page, server }) => {
  await logIn(page, server.address);
  await expect(page.getByText("On line power", { exact: true })).toBeVisible();
  const since = new Date(Date.now() - 60_000).toISOString();
  server.change("main", { "ups.status": "OB DISCHRG", "battery.runtime": "1500", "ups.outage.last.start": since });
  const banner = page.getByRole("region", { name: "main runs on battery" });
  await expect(banner).toBeVisible();
  await expect(banner.getByRole("timer")).toContainText(/2[45]:\d\d/);
  await expect(banner).toContainText("Machines are told to shut down at 2 min of runtime");
  const first = await banner.getByRole("timer").textContent();
  await expect(banner.getByRole("timer")).not.toHaveText(first ?? "");
  server.change("main", { "ups.status": "OL" });
  await expect(banner).toBeHidden();
});

test("values that change move nothing", async ({ page, server }) => {
  await logIn(page, server.address);
  const card = page.getByRole("article");
  await expect(card).toBeVisible();
  const before = await card.boundingBox();
  for (const [load, runtime] of [["3.0", "59"], ["100", "35999"], ["41.5", "1234"]] as const) {
    server.change("main", { "ups.load": load, "battery.runtime": runtime });
    await expect(card.locator("dl").first()).toContainText(String(Math.round(Number(load))));
    expect(await card.boundingBox()).toEqual(before);
  }
});

test("a lost daemon is told, and the pages recover by themselves", async ({ page, server }) => {
  await logIn(page, server.address);
  await expect(page.getByRole("heading", { name: "main" })).toBeVisible();
  server.stall(true);
  await expect(page.getByText("Connection to the daemon lost. Reconnecting …")).toBeVisible();
  await expect(page.getByRole("heading", { name: "main" })).toBeVisible();
  server.stall(false);
  server.change("main", { "ups.status": "OL RB" });
  await expect(page.getByText("Connection to the daemon lost")).toBeHidden();
  await expect(page.getByText("Replace the battery")).toBeVisible();
});

test("data that is not live is grey and has its age", async ({ page, server }) => {
  await logIn(page, server.address);
  server.change("main", {}, { availability: "stale", age_s: 200 });
  await expect(page.getByText("No answer since 3 min")).toBeVisible();
  await expect(page.getByRole("article")).toHaveClass(/aged/);
});

test("a monitor sees nothing that changes anything", async ({ page, server }) => {
  await logIn(page, server.address, "moni", "#/ups/main");
  await expect(page.getByRole("link", { name: "Charts" })).toBeVisible();
  for (const name of ["Control", "Settings", "Users", "Audit"]) {
    await expect(page.getByRole("link", { name, exact: true })).toHaveCount(0);
  }
  await page.goto(`${server.address}/#/ups/main/control`);
  await expect(page.getByText("Your role does not permit this.")).toBeVisible();
  await page.goto(`${server.address}/#/users`);
  await expect(page.getByText("Your role does not permit this.")).toBeVisible();
  await page.goto(`${server.address}/#/plugins/nut-server`);
  await expect(page.getByText("Limits")).toBeVisible();
  await expect(page.getByRole("button", { name: "Restart" })).toHaveCount(0);
});

test("a command is asked about, and a dangerous one takes the name of the UPS", async ({ page, server }) => {
  await logIn(page, server.address, "olga", "#/ups/main/control");
  await page.getByRole("button", { name: "Run: beeper.disable" }).click();
  await page.getByRole("button", { name: "Yes, do it" }).click();
  await expect(page.getByText("Done; the UPS has confirmed it.")).toBeVisible();
  await page.getByRole("button", { name: "Run: load.off" }).click();
  const yes = page.getByRole("button", { name: "Yes, do it" });
  await expect(yes).toBeDisabled();
  await page.getByLabel("To go on, type the name").fill("main");
  await yes.click();
  await expect.poll(() => server.site.asked.map((one) => one.path)).toEqual(
    ["/ups/main/commands/beeper.disable", "/ups/main/commands/load.off"]);
});

test("a setting offers what is permitted, and saves it", async ({ page, server }) => {
  await logIn(page, server.address, "olga", "#/ups/main/settings");
  const limit = page.getByLabel("Runtime at which the battery counts as low").first();
  await expect(limit.locator("option")).toHaveCount(4);
  await limit.selectOption("300");
  await page.getByRole("button", { name: "Save: Runtime at which" }).click();
  await expect(page.getByText("Done; the UPS has confirmed it.")).toBeVisible();
  expect(server.site.asked).toEqual([{ method: "PUT", path: "/ups/main/variables/battery.runtime.low", body: { value: "300" } }]);
});

test("texts of others are shown as text", async ({ page, server }) => {
  await logIn(page, server.address);
  server.change("main", { "ups.id": "<img src=x onerror=window.harmed=1>" }, { description: "<b onclick=window.harmed=1>x</b>" });
  for (const path of ["#/", "#/ups/main/variables", "#/events", "#/plugins", "#/plugins/nut-server", "#/scripts/morning-report"]) {
    await page.goto(`${server.address}/${path}`);
    await expect(page.locator("main").getByText(/<img|<b onclick|<script/).first()).toBeVisible();
    await expect(page.locator("main img, main script")).toHaveCount(0);
    expect(await page.evaluate(() => "harmed" in window)).toBe(false);
  }
});

test("a chart shows what was recorded, and another range asks anew", async ({ page, server }) => {
  await logIn(page, server.address, "moni", "#/ups/main/charts");
  await expect(page.getByRole("img", { name: /^Charge: lowest/ })).toBeVisible();
  const asked = page.waitForRequest((request) => request.url().includes("/history?"));
  await page.getByLabel("7 days").check({ force: true });
  const query = new URL((await asked).url()).searchParams;
  expect(Date.parse(query.get("to") ?? "") - Date.parse(query.get("from") ?? "")).toBe(7 * 24 * 3_600_000);
});

test("events are filtered and exported, and a formula is no formula in the file", async ({ page, server }) => {
  server.happen({ id: 99, at: "2026-11-01T08:00:00Z", kind: "=cmd", severity: "warning", ups: "main", fields: { note: 'a "b", c' } });
  await logIn(page, server.address, "moni", "#/events");
  await page.getByLabel("Severity").selectOption("warning");
  await expect(page.locator(".events li")).toHaveCount(2);
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export CSV" }).click();
  const stream = await (await saving).createReadStream();
  let text = "";
  for await (const part of stream) text += String(part);
  expect(text.split("\r\n")[1]).toBe(`99,2026-11-01T08:00:00Z,main,warning,'=cmd,"note=a ""b"", c"`);
});

test("the language, the theme and the degrees are the reader's", async ({ page, server }) => {
  await logIn(page, server.address, "moni", "#/preferences");
  await page.getByLabel("Temperature").selectOption("f");
  await page.getByLabel("Appearance").selectOption("dark");
  await page.getByLabel("Language").selectOption("de");
  await page.goto(`${server.address}/#/`);
  await expect(page.getByText("Netzbetrieb", { exact: true })).toBeVisible();
  await expect(page.getByText("°F")).toBeVisible();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("logging out forgets", async ({ page, server }) => {
  await logIn(page, server.address);
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByRole("button", { name: "Log in" })).toBeVisible();
  expect((await page.request.get(`${server.address}/api/v1/ups`)).status()).toBe(401);
});

test.describe("with forty UPSes", () => {
  test.use({ upses: 40 });
  test("the one that needs somebody comes first", async ({ page, server }) => {
    await logIn(page, server.address);
    await expect(page.getByRole("article")).toHaveCount(40);
    server.change("rack-30", { "ups.status": "OB LB", "battery.runtime": "100" });
    await expect(page.getByRole("article").first()).toContainText("rack-30");
    await expect(page.getByText("1 of 40 need attention")).toBeVisible();
  });
});
