import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { answers, TimeText } from './api/shapes.ts';

export interface SystemRouteOptions {
  readonly access: { require(request: FastifyRequest, action: 'admin', path: string): Promise<void> };
  readonly info: { readonly version: string /** RFC 3339. */; readonly started: string };
  /** What the host is doing: load, memory, disks. */
  readonly facts: () => Promise<object>;
}

const SystemFacts = Type.Object({
  version: Type.String(),
  started: TimeText,
  cpuPercent: Type.Number(),
  memoryUsedBytes: Type.Integer(),
  memoryTotalBytes: Type.Integer(),
  disks: Type.Array(
    // Those that recordings go to say more: as /v3/disks has it.
    Type.Object(
      { folder: Type.String(), totalBytes: Type.Integer(), freeBytes: Type.Integer() },
      { additionalProperties: true },
    ),
  ),
});

/** `GET /v3/system`: how the box is doing, for the page. */
export const systemRoute: FastifyPluginAsync<SystemRouteOptions> = async (app, { access, info, facts }) => {
  const schema = { summary: 'How the machine is doing, for the owner', tags: ['box'], response: answers(SystemFacts) };
  app.get('/v3/system', { schema }, async (request, reply) => {
    await access.require(request, 'admin', '');
    reply.header('Cache-Control', 'no-store');
    return { ...info, ...(await facts()) };
  });
};
