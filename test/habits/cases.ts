import { random } from '../support/base/random.ts';
import { FRAME_MS, type Habit, type HabitPacket } from './habit-camera.ts';

/** Arguments of libx264. */
export const CODINGS = {
  plain: ['-g', '50', '-bf', '0', '-x264-params', 'scenecut=0'],
  'four slices': ['-g', '50', '-bf', '0', '-x264-params', 'scenecut=0:slices=4'],
  'B-frames': ['-g', '50', '-bf', '2', '-preset', 'veryfast', '-x264-params', 'scenecut=0:b-adapt=0:b-pyramid=none'],
} as const;

/** A camera, and what a reader and a recording of it must have. */
export interface HabitCase extends Habit {
  readonly name: string;
  readonly coding?: keyof typeof CODINGS;
  /** Of its path, as YAML. */
  readonly path?: string;
  /** Pictures that may be missing in the end: the last one, where only the next would end it. */
  readonly missing?: number;
  /** How far media times may be off the times at which the pictures were made. */
  readonly worstMs?: number;
}

type Change = (packet: HabitPacket, picture: number) => Partial<HabitPacket>;

const each = (change: Change): Habit => ({
  packets: (packets, i) => packets.map((packet) => ({ ...packet, ...change(packet, i) })),
});

/** From the 90th picture on, in the middle of a group. */
const later = (change: Change): Habit => each((packet, i) => (i < 90 ? {} : change(packet, i)));

function losing(share: number, seed: number): Habit {
  const next = random(seed);
  return { isUdp: true, ...each((_, i) => ({ isLost: i > 0 && next() < share })) };
}

const FU_A = 28;
const typeOf = ({ payload }: HabitPacket) => (payload[0] as number) & 0x1f;
const endsSlice = (packet: HabitPacket) => typeOf(packet) !== FU_A || ((packet.payload[1] as number) & 0x40) !== 0;
const withoutEnd = (packet: HabitPacket) =>
  typeOf(packet) === FU_A ? packet.payload.map((byte, i) => (i === 1 ? byte & 0xbf : byte)) : packet.payload;
const burst = (i: number) => Math.max(0, i * FRAME_MS - 2_000);
/** What the first packet of the new sequence was numbered. */
const fromZero = () => {
  let first: number | undefined;
  return ({ sequence }: HabitPacket) => {
    first ??= sequence;
    return { sequence: sequence - first };
  };
};

export const CASES: readonly HabitCase[] = [
  { name: 'has no habit' },
  { name: 'has no habit and sends B-frames', coding: 'B-frames', missing: 2 },
  {
    name: 'marks the last packet of each slice',
    coding: 'four slices',
    missing: 1,
    ...each((packet) => ({ marker: endsSlice(packet) })),
  },
  { name: 'never marks the end of a fragmented unit', missing: 1, ...each((one) => ({ payload: withoutEnd(one) })) },
  { name: 'never sets the marker', missing: 1, ...each(() => ({ marker: false })) },
  { name: 'begins with a burst of two seconds', atMs: burst },
  { name: 'begins with a burst of two seconds by UDP', isUdp: true, atMs: burst },
  { name: 'begins with a burst of two seconds and sound', sound: { fromMs: 0 }, atMs: burst },
  { name: 'has timestamps that never change', worstMs: 500, ...each(() => ({ ticks: 77_000 })) },
  { name: 'counts milliseconds', worstMs: 1_000, ...each((_, i) => ({ ticks: 77_000 + FRAME_MS * i })) },
  { name: 'runs 16 % slow', worstMs: 1_000, ...each((_, i) => ({ ticks: 77_000 + 3_024 * i })) },
  { name: 'runs 16 % fast', worstMs: 1_000, ...each((_, i) => ({ ticks: 77_000 + 4_176 * i })) },
  {
    name: 'gives two pictures one time now and then',
    worstMs: 200,
    ...each((_, i) => ({ ticks: 3_600 * (i % 7 === 3 ? i - 1 : i) })),
  },
  { name: 'answers PLAY after three seconds', answersPlayAfterMs: 3_000 },
  { name: 'answers PLAY after three seconds by UDP', answersPlayAfterMs: 3_000, isUdp: true },
  { name: 'answers PLAY after three seconds, with sound', answersPlayAfterMs: 3_000, sound: { fromMs: 0 } },
  {
    name: 'answers PLAY after three seconds and tells its times',
    answersPlayAfterMs: 3_000,
    sound: { fromMs: 0 },
    tellsTimes: true,
  },
  { name: 'tells its times and begins with a burst of two seconds', tellsTimes: true, atMs: burst },
  { name: 'sends from SETUP on', sendsFromSetup: true },
  { name: 'sends from SETUP on by UDP', sendsFromSetup: true, isUdp: true },
  { name: 'sends a burst of two seconds from before PLAY', sendsFromSetup: true, tellsTimes: true, atMs: burst },
  {
    name: 'sends a burst of two seconds from before PLAY by UDP',
    sendsFromSetup: true,
    tellsTimes: true,
    isUdp: true,
    atMs: burst,
  },
  {
    name: 'sends a burst of two seconds from before PLAY, with sound',
    sendsFromSetup: true,
    sound: { fromMs: 0 },
    atMs: burst,
  },
  { name: 'begins to count packets at 0 anew', ...later(fromZero()) },
  {
    name: 'has another SSRC, numbers and times from one picture on',
    worstMs: 300,
    ...later(({ sequence, ticks }) => ({ sequence: sequence + 30_000, ticks: ticks + 1_234_567_890, ssrc: 99 })),
  },
  {
    name: 'has other numbers and times from one picture on',
    worstMs: 300,
    ...later(({ sequence, ticks }) => ({ sequence: sequence + 30_000, ticks: ticks + 1_234_567_890 })),
  },
  {
    name: 'loses two packets of a hundred, and the path continues after a loss',
    path: 'rtspTransport: udp, continueAfterLoss: yes',
    missing: 60,
    ...losing(0.02, 5),
  },
];
