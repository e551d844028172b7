import type { FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import type { SnapshotSource } from '../../record/snapshots/snapshot-taker.ts';
import type { ListEntry } from '../list.ts';
import type { GetQuery, Query, TimelineRequest } from '../read/query.ts';
import type { ZonedTime } from '../read/rfc3339.ts';
import type { OtherParts, StoredPart } from '../read/stored-part.ts';
import type { Timeline } from '../timeline.ts';
import type { VodFile } from '../vod/vod-address.ts';

/** What answers requests for the recordings of a path: the index of this box, or that joined with another store. */
export interface PathRecordings {
  /** The entries of `/list`. @param baseUrl of this server, without a final slash */
  list(path: string, start: ZonedTime | undefined, end: ZonedTime | undefined, baseUrl: string): Promise<JoinedList>;
  /** Starts of recordings, oldest first; undefined for a path that is not configured and has no recordings. */
  segments(path: string): Promise<readonly { readonly start: string }[] | undefined>;
  timeline(request: TimelineRequest): Promise<JoinedTimeline>;
  /** Answers `/get`. */
  get(wanted: GetQuery, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
  /** The parts of a range that lie elsewhere, across gaps. @throws PerchError */
  partsOf(wanted: WantedRange): Promise<OtherParts | undefined>;
  /** Answers an address of `vodRoutes`. @param inTurn runs what takes much of the processor */
  file(file: VodFile, request: FastifyRequest, reply: FastifyReply, inTurn: InTurn): Promise<FastifyReply>;
}

export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** Paths whose recordings lie elsewhere, too. Their code is loaded with the first request for one. */
export interface StoreOffer {
  has(path: string): boolean;
  names(): readonly string[];
  open(): Promise<RecordingStore>;
}

/**
 * Recordings that are not on the disks of this box, which take precedence where both have some. While the store is away its failures say why:
 * its spans are missing, not gone.
 */
export interface RecordingStore {
  /** Oldest first. @param bodyMs time limit from the head of the answer to its end */
  spans(path: string, start?: ZonedTime, end?: ZonedTime, bodyMs?: number): Promise<readonly StoredSpan[]>;
  timeline(request: TimelineRequest): Promise<StoredTimeline>;
  /** A stretch, from a key frame on. */
  open(path: string, span: StoredSpan, signal: AbortSignal): Promise<StoredPart>;
  /** A checked media playlist. */
  playlist(file: VodFile, query: Query): Promise<string>;
  /** Passes the answer to `/get` on. @param part default: all that was asked for */
  get(wanted: WantedRange, request: FastifyRequest, reply: FastifyReply, part?: DownloadPart): Promise<FastifyReply>;
  /** Passes the answer to an address of `vodRoutes` on. */
  file(file: VodFile, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
  /** The newest recorded picture as JPEG. */
  picture(path: string, signal: AbortSignal): ReturnType<SnapshotSource['fetch']>;
}

/** A recorded range without a gap. */
export interface StoredSpan {
  readonly startUs: number;
  readonly durationUs: number;
}

/** Protected ranges concern only the owner of the store. */
export type StoredTimeline = Omit<Timeline, 'path' | 'from' | 'to' | 'protected'>;

export interface JoinedTimeline extends Timeline {
  /** Why recordings are missing from the timeline; null: none are missing. */
  readonly missing: MissingPart | null;
}

interface JoinedList {
  readonly entries: readonly ListEntry[];
  readonly missing?: MissingPart | undefined;
}

/** Path and range of a request to `/get`. */
export interface WantedRange {
  readonly path: string;
  readonly startUs: number;
  readonly durationUs: number;
}

/** The beginning of a wanted range; the rest lies in another store. */
export interface DownloadPart {
  readonly durationUs: number;
  readonly resumeUs: number;
}

/** Why recordings of another store are not shown. */
export interface MissingPart {
  /** As `why` of a failure: `boxAway`, for example. */
  readonly why: string;
  /** RFC 3339; null: not known. */
  readonly since: string | null;
  readonly text: string;
}

const MISSING_HEADER = 'Perch-Missing';

/** Sets the header that says why recordings are missing. */
export function noteMissing(reply: FastifyReply, missing: MissingPart | undefined): void {
  if (missing) {
    const { why, since } = missing;
    reply.header(MISSING_HEADER, since === null ? why : `${why}; since="${since}"`);
  }
}

/** Why recordings of a box are missing, or undefined if it has none, or this server may not see them. @throws any error that is no PerchError */
export function missingOf(error: unknown): MissingPart | undefined {
  if (!(error instanceof PerchError)) {
    throw error;
  }
  const { why, since } = error.context;
  return typeof why === 'string' && why.startsWith('box') && why !== 'boxRefuses'
    ? { why, since: typeof since === 'string' ? since : null, text: error.message }
    : undefined;
}
