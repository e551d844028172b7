import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freePort, freePorts } from '../../../test/support/base/free-port.ts';
import { createLogger } from '../../base/log.ts';
import type { HttpsState } from '../../http/api/device/address-routes.ts';
import { App } from '../app.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/tls');
const OTHERS = 'hls: no\nsrt: no\nrtsp: no\nrtmp: no\nwebrtc: no\n';
const PASSWORD = 'correct horse battery';

/** A box with an owner. */
async function openBox(settings: string) {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-https-state-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const port = await freePort();
  const write = (text: string) =>
    writeFile(join(cwd, 'perch.yml'), `perch: own\naddress: 127.0.0.1:${port}\n${OTHERS}${text}`);
  await write(settings);
  const app = await App.start({
    ...{ version: '0', dataDir: join(cwd, 'data'), cwd, env: {}, pageFolder: cwd },
    ...{ clock: new FakeClock(), log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  onTestFinished(() => app.close());
  const json = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({ password: PASSWORD, setupCode: app.accounts.setup?.code });
  await fetch(`http://127.0.0.1:${port}/v3/claim`, { method: 'POST', headers: json, body });
  const headers = { Authorization: `Basic ${btoa(`owner:${PASSWORD}`)}` };
  const state = async () =>
    (await (await fetch(`http://127.0.0.1:${port}/v3/https`, { headers })).json()) as HttpsState;
  const change = async (text: string) => {
    await write(text);
    await app.reload();
  };
  return { app, port, state, change };
}

test('with https off the state names no certificate, and the address that switches it on', async () => {
  const { port, state } = await openBox("tlsAddress: ''\n");
  const [off, ports] = [
    { address: '', port: null, certificate: null },
    { httpPort: port, redirect: false },
  ];
  expect(await state()).toEqual({ ...off, ...ports, usualAddress: '127.0.0.1:8443' });
});

test('with the own certificate the fingerprint is that of the authority, and names and addresses are covered', async () => {
  const { app, state, change } = await openBox("tlsAddress: ''\n");
  const tls = await freePort();
  await change(`tlsAddress: 127.0.0.1:${tls}\n`);
  await expect.poll(async () => (await state()).port).toBe(tls);
  const { address, certificate } = await state();
  expect(address).toBe(`127.0.0.1:${tls}`);
  expect(certificate).toMatchObject({ isOwn: true, fingerprint: app.fingerprint });
  expect(certificate?.names).toContain('localhost');
  expect(certificate?.addresses).toEqual(expect.arrayContaining(['127.0.0.1', '::1']));
  expect(Date.parse(certificate?.until ?? '')).toBeGreaterThan(Date.UTC(2026, 0, 1));
});

test('with a certificate of its owner the fingerprint is that of the certificate', async () => {
  const [tls = 0] = await freePorts(1);
  const files = `tlsServerKey: ${FIXTURES}/server.key\ntlsServerCert: ${FIXTURES}/server.crt\n`;
  const { state } = await openBox(`tlsAddress: 127.0.0.1:${tls}\n${files}`);
  const { certificate } = await state();
  expect(certificate).toMatchObject({
    isOwn: false,
    fingerprint: expect.stringMatching(/^(?:[\dA-F]{2}:){31}[\dA-F]{2}$/),
  });
});

test('while another program has the port, https is set and has no open port', async () => {
  const { state, change } = await openBox("tlsAddress: ''\n");
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as { port: number };
  await change(`tlsAddress: 127.0.0.1:${port}\n`);
  await expect.poll(async () => (await state()).address).toBe(`127.0.0.1:${port}`);
  expect(await state()).toMatchObject({ port: null, certificate: null });
});
