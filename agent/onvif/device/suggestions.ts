import { formatDuration } from '../../base/format-duration.ts';
import type { CameraStream } from './streams.ts';

/** A recommendation for a person; nothing changes by itself. */
export interface Suggestion {
  readonly kind: 'longGroups' | 'reordering' | 'smartCodec' | 'clock' | 'certificate';
  /** Token of the profile. */
  readonly profile?: string;
  readonly words: string;
  /** With longGroups: time between key frames. */
  readonly seconds?: number;
  /** With longGroups: recommended frames between key frames. */
  readonly groupFrames?: number;
}

/** Viewers wait for half of it on average, and recordings can be cut only at key frames. */
const LONG_GROUP_S = 4;
/** Typical of cameras that omit key frames while nothing moves. */
const SMART_GROUP_S = 8;
const GOOD_GROUP_S = 2;
const SMART_NAME = /h\.?26[45]\s?\+|smart|dynamic ?gop/i;
const CLOCK_OFF_MS = 60_000;

interface Conditions {
  readonly skewMs: number;
  readonly isTrusted: boolean | undefined;
}

export function suggest(streams: readonly CameraStream[], { skewMs, isTrusted }: Conditions): Suggestion[] {
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
  const { token: profile, name, groupFrames, fps, anchorFrames, probed, encoderName = '', codecProfile = '' } = stream;
  const found: Suggestion[] = [];
  const seconds = groupFrames !== undefined && fps !== undefined ? groupFrames / fps : 0;
  if (seconds > LONG_GROUP_S) {
    const words = `${name}: a key frame every ${Math.round(seconds)} s, so viewers wait for their first picture; every ${GOOD_GROUP_S} s would be better`;
    const better = Math.max(1, Math.round((fps ?? 1) * GOOD_GROUP_S));
    found.push({ kind: 'longGroups', profile, words, seconds, groupFrames: better });
  }
  if (seconds >= SMART_GROUP_S || SMART_NAME.test(`${encoderName} ${codecProfile}`)) {
    const words = `${name}: "smart" coding (H.264+, H.265+) seems to be on, which leaves key frames out; switch it off in the camera`;
    found.push({ kind: 'smartCodec', profile, words });
  }
  if ((anchorFrames ?? 0) > 1 || probed?.mayReorder === true) {
    const words = `${name}: pictures come out of order (B-frames), which delays the live picture; switch them off in the camera`;
    found.push({ kind: 'reordering', profile, words });
  }
  return found;
}
