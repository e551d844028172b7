import { readFile } from 'node:fs/promises';
import { renderUnicodeCompact } from 'uqr';
import { parseAccessPoint } from './access-point.ts';
import { pageServer } from './server.ts';
import { wordsFor } from './words.ts';

const ADDRESS = '10.83.84.1';
/** Port of the page. The firewall redirects port 80 of the access point to it. */
const PORT = 8_380;
const ORIGIN = `http://${ADDRESS}`;
const ACCESS_POINT = '/var/lib/perch-image/access-point';
/** White on black: scanners need light squares. */
const [WHITE_ON_BLACK, AS_BEFORE] = ['\x1b[97;40m', '\x1b[0m'];

function page(): void {
  pageServer({ stateFolder: '/run/perch-wifi', requestFolder: '/run/perch-wifi-page', origin: ORIGIN }).listen(
    PORT,
    ADDRESS,
  );
}

/** Prints for the consoles how to reach the access point. */
async function screen(): Promise<void> {
  const point = parseAccessPoint(await readFile(ACCESS_POINT, 'utf8'));
  if (!point) {
    throw new Error(`${ACCESS_POINT} is no access point`);
  }
  const { name, password } = point;
  const code = `WIFI:T:WPA;S:${name};P:${password.replace(/[\\;,:"]/g, '\\$&')};;`;
  const lines = renderUnicodeCompact(code, { ecc: 'L', border: 2 }).split('\n');
  const text = ['', ...lines.map((line) => `${WHITE_ON_BLACK}${line}${AS_BEFORE}`), ''];
  // agetty expands backslashes.
  const told = wordsFor('en').screen(name, password.replaceAll('\\', '\\\\'), ORIGIN);
  process.stdout.write([...text, ...told, '', ''].join('\n'));
}

const STEPS: Record<string, () => void | Promise<void>> = { page, screen };
Promise.resolve(STEPS[process.argv[2] ?? '']?.()).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
