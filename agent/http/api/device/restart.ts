import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import type { PublishEvent } from '../../../base/event-bus.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { answers } from '../schema/schemas.ts';

/** Recordings are finished and connections closed meanwhile. */
const CLOSING_S = 2;

export interface RestartOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly publish: PublishEvent;
  /** How long the start took that was the last. */
  readonly startTookMs: number;
  /** Absent: nobody would start the program again. */
  readonly restart?: () => void;
}

const Answer = Type.Object({
  status: Type.Literal('ok'),
  seconds: Type.Integer({ description: 'That it usually takes.' }),
});

/** `POST /v3/restart`, for the owner, on the main port only. */
export const restartRoute: FastifyPluginAsync<RestartOptions> = async (app, options) => {
  const { access } = options;
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const schema = { summary: 'Ends Perch properly and starts it anew', tags: ['box'], response: answers(Answer, 501) };
  app.post('/v3/restart', { schema }, async (_request, reply) => {
    return { status: 'ok', seconds: restarter(options)(reply) };
  });
};

/**
 * What ends the program once this answer is there, and says how many seconds it usually takes.
 * @throws PerchError unsupported when nobody would start it again
 */
export function restarter({
  publish,
  startTookMs,
  restart,
}: Omit<RestartOptions, 'access'>): (reply: FastifyReply) => number {
  if (!restart) {
    const how = 'it runs neither under npm start nor under systemd, nor does PERCH_RESTART_CODE say so';
    throw new PerchError('unsupported', `nobody would start Perch again: ${how}`);
  }
  return (reply) => {
    const seconds = CLOSING_S + Math.ceil(startTookMs / 1000);
    publish('box', { state: 'restarting', seconds });
    // Once whoever has asked has his answer; he may have gone.
    if (reply.raw.destroyed) {
      restart();
    } else {
      reply.raw.once('close', restart);
    }
    return seconds;
  };
}
