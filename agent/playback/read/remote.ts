import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ZonedTime } from './rfc3339.ts';

/** Recordings that lie on other boxes, joined with those here: the own ones first. */
export interface RemotePlayback {
  /** Whether another box may have recordings of the path that the client may see. */
  has(path: string, request: FastifyRequest): boolean;
  /** The recordings of the path lie on another box, and it is not recorded here. */
  isElsewhere(path: string): boolean;
  /** The entries of `/list`. @param baseUrl of this server, without a final slash */
  list(
    path: string,
    start: ZonedTime | undefined,
    end: ZonedTime | undefined,
    baseUrl: string,
  ): Promise<{ readonly entries: readonly object[]; readonly missing: MissingPart | undefined }>;
  /** Answers `/get`. */
  get(wanted: WantedRange, request: FastifyRequest, reply: FastifyReply, here: SendHere): Promise<FastifyReply>;
  /** Answers an address of `vodRoutes`. @param here answers with what this box has */
  file(
    path: string,
    file: VodFile,
    request: FastifyRequest,
    reply: FastifyReply,
    here: () => Promise<FastifyReply>,
  ): Promise<FastifyReply>;
}

/** What is asked of `/get`. */
export interface WantedRange {
  readonly path: string;
  readonly startUs: number;
  readonly durationUs: number;
}

/** Answers `/get` with what this box has. @param part undefined: all that was asked for */
export type SendHere = (part?: GetPart) => Promise<FastifyReply>;

/** The beginning of what was asked for; another box has what follows. */
export interface GetPart {
  readonly durationUs: number;
  /** Start of the rest. */
  readonly resumeUs: number;
}

/** Why recordings of another box are not shown. */
export interface MissingPart {
  /** As `why` of a failure: `boxAway`, for example. */
  readonly why: string;
  /** RFC 3339; null: not known. */
  readonly since: string | null;
  readonly text: string;
}

const MISSING_HEADER = 'Perch-Missing';

/** Tells that recordings of another box are not shown. */
export function noteMissing(reply: FastifyReply, missing: MissingPart | undefined): void {
  if (missing) {
    const { why, since } = missing;
    reply.header(MISSING_HEADER, since === null ? why : `${why}; since="${since}"`);
  }
}

export interface VodFile {
  /** Below the path: `index.m3u8`, `vod/….mp4` */
  readonly name: string;
  readonly role: 'vod' | 'vodMedia' | 'rewind' | 'rewindMedia' | 'frame' | 'still' | 'picture' | 'resource';
}
