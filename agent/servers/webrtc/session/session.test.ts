// @also without-ffi in long

import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { type Message, methods, parseMessage } from 'werift';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { random } from '../../../../test/support/base/random.ts';
import { credentialsIn, IceClient, writeCheck } from '../../../../test/support/clients/webrtc/ice-client.ts';
import { WEBRTC_OPTIONS } from '../../../../test/support/clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../../../test/support/clients/webrtc/webrtc-paths.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { Stream } from '../../../stream/stream.ts';
import { WebRtcServer } from '../server/server.ts';

const OFFER = readFileSync('test/fixtures/offers/chromium-156-linux.sdp', 'utf8');
const VIEWER = { path: 'cam', query: '', remoteAddr: '192.0.2.1:5', userAgent: 'test', user: '' };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

interface Options {
  readonly clock?: Clock;
  readonly handshakeTimeoutMs?: number;
  readonly address?: string;
  readonly stream?: Stream;
}

async function startServer({ clock = systemClock, address = '127.0.0.1:0', ...options }: Options = {}) {
  const stream = options.stream ?? new Stream([H264_TRACK]);
  const { handshakeTimeoutMs: webrtcHandshakeTimeoutMs = 10_000 } = options;
  const ports = { webrtcLocalUDPAddress: address, webrtcLocalTCPAddress: address };
  const paths = webrtcPaths(async () => stream);
  const server = new WebRtcServer(
    { ...WEBRTC_OPTIONS, ...ports, webrtcHandshakeTimeoutMs },
    paths,
    clock,
    silentLogger,
  );
  await server.listen();
  cleanups.push(() => server.close());
  return server;
}

async function startSession(options?: Options) {
  const server = await startServer(options);
  const { id, secret, answer } = await server.read(VIEWER, OFFER);
  const credentials = credentialsIn(answer);
  const where = (): string | undefined => server.get(id)?.remoteAddr;
  return { server, id, secret, credentials, where };
}

async function udpClient(server: WebRtcServer, host?: string): Promise<IceClient> {
  const client = await IceClient.udp(server.udpPort, host);
  cleanups.push(() => client[Symbol.asyncDispose]());
  return client;
}

async function tcpClient(server: WebRtcServer, host?: string): Promise<IceClient> {
  const client = await IceClient.tcp(server.tcpPort, host);
  cleanups.push(() => client[Symbol.asyncDispose]());
  return client;
}

test('only checks with the local user fragment and the correct password are answered', async () => {
  const { server, credentials, where } = await startSession();
  const client = await udpClient(server);
  client.send(writeCheck({ ...credentials, password: 'a guess' }).bytes);
  client.send(writeCheck({ ...credentials, ufrag: 'unknown' }).bytes);
  await client.check(credentials);
  expect(where()).toBe(client.address);
});

test('an offer without candidates works: the first check shows the browser’s address', async () => {
  expect(OFFER).not.toContain('a=candidate');
  const { server, credentials, where } = await startSession();
  expect(where()).toBe(VIEWER.remoteAddr);
  const client = await udpClient(server);
  await client.check(credentials, false);
  expect(where()).toBe(client.address);
});

test('candidates of the offer are not looked at, names of mDNS least of all', async () => {
  const server = await startServer();
  const candidate = 'a=candidate:1 1 udp 2113937151 a1b2c3d4-0000-4000-8000-000000000000.local 50000 typ host';
  const { id, answer } = await server.read(VIEWER, OFFER.replace(/a=mid:0/, `${candidate}\r\na=mid:0`));
  const client = await udpClient(server);
  await client.check(credentialsIn(answer));
  expect(server.get(id)?.remoteAddr).toBe(client.address);
});

test('the newest nomination wins, from one network to the next, to TCP and back', async () => {
  const { server, credentials, where } = await startSession();
  const [wifi, cable] = [await udpClient(server), await udpClient(server)];
  const connection = await tcpClient(server);
  for (const client of [wifi, cable, wifi, connection, cable]) {
    await client.check(credentials);
    expect(where()).toBe(client.address);
  }
});

test('a check that nominates nothing is followed by one of ours, once for each address: some clients nominate at its receipt', async () => {
  const { server, credentials } = await startSession();
  const password = /a=ice-pwd:(\S+)/.exec(OFFER)?.[1] ?? '';
  for (const client of [await udpClient(server), await tcpClient(server)]) {
    await client.check(credentials, false);
    await client.check(credentials, false);
    expect(client.checks).toHaveLength(1);
    const check = parseMessage(client.checks[0] as Buffer, Buffer.from(password)) as Message;
    expect(check.messageMethod).toBe(methods.BINDING);
    expect(check.getAttributeValue('USERNAME')).toBe(`wocP:${credentials.ufrag}`);
    expect(check.attributesKeys).toEqual([
      'USERNAME',
      'PRIORITY',
      'ICE-CONTROLLED',
      'MESSAGE-INTEGRITY',
      'FINGERPRINT',
    ]);
  }
  const nominating = await udpClient(server);
  await nominating.check(credentials);
  // Checks of another user fragment than the offer's.
  const other = writeCheck(credentials, 'else', false);
  const stranger = await udpClient(server);
  stranger.send(other.bytes);
  expect(await stranger.nextAnswer()).toBe(other.id);
  await stranger.check(credentials, false);
  expect([nominating.checks, stranger.checks]).toEqual([[], []]);
});

test('an offer without a password gets no check', async () => {
  const server = await startServer();
  const { answer } = await server.read(VIEWER, OFFER.replaceAll(/a=ice-pwd:.*\r\n/g, ''));
  const client = await udpClient(server);
  await client.check(credentialsIn(answer), false);
  await client.check(credentialsIn(answer), false);
  expect(client.checks).toEqual([]);
});

test('a check without nomination does not change an existing route', async () => {
  const { server, credentials, where } = await startSession();
  const [first, second] = [await udpClient(server), await tcpClient(server)];
  await first.check(credentials);
  await second.check(credentials, false);
  expect(where()).toBe(first.address);
});

test('both families and both protocols lead to the same session', async () => {
  const { server, credentials, where } = await startSession({ address: ':0' });
  for (const host of ['127.0.0.1', '::1']) {
    for (const client of [await udpClient(server, host), await tcpClient(server, host)]) {
      await client.check(credentials);
      expect(where()).toBe(client.address);
    }
  }
});

test('a replayed check redirects nothing and gets no answer', async () => {
  const { server, credentials, where } = await startSession();
  const browser = await udpClient(server);
  const { bytes } = await browser.check(credentials);
  const listener = await udpClient(server);
  listener.send(bytes);
  // A check with its own credentials would be answered, after that one.
  const own = await listener.check(credentials, false);
  expect(own.bytes).not.toEqual(bytes);
  expect(where()).toBe(browser.address);
});

test('a late repetition of an old check is answered and does not turn the stream back', async () => {
  const { server, credentials, where } = await startSession();
  const [wifi, cable] = [await udpClient(server), await udpClient(server)];
  const old = await wifi.check(credentials);
  await cable.check(credentials);
  wifi.send(old.bytes);
  expect(await wifi.nextAnswer()).toBe(old.id);
  expect(where()).toBe(cable.address);
});

test('forged checks by the thousand cost a hundred verifications and leave the browser its own', async () => {
  const { server, credentials, where } = await startSession({ clock: new FakeClock() });
  const browser = await udpClient(server);
  await browser.check(credentials);
  const stranger = await udpClient(server);
  const forged = writeCheck({ ...credentials, password: 'a guess' }).bytes;
  for (let i = 0; i < 200; i += 1) {
    stranger.send(forged);
  }
  // Its share is used up: even the right password is ignored.
  stranger.send(writeCheck(credentials).bytes);
  for (let i = 0; i < 50; i += 1) {
    await browser.check(credentials);
  }
  expect(stranger.received).toEqual([]);
  expect(where()).toBe(browser.address);
});

test('ten thousand datagrams of garbage and damaged checks do no harm', async () => {
  const { server, credentials, where } = await startSession();
  const browser = await udpClient(server);
  const { bytes } = await browser.check(credentials);
  const senders = [await udpClient(server), browser];
  const next = random(4);
  const pick = (limit: number): number => Math.floor(next() * limit);
  for (let i = 0; i < 10_000; i += 1) {
    const garbage = i % 3 === 0 ? Buffer.from(bytes) : Uint8Array.from({ length: pick(200) }, () => pick(256));
    if (i % 3 === 0) {
      const at = pick(garbage.length);
      garbage[at] = (garbage[at] as number) ^ (1 + pick(255));
    }
    (senders[i % 2] as IceClient).send(garbage);
    if (i % 100 === 99) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const isAnswered = (): boolean => {
    browser.send(writeCheck(credentials).bytes);
    return browser.received.length > 0;
  };
  await expect.poll(isAnswered).toBe(true);
  expect(where()).toBe(browser.address);
  expect(senders[0]?.received).toEqual([]);
});

test('an address that a newer session has proved its own belongs to that one, also when the older one ends', async () => {
  const server = await startServer();
  const older = await server.read(VIEWER, OFFER);
  const newer = await server.read(VIEWER, OFFER);
  const client = await udpClient(server);
  await client.check(credentialsIn(older.answer));
  await client.check(credentialsIn(newer.answer));
  server.kick(older.id);
  const before = server.get(newer.id)?.inboundBytes ?? 0;
  client.send(Buffer.from([128, 0, 1, 2]));
  await expect.poll(() => server.get(newer.id)?.inboundBytes).toBe(before + 4);
});

test('after an ICE restart the former credentials are valid until the new ones are used', async () => {
  const { server, secret, credentials: former } = await startSession();
  expect(server.restart(secret, 'wocP')).toBeUndefined();
  const fragment = server.restart(secret, 'newu') ?? '';
  const fresh = credentialsIn(fragment);
  expect(fragment).toContain('a=mid:0\r\n');
  expect(fragment).toContain(`${server.tcpPort} typ host tcptype passive\r\n`);
  expect(fragment).toContain('a=end-of-candidates\r\n');
  const client = await udpClient(server);
  await client.check(former);
  await client.check(fresh);
  client.send(writeCheck(former).bytes);
  await client.check(fresh);
});

test('restarts that are never used take nothing from the credentials that are', async () => {
  const { server, secret, credentials: used } = await startSession();
  const client = await udpClient(server);
  await client.check(used);
  const unused = credentialsIn(server.restart(secret, 'new1') ?? '');
  const fresh = credentialsIn(server.restart(secret, 'new2') ?? '');
  client.send(writeCheck(unused).bytes);
  await client.check(used);
  await client.check(fresh);
});

test('a browser that restarts ICE is accepted before its new user fragment is known', async () => {
  const { server, credentials, where } = await startSession();
  const client = await udpClient(server);
  const early = writeCheck(credentials, 'newu');
  client.send(early.bytes);
  expect(await client.nextAnswer()).toBe(early.id);
  expect(where()).toBe(client.address);
});

test('fragments that follow an ICE restart are about its candidates and restart nothing again', async () => {
  const { server, secret } = await startSession();
  const fresh = credentialsIn(server.restart(secret, 'newu') ?? '');
  expect([server.restart(secret, 'newu'), server.restart(secret, 'newu')]).toEqual([undefined, undefined]);
  const client = await udpClient(server);
  await client.check(fresh);
});

test('a viewer that never finishes its handshake is let go after ten seconds', async () => {
  const clock = new FakeClock();
  const { server } = await startSession({ clock });
  await clock.advance(10_000);
  expect(server.list()).toHaveLength(1);
  await clock.advance(1_000);
  expect(server.list()).toHaveLength(0);
});

test('a viewer that has vanished is let go after fifteen seconds without a check', async () => {
  const clock = new FakeClock();
  const { server, credentials } = await startSession({ clock, handshakeTimeoutMs: 60_000 });
  const client = await udpClient(server);
  await clock.advance(14_000);
  await client.check(credentials);
  await clock.advance(15_000);
  expect(server.list()).toHaveLength(1);
  await clock.advance(1_000);
  expect(server.list()).toHaveLength(0);
});

test('a viewer whose only TCP connection has ended has five seconds to make another', async () => {
  const clock = new FakeClock();
  const { server, credentials, where } = await startSession({ clock, handshakeTimeoutMs: 60_000 });
  const first = await tcpClient(server);
  await first.check(credentials);
  await first[Symbol.asyncDispose]();
  await clock.advance(4_000);
  const second = await tcpClient(server);
  await second.check(credentials, false);
  expect(where()).toBe(second.address);
  await clock.advance(10_000);
  expect(server.list()).toHaveLength(1);

  await second[Symbol.asyncDispose]();
  await clock.advance(5_000);
  expect(server.list()).toHaveLength(1);
  await clock.advance(2_000);
  expect(server.list()).toHaveLength(0);
});

test('a viewer with UDP in addition to its TCP connection continues there', async () => {
  const { server, credentials, where } = await startSession();
  const datagrams = await udpClient(server);
  await datagrams.check(credentials);
  const connection = await tcpClient(server);
  await connection.check(credentials);
  expect(where()).toBe(connection.address);
  await connection[Symbol.asyncDispose]();
  await expect.poll(where).toBe(datagrams.address);
});

test('the end of a session ends its connection', async () => {
  const { server, id, credentials } = await startSession();
  const client = await tcpClient(server);
  await client.check(credentials);
  server.kick(id);
  await expect.poll(() => client.isClosed).toBe(true);
});
