// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import {
  type Received,
  ScriptedCamera,
  ScriptedViewer,
} from '../../../../test/support/clients/webrtc/scripted-viewer.ts';

const NAL_TYPE = 0x1f;
/** NAL unit type of the first payload of a key frame: parameter sets in one packet. */
const STAP_A = 24;
const STEP_MS = 20;
const MAX_NACKED = 200;

interface Link {
  readonly bitsPerSecond: number;
  readonly queueMs: number;
}

/** A viewer behind a link of this capacity with a queue. It sends reports and NACKs as browsers do. */
class NarrowScene {
  readonly clock = new FakeClock();
  readonly main = new ScriptedCamera(this.clock, 7_000);
  readonly small = new ScriptedCamera(this.clock, 900_000);
  readonly viewer: ScriptedViewer;
  link: Link;
  /** Times at which pictures were shown. */
  shownMs: number[] = [];
  /** Changes of the quality that the viewer receives, and their times. */
  readonly changes: { readonly quality: string | undefined; readonly atMs: number }[] = [];
  lostBytes = 0;
  picturesLost = 0;
  readonly #coming: { readonly atMs: number; readonly packet: Buffer }[] = [];
  #freeAtMs = 0;
  #number = 0;
  #first = -1;
  #highest = -1;
  #come = 0;
  #isBroken = true;
  #missing: number[] = [];
  #reportedMs = 0;
  #askedMs = 0;

  constructor(link: Link, hasFallback = true) {
    this.link = link;
    this.viewer = new ScriptedViewer(this.main, hasFallback ? { openFallback: async () => this.small.stream } : {});
    Object.assign(this.viewer.link.transport, { send: this.#send });
  }

  /** 8 Mbit/s with a key frame every twelve seconds; the smaller stream takes a tenth of it. */
  async play(seconds: number): Promise<void> {
    for (let step = 0; step < seconds * (1_000 / STEP_MS); step += 1) {
      if (step % 2 === 0) {
        const key = this.#number % 300 === 0;
        this.main.picture(key, key ? 200_000 : 39_000);
        this.small.picture(this.#number % 50 === 0, 4_000);
        this.#number += 1;
      }
      await this.clock.advance(STEP_MS);
      this.#receive();
      if (step % (1_000 / STEP_MS) === 0) {
        this.viewer.viewing.tick();
      }
      if (this.quality !== this.changes.at(-1)?.quality) {
        this.changes.push({ quality: this.quality, atMs: this.clock.monoMs() });
      }
    }
  }

  get quality(): string | undefined {
    return this.viewer.viewing.statistics.quality;
  }

  /** The longest time without a new picture between two moments. */
  longestGapMs(fromMs: number, toMs = this.clock.monoMs()): number {
    const times = [fromMs, ...this.shownMs.filter((ms) => ms > fromMs && ms < toMs), toMs];
    return Math.max(...times.slice(1).map((ms, i) => ms - (times[i] as number)));
  }

  #send = (bytes: Uint8Array, offset: number, length: number): void => {
    const nowMs = this.clock.monoMs();
    const waitMs = Math.max(0, this.#freeAtMs - nowMs);
    if (waitMs > this.link.queueMs) {
      this.lostBytes += length;
      return;
    }
    this.#freeAtMs = nowMs + waitMs + (8_000 * length) / this.link.bitsPerSecond;
    this.#coming.push({ atMs: this.#freeAtMs, packet: Buffer.from(bytes.slice(offset, offset + length)) });
  };

  #receive(): void {
    const nowMs = this.clock.monoMs();
    const due = this.#coming.findIndex(({ atMs }) => atMs > nowMs);
    const packets = this.#coming.splice(0, due < 0 ? this.#coming.length : due);
    this.viewer.link.packets.push(...packets.map(({ packet }) => packet));
    for (const received of this.viewer.takeVideo()) {
      this.#take(received, nowMs);
    }
    const isUrgent = this.#missing.length > 0 || (this.#isBroken && nowMs - this.#askedMs >= 200);
    if (this.#first >= 0 && (isUrgent || nowMs - this.#reportedMs >= 1_000)) {
      this.#reportedMs = nowMs;
      this.viewer.report(this.#highest - this.#first + 1 - this.#come, this.#highest, 20);
      this.viewer.nack(...this.#missing.splice(0).map((sequence): [number, number] => [sequence, 0]));
      if (this.#isBroken && nowMs - this.#askedMs >= 200) {
        this.#askedMs = nowMs;
        this.picturesLost += 1;
        this.viewer.losePicture();
      }
    }
  }

  #take({ sequence, payload, marker }: Received, nowMs: number): void {
    if (this.#first < 0) {
      this.#first = sequence;
      this.#highest = sequence - 1;
    }
    const step = (sequence - this.#highest) & 0xffff;
    for (let i = 1; i < Math.min(step, MAX_NACKED); i += 1) {
      this.#missing.push(sequence - i);
    }
    this.#highest += step;
    this.#come += 1;
    this.#isBroken ||= step > 1;
    if (((payload[0] ?? 0) & NAL_TYPE) === STAP_A) {
      this.#isBroken = false;
    }
    if (marker && !this.#isBroken) {
      this.shownMs.push(nowMs);
    }
  }
}

/** A viewer joins in the middle of a long group. */
async function join(link: Link, hasFallback = true): Promise<{ scene: NarrowScene; fromMs: number }> {
  const scene = new NarrowScene({ bitsPerSecond: 1e9, queueMs: 1_000 }, hasFallback);
  await scene.play(5);
  scene.link = link;
  scene.viewer.start();
  return { scene, fromMs: scene.clock.monoMs() };
}

const BAD = { bitsPerSecond: 2_500_000, queueMs: 300 };

test('on a network with a third of the stream’s bitrate the fallback appears within a second and a half', async () => {
  const { scene, fromMs } = await join(BAD);
  await scene.play(0.5);
  expect(scene.quality).toBe('fallback');
  await scene.play(7);
  expect(scene.longestGapMs(fromMs)).toBeLessThan(1_500);
  expect(scene.longestGapMs(fromMs + 1_500)).toBeLessThan(200);
  expect(scene.lostBytes).toBeLessThan(3_000_000);
  expect(scene.picturesLost).toBeLessThan(8);
});

test('a trial on an unchanged network costs less than a second, and becomes less frequent', async () => {
  const { scene, fromMs } = await join(BAD);
  await scene.play(130);
  expect(scene.longestGapMs(fromMs + 1_500)).toBeLessThan(1_000);
  const trials = scene.changes.filter(({ quality, atMs }) => quality === 'all' && atMs > fromMs + 1_000);
  expect(trials).toHaveLength(2);
  expect((trials[0]?.atMs ?? 0) - fromMs).toBeGreaterThan(30_000);
  expect(scene.quality).toBe('fallback');
});

test('without a fallback the key frame is repeated at a pace that the network can carry', async () => {
  const { scene, fromMs } = await join(BAD, false);
  await scene.play(4);
  expect(scene.quality).toBe('keyFrames');
  const shown = scene.shownMs.filter((ms) => ms > fromMs);
  expect(shown.length).toBeGreaterThan(0);
  expect(scene.lostBytes).toBeLessThan(4_000_000);
});

test('a network with short queues loses only the burst: it is replayed at a slower pace', async () => {
  const { scene, fromMs } = await join({ bitsPerSecond: 20_000_000, queueMs: 30 });
  await scene.play(8);
  expect(scene.quality).toBe('all');
  expect(scene.changes.map(({ quality }) => quality)).toEqual(['all']);
  expect(scene.longestGapMs(fromMs)).toBeLessThan(800);
  expect(scene.longestGapMs(fromMs + 4_000)).toBeLessThan(200);
});
