import { writeInit } from '../../agent/media/mp4/write/init.ts';
import type { Sample } from '../../agent/media/sample/sample.ts';
import type { AacTrack, Track } from '../../agent/media/sample/track.ts';
import type { MediaPlaylist, PartLine, SegmentLine } from '../../agent/servers/hls/contracts/hls-muxer.ts';
import { writeMediaPlaylist } from '../../agent/servers/hls/playlist/write-media.ts';
import { tinyH264, tinyVideo } from '../support/media/tiny-h264.ts';
import { writeFragment } from '../support/media/write-fragment.ts';
import type { Answer, Get } from './follower.ts';
import type { Directives } from './request-rules.ts';

/** Requests of a session to the tape, and replies that a test may substitute. */
export interface Faults {
  /** Replaces a media playlist. */
  readonly playlist?: (playlist: MediaPlaylist, asked: Asked) => MediaPlaylist;
  readonly text?: (text: string, asked: Asked) => string;
  readonly file?: (name: string, bytes: Uint8Array, nowMs: number) => Uint8Array | undefined;
  /** Answers a blocking request when this is true, instead of when it may. */
  readonly waitsUntil?: (asked: Asked, isThere: boolean) => boolean;
  readonly multivariant?: (text: string) => string;
  readonly status?: (asked: Asked, status: number) => number;
}

export interface Asked extends Directives {
  readonly rendition: string;
  readonly nowMs: number;
}

interface TapePart extends PartLine {
  readonly endMs: number;
}

interface TapeSegment extends Omit<SegmentLine, 'parts' | 'init'> {
  readonly init: { readonly name: string };
  readonly parts: readonly TapePart[];
  readonly endMs: number;
}

interface TapeRendition {
  readonly name: string;
  readonly segments: readonly TapeSegment[];
}

const SECONDS = 20;
/** The clock of the tape as the session begins. */
export const TAPE_BEGINS_MS = 9_000;
const STEP_MS = 40;
const LISTED = 8;
const WITH_PARTS = 3;
export const PART_TARGET_S = 0.216;
/** A change of the format, as after a change of the camera's settings. */
const BREAK_AT_SEGMENT = 13;
const WALL_MS = Date.UTC(2026, 0, 1);

const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 1,
  config: Uint8Array.of(0x11, 0x88),
  frameSamples: 1024,
};

/** A faultless low-latency server of video and audio, whose clock runs only while a session plays. */
export class Tape {
  readonly #files = new Map<string, Uint8Array>();
  readonly #renditions: readonly TapeRendition[];
  readonly #faults: Faults;
  readonly #waiting = new Set<() => void>();
  #nowMs = TAPE_BEGINS_MS;

  constructor(faults: Faults = {}) {
    this.#faults = faults;
    const pictures = tinyVideo(25 * SECONDS, 25, 25, 0, WALL_MS);
    const frames = Array.from({ length: Math.floor((SECONDS * 48_000) / 1024) }, (_, i): Sample => {
      return {
        pts: i * 1024,
        dts: i * 1024,
        wall: WALL_MS + (i * 64) / 3,
        key: true,
        data: Uint8Array.of(1, 2, i & 255),
      };
    });
    this.#renditions = [
      { name: 'video1', segments: this.#record('video1', tinyH264, pictures, 5) },
      { name: 'audio2', segments: this.#record('audio2', aac, frames, 10) },
    ];
  }

  nowMs = (): number => this.#nowMs;

  sleep = async (ms: number): Promise<void> => {
    const dueMs = this.#nowMs + ms;
    await this.#until(() => this.#nowMs >= dueMs);
  };

  get: Get = async (url) => {
    const askedMs = this.#nowMs;
    const { pathname, searchParams } = new URL(url);
    const name = pathname.slice(1);
    const [, rendition] = /^(.+)_stream\.m3u8$/.exec(name) ?? [];
    const answer =
      name === 'index.m3u8'
        ? this.#multivariant()
        : rendition !== undefined
          ? await this.#playlist(rendition, searchParams)
          : await this.#file(name);
    const type = name.endsWith('.m3u8') ? 'application/vnd.apple.mpegurl' : 'video/mp4';
    return { contentType: type, encoding: undefined, ...answer, askedMs, answeredMs: this.#nowMs };
  };

  /** Advances the clock until the session is over. */
  async play<T>(session: Promise<T>): Promise<T> {
    let isOver = false;
    const over = session.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    while (!isOver && this.#nowMs < SECONDS * 1000) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      this.#nowMs += STEP_MS;
      for (const wake of [...this.#waiting]) {
        wake();
      }
    }
    return over;
  }

  async #until(isDue: () => boolean): Promise<void> {
    while (!isDue()) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  #multivariant(): Pick<Answer, 'status' | 'body'> {
    const text = `#EXTM3U
#EXT-X-VERSION:10
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",AUTOSELECT=YES,DEFAULT=YES,URI="audio2_stream.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=90000,CODECS="avc1.42C00A,mp4a.40.2",RESOLUTION=64x48,AUDIO="audio"
video1_stream.m3u8
`;
    return { status: 200, body: Buffer.from(this.#faults.multivariant?.(text) ?? text) };
  }

  async #playlist(rendition: string, query: URLSearchParams): Promise<Pick<Answer, 'status' | 'body'>> {
    const numbers = ['_HLS_msn', '_HLS_part'].map((name) => query.get(name) ?? undefined);
    const [msn, part] = numbers.map((text) => (text === undefined ? undefined : Number(text)));
    const asked = (): Asked => ({
      rendition,
      nowMs: this.#nowMs,
      ...(msn === undefined ? {} : { msn }),
      ...(part === undefined ? {} : { part }),
      skip: query.has('_HLS_skip'),
    });
    const isWrong =
      numbers.some((text) => text !== undefined && !/^\d+$/.test(text)) || (part !== undefined && msn === undefined);
    const status = isWrong || (msn ?? 0) > this.#snapshot(rendition).number + 2 ? 400 : 200;
    const reportedStatus = this.#faults.status?.(asked(), status) ?? status;
    if (reportedStatus !== 200 || status !== 200) {
      return { status: reportedStatus, body: Buffer.from('#EXTM3U\n') };
    }
    await this.#until(() => {
      const isThere = msn === undefined || this.#isThere(rendition, msn, part);
      return this.#faults.waitsUntil?.(asked(), isThere) ?? isThere;
    });
    const late = this.#faults.status?.(asked(), status) ?? status;
    if (late !== 200) {
      return { status: late, body: Buffer.from('') };
    }
    const { playlist } = this.#snapshot(rendition);
    const spoilt = this.#faults.playlist?.(playlist, asked()) ?? playlist;
    const others = this.#renditions.filter(({ name }) => name !== rendition);
    const text = writeMediaPlaylist(spoilt, {
      query: '',
      skip: query.has('_HLS_skip') ? 'yes' : 'no',
      others: others.map(({ name }) => ({ name, playlist: this.#snapshot(name).playlist })),
    });
    return { status: 200, body: Buffer.from(this.#faults.text?.(text, asked()) ?? text) };
  }

  #isThere(rendition: string, msn: number, part: number | undefined): boolean {
    const segment = this.#segmentsOf(rendition)[msn];
    const isWhole = segment !== undefined && segment.endMs <= this.#nowMs;
    if (segment === undefined || isWhole || part === undefined) {
      return isWhole && (part === undefined || part < segment.parts.length || this.#isThere(rendition, msn + 1, 0));
    }
    return (segment.parts[part]?.endMs ?? Number.POSITIVE_INFINITY) <= this.#nowMs;
  }

  #segmentsOf(rendition: string): readonly TapeSegment[] {
    return this.#renditions.find(({ name }) => name === rendition)?.segments ?? [];
  }

  #snapshot(rendition: string): { playlist: MediaPlaylist; number: number } {
    const all = this.#segmentsOf(rendition);
    const whole = all.filter(({ endMs }) => endMs <= this.#nowMs);
    const listed = whole.slice(-LISTED);
    const running = all[whole.length] as TapeSegment;
    const parts = running.parts.filter(({ endMs }) => endMs <= this.#nowMs);
    const first = listed[0]?.number ?? 0;
    const playlist: MediaPlaylist = {
      targetDurationS: 1,
      partTargetS: PART_TARGET_S,
      discontinuitySequence: first >= BREAK_AT_SEGMENT ? 1 : 0,
      segments: listed.map((segment, i) => (i < listed.length - WITH_PARTS ? { ...segment, parts: [] } : segment)),
      running: { ...running, parts, nextPartName: nextPart(all, running, parts.length) },
    };
    return { playlist, number: whole.length };
  }

  async #file(name: string): Promise<Pick<Answer, 'status' | 'body'>> {
    const part = this.#renditions
      .flatMap(({ segments }) => segments.flatMap((segment) => segment.parts))
      .find((one) => one.name === name);
    await this.#until(() => (part?.endMs ?? 0) <= this.#nowMs);
    const bytes = this.#files.get(name);
    const served = bytes && this.#faults.file ? this.#faults.file(name, bytes, this.#nowMs) : bytes;
    return served ? { status: 200, body: served } : { status: 404, body: new Uint8Array(0) };
  }

  /** Cuts samples into segments of a second and parts of `partSamples`. */
  #record(name: string, track: Track, samples: readonly Sample[], partSamples: number): TapeSegment[] {
    const init = { name: `t_${name}_init.mp4` };
    const init2 = { name: `t_${name}_init1.mp4` };
    this.#files.set(init.name, writeInit([track]));
    this.#files.set(init2.name, writeInit([track]));
    const segments: TapeSegment[] = [];
    let parts = 0;
    for (let number = 0; number < SECONDS; number += 1) {
      const own = samples.filter(({ dts }) => Math.floor(dts / track.clockRate) === number);
      const ends = (at: number) =>
        own[at]?.dts ?? samples[samples.indexOf(own.at(-1) as Sample) + 1]?.dts ?? SECONDS * track.clockRate;
      const lines: TapePart[] = [];
      const whole: Uint8Array[] = [];
      for (let at = 0; at < own.length; at += partSamples) {
        const piece = own.slice(at, at + partSamples);
        const [first] = piece as [Sample];
        const endDts = ends(at + partSamples);
        const bytes = Buffer.concat(
          writeFragment(parts + 1, [{ track: 0, baseTime: first.dts, samples: piece, endDts }]),
        );
        const line = { name: `t_${name}_part${parts}.mp4`, isIndependent: first.key };
        lines.push({
          ...line,
          durationS: (endDts - first.dts) / track.clockRate,
          endMs: (endDts * 1000) / track.clockRate,
        });
        this.#files.set(line.name, bytes);
        whole.push(bytes);
        parts += 1;
      }
      const [first] = own as [Sample];
      const fileName = `t_${name}_seg${number}.mp4`;
      this.#files.set(fileName, Buffer.concat(whole));
      segments.push({
        number,
        name: fileName,
        durationS: (ends(own.length) - first.dts) / track.clockRate,
        wallMs: first.wall,
        init: number < BREAK_AT_SEGMENT ? init : init2,
        isDiscontinuity: number === BREAK_AT_SEGMENT,
        isIndependent: true,
        isGap: false,
        parts: lines,
        endMs: lines.at(-1)?.endMs ?? 0,
      });
    }
    return segments;
  }
}

function nextPart(all: readonly TapeSegment[], running: TapeSegment, count: number): string {
  return (running.parts[count] ?? all[running.number + 1]?.parts[0])?.name ?? '';
}
