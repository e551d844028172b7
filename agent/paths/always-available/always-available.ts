import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { hold, release } from '../../media/sample/slab.ts';
import type { Track } from '../../media/sample/track.ts';
import { type Reader, Stream } from '../../stream/stream.ts';
import type { ClipFile } from './clip-file.ts';
import type { ClipMedia, ClipPlayer } from './clip-player.ts';
import { type OfflineMedia, offlineMedia } from './offline-media.ts';

const TICK_MS = 100;
/** After a longer stall of the event loop, the offline media of that time is left out. */
const MAX_LAG_MS = 1_000;
/** A clip that cannot be played is opened again after this time: it may be a file that is being copied. */
const REOPEN_MS = 5_000;

/** One track of the stream. */
interface Output {
  readonly number: number;
  track: Track;
  /** Earliest decode time of the next sample, in ticks. */
  endTicks: number;
  /** Duration of the last sample, in ticks. */
  lastTicks: number;
  /** Undefined while the source sends this track. */
  offline: OfflineMedia | undefined;
  /** The next key sample carries its parameter sets: libavformat ignores a second initialization section in HLS. */
  isNew: boolean;
  /** A copy of the source's last key sample, for codecs in which Perch cannot encode an offline picture. */
  lastKey: Uint8Array | undefined;
}

/** The source's stream and the tracks that it feeds. */
interface Live {
  readonly stream: Stream;
  readonly reader: Reader;
  /** Outputs by track of the source. */
  readonly outputs: readonly (Output | undefined)[];
  /** Number of the source's track whose first key sample begins its media. */
  readonly leading: number;
  /** Added to the source's times; undefined until its media begins. */
  offsetMs: number | undefined;
}

/**
 * The stream of a path with `alwaysAvailable`: its readers stay while the source comes and goes. Without a source it has a picture that
 * says so, and silence. Samples of the source pass with other times, their data is not copied.
 */
export class AlwaysAvailable {
  readonly #clock: Clock;
  /** Tracks of the configuration or the clip; empty: those of the source's last connection are used. */
  #fixed: readonly Track[];
  readonly #clipFile: ClipFile | undefined;
  /** Player of the clip, while the clip plays. */
  #player: ClipPlayer | undefined;
  #isClosed = false;
  /** Aborted when the clip need not be opened again. */
  #reopening: AbortController | undefined;
  readonly #onStream: (stream: Stream) => void;
  readonly #epochMs: number;
  #stream: Stream | undefined;
  #outputs: readonly Output[] = [];
  #live: Live | undefined;
  #sinceMs: number | undefined;
  #stopTicking: (() => void) | undefined;

  /**
   * @param fixed tracks of the stream; others of the source are left out. Empty: those of the source's last connection
   * @param clipFile played while the source is away, with the tracks of its first content; `fixed` is empty then
   * @param onStream called with each new stream, the first one before any sample
   */
  constructor(
    fixed: readonly Track[],
    clipFile: ClipFile | undefined,
    clock: Clock,
    onStream: (stream: Stream) => void,
  ) {
    this.#fixed = fixed;
    this.#clipFile = clipFile;
    this.#clock = clock;
    this.#onStream = onStream;
    this.#epochMs = clock.monoMs();
  }

  get stream(): Stream | undefined {
    return this.#stream;
  }

  /** Opens the stream before its source is online, if its tracks are known. @returns when a clip is opened, or undefined without a clip */
  start(): Promise<void> | undefined {
    if (this.#fixed.length > 0) {
      this.#open(this.#fixed);
      this.#fill();
    }
    return this.#clipFile && this.#playClip(this.#clipFile);
  }

  /**
   * Opens the clip and plays it, unless the source has come in the meantime. Without a clip there are picture and silence.
   * @param isAgain picture and silence are there already
   */
  async #playClip(file: ClipFile, isAgain = false): Promise<void> {
    const player = await file.open((ended, isChanged) => this.#clipEnded(file, ended, isChanged));
    if (this.#isClosed || this.#live?.offsetMs !== undefined || (this.#live && !this.#stream)) {
      player?.close();
      return;
    }
    if (!player) {
      void this.#reopen(file);
    }
    if (!player && isAgain) {
      return;
    }
    if (!this.#stream && player) {
      this.#fixed = player.tracks.map(({ track }) => track);
      this.#open(this.#fixed);
    }
    this.#player?.close();
    this.#player = player;
    this.#showOffline(player?.tracks ?? []);
    player?.start();
  }

  #clipEnded(file: ClipFile, player: ClipPlayer, isChanged: boolean): void {
    if (this.#player !== player) {
      return;
    }
    this.#player = undefined;
    if (isChanged) {
      void this.#playClip(file);
    } else {
      this.#showOffline([]);
      void this.#reopen(file);
    }
  }

  async #reopen(file: ClipFile): Promise<void> {
    this.#reopening?.abort();
    const reopening = new AbortController();
    this.#reopening = reopening;
    await this.#clock.sleep(REOPEN_MS, reopening.signal);
    if (!reopening.signal.aborted) {
      await this.#playClip(file, true);
    }
  }

  /** Starts offline media on the outputs that no source feeds. @param clip tracks of the clip; other outputs get a picture or silence */
  #showOffline(clip: readonly ClipMedia[]): void {
    const free = new Set(clip);
    const idle = this.#outputs.filter((output) => !this.#isFed(output));
    const startMs = Math.max(this.#nowMs, ...idle.map(({ endTicks, track }) => (endTicks / track.clockRate) * 1_000));
    for (const output of idle) {
      const media = [...free].find(({ track }) => isAlike(output.track, track));
      if (media) {
        free.delete(media);
        output.endTicks = ticksOf(startMs, media.track) + media.leadTicks;
      }
      output.offline = media ?? offlineMedia(output.track, output.lastKey);
      output.lastTicks = 0;
      this.#describe(output, output.offline.track);
    }
    this.#fill();
  }

  /** Whether the output's samples come from the source. */
  #isFed(output: Output): boolean {
    return this.#live?.offsetMs !== undefined && this.#live.outputs.includes(output);
  }

  #open(tracks: readonly Track[]): void {
    this.#stream?.close();
    const stream = new Stream(tracks);
    this.#stream = stream;
    const startMs = this.#nowMs;
    this.#outputs = tracks.map((track, number) => ({
      number,
      track,
      endTicks: ticksOf(startMs, track),
      lastTicks: 0,
      offline: offlineMedia(track, undefined),
      isNew: false,
      lastKey: undefined,
    }));
    stream.onKeyFrameWanted = () => this.#requestKeyFrame();
    stream.onUrgentReader = () => this.#live?.stream.onUrgentReader?.();
    this.#onStream(stream);
    this.#stopTicking ??= this.#clock.every(TICK_MS, () => this.#fill());
  }

  /**
   * Takes the media of a source until its stream ends.
   * @param live without samples yet
   * @throws PerchError badInput if none of its tracks fits
   */
  join(live: Stream): void {
    let outputs = this.#outputsFor(live.tracks);
    if (this.#fixed.length === 0 && (!this.#stream || outputs.includes(undefined))) {
      this.#open(live.tracks);
      outputs = this.#outputsFor(live.tracks);
    }
    const isVideo = ({ kind }: Track) => kind === 'video';
    const video = outputs.findIndex((output) => output && isVideo(output.track));
    const leading = video >= 0 ? video : outputs.findIndex((output) => output !== undefined);
    if (leading < 0 || (video < 0 && this.#outputs.some(({ track }) => isVideo(track)))) {
      const labels = (tracks: readonly Track[]) => tracks.map(({ codec }) => codec).join(', ');
      const key = this.#clipFile ? 'alwaysAvailableFile' : 'alwaysAvailableTracks';
      const message = `its tracks (${labels(live.tracks)}) do not fit ${key} (${labels(this.#fixed)})`;
      throw new PerchError('badInput', message);
    }
    const toleratedDelayMs = () => this.#stream?.toleratedDelayMs ?? 0;
    const joined: Live = {
      stream: live,
      outputs,
      leading,
      offsetMs: undefined,
      reader: {
        id: 'always available',
        isAudience: false,
        countsHolds: true,
        get toleratedDelayMs() {
          return toleratedDelayMs();
        },
        onSample: (track, sample) => this.#take(joined, track, sample),
        onTrack: (track, description) => {
          const output = outputs[track];
          if (output && !output.offline) {
            this.#describe(output, description);
          }
        },
        onDiscontinuity: (track) => {
          const output = outputs[track];
          if (output && !output.offline) {
            this.#stream?.markDiscontinuity(output.number);
          }
        },
        onEnd: () => this.#leave(joined),
      },
    };
    this.#live = joined;
    live.addReader(joined.reader, false);
  }

  close(): void {
    this.#isClosed = true;
    this.#reopening?.abort();
    this.#player?.close();
    this.#player = undefined;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
    this.#live?.stream.removeReader(this.#live.reader);
    this.#live = undefined;
    this.#stream?.close();
    this.#stream = undefined;
  }

  get #nowMs(): number {
    return this.#clock.monoMs() - this.#epochMs;
  }

  /** The tracks of the stream that carry those of a source. */
  #outputsFor(tracks: readonly Track[]): readonly (Output | undefined)[] {
    const free = new Set(this.#outputs);
    return tracks.map((track) => {
      const output = [...free].find((one) => isAlike(one.track, track));
      free.delete(output as Output);
      return output;
    });
  }

  #take(live: Live, number: number, sample: Sample): void {
    const output = live.outputs[number];
    const track = live.stream.tracks[number];
    if (!output || !track) {
      return;
    }
    if (live.offsetMs === undefined) {
      if (number !== live.leading || !sample.key) {
        return;
      }
      this.#begin(live, (sample.dts / track.clockRate) * 1_000);
    }
    const offset = ticksOf(live.offsetMs as number, track);
    const dts = sample.dts + offset;
    if (dts < output.endTicks) {
      return;
    }
    output.lastTicks = Math.min(dts - output.endTicks + 1, track.clockRate);
    output.endTicks = dts + 1;
    if (sample.key && track.kind === 'video' && track.codec !== 'h264') {
      // The memory of samples is reused.
      output.lastKey = Uint8Array.from(sample.data);
    }
    hold(sample.data);
    const { wall, key, data } = sample;
    this.#write(output, { pts: sample.pts + offset, dts, wall, key, data });
  }

  #write(output: Output, sample: Sample): void {
    const isFirst = output.isNew && sample.key;
    output.isNew &&= !sample.key;
    const sets = isFirst ? parameterSetsOf(output.track) : [];
    const data = sets.length > 0 ? Buffer.concat([...sets, sample.data]) : sample.data;
    this.#stream?.write(output.number, data === sample.data ? sample : { ...sample, data });
    if (data !== sample.data) {
      release(sample.data);
    }
  }

  /** The source's media follows what has been sent. @param firstMs its first decode time */
  #begin(live: Live, firstMs: number): void {
    const ends = this.#outputs.map(({ endTicks, track }) => (endTicks / track.clockRate) * 1_000);
    live.offsetMs = Math.max(this.#nowMs, ...ends) - firstMs;
    const fed = live.outputs.filter((output) => output !== undefined);
    for (const output of fed) {
      output.offline = undefined;
    }
    if (this.#clipFile) {
      this.#reopening?.abort();
      this.#player?.close();
      this.#player = undefined;
      this.#showOffline([]);
    }
    live.outputs.forEach((output, i) => {
      if (output) {
        this.#describe(output, live.stream.tracks[i] as Track);
      }
    });
  }

  #leave(live: Live): void {
    if (this.#live !== live) {
      return;
    }
    this.#live = undefined;
    this.#sinceMs = this.#clock.wallMs();
    for (const output of live.outputs) {
      if (output && !output.offline) {
        output.endTicks += output.lastTicks;
      }
    }
    if (this.#clipFile) {
      void this.#playClip(this.#clipFile);
    } else {
      this.#showOffline([]);
    }
  }

  #describe(output: Output, track: Track): void {
    const before = this.#stream?.tracks[output.number];
    output.track = track;
    if (!isDeepStrictEqual(before, track)) {
      this.#stream?.setTrack(output.number, track);
      output.isNew = true;
    }
  }

  /** Sends the offline samples that are due. */
  #fill(): void {
    const nowMs = this.#nowMs;
    const wallMs = this.#clock.wallMs();
    const times = { sinceMs: this.#sinceMs, nowMs: wallMs };
    for (const output of this.#outputs) {
      const { offline, track } = output;
      const nowTicks = ticksOf(nowMs, track);
      if (offline && nowTicks - output.endTicks > ticksOf(MAX_LAG_MS, track)) {
        output.endTicks = nowTicks;
      }
      while (offline && output.endTicks <= nowTicks) {
        const sample = offline.next(times);
        if (!sample) {
          break;
        }
        if (offline.track !== output.track) {
          this.#describe(output, offline.track);
        }
        const { ticks, ptsOffset = 0, isKey: key, data } = sample;
        const dts = output.endTicks;
        const wall = wallMs - ((nowTicks - dts) / track.clockRate) * 1_000;
        if (data.length > 0) {
          this.#write(output, { pts: dts + ptsOffset, dts, wall, key, data });
        }
        output.endTicks = dts + ticks;
        output.lastTicks = 0;
      }
    }
  }

  #requestKeyFrame(): boolean {
    const asked = this.#live?.offsetMs !== undefined && this.#live.stream.requestKeyFrame();
    for (const { offline } of this.#outputs) {
      offline?.requestKeyFrame?.();
    }
    return asked || this.#outputs.some(({ offline }) => offline?.requestKeyFrame !== undefined);
  }
}

const ticksOf = (ms: number, { clockRate }: Track): number => Math.round((ms * clockRate) / 1_000);

/** The track's parameter sets in the form of a sample: 4-byte length + NAL unit, repeated. */
function parameterSetsOf(track: Track): readonly Uint8Array[] {
  const sets = track.codec === 'h265' ? [track.vps, track.sps, ...track.pps] : [];
  return (track.codec === 'h264' ? [track.sps, ...track.pps] : sets).flatMap((set) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(set.length);
    return [length, set];
  });
}

/** Whether samples of one track may follow those of the other in a stream. Parameter sets and picture size may differ. */
function isAlike(one: Track, other: Track): boolean {
  if (one.codec !== other.codec || one.clockRate !== other.clockRate) {
    return false;
  }
  return one.kind !== 'audio' || (other.kind === 'audio' && one.channels === other.channels);
}
