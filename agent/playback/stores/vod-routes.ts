import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { checkPathName, type Query, queryText } from '../read/query.ts';
import type { MakeCors } from '../read/send-ranged.ts';
import type { JpegOfMoment } from '../vod/picture.ts';
import { parseVodAddress, queryPicture, type VodAddress } from '../vod/vod-address.ts';
import { sendLivePicture } from './disk-store.ts';
import type { Stores } from './stores.ts';

interface VodAccess {
  /** @throws PerchError if the request may not play back this path, or not see it live */
  require(request: FastifyRequest, action: 'playback' | 'read', path: string): Promise<void>;
}

interface VodRoutesOptions {
  readonly stores: Pick<Stores, 'of'>;
  /** The last picture of a live path. @throws PerchError notFound: it is not live */
  readonly livePicture?: (path: string, width: number | undefined) => Promise<JpegOfMoment>;
  /** Limits the pictures that are made for one person. */
  readonly inTurn?: <T>(request: FastifyRequest, work: () => Promise<T>) => Promise<T>;
  readonly access: VodAccess;
  readonly cors: MakeCors;
}

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
  { stores, livePicture, access, inTurn = (_, work) => work() }: Omit<VodRoutesOptions, 'cors'>,
  text: string,
  address: VodAddress,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { path, kind } = address;
  checkPathName(path);
  const query = request.query as Query;
  if (livePicture && kind === 'picture' && !queryText(query, 'time')) {
    await access.require(request, 'read', path);
    const { width } = queryPicture(query);
    return sendLivePicture(request, reply, await inTurn(request, () => livePicture(path, width)));
  }
  await access.require(request, 'playback', path);
  const file = { ...address, name: text.slice(path.length + 1) };
  const recordings = await stores.of(path, request);
  return recordings.file(file, request, reply, (work) => inTurn(request, work));
}
