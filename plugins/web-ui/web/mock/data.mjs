// What the mock server tells: one simulated site, in the shapes of docs/schema/*.json.

const VARIABLES = {
  "battery.age": "612", "battery.charge": "100.0", "battery.charger.status": "floating", "battery.date": "03/14/25",
  "battery.packs.bad": "0", "battery.runtime": "2460", "battery.runtime.low": "120", "battery.voltage": "27.22", "battery.voltage.nominal": "24",
  "input.frequency": "50.00", "input.transfer.reason": "no transfer since power-on", "input.voltage": "231.8", "output.voltage": "231.8",
  "ups.load": "27.3", "ups.model": "SMART-UPS 1500", "ups.outage.count": "2", "ups.outage.longest": "731", "ups.outage.total": "802",
  "ups.power": "413", "ups.serial": "AS0711234567", "ups.status": "OL", "ups.temperature": "27.4", "ups.test.result": "OK",
};

const COMMANDS = [
  { name: "beeper.disable", description: "Keep the beeper silent", danger: false },
  { name: "calibrate.start", description: "Run on battery until it is low, to measure how long it lasts", danger: true },
  { name: "load.off", description: "Switch the load off at once", danger: true },
  { name: "test.battery.start", description: "Test the battery under load", danger: false },
];

/** Text that would do harm if any page took it for HTML. */
export const HOSTILE = `<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>`;

export function ups(name, description, changed = {}) {
  return {
    name, description, availability: "live", heard_at: new Date().toISOString(), age_s: 0.2,
    commands: COMMANDS.map((command) => command.name), variables: { ...VARIABLES, ...changed },
  };
}

export function site(count) {
  const more = Array.from({ length: count - 1 }, (_, index) => ups(`rack-${index + 2}`, `Rack ${index + 2}`, { "ups.load": String(20 + index * 2) }));
  return [ups("main", "Rack 1"), ...more];
}

export function commands() {
  return COMMANDS;
}

export function settings(of) {
  return [
    { name: "battery.date", value: of.variables["battery.date"], description: "Date of the last battery change", type: "text", longest: 8 },
    { name: "battery.runtime.low", value: of.variables["battery.runtime.low"], description: "Runtime at which the battery counts as low", type: "choice", choices: ["120", "300", "420", "600"] },
    { name: "ups.delay.shutdown", value: of.variables["ups.delay.shutdown"] ?? "20", description: "Delay before the load is switched off", type: "range", ranges: [[0, 600]] },
  ];
}

export const SERIES = ["battery.charge", "battery.runtime", "input.voltage", "ups.load"];

export function history(name, variable, from, to) {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  const base = Number(VARIABLES[variable] ?? 0);
  const count = 120;
  const step = (end - begin) / count;
  const points = Array.from({ length: count }, (_, index) => {
    const avg = base * (1 + 0.03 * Math.sin(index / 7));
    return { at: new Date(begin + index * step).toISOString(), min: avg * 0.99, avg, max: avg * 1.01, count: 10 };
  });
  return { ups: name, variable, step_s: step / 1000, points };
}

export function events() {
  const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
  return [
    { id: 6, at: ago(12), kind: "ups.command-ended", severity: "info", ups: "main", fields: { command: "test.battery.start", result: "verified", by: "admin" } },
    { id: 5, at: ago(13), kind: "ups.test-passed", severity: "info", ups: "main", fields: { result: "OK" } },
    { id: 4, at: ago(200), kind: "ups.on-line", severity: "info", ups: "main", fields: { "lasted-s": "731", "battery.charge": "62" } },
    { id: 3, at: ago(212), kind: "ups.on-battery", severity: "warning", ups: "main", fields: { "battery.charge": "100" } },
    { id: 2, at: ago(400), kind: "bus.script.note", severity: "critical", ups: "main", fields: { text: HOSTILE } },
    { id: 1, at: ago(900), kind: "ups.comm-established", severity: "info", ups: "main", fields: {} },
  ];
}

export const USERS = [
  { name: "admin", role: "administrator", scopes: [], has_password: true, weak: false, made_at: "2026-01-01T00:00:00Z", password_at: null, login_at: "2026-11-01T08:00:00Z", locked_s: null, tokens: 1 },
  { name: "olga", role: "operator", scopes: [], has_password: true, weak: true, made_at: "2026-01-01T00:00:00Z", password_at: null, login_at: null, locked_s: 240, tokens: 0 },
  { name: "moni", role: "monitor", scopes: [], has_password: true, weak: false, made_at: "2026-01-01T00:00:00Z", password_at: null, login_at: null, locked_s: null, tokens: 0 },
];

export const TOKENS = [
  { id: "t1", user: "admin", label: "Home Assistant", scopes: ["read"], made_at: "2026-01-01T00:00:00Z", expires_at: null, used_at: "2026-11-01T08:00:00Z" },
];

const plugin = (id, state, more = {}) => ({
  id, version: "0.1.0", state, listening: {}, pages: null, connections: 2, memory: 1_441_792, calls: 4211, slowest_call_us: 830, missed_events: 0,
  dropped_datagrams: 0, restarts: 0, failed_at: null, last_failure: null, strikes: 0, mailbox: 0, reloading: false,
  limits: { memory: "4 MiB", "call-ms": 250, connections: 4096 }, sha256: null, package: `${id}-0.1.0.onmc`, signer: null, metrics: {}, ...more,
});

export const PLUGINS = [
  plugin("nut-server", "running", { listening: { nut: ["127.0.0.1:3493"] }, metrics: { clients: 2 } }),
  plugin("web-ui", "running", { pages: { mount: "/", public: true } }),
  plugin("modbus-tcp", "quarantined", { restarts: 5, strikes: 5, failed_at: "2026-11-01T08:00:00Z", last_failure: `trap: ${HOSTILE}` }),
];

export const LOG = [{ number: 1, at_ms: 1_790_000_000_000, level: "info", text: "serves 127.0.0.1:3493" }, { number: 2, at_ms: 1_790_000_001_000, level: "warn", text: HOSTILE }];

export const SCRIPTS = [
  { name: "weekly-test", state: "running", error: null },
  { name: "morning-report", state: "quarantined", error: `line 3: ${HOSTILE}` },
];

export const AUDIT = [
  { id: 1, at: "2026-11-01T08:00:00Z", user: "admin", role: "administrator", origin: "127.0.0.1", ups: "main", what: "command test.battery.start", result: "verified" },
];

export const HEALTH = {
  turns: 123456, late_median_ms: 0.05, late_p99_ms: 0.4, late_longest_ms: 3.1,
  lines: [{ ups: "main", port: "/dev/ttyS0", opened: 1, sent: 40000, answered: 39998, faults: 1, timeouts: 2, mismatches: 0, resyncs: 1 }],
};
