// Headless Chromium of the system: browsers of Playwright's own are not downloaded.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "tests",
  // Two at a time, as many as a small machine has cores.
  workers: 2,
  fullyParallel: true,
  reporter: [["line"]],
  // Of a machine that is busy otherwise: what is expected comes, or the test fails.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  use: {
    launchOptions: { executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ["--no-sandbox"] },
    locale: "en-GB",
  },
});
