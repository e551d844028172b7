import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { writeHeader } from '../../../system/update/update-file.ts';
import { KEYS as CONFIG_KEYS } from '../../../test/support/harness/loaded-config.ts';
import { systemClock } from '../../base/clock.ts';
import { updateHere } from './update-command.ts';

const KEYS = generateKeyPairSync('ed25519');
const PACKAGE = Buffer.alloc(10_000, 'perch');

let folder: string;
let address: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perch-update-command-'));
  for (const name of ['data', 'keys', 'answers', 'server']) {
    mkdirSync(join(folder, name));
  }
  writeFileSync(join(folder, 'keys/own.pem'), KEYS.publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(folder, 'answers/update.ready'), `${join(folder, 'data')}\n`);
  const server = createServer((request, response) =>
    response.end(readFileSync(join(folder, 'server', request.url ?? ''))),
  );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => rmSync(folder, { recursive: true }));

function publish(version: string): Buffer {
  const sha512 = createHash('sha512').update(PACKAGE).digest('hex');
  const perch = { name: 'perch', version, architecture: 'all', sizeBytes: PACKAGE.length, sha512 } as const;
  const header = writeHeader({ version, made: '2026-11-21T08:00:00Z', packages: [perch] }, KEYS.privateKey);
  const file = Buffer.concat([header, PACKAGE]);
  writeFileSync(join(folder, 'server', `perch-${version}.perchupdate`), file);
  writeFileSync(join(folder, 'server/perch-update.json'), JSON.stringify({ version }));
  return file;
}

async function update(isInstall: boolean, config = `updateAddress: ${address}`): Promise<readonly string[]> {
  const file = join(folder, 'perch.yml');
  writeFileSync(
    file,
    `perch: own\n${config}\npaths:\n  door: {record: yes}\n  gate: {record: no}\n  ~^cam: {record: yes}\n`,
  );
  const lines: string[] = [];
  await updateHere({
    ...{
      version: '1.1.0',
      file,
      isInstall,
      clock: systemClock,
      cwd: folder,
      keys: CONFIG_KEYS,
      env: {},
      write: (line) => void lines.push(line),
    },
    ...{ dataDir: join(folder, 'data'), answers: join(folder, 'answers'), keyFolder: join(folder, 'keys') },
  });
  return lines;
}

test('perch update reports a newer version, and that there is none', async () => {
  publish('1.2.0');
  expect(await update(false)).toEqual(['Perch 1.2.0 is available, this is 1.1.0: perch update --install installs it']);
  publish('1.1.0');
  expect(await update(true)).toEqual([`Perch 1.1.0 is up to date: ${address} has 1.1.0`]);
});

test("perch update --install passes the update to root's service", async () => {
  const file = publish('1.2.0');
  const request = join(folder, 'data/requests/update.json');
  const answered = vi
    .waitFor(() => JSON.parse(readFileSync(request, 'utf8')) as { id: string }, { timeout: 10_000 })
    .then((asked) => {
      const answer = { id: asked.id, ok: true, text: 'it is being installed', state: 'installing' };
      writeFileSync(join(folder, 'answers/update.json'), JSON.stringify(answer));
      return asked;
    });
  expect(await update(true)).toEqual([
    'downloading Perch 1.2.0',
    'installing Perch 1.2.0: it returns to 1.1.0 unless the new one starts and records. See perch status',
  ]);
  expect(readFileSync(join(folder, 'data/requests/update.perchupdate')).equals(file)).toBe(true);
  const folders = [join(folder, 'data/recordings/door')];
  expect(await answered).toMatchObject({ host: '127.0.0.1', port: 8080, folders });
});

test('without an address, and without the service of the packages, perch update says so', async () => {
  await expect(update(false, 'mdns: no')).rejects.toThrow('updateAddress is not set in the configuration');
  publish('1.2.0');
  rmSync(join(folder, 'answers/update.ready'));
  await expect(update(true)).rejects.toThrow('updates need the service of the Debian package');
});
