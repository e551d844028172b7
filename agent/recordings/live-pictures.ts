import { putBounded } from '../base/bounded-map.ts';
import { endsWithin } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { joinSignals, withJoinedSignal } from '../base/joined-signal.ts';
import { subOf } from '../cameras/path-entries.ts';
import { CameraSnapshots } from '../cameras/snapshots.ts';
import type { Context } from '../config/load/context.ts';
import { resolvePath } from '../config/load/load.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { PathTable } from '../paths/path-table.ts';
import type { CodedPicture } from '../picture/contracts.ts';
import type { Pictures } from '../picture/pictures.ts';
import type { JpegOfMoment } from '../playback/vod/picture.ts';
import type { SnapshotSource } from '../record/snapshots/snapshot-taker.ts';
import type { Stream } from '../stream/stream.ts';
import { lastKey, pictureOfKey, recordOf } from './key-picture.ts';
import { rgbOfStream, type TimedRgb } from './rgb-picture.ts';

/** Pixels decoded for one picture: a second of 1080p, ten of a small stream. In a longer GOP, the picture is that far from its start. */
const MAX_DECODED_PIXELS = 60e6;
const LAST_TIME = 0x7fff_ffff;

type LiveStream = Pick<Stream, 'tracks' | 'replayGroup' | 'replayKey'>;

/** Whether the stream has video that Perch decodes. */
const isDecodable = ({ tracks }: Pick<Stream, 'tracks'>): boolean =>
  tracks.some(({ codec }) => codec === 'h264' || codec === 'h265');

/** The newest picture of a stream, with those that it needs; undefined: the codec is another one, or no picture has arrived. */
function liveGroup(stream: LiveStream): CodedPicture | undefined {
  const index = stream.tracks.findIndex((one) => recordOf(one) !== undefined);
  const track = stream.tracks[index];
  const coded = track && recordOf(track);
  if (!coded || track?.kind !== 'video') {
    return undefined;
  }
  const samples: { data: Uint8Array; time: number }[] = [];
  const maxSamples = Math.max(1, Math.floor(MAX_DECODED_PIXELS / Math.max(1, track.width * track.height)));
  let firstPts = 0;
  const sink = {
    onSample: (from: number, { data, pts }: Sample): void => {
      if (from === index && samples.length < maxSamples) {
        firstPts = samples.length === 0 ? pts : firstPts;
        samples.push({ data: Uint8Array.from(data), time: pts - firstPts });
      }
    },
  };
  stream.replayGroup(sink);
  if (samples.length === 0) {
    stream.replayKey(sink);
  }
  return samples.length === 0 ? undefined : { ...coded, samples, until: LAST_TIME };
}

/** Maximum number of concurrent camera requests. */
const MAX_ASKED = 16;
const NO_PICTURE =
  'no picture: the camera has no ONVIF service in the configuration, and its stream is away or neither H.264, H.265 nor MJPEG';
/** What is left of the time limit to decode the stream if the camera itself has given no picture yet. */
const DECODING_MS = 1_000;
/** Width of decoded pictures, in pixels: they have some 50 kB, like the cameras' own pictures. */
const DECODED_WIDTH = 640;
/** Time limit of a camera for a small picture. */
const SMALL_MS = 1_500;
const SMALL_WIDTHS = [176, 128, 80];
const SMALL_QUALITY = 50;

interface PictureLimits {
  /** How long to wait for the camera. */
  readonly timeoutMs: number;
  /** Largest age of a kept picture; 0: take a new one. */
  readonly maxAgeMs: number;
}

/** Limits for the picture of an event that starts now: it arrives within 2 s, and was taken at most 2 s before the event. */
export const OF_EVENT: PictureLimits = { timeoutMs: 1_800, maxAgeMs: 2_000 };

interface LivePicturesDeps extends Pick<Context, 'config' | 'clock' | 'signal'> {
  readonly paths: Pick<PathTable, 'openStreams'>;
  /** Snapshots next to recordings: the nearest to a time in Unix microseconds. @throws PerchError without one */
  readonly recordings: {
    readonly playback: {
      snapshot(path: string, timeUs: number): Promise<{ jpeg: Uint8Array; timeUs: number }>;
      readonly pictures: Pick<Pictures, 'make' | 'rgb'>;
    };
  };
  /** Source of pictures of a camera of another box. */
  readonly elsewhere?: (path: string) => SnapshotSource | undefined;
}

interface CachedPicture {
  readonly jpeg: Uint8Array;
  /** When it was requested, in monotonic milliseconds. */
  readonly takenMs: number;
}

const unlessPerchError = (error: unknown) => (error instanceof PerchError ? undefined : Promise.reject(error));

/** Live pictures as JPEG: frames of MJPEG streams, else the camera's own snapshots, else, or if these fail, decoded from its stream. */
export class LivePictures {
  readonly #deps: LivePicturesDeps;
  readonly #snapshots: CameraSnapshots;
  readonly #small: CameraSnapshots;
  /** Cached pictures, by path. */
  readonly #kept = new Map<string, CachedPicture>();
  /** Open requests, by path: callers at the same time share one. */
  readonly #asked = new Map<string, Promise<Uint8Array>>();
  /** The same of pictures decoded in the place of a snapshot. */
  readonly #decoding = new Map<string, Promise<Uint8Array>>();

  constructor(deps: LivePicturesDeps) {
    this.#deps = deps;
    this.#snapshots = new CameraSnapshots(deps.config);
    this.#small = new CameraSnapshots(deps.config);
  }

  /** A JPEG. @throws PerchError unavailable, timeout, unsupported, exhausted, or the camera's failure */
  async picture(path: string, { timeoutMs, maxAgeMs }: PictureLimits): Promise<Uint8Array> {
    this.#requirePublic(path);
    return this.#inStream(path) ?? (await this.#young(path, maxAgeMs)) ?? (await this.#ask(path, timeoutMs));
  }

  /**
   * The last key frame of the stream, in its own size or narrower. If nothing here decodes the codec: the camera's own
   * snapshot, or the last one next to its recordings. @throws PerchError notFound if the path is not live; unavailable, unsupported
   */
  async keyFrame(path: string, width: number | undefined): Promise<JpegOfMoment> {
    const { recordings, clock } = this.#deps;
    this.#requirePublic(path);
    const stream = this.#streamOf(path);
    if (!stream) {
      throw new PerchError('notFound', 'the path is not live: ask for a recorded picture with time=', { path });
    }
    const key = lastKey(stream);
    try {
      if (!key) {
        throw new PerchError('unsupported', 'no picture has arrived yet, or the stream has no video', { path });
      }
      return await pictureOfKey(key, width, recordings.playback.pictures);
    } catch (error) {
      if (!(error instanceof PerchError && error.code === 'unsupported')) {
        throw error;
      }
      const timeUs = clock.wallMs() * 1000;
      const still = this.#snapshots.sourceOf(path)
        ? this.#ask(path, 5_000).then((jpeg) => ({ jpeg, timeUs }))
        : recordings.playback.snapshot(path, timeUs);
      return { ...(await still.catch(() => Promise.reject(error))), by: 'camera' };
    }
  }

  /** A JPEG for a message with little room: of the camera's smallest profile, else decoded from the stream. @throws PerchError as `picture` */
  async small(path: string, maxBytes: number): Promise<Uint8Array> {
    const camera = this.#small.sourceOf(path, maxBytes);
    const given = camera && withJoinedSignal([this.#deps.signal], SMALL_MS, ({ signal }) => camera.fetch(signal));
    const isReplaced = (error: unknown) => error instanceof PerchError && this.#codedOf(path) !== undefined;
    const jpeg = await given?.catch((error) => (isReplaced(error) ? undefined : Promise.reject(error)));
    if (jpeg) {
      return jpeg;
    }
    for (const width of SMALL_WIDTHS) {
      const coded = this.#codedOf(path);
      if (!coded) {
        throw new PerchError('unsupported', NO_PICTURE, { path });
      }
      const task = { coded, width, quality: SMALL_QUALITY };
      const { jpeg } = await this.#deps.recordings.playback.pictures.make(task);
      if (jpeg.length <= maxBytes) {
        return jpeg;
      }
    }
    throw new PerchError('exhausted', `no picture of at most ${maxBytes} bytes`, { path });
  }

  /**
   * The newest picture in RGB: of the camera's sub stream if that is open, else of its main stream. It may be some seconds old.
   * @param side and `aroundAt`: see `rgbOfStream` @throws PerchError unavailable, unsupported, exhausted, timeout
   */
  async rgb(
    path: string,
    side: number,
    aroundAt?: Parameters<typeof rgbOfStream>[3],
    keyFrameMs?: number,
  ): Promise<TimedRgb> {
    const { clock, config, recordings } = this.#deps;
    this.#requirePublic(path);
    const sub = subOf(path, config())?.name;
    const stream = (sub === undefined ? undefined : this.#streamOf(sub)) ?? this.#streamOf(path);
    if (!stream) {
      throw new PerchError('unavailable', 'the path is not live', { path });
    }
    return rgbOfStream(stream, side, { clock, pictures: recordings.playback.pictures }, aroundAt, keyFrameMs);
  }

  /** Whether `picture` may succeed: the camera has an ONVIF service and is not switched off, or the stream is there and of a known codec. */
  hasPicture(path: string): boolean {
    if (this.#isPrivate(path)) {
      return false;
    }
    const stream = this.#streamOf(path);
    return (
      this.#snapshots.sourceOf(path) !== undefined ||
      (stream !== undefined && isDecodable(stream)) ||
      this.#inStream(path) !== undefined ||
      this.#deps.elsewhere?.(path) !== undefined
    );
  }

  /** A stream that is here needs no other box. */
  #sourceOf(path: string): SnapshotSource | undefined {
    return this.#snapshots.sourceOf(path) ?? this.#decoderOf(path) ?? this.#deps.elsewhere?.(path);
  }

  #streamOf(path: string): Stream | undefined {
    return this.#deps.paths.openStreams().find(([name]) => name === path)?.[1];
  }

  #isPrivate(path: string): boolean {
    return resolvePath(this.#deps.config(), path)?.settings?.isPrivate === true;
  }

  #requirePublic(path: string): void {
    if (this.#isPrivate(path)) {
      throw new PerchError('unavailable', 'no picture: the camera is private in the present mode', { path });
    }
  }

  #inStream(path: string): Uint8Array | undefined {
    const stream = this.#streamOf(path);
    let picture: Uint8Array | undefined;
    stream?.replayKey({
      onSample: (track, { data }) => {
        if (stream.tracks[track]?.codec === 'mjpeg') {
          // A copy: the stream releases it with its GOP.
          picture = data.slice();
        }
      },
    });
    return picture;
  }

  /** A young enough picture from the cache, or from next to a recording. */
  async #young(path: string, maxAgeMs: number): Promise<Uint8Array | undefined> {
    const { clock, recordings } = this.#deps;
    const kept = this.#kept.get(path);
    if (kept && clock.monoMs() - kept.takenMs < maxAgeMs) {
      return kept.jpeg;
    }
    const nowUs = clock.wallMs() * 1000;
    const still = await recordings.playback.snapshot(path, nowUs).catch(unlessPerchError);
    return still && nowUs - still.timeUs < maxAgeMs * 1000 ? still.jpeg : undefined;
  }

  async #ask(path: string, timeoutMs: number): Promise<Uint8Array> {
    const { clock } = this.#deps;
    const endMs = clock.monoMs() + timeoutMs;
    let picture = this.#request(path, this.#asked, () => this.#sourceOf(path));
    if (this.#snapshots.sourceOf(path)) {
      const answer = picture;
      if (await endsWithin(clock, timeoutMs - DECODING_MS, answer).catch(() => false)) {
        return answer;
      }
      // The camera may still answer, also where its stream is not decoded.
      const decoded = this.#request(path, this.#decoding, () => this.#decoderOf(path));
      picture = Promise.any([answer, decoded]).catch(() => answer);
    }
    if (!(await endsWithin(clock, endMs - clock.monoMs(), picture))) {
      throw new PerchError('timeout', `no picture within ${timeoutMs / 1000} s`, { path });
    }
    return picture;
  }

  /** @param open requests of this kind */
  async #request(
    path: string,
    open: Map<string, Promise<Uint8Array>>,
    sourceOf: () => SnapshotSource | undefined,
  ): Promise<Uint8Array> {
    const known = open.get(path);
    if (known) {
      return known;
    }
    const source = sourceOf();
    if (!source) {
      throw new PerchError('unsupported', NO_PICTURE, { path });
    }
    if (open.size >= MAX_ASKED) {
      throw new PerchError('exhausted', `${MAX_ASKED} pictures are being fetched: try again`, { path });
    }
    const { clock, signal } = this.#deps;
    const takenMs = clock.monoMs();
    // A camera may answer after its caller's time-out: the next caller gets that picture.
    const over = joinSignals([signal], 30_000);
    const answer = source
      .fetch(over.signal)
      .then((jpeg) => {
        // 60 kB each at most.
        putBounded(this.#kept, path, { jpeg, takenMs }, 50);
        return jpeg;
      })
      .finally(() => {
        over.release();
        open.delete(path);
      });
    // The callers of the request may have timed out.
    answer.catch(() => {});
    open.set(path, answer);
    return answer;
  }

  #decoderOf(path: string): SnapshotSource | undefined {
    const coded = this.#codedOf(path);
    const { pictures } = this.#deps.recordings.playback;
    return coded && { fetch: async () => (await pictures.make({ coded, width: DECODED_WIDTH })).jpeg };
  }

  #codedOf(path: string): CodedPicture | undefined {
    const stream = this.#isPrivate(path) ? undefined : this.#streamOf(path);
    return stream && liveGroup(stream);
  }
}
