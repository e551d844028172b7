import { generateKeyPairSync } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { type PinnedBox, pinnedBox } from '../../../../test/features/boxes/support/pinned-box.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { type Logger, silentLogger } from '../../../base/log.ts';
import { BoxLink, clockOffsetMs } from './box-link.ts';

const ID = '1a2b3c4d5e6f7a8b';
const { d: secret = '', x: key = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const FACTS = { id: ID, name: 'Shed', version: '0.1.0', live: true, recordings: true, talk: false };
const PONG = Uint8Array.of(0x8a, 0);
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';

/** A box that answers, and may stop answering pings. */
class Pinged {
  readonly asked: string[] = [];
  readonly pulses: Duplex[] = [];
  pings = 0;
  hangs = false;
  /** Ends each pulse as soon as it is open. */
  isUnwilling = false;
  /** Does not answer when it is asked for a pulse. */
  isMute = false;
  box: PinnedBox | undefined;
  /** How far its clock is ahead, in ms; undefined: the box has an older version, which does not tell the time. */
  aheadMs: number | undefined;
  /** Rejects the pairing. */
  refuses = false;
  /** Requests get no answer until `unstick`. */
  isStuck = false;
  #held: (() => void)[] = [];
  #clock: FakeClock | undefined;

  async open(): Promise<void> {
    const answer: RequestListener = ({ url = '' }, response) => {
      this.asked.push(url);
      const time = this.aheadMs === undefined ? {} : { time: (this.#clock?.wallMs() ?? 0) + this.aheadMs };
      const end = () =>
        response.end(JSON.stringify({ ...FACTS, ...time, addresses: [this.box?.address], cameras: [] }));
      if (this.refuses) {
        response.writeHead(401).end();
      } else if (this.isStuck) {
        this.#held.push(end);
      } else {
        end();
      }
    };
    this.box = await pinnedBox(answer, ({ url = '' }, socket) => {
      this.asked.push(url);
      this.pulses.push(socket);
      if (this.isMute) {
        return;
      }
      socket.write(SWITCH);
      if (this.isUnwilling) {
        socket.end();
      }
      socket.on('data', (ping: Buffer) => {
        expect(ping.toString('hex')).toBe('898000000000');
        this.pings += 1;
        if (!this.hangs) {
          socket.write(PONG);
        }
      });
    });
  }

  unstick(): void {
    this.isStuck = false;
    for (const end of this.#held) {
      end();
    }
  }

  link(clock: FakeClock, address = this.box?.address ?? '', log: Logger = silentLogger): BoxLink {
    this.#clock = clock;
    const { pin = '' } = this.box ?? {};
    const stored = { ...FACTS, cameras: [], addresses: [address], pin, server: 'AbCdEfGh-_123456', secret, key };
    const options = { clock, log, changed: () => {} };
    const link = new BoxLink({ ...stored, created: 0, seen: 0 }, options);
    onTestFinished(async () => {
      await link.close();
      await this.box?.[Symbol.asyncDispose]();
    });
    link.start();
    return link;
  }
}

const opened = async () => {
  const [pinged, clock] = [new Pinged(), new FakeClock()];
  await pinged.open();
  const link = pinged.link(clock);
  // The timer of its pulse, and the pause until it is asked again.
  await expect.poll(() => clock.sleeping).toBe(2);
  return { pinged, clock, link };
};

test.for([
  [1_000, 900, 1_100, 0],
  [900, 900, 1_100, 0],
  [5_100, 900, 1_100, 4_000],
  [500, 900, 1_100, -400],
  [undefined, 900, 1_100, undefined],
  // The clock of this server was set meanwhile.
  [1_000, 1_100, 900, undefined],
] as const)('a box that says %s between %s and %s is ahead by %s', ([time, sent, answered, offset]) => {
  expect(clockOffsetMs(time, sent, answered)).toBe(offset);
});

test('the offset of the clock of a box is known, and follows it', async () => {
  const { pinged, clock, link } = await opened();
  expect(link.state.clockOffsetMs).toBeUndefined();
  pinged.aheadMs = 40_000;
  await link.refresh();
  expect(link.state.clockOffsetMs).toBe(40_000);
  await clock.advance(1_000);
  pinged.aheadMs = 0;
  await link.refresh();
  expect(link.state.clockOffsetMs).toBe(0);
});

test('requests during the first attempt and the pause after it open no connection', async () => {
  const [pinged, clock] = [new Pinged(), new FakeClock()];
  await pinged.open();
  const sockets: Socket[] = [];
  const hanging = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void hanging.close());
  const { port } = hanging.address() as AddressInfo;
  const link = pinged.link(clock, `127.0.0.1:${port}`);
  const refused = expect(link.request('GET', '/v3/events')).rejects.toThrow('is away since');
  await expect.poll(() => sockets.length).toBe(1);
  sockets[0]?.destroy();
  await refused;
  await clock.advance(1_900);
  await expect(link.request('GET', '/v3/events')).rejects.toThrow('is away since');
  expect(sockets).toHaveLength(1);
  await clock.advance(100);
  await expect.poll(() => sockets.length).toBe(2);
});

test('a box that does not answer a ping is tried by a new connection, and is away without one', async () => {
  const { pinged, clock, link } = await opened();
  pinged.hangs = true;
  await clock.advance(5_000);
  await expect.poll(() => pinged.pings).toBe(1);
  const before = pinged.box?.connections ?? 0;
  await clock.advance(5_000);
  // It is there: only the pulse had ended. The former pause is still counted.
  await expect.poll(() => clock.sleeping).toBe(3);
  expect(pinged.pulses).toHaveLength(2);
  expect(pinged.box?.connections).toBeGreaterThan(before);
  expect(link.state.state).toBe('connected');
  await clock.advance(5_000);
  await pinged.box?.[Symbol.asyncDispose]();
  await expect.poll(() => link.state.state).toBe('away');
});

test('a box that ends each pulse is asked once a minute', async () => {
  const [pinged, clock] = [new Pinged(), new FakeClock()];
  pinged.isUnwilling = true;
  await pinged.open();
  const link = pinged.link(clock);
  // The pause until it is asked again; the timer of the pulse is gone.
  await expect.poll(() => [pinged.pulses[0]?.destroyed, clock.sleeping]).toEqual([true, 1]);
  await clock.advance(59_000);
  expect(pinged.pulses).toHaveLength(1);
  await clock.advance(1_000);
  await expect.poll(() => pinged.pulses.length).toBe(2);
  expect(link.state.state).toBe('connected');
});

test('a connection whose box does not answer when it is asked for a pulse closes', async () => {
  const [pinged, clock] = [new Pinged(), new FakeClock()];
  pinged.isMute = true;
  await pinged.open();
  const link = pinged.link(clock);
  await expect.poll(() => pinged.pulses.length).toBe(1);
  await expect(link.close()).resolves.toBeUndefined();
});

test('a request for an absent box starts a new attempt two seconds after the last one', async () => {
  const { pinged, clock, link } = await opened();
  const port = Number(pinged.box?.address.split(':')[1]);
  await pinged.box?.[Symbol.asyncDispose]();
  await link.refresh();
  let attempts = 0;
  const other = createServer((socket) => {
    attempts += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const ask = (isBackground = false) =>
    expect(link.request('GET', '/', { isBackground })).rejects.toMatchObject({ context: { why: 'away' } });
  await clock.advance(1_000);
  await ask();
  await clock.advance(999);
  await ask();
  await clock.advance(1);
  // A stream of events, which is asked for again and again.
  await ask(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(attempts).toBe(0);
  await ask();
  await expect.poll(() => attempts).toBeGreaterThan(0);
});

test('a box that leaves one request without an answer is not away', async () => {
  const { pinged, clock, link } = await opened();
  const sentMs = clock.monoMs() + 1;
  await clock.advance(2_001);
  const before = pinged.box?.connections ?? 0;
  const checked = link.noteSilence(sentMs);
  expect(link.awaySince).toBeNull();
  await checked;
  expect(link.state.state).toBe('connected');
  expect(pinged.box?.connections).toBeGreaterThan(before);
});

test('a box that takes no new connection is away after a request without an answer', async () => {
  const { pinged, clock, link } = await opened();
  const sentMs = clock.monoMs() + 1;
  await clock.advance(2_001);
  await pinged.box?.[Symbol.asyncDispose]();
  await link.noteSilence(sentMs);
  const awayMs = clock.wallMs();
  expect(link.state).toMatchObject({ state: 'away', sinceMs: awayMs });
  await expect(link.request('GET', '/v3/events')).rejects.toThrow('is away since');
  await clock.advance(1_000);
  await link.noteSilence(sentMs);
  expect(link.state).toMatchObject({ state: 'away', sinceMs: awayMs });
});

test('a request whose connection is refused says so after the box is known to be away', async () => {
  const { pinged, link } = await opened();
  await pinged.box?.[Symbol.asyncDispose]();
  await expect(link.request('GET', '/v3/events')).rejects.toThrow();
  expect(link.state.state).toBe('away');
});

test('a request without an answer starts no attempt at a box that has answered another one since', async () => {
  const { pinged, clock, link } = await opened();
  const sentMs = clock.monoMs();
  await clock.advance(1_000);
  await link.refresh();
  const before = pinged.asked.length;
  await link.noteSilence(sentMs);
  expect([link.state.state, pinged.asked.length]).toEqual(['connected', before]);
});

test('a silent box is tried by a new connection, although a request for its facts hangs', async () => {
  const { pinged, clock, link } = await opened();
  pinged.isStuck = true;
  const asked = link.refresh();
  const sentMs = clock.monoMs() + 1;
  await clock.advance(2_001);
  const before = pinged.box?.connections ?? 0;
  const checked = link.noteSilence(sentMs);
  pinged.unstick();
  await asked;
  await checked;
  expect(pinged.box?.connections).toBeGreaterThan(before);
  expect(link.state.state).toBe('connected');
});

test('a box that is away for a moment is no warning; one that stays away is one, with the time of the lists', async () => {
  const [pinged, clock] = [new Pinged(), new FakeClock()];
  await pinged.open();
  const warned: object[] = [];
  const log = { ...silentLogger, warn: (context: object) => void warned.push(context) } as Logger;
  const { address = '' } = pinged.box ?? {};
  const link = pinged.link(clock, '127.0.0.1:1', log);
  await expect.poll(() => link.awaySince).not.toBeNull();
  await clock.advance(2_000);
  link.setAddresses([address]);
  await expect.poll(() => link.state.state).toBe('connected');
  await pinged.box?.[Symbol.asyncDispose]();
  await link.refresh();
  const since = link.awaySince;
  await clock.advance(14_999);
  await link.refresh();
  expect(warned).toEqual([]);
  await clock.advance(1);
  await link.refresh();
  await link.refresh();
  expect(warned).toEqual([{ box: 'Shed', since, cause: expect.any(String) }]);
  expect(since).toBe(new Date(link.state.sinceMs).toISOString());
});

test('requests to a box that has ended the pairing say that it refuses, not that it is away', async () => {
  const { pinged, link } = await opened();
  pinged.refuses = true;
  await link.refresh();
  expect(link.state.state).toBe('refused');
  await expect(link.request('GET', '/v3/events')).rejects.toMatchObject({
    message: expect.stringContaining("box 'Shed' refuses this server since"),
    context: { why: 'away', absence: 'boxRefuses' },
  });
});
