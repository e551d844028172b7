import type { FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import type { ZonedTime } from './rfc3339.ts';
import type { Tabled } from './table-cache.ts';

/** Recordings on other boxes, joined with those here, which take precedence. */
export interface RemotePlayback {
  /** Whether another box may have recordings of the path that the client may see. */
  has(path: string, request: FastifyRequest): boolean;
  /** The entries of `/list`. @param baseUrl of this server, without a final slash */
  list(
    path: string,
    start: ZonedTime | undefined,
    end: ZonedTime | undefined,
    baseUrl: string,
  ): Promise<{ readonly entries: readonly object[]; readonly missing: MissingPart | undefined }>;
  /** Answers `/get`. */
  get(
    wanted: WantedRange & { readonly skipsGaps?: boolean | undefined },
    request: FastifyRequest,
    reply: FastifyReply,
    here: SendHere,
  ): Promise<FastifyReply>;
  /** The parts of a range that another box has, across gaps; undefined: none. @throws PerchError */
  partsOf(wanted: WantedRange): Promise<OtherParts | undefined>;
  /** Answers an address of `vodRoutes`. @param here answers with what this box has */
  file(
    path: string,
    file: VodFile,
    request: FastifyRequest,
    reply: FastifyReply,
    here: () => Promise<FastifyReply>,
  ): Promise<FastifyReply>;
}

/** A stretch of a path's recordings that lies on another box, from a key frame on. */
export interface RemotePart {
  readonly startUs: number;
  readonly endUs: number;
  /** Time zero of its table. */
  readonly zeroUs: number;
  /** @throws PerchError */
  readTable(): Promise<Tabled>;
}

/** Path and range of a request to `/get`. */
export interface WantedRange {
  readonly path: string;
  readonly startUs: number;
  readonly durationUs: number;
}

/** Answers `/get` with what this box has. @param part undefined: all that was asked for */
type SendHere = (part?: GetPart) => Promise<FastifyReply>;

export interface GetPart {
  /** Parts that are on another box. */
  readonly others?: OtherParts;
  /** The download is only this long: another box has what follows. */
  readonly ending?: { readonly durationUs: number; readonly resumeUs: number };
}

/** Recordings of a path on another box, oldest first. @throws PerchError */
export type OtherParts = (signal: AbortSignal) => Promise<readonly RemotePart[]>;

/** Why recordings of another box are not shown. */
export interface MissingPart {
  /** As `why` of a failure: `boxAway`, for example. */
  readonly why: string;
  /** RFC 3339; null: not known. */
  readonly since: string | null;
  readonly text: string;
}

const MISSING_HEADER = 'Perch-Missing';

/** Sets the header that says why recordings of another box are missing. */
export function noteMissing(reply: FastifyReply, missing: MissingPart | undefined): void {
  if (missing) {
    const { why, since } = missing;
    reply.header(MISSING_HEADER, since === null ? why : `${why}; since="${since}"`);
  }
}

/** Why recordings of a box are missing; undefined: it has none, or this server may not see them. @throws any error that is no PerchError */
export function missingOf(error: unknown): MissingPart | undefined {
  if (!(error instanceof PerchError)) {
    throw error;
  }
  const { why, since } = error.context;
  return typeof why === 'string' && why.startsWith('box') && why !== 'boxRefuses'
    ? { why, since: typeof since === 'string' ? since : null, text: error.message }
    : undefined;
}

export interface VodFile {
  /** Below the path: `index.m3u8`, `vod/….mp4` */
  readonly name: string;
  readonly role: 'vod' | 'vodMedia' | 'rewind' | 'rewindMedia' | 'frame' | 'still' | 'picture' | 'resource';
}
