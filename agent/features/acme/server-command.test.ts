import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { notingStart } from '../../config/store/last-start.ts';
import type { CommandCall } from '../contract.ts';
import { serverCommand } from './server-command.ts';

function folder() {
  const made = mkdtempSync(join(tmpdir(), 'perch-server-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

const env = { PERCH_COMMAND: 'npm run perch --' };

/** On a machine on which another program has the port `taken`. */
async function runBeside(taken: number, dataDir: string, ...words: string[]) {
  let said = '';
  const tried: number[] = [];
  const write = (text: string) => {
    said += text;
  };
  const call = { words, dataDir, cwd: dataDir, env, keys: async () => KEYS, write } as unknown as CommandCall;
  const code = await serverCommand(call, async (key, port) => {
    tried.push(port);
    if (port === taken) {
      throw new PerchError('unavailable', `port ${port} is taken by nginx: stop it or change ${key}`);
    }
  });
  return { code, said, tried };
}
const run = (dataDir: string, ...words: string[]) => runBeside(0, dataDir, ...words);

test('with a name it writes ports, redirect and name, and says the next steps', async () => {
  const dataDir = folder();
  const { code, said } = await run(dataDir, 'Cloud.Example.org');
  expect(code).toBe(0);
  expect(said).toContain('https://cloud.example.org/');
  const text = readFileSync(join(dataDir, 'perch.yml'), 'utf8');
  expect(
    text
      .split('\n')
      .filter((line) => line !== '')
      .sort(),
  ).toEqual(
    [
      'perch: own',
      'server: true',
      'mdns: false',
      'address: :80',
      'tlsAddress: :443',
      'tlsRedirect: true',
      'acmeDomains:',
      '  - cloud.example.org',
    ].sort(),
  );
});

test('without a name the ports stay, because a reverse proxy has the certificate', async () => {
  const dataDir = folder();
  const file = join(dataDir, 'my.yml');
  writeFileSync(file, '# mine\nperch: own\naddress: 127.0.0.1:8080\n');
  const { said } = await run(dataDir, file);
  expect(said).toContain('behind a reverse proxy');
  expect(said).toContain(`npm run perch -- claim --data ${dataDir}`);
  expect(readFileSync(file, 'utf8')).toBe('# mine\nperch: own\naddress: 127.0.0.1:8080\nserver: true\nmdns: false\n');
});

test('without a file it writes into that of the last start', async () => {
  const dataDir = folder();
  const file = join(folder(), 'my.yml');
  writeFileSync(file, 'perch: own\n');
  await notingStart(dataDir, { file, documents: undefined }, silentLogger, async () => {});
  expect((await run(dataDir)).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toContain('server: true\n');
  expect(existsSync(join(dataDir, 'perch.yml'))).toBe(false);
});

test.for(['203.0.113.9', 'https://cloud.example.org'])('%s is no host name: nothing is written', async (name) => {
  const dataDir = folder();
  const file = join(dataDir, 'my.yml');
  writeFileSync(file, 'perch: own\n');
  await expect(run(dataDir, name, file)).rejects.toThrow(
    `'${name}' is not a host name: write for example cloud.example.org`,
  );
  expect(readFileSync(file, 'utf8')).toBe('perch: own\n');
});

test.for([80, 443])('while another program has port %i, nothing is written', async (taken) => {
  const dataDir = folder();
  const file = join(dataDir, 'my.yml');
  writeFileSync(file, 'perch: own\n');
  await expect(runBeside(taken, dataDir, 'cloud.example.org', file)).rejects.toThrow(`port ${taken} is taken by nginx`);
  expect(readFileSync(file, 'utf8')).toBe('perch: own\n');
});

test('a second name is added to the first, and ports that Perch has are not tried', async () => {
  const dataDir = folder();
  const file = join(dataDir, 'my.yml');
  writeFileSync(file, 'perch: own\n');
  expect((await run(dataDir, 'cloud.example.org', file)).tried).toEqual([80, 443]);
  expect((await run(dataDir, 'video.example.org', file)).tried).toEqual([]);
  expect((await run(dataDir, 'cloud.example.org', file)).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toContain('acmeDomains:\n  - cloud.example.org\n  - video.example.org\n');
});

test.for([
  ['', 'TCP 80 and 443, TCP and UDP 8189.'],
  ['webrtcLocalUDPAddress: :8500\n', 'TCP 80 and 443, TCP 8189 and UDP 8500.'],
  ["webrtcLocalTCPAddress: ''\n", 'TCP 80 and 443, UDP 8189.'],
  ['webrtc: no\n', 'TCP 80 and 443.'],
])('the ports to open are those of the configuration: %j', async ([more, ports]) => {
  const dataDir = folder();
  const file = join(dataDir, 'my.yml');
  writeFileSync(file, `perch: own\n${more}`);
  expect((await run(dataDir, 'cloud.example.org', file)).said).toContain(`firewall: ${ports}\n`);
});

test('a data folder that no Perch has is not made', async () => {
  const dataDir = folder();
  const file = join(dataDir, 'my.yml');
  writeFileSync(file, 'perch: own\n');
  const other = join(dataDir, 'perch-data');
  await expect(run(other, file)).rejects.toThrow(
    `the data folder ${other} does not exist: name the data folder of this Perch with --data DIR`,
  );
  expect([existsSync(other), readFileSync(file, 'utf8')]).toEqual([false, 'perch: own\n']);
});
