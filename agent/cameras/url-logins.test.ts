import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { RtmpHarness } from '../../test/support/harness/servers/rtmp-harness.ts';
import { systemClock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { LoginFile } from '../onvif/soap/login/login-file.ts';
import { LoginMemory } from '../onvif/soap/login/login-memory.ts';
import { LoginTurnSource } from '../protocols/login-turns.ts';
import { hlsSource } from '../sources/hls/protocol.ts';
import { rtmpSource } from '../sources/rtmp/protocol.ts';
import type { StreamSink } from '../stream/contracts.ts';
import { streamLogin } from './stream-login.ts';

const PATHS = Array.from({ length: 8 }, (_, i) => `ch${i + 1}`);
const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const until = (check: () => unknown) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

/** A camera that counts the wrong passwords and the right ones that it receives. */
interface Camera {
  url(path: string, password: string): string;
  readonly wrong: () => number;
  readonly right: () => number;
  /** Its answer to a wrong password may be late. */
  answer(): Promise<void>;
}

async function overHls(): Promise<Camera> {
  const shown: string[] = [];
  const server = createServer(({ headers }, reply) => {
    const login = Buffer.from((headers.authorization ?? '').slice('Basic '.length), 'base64').toString();
    shown.push(login);
    reply.writeHead(login === 'admin:right' ? 404 : 401).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const count = (login: string) => shown.filter((one) => one === login).length;
  return {
    url: (path, password) => `http://admin:${password}@127.0.0.1:${port}/${path}/index.m3u8`,
    wrong: () => count('admin:wrong'),
    right: () => count('admin:right'),
    answer: async () => {},
  };
}

async function overRtmp(): Promise<Camera> {
  const permissions = [{ action: 'read', path: '' } as const];
  const box = await RtmpHarness.open([{ user: 'admin', pass: 'right', ips: [], permissions }]);
  onTestFinished(() => box[Symbol.asyncDispose]());
  const count = (words: string) => box.log.filter((line) => line.includes(words)).length;
  return {
    url: (path, password) => `rtmp://127.0.0.1:${box.port}/live/${path}?user=admin&pass=${password}`,
    wrong: () => count('failed to authenticate'),
    right: () => box.paths.opened.length,
    answer: () => box.clock.advance(500),
  };
}

const PROTOCOLS = { hls: { source: hlsSource, open: overHls }, rtmp: { source: rtmpSource, open: overRtmp } };

/** One try of each path. @returns why each failed */
function pullAll(protocol: keyof typeof PROTOCOLS, camera: Camera, password: string, logins: LoginMemory): string[] {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const failures: string[] = [];
  for (const name of PATHS) {
    const url = camera.url(name, password);
    const config = good(`paths: {${name}: {source: "${url}"}}`);
    const settings = config.paths.get(name)?.settings;
    const { source } = PROTOCOLS[protocol];
    const target = source.loginTarget;
    if (!settings || !target) {
      throw new Error('the path is wrong, or the protocol has no login');
    }
    const loginWatch = streamLogin(() => target(url, name), {}, { logins, clock: new FakeClock() });
    const made = source.create({ name, settings, config, loginWatch, clock: systemClock, log: silentLogger });
    const publish: StreamSink['publish'] = () => {
      throw new Error('not reached');
    };
    made.run({ publish }, stop.signal).catch((error: unknown) => failures.push(explain(error)));
  }
  return failures;
}

test.for(['hls', 'rtmp'] as const)(
  'eight paths over %s with a wrong password try it twice, also across restarts; the right one by all',
  async (protocol) => {
    const camera = await PROTOCOLS[protocol].open();
    const clock = new FakeClock();
    const folder = mkdtempSync(join(tmpdir(), 'perch-url-logins-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (let start = 0; start < 2; start += 1) {
      const logins = new LoginMemory(clock);
      const file = new LoginFile(join(folder, 'camera-logins.json'), logins, clock, () => {});
      await file.open(hash);
      const failures = pullAll(protocol, camera, 'wrong', logins);
      await until(async () => {
        await camera.answer();
        expect(failures).toHaveLength(PATHS.length);
      });
      expect(failures.at(-1)).toContain('refused this user name or password twice');
      expect(camera.wrong()).toBe(2);
      await file.close();
    }
    pullAll(protocol, camera, 'right', new LoginMemory(clock));
    await until(async () => {
      // A server that accepts the login and sends nothing holds the turn for 5 s.
      await clock.advance(1_000);
      expect([camera.wrong(), camera.right()]).toEqual([2, PATHS.length]);
    });
  },
);

test.for([
  ['http://cam/live.m3u8', undefined, 'cam:80', 'http://cam:80/live.m3u8'],
  [
    'https://a:b%25@cam:8443/live.m3u8?x=1',
    { user: 'a', password: 'b%' },
    'cam:8443',
    'https://cam:8443/live.m3u8?x=1',
  ],
  ['http://a:50%@[fd00::1]/live.m3u8', { user: 'a', password: '50%' }, '[fd00::1]:80', 'http://[fd00::1]:80/live.m3u8'],
] as const)('login of %s', ([url, credentials, hostPort, uri]) => {
  expect(hlsSource.loginTarget?.(url, 'cam')).toMatchObject({ credentials, hostPort, uri });
});

test.for([
  ['rtmp://cam/live/cam', undefined, 'cam:1935', 'rtmp://cam/live/cam'],
  [
    'rtmp://cam/bcs/ch0.bcs?channel=0&user=a&password=b',
    { user: 'a', password: 'b' },
    'cam:1935',
    'rtmp://cam/bcs/ch0.bcs',
  ],
  ['rtmps://a:b%40@cam:1936/live/cam', { user: 'a', password: 'b@' }, 'cam:1936', 'rtmps://cam:1936/live/cam'],
  ['rtmp://cam/live/cam?key=x', undefined, 'cam:1935', 'rtmp://cam/live/cam'],
] as const)('login of %s', ([url, credentials, hostPort, uri]) => {
  expect(rtmpSource.loginTarget?.(url, 'cam')).toMatchObject({ credentials, hostPort, uri });
});

const LOGIN = { host: 'cam', hostPort: 'cam:80', uri: 'http://cam/', isOfUrl: true };
const CREDENTIALS = { user: 'admin', password: 'x' };

/** Runs a source that ends with this error. @returns how often the login was refused */
async function refusalsAfter(error: unknown, hasLogin = true) {
  const logins = new LoginMemory(new FakeClock());
  const target = () => ({ ...LOGIN, credentials: hasLogin ? CREDENTIALS : undefined });
  const watch = streamLogin(target, { user: 'other', password: 'y' }, { logins, clock: new FakeClock() });
  const source = new LoginTurnSource(
    { type: 'hlsSource', run: () => Promise.reject(error) },
    { watch, name: 'cam', kind: 'basic', clock: new FakeClock(), target },
  );
  await expect(source.run({ publish: () => expect.fail() }, new AbortController().signal)).rejects.toBe(error);
  return 4 - logins.triesLeft({ ...CREDENTIALS, camera: LOGIN.hostPort, host: LOGIN.host });
}

test('only a rejected login counts, and that of the URL alone', async () => {
  const refused = new PerchError('unauthorized', 'answers 401', { absence: 'password' });
  expect(await refusalsAfter(refused)).toBe(1);
  expect(await refusalsAfter(new PerchError('unauthorized', 'certificate', {}))).toBe(0);
  expect(await refusalsAfter(new PerchError('unavailable', 'away', { isUnreachable: true }))).toBe(0);
  expect(await refusalsAfter(new Error('fault'))).toBe(0);
  expect(await refusalsAfter(refused, false)).toBe(0);
});

/** A source after a failure of its camera, which has not identified itself since. */
function unconfirmed(hostPort: string, events: string[]) {
  const target = () => ({ ...LOGIN, host: '127.0.0.1', hostPort, credentials: CREDENTIALS });
  const confirm = async (signal: AbortSignal, reach?: (signal: AbortSignal) => Promise<void>) => {
    await reach?.(signal);
    events.push('identified');
  };
  const watch = streamLogin(target, {}, { logins: new LoginMemory(new FakeClock()), clock: new FakeClock(), confirm });
  const run = async () => void events.push('sent');
  const source = { type: 'hlsSource', run };
  return new LoginTurnSource(source, { watch, name: 'cam', kind: 'basic', clock: new FakeClock(), target });
}

test('a device is asked who it is after it has accepted a connection, and gets the login of the URL after that', async () => {
  const events: string[] = [];
  const server = createTcpServer((socket) => {
    events.push('connected');
    socket.on('error', () => {});
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await unconfirmed(`127.0.0.1:${port}`, events).run({ publish: () => expect.fail() }, new AbortController().signal);
  await until(() => expect(events).toContain('connected'));
  expect(events.filter((event) => event !== 'connected')).toEqual(['identified', 'sent']);
});

test('where no device accepts a connection, none gets the login of the URL', async () => {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const events: string[] = [];
  const source = unconfirmed(`127.0.0.1:${port}`, events);
  const ran = source.run({ publish: () => expect.fail() }, new AbortController().signal);
  await expect(ran).rejects.toMatchObject({ code: 'unavailable', context: { isUnreachable: true, path: 'cam' } });
  expect(events).toEqual([]);
});
