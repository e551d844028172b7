import { globSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import type { ByteImpairment } from '../impair/byte-link.ts';
import { Relay } from '../impair/relay.ts';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { type GstCamera, playClip, smallClip, startGstCamera } from '../peers/cameras/camera.ts';
import { ffmpegWarnings, packetTimes } from '../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inLong, inShort } from '../peers/programs/peers.ts';

const READ_TIMEOUT_S = byLength(3, 10);
const SHORT_STALL_MS = byLength(2_000, 3_000);
/** The clip has about twice as much. */
const NARROW_BITS_PER_SECOND = 500_000;
/** Number of rounds, of about three seconds each. */
const NARROW_ROUNDS = byLength(1, 25);
/** The cut is somewhere in a picture. */
const CUT_AFTER_BYTES = 150_000;

const IMPAIRMENTS: Readonly<Record<string, (connection: number) => ByteImpairment>> = {
  jitter: () => ({ seed: 21, jitterMs: 40 }),
  narrow: () => ({ seed: 22, bitsPerSecond: NARROW_BITS_PER_SECOND }),
  'short-stall': () => ({ seed: 23 }),
  'long-stall': () => ({ seed: 24 }),
  'black-hole': () => ({ seed: 25 }),
  cut: () => ({ seed: 26 }),
  'cut-at-byte': (connection) => ({ seed: 27, ...(connection < 2 ? { cutAfterBytes: CUT_AFTER_BYTES } : {}) }),
};

const SILENCES = [
  ['long-stall', 'stalled'],
  ['black-hole', 'blackHole'],
] as const;
/** A connection that ends in the middle of a packet is cut as well. */
const NAMES = inShort(Object.keys(IMPAIRMENTS), 'narrow', 'short-stall', 'black-hole', 'cut-at-byte');

describeWith(['ffmpeg', 'gstreamer'], 'a camera of GStreamer over TCP', () => {
  let camera: GstCamera;
  let agent: Agent;
  const relays = new Map<string, Relay>();
  beforeAll(async () => {
    const clip = playClip(await smallClip(120), true);
    camera = await startGstCamera(Object.fromEntries(NAMES.map((name) => [`/${name}`, clip])));
    for (const name of NAMES) {
      const bytes = IMPAIRMENTS[name];
      relays.set(name, await Relay.start({ to: camera.port, ...(bytes && { bytes }) }));
    }
    const path = ([name, { port }]: [string, Relay]) =>
      `  ${name}: { source: 'rtsp://127.0.0.1:${port}/${name}', rtspTransport: tcp, record: yes }\n`;
    const paths = [...relays].map(path).join('');
    agent = await startAgent({ config: `api: yes\nreadTimeout: ${READ_TIMEOUT_S}s\npaths:\n${paths}` });
  });
  afterAll(async () => {
    for (const relay of relays.values()) {
      await relay[Symbol.asyncDispose]();
    }
    await agent?.[Symbol.asyncDispose]();
    await camera?.[Symbol.asyncDispose]();
  });

  const pathWhen = (name: string, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
    until(async () => {
      const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
      return is(path) ? path : undefined;
    });
  const relayOf = (name: string): Relay => relays.get(name) as Relay;
  const filesOf = (name: string): string[] => globSync(join(agent.dataDir, `recordings/${name}/*.mp4`)).sort();
  /** Plays for a while from now on. */
  const plays = async (name: string): Promise<PathStatus> => {
    const { bytesReceived } = await pathWhen(name, ({ ready }) => ready);
    return pathWhen(name, (path) => path.ready && path.bytesReceived > bytesReceived + 200_000);
  };
  /** Recordings that ffmpeg decodes without a word, and whose pictures follow each other without a gap. */
  const expectFlawless = async (name: string): Promise<void> => {
    for (const file of filesOf(name)) {
      expect(await ffmpegWarnings(['-i', file])).toBe('');
      const times = (await packetTimes(file, 'v:0')).map(({ pts }) => pts);
      // At least the first part, of a second.
      expect(times.length).toBeGreaterThanOrEqual(25);
      const steps = times.slice(1).map((time, i) => Math.round((time - (times[i] ?? 0)) * 100) / 100);
      expect(steps.filter((step) => step !== 0.04)).toEqual([]);
    }
  };

  inLong(() => {
    test.concurrent('through a network with jitter is recorded without a gap', async () => {
      await plays('jitter');
      const { sourceStatistics } = await plays('jitter');
      expect(sourceStatistics).toMatchObject({ lost: 0, badPackets: 0, jumps: 0 });
      expect(filesOf('jitter')).toHaveLength(1);
      await expectFlawless('jitter');
      expect(relayOf('jitter').connections).toBe(1);
    });
  });

  test.concurrent('over half of the required bandwidth it is recorded late but without a gap', async () => {
    for (let i = 0; i < NARROW_ROUNDS; i += 1) {
      await plays('narrow');
    }
    const { sourceStatistics } = await plays('narrow');
    expect(sourceStatistics).toMatchObject({ lost: 0, badPackets: 0, jumps: 0 });
    // As time drifts from the clip's, a new file begins from time to time, so that its name is right.
    await expectFlawless('narrow');
    expect(relayOf('narrow').connections).toBe(1);
  });

  test.concurrent('that stalls for less than readTimeout continues, and no picture is missing', async () => {
    await plays('short-stall');
    relayOf('short-stall').state = 'stalled';
    await pass(SHORT_STALL_MS);
    relayOf('short-stall').state = 'open';
    const { sourceStatistics } = await plays('short-stall');
    expect(sourceStatistics).toMatchObject({ lost: 0, badPackets: 0, jumps: 0 });
    expect(filesOf('short-stall')).toHaveLength(1);
    await expectFlawless('short-stall');
    expect(relayOf('short-stall').connections).toBe(1);
  });

  test.concurrent.for(inShort(SILENCES, 'black-hole'))(
    'that is silent for longer is pulled again: %s',
    async ([name, state]) => {
      await plays(name);
      relayOf(name).state = state;
      await pathWhen(name, ({ ready }) => !ready);
      const { lastError } = await pathWhen(name, (path) => path.lastError !== null);
      expect(lastError).toContain(`no media for ${READ_TIMEOUT_S} s`);
      relayOf(name).state = 'open';
      await plays(name);
      expect(filesOf(name)).toHaveLength(2);
      await expectFlawless(name);
    },
  );

  inLong(() => {
    test.concurrent('whose connection is cut is reconnected', async () => {
      await plays('cut');
      relayOf('cut').cut();
      await pathWhen('cut', ({ ready }) => !ready);
      await plays('cut');
      expect(relayOf('cut').connections).toBe(2);
      expect(filesOf('cut')).toHaveLength(2);
      await expectFlawless('cut');
    });
  });

  test.concurrent('whose connection ends within a packet is reconnected, any number of times', async () => {
    await until(() => (relayOf('cut-at-byte').connections === 3 ? true : undefined));
    const { sourceStatistics } = await plays('cut-at-byte');
    expect(sourceStatistics).toMatchObject({ badPackets: 0 });
    expect(filesOf('cut-at-byte')).toHaveLength(3);
    await expectFlawless('cut-at-byte');
  });
});
