import type { OnvifSession } from './onvif-session.ts';
import type { CameraProfile } from './profiles.ts';
import type { CameraStream } from './streams.ts';

const UNITS: readonly (readonly [name: string, ms: number, most: number])[] = [
  ['second', 1_000, 59],
  ['minute', 60_000, 59],
  ['hour', 3_600_000, 23],
  ['day', 86_400_000, 30],
  ['month', 2_629_800_000, 11],
  ['year', 31_557_600_000, Number.POSITIVE_INFINITY],
];

/** A rounded duration for people: `3 hours`, `5 years`. */
export function formatDuration(ms: number): string {
  const counts = UNITS.map(([name, unitMs, most]) => ({ name, most, count: Math.round(Math.abs(ms) / unitMs) }));
  const { name, count } = counts.find((unit) => unit.count <= unit.most) ?? { name: 'year', count: 0 };
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** A recommendation for a person; nothing changes by itself. */
export interface Suggestion {
  readonly kind: 'longGroups' | 'reordering' | 'smartCodec' | 'clock' | 'certificate';
  readonly profile?: string;
  readonly words: string;
  /** With longGroups: time between key frames. */
  readonly seconds?: number;
  /** With longGroups: recommended frames between key frames. */
  readonly groupFrames?: number;
}

/** Longer groups of pictures are reported: viewers wait for half of one on average, and recordings can be cut only at key frames. */
const LONG_GROUP_S = 4;
/** Groups this long are typical of cameras that omit key frames while nothing moves. */
const SMART_GROUP_S = 8;
const GOOD_GROUP_S = 2;
const SMART_NAME = /h\.?26[45]\s?\+|smart|dynamic ?gop/i;
const CLOCK_OFF_MS = 60_000;

/** A group of pictures that is too long: its time in seconds, and the recommended frames. */
export function longGroupOf({ groupFrames = 0, fps = 0 }: Pick<CameraProfile, 'groupFrames' | 'fps'>) {
  const seconds = fps > 0 ? groupFrames / fps : 0;
  return seconds > LONG_GROUP_S ? { seconds, groupFrames: Math.max(1, Math.round(fps * GOOD_GROUP_S)) } : undefined;
}

export function suggest(
  streams: readonly CameraStream[],
  { skewMs, isTrusted }: Pick<OnvifSession, 'skewMs' | 'isTrusted'>,
): Suggestion[] {
  const found: Suggestion[] = streams.flatMap(suggestForStream);
  if (Math.abs(skewMs) > CLOCK_OFF_MS) {
    const words = `the camera's clock is ${formatDuration(skewMs)} ${skewMs > 0 ? 'fast' : 'slow'}: set it, or let it ask a time server`;
    found.push({ kind: 'clock', words });
  }
  if (isTrusted === false) {
    const words =
      'the camera has signed its own certificate: its identity cannot be verified, but the connection is encrypted';
    found.push({ kind: 'certificate', words });
  }
  return found;
}

function suggestForStream(stream: CameraStream): Suggestion[] {
  const { token: profile, name, anchorFrames, probed, encoderName = '', codecProfile = '' } = stream;
  const found: Suggestion[] = [];
  const long = longGroupOf(stream);
  if (long) {
    const words = `${name}: a key frame every ${Math.round(long.seconds)} s, so viewers wait for their first picture; every ${GOOD_GROUP_S} s would be better`;
    found.push({ kind: 'longGroups', profile, words, ...long });
  }
  if ((long?.seconds ?? 0) >= SMART_GROUP_S || SMART_NAME.test(`${encoderName} ${codecProfile}`)) {
    const words = `${name}: "smart" coding (H.264+, H.265+) seems to be on, which leaves key frames out; switch it off in the camera`;
    found.push({ kind: 'smartCodec', profile, words });
  }
  if ((anchorFrames ?? 0) > 1 || probed?.mayReorder === true) {
    const words = `${name}: pictures come out of order (B-frames), which delays the live picture; switch them off in the camera`;
    found.push({ kind: 'reordering', profile, words });
  }
  return found;
}
