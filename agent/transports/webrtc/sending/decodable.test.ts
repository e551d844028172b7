// @also without-ffi in long

import { expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { random } from '../../../../test/support/base/random.ts';
import {
  type Received,
  ScriptedCamera,
  ScriptedViewer,
} from '../../../../test/support/clients/webrtc/scripted-viewer.ts';

const STAP_A = 24;
const FU_A = 28;

interface Picture {
  readonly camera: ScriptedCamera;
  readonly number: number;
  readonly isKey: boolean;
}

/** Two cameras whose pictures all differ in size, so that a size identifies its picture. */
class World {
  readonly clock = new FakeClock();
  readonly main = new ScriptedCamera(this.clock, 5_000);
  readonly small = new ScriptedCamera(this.clock, 4_294_000_000);
  readonly next: () => number;
  readonly #bySize = new Map<number, Picture>();
  readonly #numbers = new Map<ScriptedCamera, number>();

  constructor(seed: number) {
    this.next = random(seed);
  }

  picture(camera: ScriptedCamera, isKey: boolean, largest: number): void {
    const number = this.#numbers.get(camera) ?? 0;
    let size = 100 + Math.floor(this.next() * largest);
    while (this.#bySize.has(size)) {
      size += 1;
    }
    this.#bySize.set(size, { camera, number, isKey });
    this.#numbers.set(camera, number + 1);
    camera.picture(isKey, size);
  }

  /** Pictures for a decoder; throws at one that it could not show. */
  decode(packets: readonly Received[]): (Picture & { timestamp: number })[] {
    const shown: (Picture & { timestamp: number })[] = [];
    let size = 0;
    let hasSets = false;
    let timestamp = packets[0]?.timestamp;
    for (const packet of packets) {
      timestamp ??= packet.timestamp;
      expect(packet.timestamp).toBe(timestamp);
      const type = (packet.payload[0] ?? 0) & 0x1f;
      hasSets ||= type === STAP_A;
      size += type === STAP_A ? 0 : type === FU_A ? packet.payload.length - 2 : packet.payload.length;
      if (packet.marker) {
        const picture = this.#bySize.get(type === FU_A ? size + 1 : size) as Picture;
        const before = shown.at(-1);
        const continues = before?.camera === picture.camera && before.number + 1 === picture.number;
        expect(picture.isKey ? hasSets : continues).toBe(true);
        shown.push({ ...picture, timestamp });
        [size, hasSets, timestamp] = [0, false, undefined];
      }
    }
    return shown;
  }
}

test.for([1, 2, 3].slice(0, byLength(1, 3)))(
  'with any network, viewer and cameras, each sent frame is decodable at its time, seed %i',
  async (seed) => {
    const world = new World(seed);
    const { clock, main, small, next } = world;
    const viewer = new ScriptedViewer(main, { openFallback: async () => small.stream });
    const others: ScriptedViewer[] = [];
    const transport = viewer.link.transport as { isCongested: boolean };
    const packets: Received[] = [];
    const sentMs: number[] = [];
    const shares = new Set<string | undefined>();
    let [lost, freeAtMs, isBad] = [0, 0, false];
    viewer.start();
    for (let i = 0; i < 1_800; i += 1) {
      world.picture(main, next() < 0.02, next() < 0.1 ? 120_000 : 12_000);
      world.picture(small, next() < 0.02, 4_000);
      main.sound();
      for (let ms = 0; ms < 40; ms += 10) {
        await clock.advance(10);
        if (clock.monoMs() >= freeAtMs) {
          transport.isCongested = next() < 0.004;
          freeAtMs = clock.monoMs() + (transport.isCongested ? 600 * next() : 0);
        }
        for (const packet of viewer.takeVideo()) {
          packets.push(packet);
          sentMs.push(clock.monoMs());
        }
      }
      if (next() < 0.02) {
        viewer.losePicture();
      }
      if (next() < 0.02) {
        const other = new ScriptedViewer(next() < 0.5 ? main : small);
        other.start();
        others.push(other);
      }
      if (others.length > 3) {
        others.shift()?.viewing.close();
      }
      for (const other of others) {
        other.link.packets.length = 0;
      }
      if (i % 25 === 24) {
        isBad = i % 1_000 > 600 && i % 1_000 < 800;
        lost += isBad ? 60 : 0;
        viewer.report(lost, 8 * i, 20);
        viewer.viewing.tick();
        shares.add(viewer.viewing.statistics.quality);
      }
    }
    expect(shares.size).toBe(3);
    const first = packets[0] as Received;
    expect(packets.map(({ sequence }) => sequence)).toEqual(packets.map((_, i) => (first.sequence + i) & 0xffff));
    const shown = world.decode(packets);
    expect(shown.length).toBeGreaterThan(300);
    const steps = shown.slice(1).map(({ timestamp }, i) => (timestamp - (shown[i]?.timestamp ?? 0)) | 0);
    expect(Math.min(...steps)).toBeGreaterThan(0);
    // Offset of the RTP clock from this box's at the start of each picture.
    const begins = packets.flatMap(({ timestamp }, i) =>
      timestamp === packets[i - 1]?.timestamp ? [] : [((timestamp - first.timestamp) | 0) / 90 - (sentMs[i] ?? 0)],
    );
    expect(Math.max(...begins) - Math.min(...begins)).toBeLessThan(50);
    viewer.viewing.close();
    main.picture(true, 100_000);
    await clock.advance(100);
    expect(viewer.take()).toEqual([]);
  },
);
