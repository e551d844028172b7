import type { FastifyPluginAsync, FastifyRequest } from 'fastify';

export interface SystemRouteOptions {
  readonly access: { require(request: FastifyRequest, action: 'admin', path: string): Promise<void> };
  readonly info: { readonly version: string /** RFC 3339. */; readonly started: string };
  /** What the host is doing: load, memory, disks. */
  readonly facts: () => Promise<object>;
}

/** `GET /v3/system`: how the box is doing, for the page. */
export const systemRoute: FastifyPluginAsync<SystemRouteOptions> = async (app, { access, info, facts }) => {
  app.get('/v3/system', async (request, reply) => {
    await access.require(request, 'admin', '');
    reply.header('Cache-Control', 'no-store');
    return { ...info, ...(await facts()) };
  });
};
