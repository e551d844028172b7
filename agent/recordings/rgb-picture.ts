import { type Clock, endsWithin } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { CodedPicture, PicturePart, RgbPicture } from '../picture/contracts.ts';
import type { Pictures } from '../picture/pictures.ts';
import { FILE_DELAY_MS, type Reader, type Stream } from '../stream/stream.ts';
import { recordOf } from './key-picture.ts';

/** Pixels decoded for one picture: 4 s of 640x360 at 25 pictures per second, 12 pictures of 1080p. */
const DECODED_PIXELS = 25e6;

export interface TimedRgb extends RgbPicture {
  /** Unix milliseconds, of the stream. */
  readonly wallMs: number;
}

interface Group {
  readonly coded: CodedPicture;
  readonly wallMs: number;
  /** Time from the last decoded picture to the newest one. */
  readonly ageMs: number;
}

/**
 * A picture of the stream that is as new as can be had for a few decoded ones: in a long group of pictures a key frame is requested.
 * @param side longest side in pixels
 * @param aroundAt what the result has to show of a picture of this time (Unix milliseconds, of the stream), or undefined for all of it
 * @param keyFrameMs time that a camera has for the key frame that is requested
 * @throws PerchError unsupported for other codecs than H.264, H.265 and MJPEG, or what cannot be decoded; unavailable if there is no picture
 */
export async function rgbOfStream(
  stream: Stream,
  side: number,
  { pictures, clock }: { readonly pictures: Pick<Pictures, 'rgb'>; readonly clock: Pick<Clock, 'sleep'> },
  aroundAt?: (wallMs: number) => PicturePart | undefined,
  keyFrameMs = 2_000,
): Promise<TimedRgb> {
  const index = stream.tracks.findIndex(({ kind }) => kind === 'video');
  let group = groupOf(stream, index);
  if (!group || group.ageMs > 1_000) {
    await keyFrameOf(stream, index, clock, keyFrameMs);
    group = groupOf(stream, index);
  }
  if (!group) {
    throw new PerchError('unavailable', 'no picture has arrived yet');
  }
  const { coded, wallMs } = group;
  return { ...(await pictures.rgb({ coded, side, around: aroundAt?.(wallMs) })), wallMs };
}

/** The newest picture that can be decoded, with those that it needs. */
function groupOf(stream: Stream, index: number): Group | undefined {
  const track = stream.tracks[index];
  const coded = track && recordOf(track);
  if (!coded || track?.kind !== 'video') {
    throw new PerchError('unsupported', `pictures of ${track?.codec ?? 'a stream without video'} are not decoded here`);
  }
  const all: Sample[] = [];
  const sink = { onSample: (from: number, sample: Sample) => void (from === index && all.push(sample)) };
  stream.replayGroup(sink);
  if (all.length === 0) {
    stream.replayKey(sink);
  }
  const [first, newest] = [all[0], all.at(-1)];
  const last = all[Math.max(1, Math.floor(DECODED_PIXELS / (track.width * track.height || 1920 * 1080))) - 1] ?? newest;
  if (!first || !newest || !last) {
    return undefined;
  }
  // Copies: their memory is given to the decoder's thread.
  const samples = all
    .slice(0, all.indexOf(last) + 1)
    .map(({ data, pts }) => ({ data: Uint8Array.from(data), time: pts - first.pts }));
  const ageMs = newest.wall - last.wall;
  return { coded: { ...coded, samples, until: 0x7fff_ffff }, wallMs: last.wall, ageMs };
}

/** Asks the camera for a key frame, and waits for it or for the next one that comes by itself. */
async function keyFrameOf(stream: Stream, index: number, clock: Pick<Clock, 'sleep'>, limitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const reader: Reader = {
    ...{ id: 'objects', countsHolds: true, toleratedDelayMs: FILE_DELAY_MS },
    onSample: (track, { key }) => {
      if (key && track === index) {
        resolve();
      }
    },
    onTrack: () => {},
    onEnd: resolve,
  };
  stream.addReader(reader, false);
  stream.requestKeyFrame();
  try {
    await endsWithin(clock, limitMs, promise);
  } finally {
    stream.removeReader(reader);
  }
}
