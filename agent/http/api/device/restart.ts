import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import type { PublishEvent } from '../../../base/event-bus.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { answers, operation } from '../schema/schemas.ts';

/** Expected time to finish recordings and close connections. */
const CLOSING_S = 2;

interface RestartOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly publish: PublishEvent;
  /** Duration of the last start. */
  readonly startTookMs: number;
  /** Ends the program; absent: nothing would start it again. */
  readonly restart?: () => void;
}

const Answer = Type.Object({
  status: Type.Literal('ok'),
  seconds: Type.Integer({ description: 'Usual duration of a restart.' }),
});

/** `POST /v3/restart`, for the owner, on the main port only. */
export const restartRoute: FastifyPluginAsync<RestartOptions> = async (app, options) => {
  const { access } = options;
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const schema = operation('box', 'Restart Perch', answers(Answer, 501));
  app.post('/v3/restart', { schema }, async (_request, reply) => {
    return { status: 'ok', seconds: restarter(options)(reply) };
  });
};

/**
 * @returns a function that ends the program once its answer is sent, and returns the usual duration of a restart in seconds
 * @throws PerchError unsupported when nothing would start the program again
 */
export function restarter({
  publish,
  startTookMs,
  restart,
}: Omit<RestartOptions, 'access'>): (reply: FastifyReply) => number {
  if (!restart) {
    const how = 'it runs neither under npm start nor under systemd, nor does PERCH_RESTART_CODE say so';
    throw new PerchError('unsupported', `Perch cannot restart itself here: ${how}`);
  }
  return (reply) => {
    const seconds = CLOSING_S + Math.ceil(startTookMs / 1000);
    publish('box', { state: 'restarting', seconds });
    // Once the client has the answer; it may have disconnected.
    if (reply.raw.destroyed) {
      restart();
    } else {
      reply.raw.once('close', restart);
    }
    return seconds;
  };
}
