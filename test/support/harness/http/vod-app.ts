import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { PerchError } from '../../../../agent/base/errors.ts';
import type { Playback } from '../../../../agent/playback/playback.ts';
import { vodRoutes } from '../../../../agent/playback/stores/vod-routes.ts';
import { storesOf } from '../playback.ts';

const STATUS: Readonly<Record<string, number>> = {
  ...{ badInput: 400, unauthorized: 401, notFound: 404, unsupported: 501, unavailable: 503 },
};

export interface VodApp extends AsyncDisposable {
  /** The address of the routes, without a slash at the end. */
  readonly url: string;
}

/** Streams of recordings on a separate port, below `prefix`: playback of every path except `secret` is public. */
export async function openVodApp(playback: Playback, prefix = ''): Promise<VodApp> {
  const app = fastify({ forceCloseConnections: true });
  app.setErrorHandler((error, _, reply) => {
    const code = error instanceof PerchError ? (STATUS[error.code] ?? 500) : 500;
    return reply.code(code).send({ status: 'error', error: (error as Error).message });
  });
  await app.register(vodRoutes, {
    prefix,
    stores: storesOf(playback),
    access: {
      require: async (_, action, path) => {
        if (path === 'secret') {
          throw new PerchError('unauthorized', 'authentication error', { action });
        }
      },
    },
    cors: () => async () => undefined,
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${prefix}`, [Symbol.asyncDispose]: async () => void (await app.close()) };
}
