import type { FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import type { WebRtcServer } from '../server/server.ts';
import { FRAGMENT_TYPE } from './endpoints.ts';
import { bodyOf, requireType, ufragOf } from './requests.ts';
import { isUuid, type SessionTarget } from './signalling-url.ts';

/** Handles a client's requests to its session. The secret in the URL authorizes them. */
export function answerSession(
  { secret }: SessionTarget,
  server: WebRtcServer,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (request.method === 'GET' && isUuid(secret) && server.idOf(secret) === undefined) {
    return sendEndReason(secret, server, reply);
  }
  if (request.method !== 'PATCH' && request.method !== 'DELETE') {
    return reply.code(405).header('Allow', 'PATCH, DELETE').send({ status: 'error', error: 'method not allowed' });
  }
  if (!isUuid(secret)) {
    throw new PerchError('badInput', 'invalid secret');
  }
  if (request.method === 'DELETE') {
    if (!server.end(secret)) {
      throw new PerchError('notFound', 'session not found');
    }
    return reply.send({ status: 'ok' });
  }
  requireType(request, FRAGMENT_TYPE);
  const fragment = server.restart(secret, ufragOf(bodyOf(request)));
  if (fragment === undefined) {
    return reply.code(204).send();
  }
  const ufrag = /^a=ice-ufrag:(.+)$/m.exec(fragment)?.[1]?.trim() ?? '';
  return reply.header('ETag', `"${ufrag}"`).type(FRAGMENT_TYPE).send(fragment);
}

/** Why the session ended, which DTLS cannot tell. `final`: no automatic reconnect. */
function sendEndReason(secret: string, server: WebRtcServer, reply: FastifyReply): FastifyReply {
  const ending = server.endingOf(secret);
  if (!ending) {
    throw new PerchError('notFound', 'session not found');
  }
  const { reason, end } = ending;
  reply.code(410).header('Cache-Control', 'no-store');
  return reply.send({ status: 'error', error: reason, ...(end === 'final' ? { final: true } : {}) });
}
