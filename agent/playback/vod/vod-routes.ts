import { createHash } from 'node:crypto';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { pathNameFault } from '../../config/values/path-name.ts';
import type { Query } from '../read/query.ts';
import { formatRfc3339 } from '../read/rfc3339.ts';
import { type Ranged, REVALIDATE, sendRanged } from '../read/send-ranged.ts';
import type { Frame } from './frame.ts';
import type { RecordedStreams, SentResource } from './recorded-streams.ts';
import type { FoundSnapshot } from './snapshot.ts';
import { parseVodAddress, type VodAddress } from './vod-address.ts';
import { queryBack, queryFrameTime, queryPeriod, queryRewind } from './vod-query.ts';

/** Who may do what. */
export interface VodAccess {
  /** Throws when the request may not play back this path. */
  require(request: FastifyRequest, action: 'playback', path: string): Promise<void>;
}

export interface VodRoutesOptions {
  readonly streams: RecordedStreams;
  readonly frames: {
    frame(path: string, timeUs: number): Promise<Frame>;
    snapshot(path: string, timeUs: number): Promise<FoundSnapshot>;
  };
  readonly access: VodAccess;
  /** Makes the hook that lets the configured origins in. */
  readonly cors: (
    methods: string,
    headers: string,
  ) => (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
}

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
/** What is private all the same when it never changes. */
const CACHE_FOREVER = 'private, max-age=31536000, immutable';
/** Which frame a time has can change once: when the clock is set. */
const CACHE_A_DAY = 'private, max-age=86400, immutable';
const EXPOSED = 'Accept-Ranges, Content-Length, Content-Range, ETag, Perch-Time';
/** Live rewind is served beside live HLS. */
const BESIDE_LIVE: ReadonlySet<VodAddress['kind']> = new Set(['rewind', 'rewindMedia', 'resource']);
const BESIDE_GET: ReadonlySet<VodAddress['kind']> = new Set(['vod', 'vodMedia', 'frame', 'still', 'resource']);

/** Streams and pictures made of recordings, below `/{path}/`, with or without a prefix. */
export const vodRoutes: FastifyPluginAsync<VodRoutesOptions> = async (app, options) => {
  app.addHook('onRequest', options.cors('OPTIONS, GET, HEAD', 'Authorization, Range, If-Range'));
  app.route({
    method: ['GET', 'HEAD', 'OPTIONS'],
    // A wildcard, because path names may contain slashes.
    url: '/*',
    handler: async (request, reply) => {
      const address = parseVodAddress((request.params as { '*': string })['*']);
      if (request.method === 'OPTIONS' || !address || !BESIDE_GET.has(address.kind)) {
        return reply.callNotFound();
      }
      return answer(options, address, request, reply);
    },
  });
};

/**
 * For the service of live HLS, which has other addresses below the same paths. What it shows was recorded, so it takes the permission
 * to play back: who may only see what is live must not see the past by another name.
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
      return answer(options, address, request, reply);
    },
  };
}

async function answer(
  { streams, frames, access }: Omit<VodRoutesOptions, 'cors'>,
  address: VodAddress,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { path } = address;
  const fault = pathNameFault(path);
  if (fault) {
    throw new PerchError('badInput', `invalid path name: ${fault} (${path.slice(0, 200)})`);
  }
  await access.require(request, 'playback', path);
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
    case 'resource':
      return sendResource(request, reply, await streams.resource(path, address.resource));
  }
}

function sendPlaylist(request: FastifyRequest, reply: FastifyReply, text: string): FastifyReply {
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
  reply.type(PLAYLIST_TYPE).header('Cache-Control', REVALIDATE);
  return sendRanged(request, reply, inMemory(Buffer.from(text)), etag);
}

function sendFrame(request: FastifyRequest, reply: FastifyReply, frame: Frame): FastifyReply {
  reply
    .type('video/mp4')
    .header('Cache-Control', frame.isFinal ? CACHE_A_DAY : REVALIDATE)
    .header('Perch-Time', formatRfc3339({ us: frame.timeUs, offsetMs: 0 }));
  return sendRanged(request, reply, inMemory(frame.bytes), frame.etag);
}

/** A nearer one may be taken yet. */
function sendSnapshot(
  request: FastifyRequest,
  reply: FastifyReply,
  { jpeg, timeUs, etag }: FoundSnapshot,
): FastifyReply {
  reply
    .type('image/jpeg')
    // From the camera, and not looked into: it must be nothing else to a browser.
    .header('X-Content-Type-Options', 'nosniff')
    .header('Cache-Control', REVALIDATE)
    .header('Perch-Time', formatRfc3339({ us: timeUs, offsetMs: 0 }));
  return sendRanged(request, reply, inMemory(jpeg), etag);
}

function sendResource(request: FastifyRequest, reply: FastifyReply, { resource, etag }: SentResource): FastifyReply {
  reply.type('video/mp4').header('Cache-Control', etag === undefined ? REVALIDATE : CACHE_FOREVER);
  return sendRanged(request, reply, resource, etag);
}

const inMemory = (bytes: Uint8Array): Ranged => ({
  sizeBytes: bytes.length,
  read: (start, end) => bytes.subarray(start, end),
});
