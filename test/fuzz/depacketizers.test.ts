import { describe, expect, test } from 'vitest';
import { CODECS, createDepacketizer } from '../../agent/media/codecs.ts';
import type { Depacketizer, SenderTraits } from '../../agent/media/payload/depacketizer.ts';
import type { Track } from '../../agent/media/sample/track.ts';
import { byLength } from '../peers/programs/peers.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';
import { rtpFormat } from '../support/media/units.ts';
import { FORMATS, type FuzzFormat } from './formats.ts';

const MUTATIONS = byLength(500, 100_000);
const MAX_PICTURE_BYTES = 8 << 20;
/** Maximum size of a unit of audio or of a multiplex. */
const MAX_OTHER_BYTES = 64 << 10;
/** The most that a depacketizer adds to a unit: the tables of a JPEG image. */
const MAX_ADDED_BYTES = 1024;
const MAX_SIDE = 65_536;

/** Reads all output of a depacketizer, and keeps nothing. */
class Witness {
  units = 0;
  tracks = 0;
  damage = 0;
  bytes = 0;
  largestBytes = 0;
  /** Largest unit, by the kind of the track. */
  limitBytes = 0;
  wrongs: string[] = [];
  #lastDts = Number.NEGATIVE_INFINITY;

  onUnit(pts: number, dts: number, _key: boolean, data: Uint8Array): void {
    this.units += 1;
    this.bytes += data.length;
    this.largestBytes = Math.max(this.largestBytes, data.length);
    this.#note(data.length > 0, 'an empty unit');
    this.#note(Number.isFinite(pts) && Number.isFinite(dts) && dts <= pts, `dts ${dts} of pts ${pts}`);
    this.#lastDts = dts;
  }

  onTrack(track: Track): void {
    this.tracks += 1;
    this.limitBytes = track.kind === 'video' ? MAX_PICTURE_BYTES : MAX_OTHER_BYTES;
    this.#note(track.clockRate > 0, `clock rate ${track.clockRate}`);
    if (track.kind === 'video') {
      const isSize = [track.width, track.height].every((side) => side > 0 && side <= MAX_SIDE);
      this.#note(isSize, `${track.width} x ${track.height} pixels`);
    } else if (track.kind === 'audio') {
      this.#note(track.channels > 0 && track.channels <= 255, `${track.channels} channels`);
    }
  }

  onDamage(reason: string): void {
    this.damage += 1;
    this.#note(reason.length > 0 && reason.length < 200, 'a reason beyond all measure');
  }

  /** Time of the last unit. */
  get lastDts(): number {
    return this.#lastDts;
  }

  #note(isRight: boolean, what: string): void {
    if (!isRight && this.wrongs.length < 5) {
      this.wrongs.push(what);
    }
  }
}

/** The traits assumed of cameras, and none. */
const TRAITS: readonly SenderTraits[] = [
  {},
  { hasDoubtfulMarkers: true },
  { continuesAfterLoss: true },
  { hasDoubtfulMarkers: true, continuesAfterLoss: true },
];
const WITH_TRAITS = FORMATS.flatMap((format) =>
  (['H264', 'H265'].includes(format.encoding) ? TRAITS : TRAITS.slice(0, 1)).map((traits) => ({
    name: [format.encoding, ...Object.keys(traits)].join(' '),
    format,
    traits,
  })),
);

function create(format: FuzzFormat, witness: Witness, traits: SenderTraits): Depacketizer {
  const { encoding, clockRate, channels, fmtp } = format;
  const depacketizer = createDepacketizer(rtpFormat(encoding, clockRate, channels, { ...fmtp }), witness, traits);
  if (!depacketizer) {
    throw new Error(`no depacketizer for ${encoding}`);
  }
  return depacketizer;
}

/** All packets as they are; answers the time after them. */
function pushAll(format: FuzzFormat, to: Depacketizer, fromTicks: number): number {
  let ticks = fromTicks;
  for (const { bytes, marker } of format.packets) {
    to.push(bytes, 0, bytes.length, ticks, marker, false);
    ticks += marker ? 3600 : 0;
  }
  return ticks;
}

test('every encoding that can be unpacked is here', () => {
  const known = CODECS.flatMap(({ depacketizers = {} }) => Object.keys(depacketizers));
  expect(FORMATS.map(({ encoding }) => encoding).sort()).toEqual(known.sort());
});

describe.for(WITH_TRAITS)('$name', ({ format, traits }) => {
  test('good packets make units, and the track is known', () => {
    const witness = new Witness();
    pushAll(format, create(format, witness, traits), 9000);
    expect(witness).toMatchObject({ damage: 0, wrongs: [] });
    expect(witness.units).toBeGreaterThan(0);
    expect(witness.tracks).toBeGreaterThan(0);
  });

  test('damaged packets are reported as damage: no exception, and no more output than input', () => {
    const witness = new Witness();
    const depacketizer = create(format, witness, traits);
    const next = random(7);
    let ticks = 2 ** 32;
    let pushedBytes = 0;
    let mutations = 0;
    while (mutations < MUTATIONS) {
      // Some rounds are good from end to end, so that damage falls on what has got far too.
      const damageRate = next() < 0.3 ? 0 : next() ** 2;
      for (const { bytes, marker } of format.packets) {
        const isDamaged = next() < damageRate;
        const packet = isDamaged ? mutate(bytes, next) : bytes;
        const isMarked = marker !== (isDamaged && next() < 0.1);
        depacketizer.push(packet, 0, packet.length, ticks, isMarked, isDamaged && next() < 0.05);
        pushedBytes += packet.length;
        mutations += isDamaged ? 1 : 0;
        ticks += marker ? 3600 : 0;
      }
      ticks += next() < 0.1 ? Math.floor((next() - 0.5) * 2 ** 33) : 0;
    }
    expect(witness.wrongs).toEqual([]);
    expect(witness.units).toBeGreaterThan(50);
    expect(witness.bytes).toBeLessThanOrEqual(pushedBytes + witness.units * MAX_ADDED_BYTES);
    // It is as good as new with the next good packets.
    const before = witness.units;
    pushAll(format, depacketizer, pushAll(format, depacketizer, ticks + 90_000));
    expect(witness.units).toBeGreaterThan(before);
    expect(Number.isFinite(witness.lastDts)).toBe(true);
  });

  test('noise yields no more bytes than it has, and no invalid output', () => {
    const witness = new Witness();
    const depacketizer = create(format, witness, traits);
    const next = random(8);
    let pushedBytes = 0;
    for (let i = 0; i < MUTATIONS / 10; i += 1) {
      const noise = Uint8Array.from({ length: Math.floor(next() * 100) }, () => Math.floor(next() * 256));
      depacketizer.push(noise, 0, noise.length, i * 900, next() < 0.5, false);
      pushedBytes += noise.length;
    }
    expect(witness.bytes).toBeLessThanOrEqual(pushedBytes + witness.units * MAX_ADDED_BYTES);
    expect(witness.wrongs).toEqual([]);
  });

  test.for(format.packets.map((_, i) => i).slice(0, 6))(
    'packet %i without end, at one time, is cut off at the limit',
    (from) => {
      const witness = new Witness();
      const depacketizer = create(format, witness, traits);
      pushAll(format, depacketizer, 9000);
      const grown = new Uint8Array(16_000);
      const { bytes } = format.packets[from] as FuzzFormat['packets'][number];
      grown.set(bytes);
      grown.fill(0x55, bytes.length);
      const endlessBytes = 2 * witness.limitBytes + (1 << 20);
      for (let pushed = 0; pushed < endlessBytes; pushed += grown.length) {
        depacketizer.push(grown, 0, grown.length, 900_000, false, false);
      }
      pushAll(format, depacketizer, 1_800_000);
      expect(witness.largestBytes).toBeLessThanOrEqual(witness.limitBytes);
      expect(witness.wrongs).toEqual([]);
    },
  );
});
