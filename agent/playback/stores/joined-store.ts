import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { listEntries } from '../list.ts';
import { ByteCache } from '../read/byte-cache.ts';
import { type GetQuery, type Query, type TimelineRequest, timelineQuery } from '../read/query.ts';
import { formatLocalTime, type ZonedTime } from '../read/rfc3339.ts';
import type { OtherParts, StoredPart } from '../read/stored-part.ts';
import type { RewindPeriod } from '../vod/recorded-streams.ts';
import { queryFrameTime, queryPeriod, queryRewind, type VodFile } from '../vod/vod-address.ts';
import {
  type InTurn,
  type JoinedTimeline,
  type MissingPart,
  missingOf,
  noteMissing,
  type PathRecordings,
  type RecordingStore,
  type StoredSpan,
  type WantedRange,
} from './contract.ts';
import { type DiskStore, sendPlaylist } from './disk-store.ts';
import { hasGaps, joinPlaylists, joinRewind, readSegments } from './joined-playlist.ts';
import { bridged, byStart, MAX_PARTS, MIN_GAP_US, missingHere, partsWanted } from './joined-spans.ts';
import { joinTimelines } from './joined-timeline.ts';

/** An own recording that ended this recently may still grow. */
const GROWING_US = 30_000_000;
/** If the nearest still on the disks is further away than this, the other store may have a better one. */
const NEAR_STILL_US = 5_000_000;
/** Time limit from the head to the end of the other store's list if the disks have recordings. */
const MAX_LIST_MS = 2_000;

export interface JoinedStoreDeps {
  readonly disk: DiskStore;
  readonly other: RecordingStore;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Whether this box records the path. */
  isRecorded(path: string): boolean;
}

/** A playlist that players have must not change while the other store is away. */
interface OpenRewind {
  /** Playlist of the other store. */
  readonly text: string;
  readonly settledUs: number;
  /** The other store's segments before this time are left out: it was away when the rewind was opened. */
  readonly sinceUs: number;
}

/** Recordings on the disks, and in their gaps those of another store. Requests wait for at most one answer of it. */
export class JoinedStore implements PathRecordings {
  readonly #deps: JoinedStoreDeps;
  /** Playlists of the other store while rewinds are open: that of a day takes a few megabytes. */
  readonly #rewinds = new ByteCache<OpenRewind>(8 << 20);

  constructor(deps: JoinedStoreDeps) {
    this.#deps = deps;
  }

  async list(path: string, start: ZonedTime | undefined, end: ZonedTime | undefined, baseUrl: string) {
    const own = await this.#deps.disk.playback.spans(path, start, end);
    const { added, missing } = await this.#added(path, own, start, end);
    const entries = listEntries([...own, ...added].sort(byStart), { path, start, baseUrl, zone: undefined });
    return { entries, missing };
  }

  async segments(path: string): Promise<readonly { readonly start: string }[]> {
    const { playback } = this.#deps.disk;
    const own = (await playback.segments(path)) ?? [];
    const { added } = await this.#added(path, await playback.spans(path));
    return [...own, ...added.map(({ startUs }) => ({ start: formatLocalTime(startUs, undefined) }))].sort(
      (one, other) => Date.parse(one.start) - Date.parse(other.start),
    );
  }

  /** What the other store adds to own recordings. @throws its PerchError if there are no own recordings */
  async #added(
    path: string,
    own: readonly StoredSpan[],
    start?: ZonedTime,
    end?: ZonedTime,
  ): Promise<{ readonly added: readonly StoredSpan[]; readonly missing: MissingPart | undefined }> {
    try {
      const others = await this.#deps.other.spans(path, start, end, own.length > 0 ? MAX_LIST_MS : undefined);
      return { added: missingHere(bridged(own), others), missing: undefined };
    } catch (error) {
      if (own.length === 0) {
        throw error;
      }
      return { added: [], missing: missingOf(error) };
    }
  }

  async timeline(request: TimelineRequest): Promise<JoinedTimeline> {
    const { from, to } = timelineQuery(request);
    const own = await this.#deps.disk.timeline(request);
    try {
      const others = await this.#deps.other.timeline(request);
      return { ...joinTimelines(own, others, (to.us - from.us) / 1e6), missing: null };
    } catch (error) {
      const missing = missingOf(error);
      if (!missing && own.first === null) {
        throw error;
      }
      return { ...own, missing: missing ?? null };
    }
  }

  async get(wanted: GetQuery, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { path, startUs, durationUs } = wanted;
    const endUs = startUs + durationUs;
    const { disk, other, clock } = this.#deps;
    const spans = await disk.playback.spans(path, zoned(startUs), zoned(endUs));
    const own = bridged(spans);
    const [first] = own;
    if (!first || first.startUs >= endUs) {
      return other.get(wanted, request, reply);
    }
    const isBegun = first.startUs - startUs < MIN_GAP_US;
    if (isBegun && (endUs - first.endUs < MIN_GAP_US || first.endUs > clock.wallMs() * 1000 - GROWING_US)) {
      return disk.get(wanted, request, reply);
    }
    const { added, missing } = await this.#added(path, spans, zoned(isBegun ? first.endUs : startUs), zoned(endUs));
    noteMissing(reply, missing);
    const { parts, ending } = partsWanted(spans, added, wanted, wanted.skipsGaps === true);
    const [next] = parts;
    if (!next) {
      return disk.get(wanted, request, reply);
    }
    const others: OtherParts = (signal) => this.#openParts(path, parts, signal);
    try {
      return await disk.get(wanted, request, reply, { others, ending });
    } catch (error) {
      // Answers with the recordings of one side, up to the first of the other side.
      if (!(error instanceof PerchError) || reply.sent) {
        throw error;
      }
      noteMissing(reply, missingOf(error));
      const isOthers = next.startUs < first.startUs;
      const resumeUs = isOthers ? first.startUs : next.startUs;
      const ending = { durationUs: resumeUs - startUs, resumeUs };
      return (
        isOthers ? other.get(wanted, request, reply, ending) : disk.get(wanted, request, reply, { ending })
      ).catch(orElse(reply, () => disk.get(wanted, request, reply)));
    }
  }

  async partsOf(wanted: WantedRange): Promise<OtherParts | undefined> {
    const { path, startUs, durationUs } = wanted;
    const [start, end] = [zoned(startUs), zoned(startUs + durationUs)];
    const spans = await this.#deps.disk.playback.spans(path, start, end);
    const { added, missing } = await this.#added(path, spans, start, end);
    if (missing) {
      throw new PerchError('unavailable', missing.text, { why: missing.why, since: missing.since });
    }
    const { parts, ending } = partsWanted(spans, added, wanted, true);
    if (ending) {
      const message = `recordings of path '${path}' change more than ${MAX_PARTS} times between the server and the box: ask for a shorter time`;
      throw new PerchError('badInput', message, { path });
    }
    return parts.length > 0 ? (signal) => this.#openParts(path, parts, signal) : undefined;
  }

  async #openParts(path: string, parts: readonly StoredSpan[], signal: AbortSignal): Promise<readonly StoredPart[]> {
    const opened: StoredPart[] = [];
    for (const part of parts) {
      opened.push(await this.#deps.other.open(path, part, signal));
    }
    return opened;
  }

  async file(file: VodFile, request: FastifyRequest, reply: FastifyReply, inTurn: InTurn): Promise<FastifyReply> {
    const { disk, other } = this.#deps;
    const fromDisk = () => disk.file(file, request, reply, inTurn);
    const fromOther = () => other.file(file, request, reply);
    switch (file.kind) {
      case 'vodMedia':
        return this.#media(file, request, reply, inTurn);
      case 'rewindMedia':
        return this.#rewind(file, request, reply, inTurn);
      case 'still':
        return (await this.#hasStill(file.path, request.query as Query))
          ? fromDisk()
          : fromOther().catch(orElse(reply, fromDisk));
      default:
        return fromDisk().catch((error: unknown) => {
          unlessFound(error);
          return orElse(reply, fromOther)(error);
        });
    }
  }

  async #media(file: VodFile, request: FastifyRequest, reply: FastifyReply, inTurn: InTurn): Promise<FastifyReply> {
    const { disk, other } = this.#deps;
    const query = request.query as Query;
    const period = queryPeriod(query);
    const text = await disk.playback.streams.media(file.path, period).catch(unlessFound);
    const own = text === undefined ? [] : readSegments(text, true);
    if (own.length === 0) {
      return other.file(file, request, reply);
    }
    let joined: string | undefined;
    try {
      joined = hasGaps(own, period)
        ? joinPlaylists(own, readSegments(await other.playlist(file, query), false), period)
        : undefined;
    } catch (error) {
      noteMissing(reply, missingOf(error));
    }
    return joined === undefined ? disk.file(file, request, reply, inTurn) : sendPlaylist(request, reply, joined);
  }

  async #rewind(file: VodFile, request: FastifyRequest, reply: FastifyReply, inTurn: InTurn): Promise<FastifyReply> {
    const { disk, other, isRecorded } = this.#deps;
    const { path } = file;
    const query = request.query as Query;
    const rewind = queryRewind(query);
    const { startUs, targetSeconds } = rewind;
    const text = await disk.playback.streams.rewindMedia(path, rewind).catch(unlessFound);
    const own = text === undefined ? [] : readSegments(text, true);
    if (own.length === 0 && !isRecorded(path)) {
      return other.file(file, request, reply);
    }
    const settledUs = this.#settledUs(path, rewind);
    if (bridged(own).length === 1 && !hasGaps(own, { startUs, durationUs: settledUs - startUs })) {
      return disk.file(file, request, reply, inTurn);
    }
    const key = JSON.stringify([path, startUs, targetSeconds]);
    const before = this.#rewinds.get(key);
    let open: OpenRewind = { text: '', settledUs, sinceUs: before?.sinceUs ?? 0 };
    let theirs: ReturnType<typeof readSegments> = [];
    let failure: unknown;
    try {
      const found = await other.playlist(file, query);
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
    const found = await this.#deps.disk.playback.snapshot(path, timeUs).catch(unlessFound);
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

/** Answers from the second store after a failure of the first. */
const orElse =
  (reply: FastifyReply, second: () => Promise<FastifyReply>) =>
  async (error: unknown): Promise<FastifyReply> => {
    noteMissing(reply, missingOf(error));
    return second().catch((other: unknown) => {
      throw lesser(error, other);
    });
  };

/** The failure that says more: `other` if `one` is `notFound`. */
const lesser = (one: unknown, other: unknown): unknown =>
  one instanceof PerchError && one.code === 'notFound' ? other : one;
