// A mock site and a browser that is logged in, for each test its own.
import { test as base, type Page } from "@playwright/test";
import { mock, type Mock } from "../mock/server.mjs";

export const PASSWORD = "open sesame";

interface Site {
  upses: number;
  server: Mock & { address: string };
}

export const test = base.extend<Site>({
  upses: [1, { option: true }],
  server: async ({ upses }, use) => {
    const server = mock({ count: upses });
    const port = await server.listen();
    await use(Object.assign(server, { address: `http://127.0.0.1:${port}` }));
    await server.close();
  },
});

export async function logIn(page: Page, address: string, name = "admin", path = "#/"): Promise<void> {
  await page.goto(`${address}/${path}`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Log out" }).waitFor();
}

export { expect } from "@playwright/test";
