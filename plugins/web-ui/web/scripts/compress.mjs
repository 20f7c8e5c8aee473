// Puts NAME.br and NAME.gz beside each built file, which the host sends to whoever takes them.
// Fails when the first load is larger than its budget, so that nobody has to remember to look.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** What a phone on a bad line loads before it shows the state: HTML, script and style, gzip. */
const BUDGET_BYTES = 120 * 1024;
/** Below this a compressed file saves less than its headers cost. */
const SMALLEST_BYTES = 512;
const KINDS = /\.(html|js|css|svg|json|webmanifest)$/;

const assets = fileURLToPath(new URL("../../assets", import.meta.url));

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else if (KINDS.test(name)) yield path;
  }
}

let first = 0;
for (const path of [...files(assets)]) {
  const bytes = readFileSync(path);
  const gzip = gzipSync(bytes, { level: 9 });
  first += Math.min(gzip.length, bytes.length);
  if (bytes.length < SMALLEST_BYTES) continue;
  writeFileSync(`${path}.gz`, gzip);
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}
console.log(`all pages: ${(first / 1024).toFixed(1)} KiB with gzip`);
if (first > BUDGET_BYTES) {
  console.error(`that is more than the budget of ${BUDGET_BYTES / 1024} KiB`);
  process.exit(1);
}
