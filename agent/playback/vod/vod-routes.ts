import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { checkPathName, type Query, queryDuration, queryStart, queryText } from '../read/query.ts';
import type { RemotePlayback } from '../read/remote.ts';
import { formatRfc3339, requireRfc3339 } from '../read/rfc3339.ts';
import { etagOf, type MakeCors, matchesEtag, type RangedContent, REVALIDATE, sendRanged } from '../read/send-ranged.ts';
import type { Frame } from './frame.ts';
import type { JpegOfMoment, PictureQuery, RecordedPicture } from './picture.ts';
import { parseResourceUri, type ResourceAddress } from './recorded-period.ts';
import {
  type Period,
  PLAYLISTS,
  type RecordedStreams,
  type RewindPeriod,
  type SentResource,
} from './recorded-streams.ts';
import type { FoundSnapshot } from './snapshot.ts';

interface VodAccess {
  /** @throws PerchError if the request may not play back this path, or not see it live */
  require(request: FastifyRequest, action: 'playback' | 'read', path: string): Promise<void>;
}

interface VodRoutesOptions {
  readonly streams: RecordedStreams;
  readonly frames: {
    frame(path: string, timeUs: number): Promise<Frame>;
    snapshot(path: string, timeUs: number): Promise<FoundSnapshot>;
    picture(path: string, timeUs: number, query: PictureQuery): Promise<RecordedPicture>;
  };
  /** The last picture of a live path. @throws PerchError notFound: it is not live */
  readonly livePicture?: (path: string, width: number | undefined) => Promise<JpegOfMoment>;
  /** Limits the pictures that are made for one person. */
  readonly inTurn?: <T>(request: FastifyRequest, work: () => Promise<T>) => Promise<T>;
  readonly access: VodAccess;
  readonly remote?: RemotePlayback;
  readonly cors: MakeCors;
}

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
/** The answer is private, though it never changes. */
const CACHE_FOREVER = 'private, max-age=31536000, immutable';
/** A time's frame can change once, when the clock is set. */
const CACHE_A_DAY = 'private, max-age=86400, immutable';
const EXPOSED = 'Accept-Ranges, Content-Length, Content-Range, ETag, Perch-Missing, Perch-Picture, Perch-Time';
/** Served next to live HLS. */
const BESIDE_LIVE: ReadonlySet<VodAddress['kind']> = new Set(['rewind', 'rewindMedia', 'resource']);
const BESIDE_GET: ReadonlySet<VodAddress['kind']> = new Set([
  'vod',
  'vodMedia',
  'frame',
  'still',
  'picture',
  'resource',
]);

/** Streams and frames of recordings below `/{path}/`, with or without a prefix. */
export const vodRoutes: FastifyPluginAsync<VodRoutesOptions> = async (app, options) => {
  app.addHook('onRequest', options.cors('OPTIONS, GET, HEAD', 'Authorization, Range, If-Range'));
  app.route({
    method: ['GET', 'HEAD', 'OPTIONS'],
    // A wildcard: path names may contain slashes.
    url: '/*',
    handler: async (request, reply) => {
      const text = (request.params as { '*': string })['*'];
      const address = parseVodAddress(text);
      if (request.method === 'OPTIONS' || !address || !BESIDE_GET.has(address.kind)) {
        return reply.callNotFound();
      }
      return answer(options, text, address, request, reply);
    },
  });
};

/**
 * For the live HLS service, whose URLs share the paths. Requires the playback permission: live access is not enough.
 */
export function rewindAddresses(options: Omit<VodRoutesOptions, 'cors'>) {
  const find = (text: string): VodAddress | undefined => {
    const address = parseVodAddress(text);
    return address && BESIDE_LIVE.has(address.kind) ? address : undefined;
  };
  return {
    takes: (text: string): boolean => find(text) !== undefined,
    answer: async (text: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const address = find(text);
      if (!address) {
        throw new PerchError('notFound', 'not found');
      }
      return answer(options, text, address, request, reply);
    },
  };
}

async function answer(
  { streams, frames, livePicture, access, remote, inTurn = (_, work) => work() }: Omit<VodRoutesOptions, 'cors'>,
  text: string,
  address: VodAddress,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { path } = address;
  checkPathName(path);
  if (livePicture && address.kind === 'picture' && !queryText(request.query as Query, 'time')) {
    await access.require(request, 'read', path);
    const { width } = queryPicture(request.query as Query);
    return sendLivePicture(request, reply, await inTurn(request, () => livePicture(path, width)));
  }
  await access.require(request, 'playback', path);
  const here = () => answerHere({ streams, frames, inTurn }, address, request, reply);
  const file = { name: text.slice(path.length + 1), role: address.kind };
  return remote?.has(path, request) ? remote.file(path, file, request, reply, here) : here();
}

async function answerHere(
  { streams, frames, inTurn }: Pick<Required<VodRoutesOptions>, 'streams' | 'frames' | 'inTurn'>,
  address: VodAddress,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { path } = address;
  const query = request.query as Query;
  reply.header('Access-Control-Expose-Headers', EXPOSED);
  switch (address.kind) {
    case 'vod':
      return sendPlaylist(request, reply, await streams.multivariant(path, queryPeriod(query)));
    case 'vodMedia':
      return sendPlaylist(request, reply, await streams.media(path, queryPeriod(query)));
    case 'rewind':
      return sendPlaylist(request, reply, await streams.rewindMultivariant(path, queryBack(query)));
    case 'rewindMedia':
      return sendPlaylist(request, reply, await streams.rewindMedia(path, queryRewind(query)));
    case 'frame':
      return sendFrame(request, reply, await frames.frame(path, queryFrameTime(query)));
    case 'still':
      return sendSnapshot(request, reply, await frames.snapshot(path, queryFrameTime(query)));
    case 'picture': {
      const [timeUs, wanted] = [queryFrameTime(query), queryPicture(query)];
      return sendPicture(request, reply, await inTurn(request, () => frames.picture(path, timeUs, wanted)));
    }
    case 'resource':
      return sendResource(request, reply, await streams.resource(path, address.resource));
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

function sendLivePicture(request: FastifyRequest, reply: FastifyReply, made: JpegOfMoment): FastifyReply {
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

type OneFile = keyof typeof PLAYLISTS | 'frame' | 'still' | 'picture';
type VodAddress = { readonly path: string } & (
  | { readonly kind: OneFile }
  | { readonly kind: 'resource'; readonly resource: ResourceAddress }
);

const FRAME = 'frame.mp4';
const STILL = 'still.jpg';
const PICTURE = 'picture.jpg';
const KINDS = new Map<string, OneFile>([
  [PLAYLISTS.vod, 'vod'],
  [PLAYLISTS.vodMedia, 'vodMedia'],
  [PLAYLISTS.rewind, 'rewind'],
  [PLAYLISTS.rewindMedia, 'rewindMedia'],
  [FRAME, 'frame'],
  [STILL, 'still'],
  [PICTURE, 'picture'],
]);

/**
 * @param address decoded, without the prefix; the path name is not validated
 * @returns undefined for other addresses
 */
export function parseVodAddress(address: string): VodAddress | undefined {
  const slash = address.lastIndexOf('/');
  if (slash <= 0) {
    return undefined;
  }
  const kind = KINDS.get(address.slice(slash + 1));
  if (kind) {
    return { kind, path: address.slice(0, slash) };
  }
  const folder = address.lastIndexOf('/', slash - 1);
  const resource = folder > 0 ? parseResourceUri(address.slice(folder + 1)) : undefined;
  return resource && { kind: 'resource', path: address.slice(0, folder), resource };
}

const DEFAULT_BACK_SECONDS = 3_600;
const MAX_BACK_SECONDS = 86_400;
/** Enough for cameras with a key frame every half hour. */
const MAX_TARGET_SECONDS = 3_600;

export function queryPeriod(query: Query): Period {
  const { us: startUs } = queryStart(query);
  const durationUs = queryDuration(query);
  if (durationUs === 0) {
    throw new PerchError('badInput', "invalid duration: '0' is not positive");
  }
  return { startUs, durationUs };
}

function queryBack(query: Query): number {
  const text = queryText(query, 'back') ?? '';
  const seconds = text === '' ? DEFAULT_BACK_SECONDS : Number(text);
  if (!(seconds >= 1 && seconds <= MAX_BACK_SECONDS)) {
    const what = `is not a number of seconds from 1 to ${MAX_BACK_SECONDS}`;
    throw new PerchError('badInput', `invalid back: '${text.slice(0, 64)}' ${what}`);
  }
  return seconds;
}

/** State that `rewindMultivariant` wrote into the media playlist's URL. */
export function queryRewind(query: Query): RewindPeriod {
  const { us: startUs } = queryStart(query);
  const target = Math.ceil(Number(queryText(query, 'target') ?? ''));
  return { startUs, targetSeconds: target >= 1 && target <= MAX_TARGET_SECONDS ? target : 1 };
}

export function queryFrameTime(query: Query): number {
  return requireRfc3339('time', queryText(query, 'time') ?? '').us;
}

const MIN_WIDTH = 16;
const MAX_WIDTH = 8_192;

function queryPicture(query: Query): PictureQuery {
  const text = queryText(query, 'width') ?? '';
  const width = text === '' ? undefined : Number(text);
  if (width !== undefined && !(Number.isInteger(width) && width >= MIN_WIDTH && width <= MAX_WIDTH)) {
    const what = `is not a number of pixels from ${MIN_WIDTH} to ${MAX_WIDTH}`;
    throw new PerchError('badInput', `invalid width: '${text.slice(0, 64)}' ${what}`);
  }
  const exact = queryText(query, 'exact') ?? 'false';
  if (exact !== 'true' && exact !== 'false') {
    throw new PerchError('badInput', `invalid exact: '${exact.slice(0, 64)}' is not true or false`);
  }
  return { width, isExact: exact === 'true' };
}
