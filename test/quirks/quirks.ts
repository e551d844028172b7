import { aggregate } from '../../agent/media/payload/nal-packetizer.ts';
import { random } from '../support/base/random.ts';
import type { Codec, Coding, QuirkClip } from './clip.ts';
import { FRAME_MS, FRAME_TICKS } from './clip.ts';
import type { Limits } from './judge.ts';
import type { Dialogue } from './quirk-camera.ts';
import type { Quirk, QuirkPacket, Sound } from './sending.ts';

/** One quirk, of either codec, over any transport. */
export interface QuirkKind {
  readonly name: string;
  readonly coding?: Coding;
  /** Made for each camera, because some count. */
  readonly make: (clip: QuirkClip) => Quirk & Omit<Dialogue, 'isUdp' | 'sound'>;
  /** Quirk of the audio, if the camera has any. */
  readonly sound?: Sound;
  /** Settings of the camera's path, as YAML. */
  readonly path?: string;
  readonly limits?: Partial<Limits>;
  /** Pictures that may be missing after packet loss: only the damaged ones, or also those that depend on them. */
  readonly lossCosts?: 'damaged' | 'dependent';
}

type Change = (packet: QuirkPacket, picture: number) => Partial<QuirkPacket>;

const each = (change: Change): Quirk => ({
  packets: (packets, i) => packets.map((packet) => ({ ...packet, ...change(packet, i) })),
});

/** Changes the packets from the 90th picture on, in the middle of a group. */
const later = (change: Change): Quirk => each((packet, i) => (i < 90 ? {} : change(packet, i)));

/** Replaces the packets of each picture, with numbers in order. */
function renumbered(change: (packets: readonly QuirkPacket[], i: number) => readonly QuirkPacket[]): Quirk {
  let next: number | undefined;
  return {
    packets: (packets, i) =>
      change(packets, i).map((packet) => {
        const sequence = next ?? packet.sequence;
        next = sequence + 1;
        return { ...packet, sequence };
      }),
  };
}

/** Fragments with other flags and types; the rest unchanged. */
const fragments = ({ typeOf, fragment, fragmentHeaderAt }: Codec, change: (flags: number) => number): Quirk =>
  each(({ payload }) =>
    typeOf(payload) === fragment
      ? { payload: payload.map((byte, i) => (i === fragmentHeaderAt ? change(byte) : byte)) }
      : {},
  );

const FU_START = 0x80;
const FU_END = 0x40;
const endsSlice = ({ typeOf, fragment, fragmentHeaderAt }: Codec, { payload }: QuirkPacket): boolean =>
  typeOf(payload) !== fragment || ((payload[fragmentHeaderAt] as number) & FU_END) !== 0;

const START_CODE = [0, 0, 0, 1];

/** NAL units with start codes between them. */
const byteStream = (nals: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(nals.flatMap((nal, n) => (n === 0 ? [...nal] : [...START_CODE, ...nal])));

/** The first packet from the 90th picture on has number 0. */
function fromZero(): Quirk {
  let first: number | undefined;
  return later(({ sequence }) => {
    first ??= sequence;
    return { sequence: sequence - first };
  });
}

function losing(share: number, seed: number): Quirk {
  const next = random(seed);
  return each((_, i) => ({ isLost: i > 0 && next() < share }));
}

/** A picture is known to be whole only when the next one begins. */
const ENDED_BY_NEXT = { missing: 1 };
const SLICED = { coding: 'four slices', limits: ENDED_BY_NEXT } as const;
const KEPT = { keptMs: 2_000 };
const LATE = { answersPlayAfterMs: 3_000 };
const EARLY_REPORTS = { reports: { firstMs: 0 } };
const LATE_REPORTS = { reports: { firstMs: 4_000 } };
/** Limits for a clock that must first be found wrong. */
const found = (worstMs: number) => ({ worstMs, worstSoundMs: worstMs + 200 });
const plain = (i: number) => 77_000 + FRAME_TICKS * i;

const PACKET_QUIRKS: readonly QuirkKind[] = [
  {
    name: 'marks the last packet of each slice',
    ...SLICED,
    make: ({ codec }) => each((one) => ({ marker: endsSlice(codec, one) })),
  },
  { name: 'marks every packet', ...SLICED, make: () => each(() => ({ marker: true })) },
  { name: 'never sets the marker', limits: ENDED_BY_NEXT, make: () => each(() => ({ marker: false })) },
  {
    name: 'never marks the end of a fragmented unit',
    limits: ENDED_BY_NEXT,
    make: ({ codec }) => fragments(codec, (flags) => flags & ~FU_END),
  },
  {
    // Tiandy.
    name: 'changes the type within a fragmented unit',
    make: ({ codec }) => fragments(codec, (flags) => (flags & FU_START ? flags : (flags & FU_END) | 1)),
  },
  {
    // Tapo TC70.
    name: 'marks its parameter sets',
    make: ({ codec }) => ({
      sendsSets: true,
      ...each(({ marker, payload }) => ({ marker: marker || codec.sets.includes(codec.typeOf(payload)) })),
    }),
  },
  {
    // V380.
    name: 'sends parameter sets and key pictures as a byte stream',
    make: ({ sets, pictures }) =>
      renumbered((packets, i) => {
        const picture = pictures[i];
        const [first] = packets;
        return first && picture?.isKey
          ? [{ ...first, payload: byteStream([...sets, ...picture.nals]), marker: true }]
          : packets;
      }),
  },
  {
    name: 'sends parameter sets in one packet, and not in its SDP',
    make: ({ codec, sets, pictures }) => ({
      hasBareSdp: true,
      ...renumbered((packets, i) => {
        const [first] = packets;
        const payload = aggregate(codec.aggregateHeader, sets);
        return first && pictures[i]?.isKey ? [{ ...first, payload, marker: false }, ...packets] : packets;
      }),
    }),
  },
  {
    // GeoVision.
    name: 'mixes in packets of an unknown type',
    make: () => ({
      packets: (packets) =>
        packets.flatMap((one) => [one, { ...one, type: 50, payload: Uint8Array.of(1, 2, 3), marker: false }]),
    }),
  },
];

const MORE_PACKET_QUIRKS: readonly QuirkKind[] = [
  { name: 'sends each packet twice', make: () => ({ packets: (packets) => packets.flatMap((one) => [one, one]) }) },
  {
    name: 'begins each NAL unit with a start code',
    make: ({ codec }) =>
      each(({ payload }) =>
        codec.typeOf(payload) === codec.fragment ? {} : { payload: Uint8Array.from([...START_CODE, ...payload]) },
      ),
  },
  {
    // Ivel.
    name: 'sends SEI with a marker ahead of each picture',
    make: ({ codec }) =>
      renumbered((packets) => {
        const [first] = packets;
        return first ? [{ ...first, payload: codec.sei, marker: true }, ...packets] : packets;
      }),
  },
  { name: 'has another SSRC now and then, with the numbers going on', make: () => each((_, i) => ({ ssrc: i >> 4 })) },
  { name: 'refreshes its picture bit by bit', coding: 'intra refresh', make: () => ({}) },
];

const BURSTS: readonly QuirkKind[] = [
  { name: 'begins with a burst of two seconds', make: () => KEPT },
  { name: 'begins with a burst of two seconds and live sound', make: () => KEPT, sound: { keptMs: 0 } },
  {
    name: 'begins with a burst of two seconds and tells its times',
    make: () => ({ ...KEPT, ...EARLY_REPORTS, rtpInfo: 'next' }),
  },
  {
    name: 'begins with a burst of two seconds, and recordings are labelled with its clock',
    path: 'useAbsoluteTimestamp: yes',
    make: () => ({ ...KEPT, reports: { firstMs: 500 } }),
  },
  {
    name: 'begins with a burst of four seconds',
    // A reader begins with the newest group of the cache.
    limits: { firstPicture: 100 },
    make: () => ({ keptMs: 4_000 }),
  },
  { name: 'sends from SETUP on', make: () => ({ sendsFromSetup: true }) },
  { name: 'sends a burst of two seconds from SETUP on', make: () => ({ ...KEPT, sendsFromSetup: true }) },
  {
    name: 'sends all pictures of a second at once',
    make: () => ({ sentMs: (dueMs) => 1_000 * Math.ceil(dueMs / 1_000) }),
  },
  {
    name: 'is held up for two seconds by its network',
    make: () => ({ sentMs: (dueMs) => (dueMs > 4_000 && dueMs < 6_000 ? 6_000 : dueMs) }),
  },
];

const LATE_ANSWERS: readonly QuirkKind[] = [
  { name: 'answers PLAY after three seconds', make: () => LATE },
  {
    name: 'answers PLAY after three seconds, names the next packet and reports early',
    make: () => ({ ...LATE, ...EARLY_REPORTS, rtpInfo: 'next', range: 'npt=0.000-' }),
  },
  {
    name: 'answers PLAY after three seconds, names the time of the answer and reports late',
    make: () => ({ ...LATE, ...LATE_REPORTS, rtpInfo: 'now', range: 'npt=now-' }),
  },
  {
    name: 'answers PLAY after three seconds, names its first packet and reports early',
    make: () => ({ ...LATE, ...EARLY_REPORTS, rtpInfo: 'first', range: 'npt=3.000-' }),
  },
  {
    name: 'answers PLAY after three seconds and begins with a burst of two',
    make: () => ({ ...LATE, ...KEPT, ...LATE_REPORTS, rtpInfo: 'now' }),
  },
  {
    name: 'answers PLAY after three seconds, from when on there is sound',
    make: () => ({ ...LATE, rtpInfo: 'next' }),
    sound: { afterMs: 3_000 },
  },
  // Hikvision, Tapo.
  {
    name: 'tells 0 in RTP-Info, and a clock of 1970',
    make: () => ({ rtpInfo: 'zero', reports: { firstMs: 0, clockOffMs: -1.7e12 } }),
  },
];

const CLOCKS: readonly QuirkKind[] = [
  { name: 'has timestamps that never change', limits: found(500), make: () => each(() => ({ ticks: 77_000 })) },
  { name: 'counts milliseconds', limits: found(1_000), make: () => each((_, i) => ({ ticks: 77_000 + FRAME_MS * i })) },
  { name: 'runs 16 % slow', limits: found(1_000), make: () => each((_, i) => ({ ticks: 77_000 + 3_024 * i })) },
  { name: 'runs 16 % fast', limits: found(1_000), make: () => each((_, i) => ({ ticks: 77_000 + 4_176 * i })) },
  {
    name: 'gives two pictures one time now and then',
    make: () => each((_, i) => ({ ticks: plain(i % 7 === 3 ? i - 1 : i) })),
  },
  {
    name: 'has times that are off by up to 20 ms',
    make: () => {
      const next = random(7);
      const offs = Array.from({ length: 1_000 }, () => Math.round((next() - 0.5) * 3_600));
      return each((_, i) => ({ ticks: plain(i) + (offs[i] as number) }));
    },
  },
  {
    name: 'changes its times once a second',
    limits: found(500),
    make: () => each((_, i) => ({ ticks: 77_000 + 90_000 * Math.floor(i / 25) })),
  },
  {
    name: 'is five hours off for single pictures',
    limits: found(300),
    make: () => each((_, i) => ({ ticks: plain(i) + (i % 40 === 25 ? 5 * 3_600 * 90_000 : 0) })),
  },
];

const RESTARTS: readonly QuirkKind[] = [
  { name: 'numbers packets from 0 again', make: fromZero },
  {
    name: 'has another SSRC, numbers and times from one picture on',
    limits: found(300),
    make: () =>
      later(({ sequence, ticks }) => ({ sequence: sequence + 30_000, ticks: ticks + 1_234_567_890, ssrc: 99 })),
  },
  {
    name: 'has other numbers and times from one picture on',
    limits: found(300),
    make: () => later(({ sequence, ticks }) => ({ sequence: sequence + 30_000, ticks: ticks + 1_234_567_890 })),
  },
  {
    name: 'begins right before its numbers and times wrap',
    make: () => each(({ sequence, ticks }) => ({ sequence: sequence + 64_500, ticks: ticks - 200_000 })),
  },
];

const LOSSES: readonly QuirkKind[] = [
  {
    name: 'loses two packets of a hundred',
    coding: 'B-frames',
    lossCosts: 'dependent',
    limits: { missing: 2 },
    make: () => losing(0.02, 5),
  },
  {
    name: 'loses two packets of a hundred, and the path continues after a loss',
    coding: 'B-frames',
    path: 'continueAfterLoss: yes',
    lossCosts: 'damaged',
    limits: { missing: 2 },
    make: () => losing(0.02, 6),
  },
];

export const QUIRKS: readonly QuirkKind[] = [
  { name: 'has no quirk', make: () => ({}) },
  { name: 'has no quirk and sends B-frames', coding: 'B-frames', limits: { missing: 2 }, make: () => ({}) },
  ...PACKET_QUIRKS,
  ...MORE_PACKET_QUIRKS,
  ...BURSTS,
  ...LATE_ANSWERS,
  ...CLOCKS,
  ...RESTARTS,
  ...LOSSES,
];
