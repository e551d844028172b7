import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freeUdpPort } from '../../../test/support/base/free-udp-port.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';
import type { AppOptions } from '../app-options.ts';
import { publishCameraEvents } from './event-feed.ts';

const PASSWORD = 'correct horse battery';
const FILE =
  'perch: own\naddress: 127.0.0.1:0\nhls: no\nrtsp: no\nwebrtc: no\napi: no\nplayback: no\nmetrics: no\npaths:\n  door:\n    record: motion\n';

async function openApp(discovery: AppOptions['discovery'] = {}) {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-news-'));
  writeFileSync(join(cwd, 'perch.yml'), FILE);
  const clock = new FakeClock();
  const log = createLogger('silent', () => {});
  const folders = { dataDir: join(cwd, 'data'), cwd, pageFolder: cwd };
  const app = await App.start({
    version: '0',
    ...folders,
    env: {},
    clock,
    log,
    discovery: { only: ['lo'], ...discovery },
  });
  onTestFinished(async () => {
    await app.close();
    rmSync(cwd, { recursive: true, force: true });
  });
  const base = `http://127.0.0.1:${app.mainPort}/v3`;
  const post = (path: string, body: unknown, cookie = '') => {
    const headers = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', cookie };
    return fetch(`${base}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  };
  const claimed = await post('claim', { password: PASSWORD, setupCode: app.accounts.setup?.code });
  const cookie = claimed.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  return { base, post, cookie, clock };
}

test('logins, configuration changes and detections are published as events, and replayed after a disconnect', async () => {
  const { base, post, cookie, clock } = await openApp();
  const abort = new AbortController();
  const response = await fetch(`${base}/events?types=login,config,event`, {
    headers: { cookie },
    signal: abort.signal,
  });
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body ?? []) {
      text += new TextDecoder().decode(chunk);
    }
  })().catch(() => {});
  let isAnswered = false;
  const refused = post('session', { password: 'wrong horse' }).finally(() => {
    isAnswered = true;
  });
  // It is published before the answer, which waits for the clock.
  await expect.poll(async () => clock.advance(5_000).then(() => isAnswered && text)).toContain('"state":"refused"');
  await refused;
  const added = await post('config/paths/add/gate', { source: 'publisher' }, cookie);
  expect([added.status, await added.json()]).toEqual([200, { status: 'ok' }]);
  await post('events', { path: 'door', type: 'doorbell', text: 'the bell rings' }, cookie);
  await expect.poll(() => text).toContain('"type":"doorbell"');
  const published = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, type, data]) => [
    type,
    JSON.parse(data ?? ''),
  ]);
  expect(published).toEqual([
    ['login', expect.objectContaining({ state: 'refused', user: 'owner', address: '127.0.0.1' })],
    ['config', expect.objectContaining({ path: 'gate', change: 'added', by: 'API', user: 'owner' })],
    ['event', expect.objectContaining({ path: 'door', type: 'doorbell', text: 'the bell rings', source: 'api' })],
  ]);
  expect(text).not.toContain('wrong horse');
  const [, second = ''] = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id ?? '');
  abort.abort();
  await reading;
  const again = new AbortController();
  const missed = await fetch(`${base}/events`, { headers: { cookie, 'last-event-id': second }, signal: again.signal });
  const [first] = [await missed.body?.getReader().read()];
  expect(new TextDecoder().decode(first?.value)).toMatch(/^retry: 3000\n\n/);
  again.abort();
});

test('events need the permission api', async () => {
  const { base } = await openApp();
  expect((await fetch(`${base}/events`)).status).toBe(401);
});

test('an unknown type is rejected by name', async () => {
  const { base, cookie } = await openApp();
  const response = await fetch(`${base}/events?types=path,doors`, { headers: { cookie } });
  expect([response.status, await response.json()]).toEqual([
    400,
    { status: 'error', error: "invalid type 'doors': known are camera, path, event, disk, config, login, box" },
  ]);
});

test('events of disks have no path and the type disk', () => {
  const published: unknown[] = [];
  const event = {
    id: '1',
    path: '',
    type: 'disk',
    startUs: 0,
    endUs: 1,
    text: 'full: /mnt/usb: no space left',
    source: 'perch',
  } as const;
  publishCameraEvents((type, fields) => published.push([type, fields]))(event);
  expect(published).toEqual([['disk', { state: 'full', text: 'full: /mnt/usb: no space left' }]]);
});

test('events of the hardware are not published here: they end after an hour, a fault may not', () => {
  const published: unknown[] = [];
  const facts = { id: '1', path: '', startUs: 0, endUs: 3.6e9, text: 'hot: …' };
  const event = { ...facts, type: 'hardware', source: 'perch' } as const;
  publishCameraEvents((type, fields) => published.push([type, fields]))(event);
  expect(published).toEqual([]);
});

test('a camera found in the networks of the box is published', async () => {
  const port = await freeUdpPort();
  const { base, cookie } = await openApp({ port, includeLoopback: true });
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(`${base}/events?types=camera`, { headers: { cookie }, signal: abort.signal });
  let text = '';
  void (async () => {
    for await (const chunk of response.body ?? []) {
      text += new TextDecoder().decode(chunk);
    }
  })().catch(() => {});
  await using camera = await startOnvifCamera({ discoveryPort: port, address: '127.0.0.61' });
  await expect.poll(() => camera.hello().then(() => text)).toContain('"state":"found"');
  expect(text).toContain(`"endpoint":"${camera.endpoint}","address":"127.0.0.61","name":"Front door"`);
});
