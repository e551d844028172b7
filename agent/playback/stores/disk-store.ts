import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Playback } from '../playback.ts';
import { type GetQuery, type Query, queryStart, type TimelineRequest, timelineQuery } from '../read/query.ts';
import { formatRfc3339, type ZonedTime } from '../read/rfc3339.ts';
import { etagOf, matchesEtag, type RangedContent, REVALIDATE, sendRanged } from '../read/send-ranged.ts';
import type { OtherParts } from '../read/stored-part.ts';
import type { Frame } from '../vod/frame.ts';
import type { JpegOfMoment, RecordedPicture } from '../vod/picture.ts';
import type { SentResource } from '../vod/recorded-streams.ts';
import type { FoundSnapshot } from '../vod/snapshot.ts';
import { queryBack, queryFrameTime, queryPeriod, queryPicture, queryRewind, type VodFile } from '../vod/vod-address.ts';
import type { DownloadPart, InTurn, PathRecordings } from './contract.ts';
import { sendDownload } from './send-download.ts';

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
/** The answer is private, though it never changes. */
const CACHE_FOREVER = 'private, max-age=31536000, immutable';
/** A time's frame can change once, when the clock is set. */
const CACHE_A_DAY = 'private, max-age=86400, immutable';
const EXPOSED = 'Accept-Ranges, Content-Length, Content-Range, ETag, Perch-Missing, Perch-Picture, Perch-Time';

/** Recordings of this box: those on its disks, and copies of others. */
export class DiskStore implements PathRecordings {
  readonly playback: Playback;
  /** The camera's title, or undefined to use the path. */
  readonly titleOf: (path: string) => string | undefined;

  constructor(playback: Playback, titleOf: DiskStore['titleOf']) {
    this.playback = playback;
    this.titleOf = titleOf;
  }

  async list(path: string, start: ZonedTime | undefined, end: ZonedTime | undefined, baseUrl: string) {
    return { entries: await this.playback.list(path, start, end, baseUrl) };
  }

  segments(path: string): ReturnType<PathRecordings['segments']> {
    return this.playback.segments(path);
  }

  async timeline(request: TimelineRequest) {
    return { ...(await this.playback.timeline(timelineQuery(request))), missing: null };
  }

  /** @param part what else the download has, or where it ends because another store has what follows */
  get(
    wanted: GetQuery,
    request: FastifyRequest,
    reply: FastifyReply,
    part: { readonly others?: OtherParts; readonly ending?: DownloadPart | undefined } = {},
  ): Promise<FastifyReply> {
    const { offsetMs } = queryStart(request.query as Query);
    const title = this.titleOf(wanted.path) ?? wanted.path;
    return sendDownload(this.playback, { wanted, offsetMs, title, ...part }, request, reply);
  }

  async partsOf(): Promise<undefined> {}

  async file(file: VodFile, request: FastifyRequest, reply: FastifyReply, inTurn: InTurn): Promise<FastifyReply> {
    const { path } = file;
    const { playback } = this;
    const { streams } = playback;
    const query = request.query as Query;
    reply.header('Access-Control-Expose-Headers', EXPOSED);
    switch (file.kind) {
      case 'vod':
        return sendPlaylist(request, reply, await streams.multivariant(path, queryPeriod(query)));
      case 'vodMedia':
        return sendPlaylist(request, reply, await streams.media(path, queryPeriod(query)));
      case 'rewind':
        return sendPlaylist(request, reply, await streams.rewindMultivariant(path, queryBack(query)));
      case 'rewindMedia':
        return sendPlaylist(request, reply, await streams.rewindMedia(path, queryRewind(query)));
      case 'frame':
        return sendFrame(request, reply, await playback.frame(path, queryFrameTime(query)));
      case 'still':
        return sendSnapshot(request, reply, await playback.snapshot(path, queryFrameTime(query)));
      case 'picture': {
        const [timeUs, wanted] = [queryFrameTime(query), queryPicture(query)];
        const picture = await inTurn(() => playback.picture(path, timeUs, wanted));
        return sendPicture(request, reply, { ...picture, make: () => inTurn(() => picture.make()) });
      }
      case 'resource':
        return sendResource(request, reply, await streams.resource(path, file.resource));
    }
  }
}

export function sendPlaylist(request: FastifyRequest, reply: FastifyReply, text: string): FastifyReply {
  reply.type(PLAYLIST_TYPE).header('Cache-Control', REVALIDATE);
  return sendRanged(request, reply, inMemory(Buffer.from(text)), etagOf(text));
}

function sendFrame(request: FastifyRequest, reply: FastifyReply, frame: Frame): FastifyReply {
  reply
    .type('video/mp4')
    .header('Cache-Control', frame.isFinal ? CACHE_A_DAY : REVALIDATE)
    .header('Perch-Time', formatRfc3339({ us: frame.timeUs, offsetMs: 0 }));
  return sendRanged(request, reply, inMemory(frame.bytes), frame.etag);
}

/** Sends a still without caching: a nearer one may still be taken. */
function sendSnapshot(
  request: FastifyRequest,
  reply: FastifyReply,
  { jpeg, timeUs, etag }: FoundSnapshot,
): FastifyReply {
  reply
    .type('image/jpeg')
    // Untrusted bytes from the camera: browsers must not interpret them as another type.
    .header('X-Content-Type-Options', 'nosniff')
    .header('Cache-Control', REVALIDATE)
    .header('Perch-Time', formatRfc3339({ us: timeUs, offsetMs: 0 }));
  return sendRanged(request, reply, inMemory(jpeg), etag);
}

async function sendPicture(
  request: FastifyRequest,
  reply: FastifyReply,
  picture: RecordedPicture,
): Promise<FastifyReply> {
  const { etag, isFinal } = picture;
  reply.header('Cache-Control', isFinal ? CACHE_A_DAY : REVALIDATE);
  if (matchesEtag(request.headers['if-none-match'], etag)) {
    return reply.header('ETag', etag).code(304).send();
  }
  return sendJpeg(request, reply, await picture.make(), etag);
}

export function sendLivePicture(request: FastifyRequest, reply: FastifyReply, made: JpegOfMoment): FastifyReply {
  reply.header('Access-Control-Expose-Headers', EXPOSED).header('Cache-Control', 'no-store');
  return sendJpeg(request, reply, made, etagOf(`${made.timeUs} ${made.jpeg.length}`));
}

function sendJpeg(
  request: FastifyRequest,
  reply: FastifyReply,
  { jpeg, timeUs, by }: JpegOfMoment,
  etag: string,
): FastifyReply {
  reply
    .type('image/jpeg')
    .header('X-Content-Type-Options', 'nosniff')
    .header('Perch-Picture', by)
    .header('Perch-Time', formatRfc3339({ us: timeUs, offsetMs: 0 }));
  return sendRanged(request, reply, inMemory(jpeg), etag);
}

function sendResource(request: FastifyRequest, reply: FastifyReply, { resource, etag }: SentResource): FastifyReply {
  reply.type('video/mp4').header('Cache-Control', etag === undefined ? REVALIDATE : CACHE_FOREVER);
  return sendRanged(request, reply, resource, etag);
}

const inMemory = (bytes: Uint8Array): RangedContent => ({
  sizeBytes: bytes.length,
  read: (start, end) => bytes.subarray(start, end),
});
