import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { listEntries } from '../../../playback/list.ts';
import type { Playback } from '../../../playback/playback.ts';
import { ByteCache } from '../../../playback/read/byte-cache.ts';
import { type Query, type TimelineRequest, timelineQuery } from '../../../playback/read/query.ts';
import {
  type MissingPart,
  missingOf,
  noteMissing,
  type OtherParts,
  type RemotePart,
  type RemotePlayback,
  type VodFile,
  type WantedRange,
} from '../../../playback/read/remote.ts';
import { formatLocalTime, type ZonedTime } from '../../../playback/read/rfc3339.ts';
import type { RewindPeriod } from '../../../playback/vod/recorded-streams.ts';
import { queryFrameTime, queryPeriod, queryRewind, sendPlaylist } from '../../../playback/vod/vod-routes.ts';
import type { Recordings } from '../../../recordings/recordings.ts';
import type { BoxSpan } from '../requests/box-answers.ts';
import { MAX_ANSWER_MS } from '../requests/box-requests.ts';
import { hasGaps, joinPlaylists, joinRewind, readSegments } from './joined-playlist.ts';
import { bridged, byStart, MAX_PARTS, MIN_GAP_US, missingHere, partsWanted } from './joined-spans.ts';
import { type JoinedTimeline, joinTimelines } from './joined-timeline.ts';
import type { RemoteRecordings } from './remote-recordings.ts';

/** An own recording that ended this recently may still grow. */
const GROWING_US = 30_000_000;
/** If the nearest still here is further away than this, the box may have a better one. */
const NEAR_STILL_US = 5_000_000;
/** Memory for playlists of boxes while rewinds of their cameras are open: the playlist of a day takes a few megabytes. */
const MAX_REWIND_BYTES = 8 << 20;

interface JoinedRecordingsDeps {
  readonly box: RemoteRecordings;
  readonly playback: Pick<Playback, 'spans' | 'segments' | 'streams' | 'snapshot'>;
  readonly timeline: Recordings['timeline'];
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Whether the path is recorded here. */
  isRecorded(path: string): boolean;
}

/** A playlist that players have must not change while the box is away. */
interface OpenRewind {
  /** Playlist of the box. */
  readonly text: string;
  readonly settledUs: number;
  /** The box's segments before this time are left out: the box was away when the rewind was opened. */
  readonly sinceUs: number;
}

/** Recordings of a camera of a box: those here, and in their gaps those of the box. Requests wait for at most one answer of a box. */
export class JoinedRecordings implements Omit<RemotePlayback, 'has'> {
  readonly #deps: JoinedRecordingsDeps;

  readonly #rewinds = new ByteCache<OpenRewind>(MAX_REWIND_BYTES);

  constructor(deps: JoinedRecordingsDeps) {
    this.#deps = deps;
  }

  async list(path: string, start: ZonedTime | undefined, end: ZonedTime | undefined, baseUrl: string) {
    const own = await this.#deps.playback.spans(path, start, end);
    const { added, missing } = await this.#added(path, own, start, end);
    const entries = listEntries([...own, ...added].sort(byStart), { path, start, baseUrl, zone: undefined });
    return { entries, missing };
  }

  /** Start times of recordings, RFC 3339, oldest first. */
  async starts(path: string): Promise<readonly string[]> {
    const { playback } = this.#deps;
    const own = ((await playback.segments(path)) ?? []).map(({ start }) => start);
    const { added } = await this.#added(path, await playback.spans(path));
    return [...own, ...added.map(({ startUs }) => formatLocalTime(startUs, undefined))].sort(
      (one, other) => Date.parse(one) - Date.parse(other),
    );
  }

  /** What the box adds to own recordings. @throws PerchError of the box, if there are no own recordings */
  async #added(
    path: string,
    own: readonly BoxSpan[],
    start?: ZonedTime,
    end?: ZonedTime,
  ): Promise<{ readonly added: readonly BoxSpan[]; readonly missing: MissingPart | undefined }> {
    try {
      const box = await this.#deps.box.spans(path, start, end, own.length > 0 ? MAX_ANSWER_MS : undefined);
      return { added: missingHere(bridged(own), box), missing: undefined };
    } catch (error) {
      if (own.length === 0) {
        throw error;
      }
      return { added: [], missing: missingOf(error) };
    }
  }

  async timeline(request: TimelineRequest): Promise<JoinedTimeline> {
    const { from, to } = timelineQuery(request);
    const own = await this.#deps.timeline(request);
    try {
      const box = await this.#deps.box.timeline(request);
      return { ...joinTimelines(own, box, (to.us - from.us) / 1e6), missing: null };
    } catch (error) {
      const missing = missingOf(error);
      if (!missing && own.first === null) {
        throw error;
      }
      return { ...own, missing: missing ?? null };
    }
  }

  async get(...[wanted, request, reply, here]: Parameters<RemotePlayback['get']>): Promise<FastifyReply> {
    const { path, startUs, durationUs } = wanted;
    const endUs = startUs + durationUs;
    const { playback, box, clock } = this.#deps;
    const spans = await playback.spans(path, zoned(startUs), zoned(endUs));
    const own = bridged(spans);
    const [first] = own;
    if (!first || first.startUs >= endUs) {
      return box.get(wanted, request, reply);
    }
    const isBegun = first.startUs - startUs < MIN_GAP_US;
    if (isBegun && (endUs - first.endUs < MIN_GAP_US || first.endUs > clock.wallMs() * 1000 - GROWING_US)) {
      return here();
    }
    const { added, missing } = await this.#added(path, spans, zoned(isBegun ? first.endUs : startUs), zoned(endUs));
    noteMissing(reply, missing);
    const { parts, ending } = partsWanted(spans, added, wanted, wanted.skipsGaps === true);
    const [next] = parts;
    if (!next) {
      return here();
    }
    const others: OtherParts = (signal) => this.#fetchParts(path, parts, signal);
    return here({ others, ...(ending && { ending }) })
      .catch((error: unknown) => {
        // Answers with the recordings of one side, up to the first of the other side.
        if (!(error instanceof PerchError) || reply.sent) {
          throw error;
        }
        noteMissing(reply, missingOf(error));
        return next.startUs < first.startUs
          ? box.get(wanted, request, reply, { durationUs: first.startUs - startUs, resumeUs: first.startUs })
          : here({ ending: { durationUs: next.startUs - startUs, resumeUs: next.startUs } });
      })
      .catch(insteadOfBox(reply, here));
  }

  async partsOf(wanted: WantedRange): Promise<OtherParts | undefined> {
    const { path, startUs, durationUs } = wanted;
    const [start, end] = [zoned(startUs), zoned(startUs + durationUs)];
    const spans = await this.#deps.playback.spans(path, start, end);
    const { added, missing } = await this.#added(path, spans, start, end);
    if (missing) {
      throw new PerchError('unavailable', missing.text, { why: missing.why, since: missing.since });
    }
    const { parts, ending } = partsWanted(spans, added, wanted, true);
    if (ending) {
      const message = `recordings of path '${path}' change more than ${MAX_PARTS} times between the server and the box: ask for a shorter time`;
      throw new PerchError('badInput', message, { path });
    }
    return parts.length > 0 ? (signal) => this.#fetchParts(path, parts, signal) : undefined;
  }

  async #fetchParts(path: string, parts: readonly BoxSpan[], signal: AbortSignal): Promise<readonly RemotePart[]> {
    const found: RemotePart[] = [];
    for (const part of parts) {
      found.push(await this.#deps.box.part(path, part, signal));
    }
    return found;
  }

  async file(
    path: string,
    file: VodFile,
    request: FastifyRequest,
    reply: FastifyReply,
    here: () => Promise<FastifyReply>,
  ): Promise<FastifyReply> {
    const { box } = this.#deps;
    const there = () => box.file(path, file, request, reply);
    switch (file.role) {
      case 'vodMedia':
        return this.#media(path, file, request, reply, here);
      case 'still':
        return (await this.#hasStill(path, request.query as Query)) ? here() : there().catch(insteadOfBox(reply, here));
      case 'rewindMedia':
        return this.#rewind(path, file, request, reply, here);
      default:
        return here().catch(insteadOfHere(there));
    }
  }

  async #media(
    path: string,
    file: VodFile,
    request: FastifyRequest,
    reply: FastifyReply,
    here: () => Promise<FastifyReply>,
  ): Promise<FastifyReply> {
    const { box, playback } = this.#deps;
    const query = request.query as Query;
    const period = queryPeriod(query);
    const text = await playback.streams.media(path, period).catch(unlessFound);
    const own = text === undefined ? [] : readSegments(text, true);
    if (own.length === 0) {
      return box.file(path, file, request, reply);
    }
    if (!hasGaps(own, period)) {
      return here();
    }
    try {
      const joined = joinPlaylists(own, readSegments(await box.playlist(path, file, query), false), period);
      return joined === undefined ? here() : sendPlaylist(request, reply, joined);
    } catch (error) {
      noteMissing(reply, missingOf(error));
      return here();
    }
  }

  async #rewind(
    path: string,
    file: VodFile,
    request: FastifyRequest,
    reply: FastifyReply,
    here: () => Promise<FastifyReply>,
  ): Promise<FastifyReply> {
    const { box, playback, isRecorded } = this.#deps;
    const query = request.query as Query;
    const rewind = queryRewind(query);
    const { startUs, targetSeconds } = rewind;
    const text = await playback.streams.rewindMedia(path, rewind).catch(unlessFound);
    const own = text === undefined ? [] : readSegments(text, true);
    if (own.length === 0 && !isRecorded(path)) {
      return box.file(path, file, request, reply);
    }
    const settledUs = this.#settledUs(path, rewind);
    if (bridged(own).length === 1 && !hasGaps(own, { startUs, durationUs: settledUs - startUs })) {
      return here();
    }
    const key = JSON.stringify([path, startUs, targetSeconds]);
    const before = this.#rewinds.get(key);
    const sinceUs = before?.sinceUs ?? 0;
    let [open, theirs]: [OpenRewind, ReturnType<typeof readSegments>] = [{ text: '', settledUs, sinceUs }, []];
    let failure: unknown;
    try {
      const found = await box.playlist(path, file, query);
      theirs = readSegments(found, false);
      open = { ...open, text: found };
    } catch (error) {
      failure = error;
      const missing = missingOf(error);
      noteMissing(reply, missing);
      if (missing) {
        open = before ?? { ...open, sinceUs: settledUs };
        theirs = readSegments(open.text, false);
      }
    }
    const shown = theirs.filter((segment) => segment.startUs >= open.sinceUs);
    const joined = joinRewind(own, shown, { settledUs: open.settledUs, targetSeconds });
    if (joined === undefined) {
      throw failure ?? new PerchError('notFound', 'no recording segments found', { path });
    }
    this.#rewinds.set(key, open, key.length + open.text.length);
    return sendPlaylist(request, reply, joined);
  }

  /** All that was recorded here before this time is listed: a segment is as long as the target, and is listed after its end. */
  #settledUs(path: string, { startUs, targetSeconds }: RewindPeriod): number {
    const { clock, isRecorded } = this.#deps;
    const nowUs = clock.wallMs() * 1000;
    return isRecorded(path)
      ? Math.max(startUs, nowUs - GROWING_US - 2 * targetSeconds * 1e6)
      : Number.POSITIVE_INFINITY;
  }

  async #hasStill(path: string, query: Query): Promise<boolean> {
    const timeUs = queryFrameTime(query);
    const found = await this.#deps.playback.snapshot(path, timeUs).catch(unlessFound);
    return found !== undefined && Math.abs(found.timeUs - timeUs) <= NEAR_STILL_US;
  }
}

const zoned = (us: number): ZonedTime => ({ us, offsetMs: 0 });

/** @throws the error unless recordings are missing or unreadable here */
function unlessFound(error: unknown): undefined {
  if (!(error instanceof PerchError && (error.code === 'notFound' || error.code === 'unavailable'))) {
    throw error;
  }
}

/** Answers from here instead of the box. */
const insteadOfBox =
  (reply: FastifyReply, here: () => Promise<FastifyReply>) =>
  async (error: unknown): Promise<FastifyReply> => {
    noteMissing(reply, missingOf(error));
    return here().catch((second: unknown) => {
      throw lesser(error, second);
    });
  };

/** Answers from the box instead of from here. */
const insteadOfHere =
  (there: () => Promise<FastifyReply>) =>
  async (error: unknown): Promise<FastifyReply> => {
    unlessFound(error);
    return there().catch((second: unknown) => {
      throw lesser(error, second);
    });
  };

/** The failure that says more: `other` if `one` is `notFound`. */
const lesser = (one: unknown, other: unknown): unknown =>
  one instanceof PerchError && one.code === 'notFound' ? other : one;
