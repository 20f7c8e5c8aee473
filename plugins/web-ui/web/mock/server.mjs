// A small server with the daemon's shapes, for work on the pages and for their tests. It is no daemon: it knows one site,
// three users (password `open sesame`), and what a test tells it under /mock. Tests of the pages with the real daemon are
// what proves that the shapes are the daemon's.
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import * as data from "./data.mjs";

const PASSWORD = "open sesame";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json" };
const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const assets = fileURLToPath(new URL("../../assets/", import.meta.url));

/** One site for each test, so that tests don't meet. */
export function mock({ count = 1 } = {}) {
  const site = { upses: data.site(count), events: data.events(), sessions: new Map(), streams: new Set(), down: false, asked: [], scripts: data.SCRIPTS };
  const server = createServer((request, response) => answer(site, request, response).catch((error) => {
    response.writeHead(500).end(String(error));
  }));
  return {
    site,
    listen: (port = 0) => new Promise((done) => server.listen(port, "127.0.0.1", () => done(server.address().port))),
    close: () => new Promise((done) => {
      for (const stream of site.streams) stream.end();
      server.close(done);
      server.closeAllConnections();
    }),
    /** Changes a UPS and tells whoever listens. */
    change(name, variables, more = {}) {
      const one = site.upses.find((ups) => ups.name === name);
      Object.assign(one.variables, variables);
      Object.assign(one, more);
      send(site, "status", one);
    },
    happen(event) {
      site.events.unshift(event);
      send(site, "event", event, event.id);
    },
    /** As when the daemon is restarted: streams end, requests fail, sessions stay for simplicity. */
    stall(is) {
      site.down = is;
      if (is) for (const stream of site.streams) stream.destroy();
    },
  };
}

function send(site, name, value, id) {
  for (const stream of site.streams) stream.write(`event: ${name}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(value)}\n\n`);
}

async function answer(site, request, response) {
  const url = new URL(request.url, "http://localhost");
  if (site.down) return void request.socket.destroy();
  if (!url.pathname.startsWith("/api/v1")) return file(url.pathname, response);
  const body = await read(request);
  const cookie = /opennmc-session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
  const session = site.sessions.get(cookie);
  const json = (status, value, headers = {}) => {
    const type = status >= 400 ? "application/problem+json" : "application/json";
    response.writeHead(status, { "content-type": type, "cache-control": "no-store", ...headers });
    response.end(value === undefined ? "" : JSON.stringify(value));
  };
  const refuse = (status, title, detail, headers) => json(status, { type: "about:blank", title, status, detail }, headers);
  const path = url.pathname.slice("/api/v1".length);
  if (path === "/session" && request.method === "POST") {
    const user = data.USERS.find((one) => one.name === body?.name);
    if (user === undefined || body.password !== PASSWORD) return refuse(401, "Unauthorized", "wrong name or password");
    const id = randomBytes(16).toString("hex");
    const begun = { user: user.name, role: user.role, csrf: randomBytes(16).toString("hex"), expires: new Date(Date.now() + 1_800_000).toISOString() };
    site.sessions.set(id, begun);
    return json(200, begun, { "set-cookie": `opennmc-session=${id}; HttpOnly; SameSite=Strict; Path=/` });
  }
  if (session === undefined) return refuse(401, "Unauthorized", "log in first");
  if (!["GET", "HEAD"].includes(request.method) && request.headers["x-csrf-token"] !== session.csrf) return refuse(403, "Forbidden", "the CSRF token is missing");
  if (path === "/session" && request.method === "DELETE") {
    site.sessions.delete(cookie);
    return json(204);
  }
  if (path === "/session") return json(200, session);
  if (path === "/stream") return stream(site, request, response);
  const parts = path.split("/").slice(1).map(decodeURIComponent);
  if (request.method !== "GET") {
    site.asked.push({ method: request.method, path, body });
    if (session.role === "monitor") return refuse(403, "Forbidden", "the role monitor does not permit this");
    return changed(site, parts, body, json);
  }
  const found = lookUp(site, parts, url.searchParams);
  return found === undefined ? refuse(404, "Not Found", "there is nothing") : json(200, found);
}

function lookUp(site, [what, name, part], query) {
  const one = site.upses.find((ups) => ups.name === name);
  switch (what) {
    case "ups":
      if (part === "commands") return data.commands();
      if (part === "settings") return data.settings(one);
      if (part === "series") return { ups: name, variables: data.SERIES };
      if (part === "history") return data.history(name, query.get("variable"), query.get("from"), query.get("to"));
      return one ?? site.upses;
    case "events": return site.events.filter((event) =>
      (!query.has("severity") || event.severity === query.get("severity")) &&
      (!query.has("kind") || event.kind === query.get("kind")) &&
      (!query.has("ups") || event.ups === query.get("ups")) &&
      (!query.has("before") || event.id < Number(query.get("before"))));
    case "users": return data.USERS;
    case "tokens": return data.TOKENS;
    case "plugins": return part === "log" ? data.LOG : data.PLUGINS;
    case "scripts": return part === "log" ? data.LOG : site.scripts;
    case "audit": return data.AUDIT;
    case "health": return data.HEALTH;
    default: return undefined;
  }
}

function changed(site, [what, name, part, variable], body, json) {
  const one = site.upses.find((ups) => ups.name === name);
  if (what === "ups" && part === "variables") {
    one.variables[variable] = body.value;
    send(site, "status", one);
  }
  if (what === "ups") return json(200, { result: "verified", message: null });
  if (what === "tokens") return json(201, { ...data.TOKENS[0], secret: "onmc_0123456789abcdef" });
  if (what === "reload") return json(200, { changed: [], needs_restart: [] });
  return json(200, { done: true });
}

function stream(site, request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(`event: snapshot\ndata: ${JSON.stringify({ daemon: { version: "0.1.0", pid: 1, started_at: "2026-11-01T08:00:00Z" }, upses: site.upses })}\n\n`);
  site.streams.add(response);
  request.on("close", () => site.streams.delete(response));
}

async function read(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? undefined : JSON.parse(text);
}

function file(path, response) {
  const name = path === "/" ? "index.html" : normalize(path).replace(/^\/+/, "");
  try {
    const bytes = readFileSync(join(assets, name));
    response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream", "content-security-policy": POLICY });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const PORT = 8099;
  const count = Number(process.argv[2] ?? "1");
  await mock({ count }).listen(PORT);
  console.log(`http://127.0.0.1:${PORT}/ (admin, olga, moni; password: ${PASSWORD})`);
}
