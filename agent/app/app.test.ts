import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { freeUdpPair } from '../../test/support/base/free-port.ts';
import { keepLogLines } from '../../test/support/base/log-lines.ts';
import { createLogger } from '../base/log.ts';
import { App, SlowStop } from './app.ts';

const PORTS = 'address: 127.0.0.1:0\nhls: no\nsrt: no\nrtsp: no\nrtmp: no\npaths:\n  cam:\n';
const OFF = 'webrtc: no\n';

async function openApp() {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-app-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const write = (text: string) => writeFileSync(join(cwd, 'perch.yml'), PORTS + text);
  write(OFF);
  const app = await App.start({
    version: '0',
    dataDir: join(cwd, 'data'),
    cwd,
    env: {},
    pageFolder: cwd,
    clock: new FakeClock(),
    // Its own: the configuration sets its level.
    log: createLogger('silent', () => {}),
    discovery: { only: [] },
  });
  return { app, write };
}

async function isTaken(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const failed = once(socket, 'error').then(() => true);
  const bound = once(socket, 'listening').then(() => false);
  socket.bind(port, '127.0.0.1');
  const taken = await Promise.race([failed, bound]);
  socket.close();
  return taken;
}

const portOf = (app: App) => `http://127.0.0.1:${app.mainPort}`;

test('origins added to the file take effect on the main port without a restart', async () => {
  const { app, write } = await openApp();
  const allowed = async () => {
    const response = await fetch(`${portOf(app)}/hls/cam/index.m3u8`, { headers: { Origin: 'http://house.example' } });
    return response.headers.get('access-control-allow-origin');
  };
  expect(await allowed()).toBe('*');
  // A reopened port 0 would get another number.
  const port = app.mainPort;
  write("webrtc: no\nhlsAllowOrigins: ['http://house.example']\n");
  await app.reload();
  await expect.poll(() => allowed().catch(() => undefined)).toBe('http://house.example');
  expect(app.mainPort).toBe(port);
  await app.close();
});

test('a changed readTimeout takes effect on the main port without a restart', async () => {
  const { app, write } = await openApp();
  const port = app.mainPort ?? 0;
  const slow = connect(port, '127.0.0.1');
  slow.setEncoding('latin1');
  let heard = '';
  slow.on('data', (text) => {
    heard += text;
  });
  const closed = once(slow, 'close');
  await once(slow, 'connect');
  slow.write('GET /v3/health HTTP/1.1\r\n');
  write('webrtc: no\nreadTimeout: 50ms\n');
  await app.reload();
  await closed;
  expect([heard.split('\r\n')[0], app.mainPort]).toEqual(['HTTP/1.1 408 Request Timeout', port]);
  await app.close();
});

test('webrtc: no also closes the media port, and the main port reports the reason', async () => {
  const [port] = await freeUdpPair();
  const { app, write } = await openApp();
  const ask = () => fetch(`${portOf(app)}/webrtc/cam/whep`, { method: 'OPTIONS' });
  const statusOf = () => ask().then(({ status }) => status, String);
  const media = `webrtcLocalUDPAddress: 127.0.0.1:${port}\nwebrtcLocalTCPAddress: ""\nwebrtcAddress: 127.0.0.1:0\n`;
  write(`webrtc: yes\n${media}`);
  await app.reload();
  await expect.poll(statusOf).toBe(204);
  expect(await isTaken(port)).toBe(true);
  write(`webrtc: no\n${media}`);
  await app.reload();
  await expect.poll(statusOf).toBe(400);
  expect(await (await ask()).json()).toEqual({ status: 'error', error: 'WebRTC is switched off (webrtc: no)' });
  await expect.poll(() => isTaken(port)).toBe(false);
  await app.close();
});

test('a change during the shutdown starts nothing', async () => {
  const { app, write } = await openApp();
  const url = `${portOf(app)}/health`;
  write("webrtc: no\nhlsAllowOrigins: ['http://house.example']\n");
  await app.reload();
  await app.close();
  await expect(fetch(url)).rejects.toThrow();
  await expect(fetch(`${portOf(app)}/health`)).rejects.toThrow();
});

test('a stop that takes longer than 8 s names the component, again every 8 s, and an ended one is silent', async () => {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const stop = new SlowStop({ clock, log });
  const { promise, resolve } = Promise.withResolvers<void>();
  const closing = stop.close('recordings', { close: () => promise });
  await clock.advance(7_999);
  expect(logged).toEqual([]);
  await clock.advance(8_001);
  resolve();
  await closing;
  stop.begin('RTSP server');
  await clock.advance(8_000);
  stop.end();
  await clock.advance(80_000);
  const line = (waitsFor: string, sinceMs: number) => ['warn', 'stopping takes long', { waitsFor, sinceMs }];
  expect(logged.map(([level, phrase, fields]) => [level, phrase, fields])).toEqual(
    expect.arrayContaining([
      line('recordings', 8_000),
      line('recordings', 16_000),
      line('RTSP server', 24_000),
      ['info', 'stopped', {}],
    ]),
  );
  expect(logged).toHaveLength(4);
});
