import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../test/fake-clock.ts';
import { App } from './app.ts';
import { silentLogger } from './base/log.ts';

const PORTS = 'address: 127.0.0.1:0\nwebrtc: no\nhls: no\nrtsp: no\nwebrtcLocalUDPAddress: ""\npaths:\n  cam:\n';

async function openApp() {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-app-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const write = (text: string) => writeFileSync(join(cwd, 'perch.yml'), PORTS + text);
  write('');
  const app = await App.start({
    version: '0',
    dataDir: join(cwd, 'data'),
    cwd,
    env: {},
    pageFolder: cwd,
    clock: new FakeClock(),
    log: silentLogger,
  });
  return { app, write };
}

const portOf = (app: App) => `http://127.0.0.1:${app.mainPort}`;

test('origins that the file allows later hold on the main port without a restart', async () => {
  const { app, write } = await openApp();
  const allowed = async () => {
    const response = await fetch(`${portOf(app)}/hls/cam/index.m3u8`, { headers: { Origin: 'http://house.example' } });
    return response.headers.get('access-control-allow-origin');
  };
  expect(await allowed()).toBe('*');
  write("hlsAllowOrigins: ['http://house.example']\n");
  await app.reload();
  await expect.poll(() => allowed().catch(() => undefined)).toBe('http://house.example');
  await app.close();
});

test('a change that comes while the end has begun starts nothing again', async () => {
  const { app, write } = await openApp();
  const url = `${portOf(app)}/health`;
  write("hlsAllowOrigins: ['http://house.example']\n");
  await app.reload();
  await app.close();
  await expect(fetch(url)).rejects.toThrow();
  await expect(fetch(`${portOf(app)}/health`)).rejects.toThrow();
});
