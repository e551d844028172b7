import type { Mp4Track } from '../../agent/media/mp4/read/read-track.ts';
import { brokenByChange, brokenByUpdate, updated } from './change-rules.ts';
import { type MediaRun, readInit, readRun } from './fragments.ts';
import { brokenContinuity, brokenPart, brokenSegment, nameOf } from './media-rules.ts';
import type { Media, Segment } from './playlist.ts';
import { brokenInPlaylist, endOf } from './playlist-rules.ts';
import { readMedia } from './read-media.ts';
import { brokenByAnswer, type Directives, hasGivenUp } from './request-rules.ts';
import { ShortParts } from './short-parts.ts';
import { TsSegments } from './ts-segments.ts';

export interface Answer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly encoding: string | undefined;
  readonly body: Uint8Array;
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** How files are fetched: by HTTP, or from a session that was written down. */
export type Get = (url: string) => Promise<Answer>;

export interface FollowerOptions {
  readonly get: Get;
  /** URL of the media playlist. */
  readonly url: string;
  readonly endMs: number;
  /** Asks as low-latency players do: waits for each part, takes updates and hinted parts. Otherwise it polls. */
  readonly isLowLatency: boolean;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

interface Seen {
  readonly media: Media;
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** One rendition, followed by a client that believes nothing. */
export class Follower {
  readonly violations: string[] = [];
  /** Complete playlists, as loaded or as updated. */
  readonly history: Seen[] = [];
  readonly counts = { playlists: 0, updates: 0, parts: 0, segments: 0, gzipped: 0 };
  readonly inits = new Map<string, Mp4Track>();
  /** Segments by media sequence number: bits per second, and when the first sample is shown. */
  readonly segments = new Map<number, { readonly bitRate: number; readonly shownS: number; readonly wallMs: number }>();
  readonly #options: FollowerOptions;
  /** Parts whose segment is not whole yet. */
  readonly #parts = new Map<string, MediaRun>();
  readonly #checked = new Set<string>();
  /** Loaded parts that are not read yet: hinted ones, before they are listed. */
  readonly #partBytes = new Map<string, Uint8Array>();
  readonly #taken = new Set<number>();
  readonly #ts = new TsSegments();
  readonly #shortParts = new ShortParts();
  #lastRun: { readonly number: number; readonly run: MediaRun } | undefined;
  #lastPart: { readonly run: MediaRun } | undefined;
  /** After the last request was given up. */
  #isAskedAgain = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  async follow(): Promise<void> {
    await this.#followOn();
    this.#break(...this.#shortParts.end());
  }

  async #followOn(): Promise<void> {
    const first = await this.#ask({});
    if (!first) {
      return;
    }
    await this.#takeFiles(first);
    let round = 0;
    while (this.#options.nowMs() < this.#options.endMs && this.violations.length < MAX_VIOLATIONS) {
      const known = this.history.at(-1)?.media as Media;
      const isBlocking = this.#options.isLowLatency && known.partTargetS !== undefined;
      const next = isBlocking ? await this.#askNext(known, round) : await this.#askLater(known);
      if (!next) {
        return;
      }
      await this.#takeFiles(next);
      await this.#lookForLeft(known, next);
      round += 1;
    }
  }

  #break(...found: readonly string[]): void {
    this.violations.push(...found.map((text) => `${nameOf(this.#options.url)}: ${text}`));
  }

  async #askLater(known: Media): Promise<Media | undefined> {
    await this.#options.sleep((known.targetDurationS * 1000) / 2);
    return this.#ask({});
  }

  /** The next part, by its playlist and by the hinted address, both requested before it exists. */
  async #askNext(known: Media, round: number): Promise<Media | undefined> {
    const { msn, part } = endOf(known);
    const isRunning = known.running?.number === msn;
    const next: Directives = isRunning ? { msn, part: (part ?? -1) + 1 } : { msn: msn + 1, part: 0 };
    const hinted = known.hint === undefined ? Promise.resolve() : this.#fetchPart(known.hint);
    const isWhole = round % 4 === 0;
    const updateOf = { ...next, skip: true };
    const [media] = await Promise.all([isWhole ? this.#askBoth(known, next) : this.#ask(updateOf, known), hinted]);
    return media;
  }

  /** The whole playlist and its update at one moment: they must say the same. */
  async #askBoth(known: Media, next: Directives): Promise<Media | undefined> {
    const [update, whole] = await Promise.all([
      this.#fetchPlaylist({ ...next, skip: true }),
      this.#fetchPlaylist(next),
    ]);
    const [short, full] = [update.media, whole.media];
    this.#break(...brokenByAnswer({ ...update, directives: { ...next, skip: true } }, known));
    if (short && full && JSON.stringify(endOf(short)) === JSON.stringify(endOf(full))) {
      this.counts.updates += short.skipped === undefined ? 0 : 1;
      this.#break(...brokenByUpdate(known, short, full));
    }
    return this.#accept(next, whole, known);
  }

  async #ask(directives: Directives, known?: Media): Promise<Media | undefined> {
    return this.#accept(directives, await this.#fetchPlaylist(directives), known);
  }

  #accept(directives: Directives, answer: PlaylistFetch, known: Media | undefined): Media | undefined {
    this.#break(...brokenByAnswer({ ...answer, directives }, known));
    const { media } = answer;
    if (!media && known && !this.#isAskedAgain && hasGivenUp(answer, known)) {
      this.#isAskedAgain = true;
      return known;
    }
    if (!media) {
      this.#break(...(this.#isAskedAgain ? ['blocking: a request that was given up is answered no better'] : []));
      return undefined;
    }
    this.#isAskedAgain = false;
    if (media.skipped !== undefined) {
      this.counts.updates += 1;
    }
    const last = this.history.at(-1)?.media;
    const whole = last ? updated(last, media) : media;
    if (!whole || (media.skipped !== undefined && !last)) {
      this.#break(
        `update: ${media.skipped} segments skipped from ${media.mediaSequence} on, which the client does not have`,
      );
      return undefined;
    }
    this.#break(...brokenInPlaylist(media), ...(last ? brokenByChange(last, whole) : []));
    this.#shortParts.take(whole);
    this.history.push({ media: whole, askedMs: answer.askedMs, answeredMs: answer.answeredMs });
    return whole;
  }

  async #fetchPlaylist({ msn, part, skip }: Directives): Promise<PlaylistFetch> {
    const url = new URL(this.#options.url);
    for (const [name, value] of [
      ['_HLS_msn', msn],
      ['_HLS_part', part],
      ['_HLS_skip', skip ? 'YES' : undefined],
    ] as const) {
      if (value !== undefined) {
        url.searchParams.set(name, String(value));
      }
    }
    const answer = await this.#options.get(url.href);
    this.counts.playlists += 1;
    this.counts.gzipped += answer.encoding === 'gzip' ? 1 : 0;
    if (answer.status !== 200) {
      return { ...answer, media: undefined };
    }
    try {
      return { ...answer, media: readMedia(Buffer.from(answer.body).toString()) };
    } catch (error) {
      this.#break(`syntax: ${error instanceof Error ? error.message : error}`);
      return { ...answer, media: undefined };
    }
  }

  /** All new entries of a playlist. */
  async #takeFiles(media: Media): Promise<void> {
    const isFirst = this.history.length === 1;
    for (const segment of media.segments) {
      if (!this.#taken.has(segment.number)) {
        this.#taken.add(segment.number);
        if (segment.parts.length === 0) {
          // Its parts are not listed, or no longer: the next segment has nothing to continue.
          this.#lastPart = undefined;
        }
        await this.#takeParts(segment, segment.map);
        // Before the start, two segments suffice.
        const isOld = isFirst && segment.number < (media.segments.at(-1)?.number ?? 0) - 1;
        await (segment.isGap || isOld ? undefined : this.#takeSegment(segment, media));
      }
    }
    if (media.running) {
      await this.#takeParts(media.running, media.running.map);
    }
  }

  /** Clients still fetch what has left the playlist since they loaded it (RFC 8216bis §6.2.2). */
  async #lookForLeft(before: Media, after: Media): Promise<void> {
    for (const { number, uri, isGap } of before.segments) {
      if (number < after.mediaSequence && !isGap) {
        const { status } = await this.#options.get(new URL(uri, this.#options.url).href);
        if (status !== 200) {
          this.#break(`left: segment ${number} answered with ${status} as soon as it had left the playlist`);
        }
      }
    }
  }

  async #takeParts(segment: Pick<Segment, 'parts' | 'isDiscontinuity'>, map: string | undefined): Promise<void> {
    const track = map === undefined ? undefined : await this.#initOf(map);
    for (const [i, part] of segment.parts.entries()) {
      if (this.#checked.has(part.uri) || part.isGap || !track) {
        continue;
      }
      this.#checked.add(part.uri);
      const run = await this.#guard(`part ${nameOf(part.uri)}`, async () => {
        return readRun((await this.#fetchPart(part.uri)) ?? new Uint8Array(0), track);
      });
      this.#partBytes.delete(part.uri);
      if (!run) {
        continue;
      }
      this.#parts.set(part.uri, run);
      this.counts.parts += 1;
      this.#break(...brokenPart(part, run, track));
      const isBreak = i === 0 && segment.isDiscontinuity;
      if (this.#lastPart && !isBreak) {
        this.#break(...brokenContinuity(`part ${nameOf(part.uri)}`, this.#lastPart.run, run, track));
      }
      this.#lastPart = { run };
    }
  }

  async #fetchPart(uri: string): Promise<Uint8Array | undefined> {
    const known = this.#partBytes.get(uri);
    if (known) {
      return known;
    }
    const bytes = await this.#fetchFile(uri, /^(video|audio)\/mp4$/);
    if (bytes) {
      this.#partBytes.set(uri, bytes);
    }
    return bytes;
  }

  async #takeSegment(segment: Segment, media: Media): Promise<void> {
    const isTs = segment.map === undefined;
    const bytes = await this.#fetchFile(segment.uri, isTs ? /^video\/mp2t$/i : /^(video|audio)\/mp4$/);
    if (!bytes) {
      return;
    }
    this.counts.segments += 1;
    const bitRate = (bytes.length * 8) / segment.durationS;
    if (isTs) {
      this.#break(...this.#ts.take(segment, bytes, media.claimsIndependence));
      this.segments.set(segment.number, { bitRate, shownS: this.#ts.startS, wallMs: segment.wallMs ?? 0 });
      return;
    }
    const track = await this.#initOf(segment.map ?? '');
    const run = track && (await this.#guard(`segment ${segment.number}`, async () => readRun(bytes, track)));
    if (!track || !run) {
      return;
    }
    const parts = segment.parts.map((part) => this.#parts.get(part.uri)).filter((part) => part !== undefined);
    this.#break(...brokenSegment(segment, run, parts, track, media.claimsIndependence));
    for (const part of segment.parts) {
      this.#parts.delete(part.uri);
    }
    if (this.#lastRun?.number === segment.number - 1 && !segment.isDiscontinuity) {
      this.#break(...brokenContinuity(`segment ${segment.number}`, this.#lastRun.run, run, track));
    }
    this.#lastRun = { number: segment.number, run };
    this.segments.set(segment.number, { bitRate, shownS: run.shownS, wallMs: segment.wallMs ?? 0 });
  }

  async #initOf(uri: string): Promise<Mp4Track | undefined> {
    const known = this.inits.get(uri);
    if (known) {
      return known;
    }
    const bytes = await this.#fetchFile(uri, /^(video|audio)\/mp4$/);
    const track = bytes && (await this.#guard(`init ${nameOf(uri)}`, async () => readInit(bytes)));
    if (track) {
      this.inits.set(uri, track);
    }
    return track;
  }

  async #fetchFile(uri: string, type: RegExp): Promise<Uint8Array | undefined> {
    const answer = await this.#options.get(new URL(uri, this.#options.url).href);
    const { status, contentType, body } = answer;
    const known = this.history.at(-1)?.media;
    if (known?.hint === uri && hasGivenUp(answer, known)) {
      return undefined;
    }
    if (status !== 200) {
      this.#break(`file: ${nameOf(uri)} answered with ${status}`);
      return undefined;
    }
    if (body.length === 0) {
      this.#break(`empty: ${nameOf(uri)} has no bytes`);
      return undefined;
    }
    if (!type.test(contentType ?? '')) {
      this.#break(`content type: ${nameOf(uri)} came as ${contentType}`);
    }
    return body;
  }

  async #guard<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      this.#break(`media: ${what}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }
}

interface PlaylistFetch extends Answer {
  readonly media: Media | undefined;
}

/** More of them say nothing more. */
const MAX_VIOLATIONS = 100;
