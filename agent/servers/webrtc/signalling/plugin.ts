import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import type { WebRtcServer } from '../server/server.ts';
import { Endpoints, FRAGMENT_TYPE, HEADERS, METHODS } from './endpoints.ts';
import { sendPage, sendScript } from './pages.ts';
import { bodyOf, queryOf, requireType, type SignallingOptions, ufragOf } from './requests.ts';
import { isUuid, readSignallingUrl, relativePage, type SessionTarget } from './signalling-url.ts';

const MAX_OFFER_BYTES = 128 << 10;

/** WHEP, WHIP, talk and the pages, on one wildcard route: path names may contain slashes. */
export const webrtcPlugin: FastifyPluginAsync<SignallingOptions> = async (app, options) => {
  // Bodies are text. A wrong type gets the protocol's own error.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: MAX_OFFER_BYTES }, (_request, body, done) => {
    done(null, body);
  });
  app.addHook('onRequest', options.cors(METHODS, HEADERS));
  const endpoints = new Endpoints(app.prefix, options);
  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/*',
    config: { isForAnySite: true, preLoginBodyBytes: MAX_OFFER_BYTES },
    handler: async (request, reply) => {
      const target = readSignallingUrl((request.params as { '*': string })['*']);
      if (target.kind === 'endpoint') {
        return await endpoints.answer(target, request, reply);
      }
      if (target.kind === 'session') {
        return answerSession(target, options.server, request, reply);
      }
      if (target.kind === 'icon') {
        return reply.code(204).send();
      }
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      if (!isRead || target.kind === 'nothing') {
        return reply.code(404).type('text/plain; charset=utf-8').send('404 page not found');
      }
      switch (target.kind) {
        case 'script':
          return sendScript(target.name, reply);
        case 'page':
          return await sendPage(target, options, request, reply);
        case 'redirect':
          return redirect(app.prefix, target.path, request, reply);
      }
    },
  });
};

function redirect(prefix: string, path: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const query = queryOf(request);
  const [address = ''] = request.url.slice(prefix.length + 1).split('?', 1);
  return reply.redirect(`${relativePage(path, address)}${query === '' ? '' : `?${query}`}`, 302);
}

/** Handles a client's requests to its session. The secret in the URL authorizes them. */
function answerSession(
  { secret }: SessionTarget,
  server: WebRtcServer,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (request.method === 'GET' && isUuid(secret) && server.idOf(secret) === undefined) {
    return sendEndReason(secret, server, reply);
  }
  if (request.method === 'OPTIONS' && isUuid(secret)) {
    // Asked by a page whose pictures stand still: another server of a fleet may answer, or this one after a restart.
    return reply.code(server.idOf(secret) === undefined ? 404 : 204).send();
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

/** Sends why the session ended, which DTLS cannot convey. `final`: no automatic reconnect. */
function sendEndReason(secret: string, server: WebRtcServer, reply: FastifyReply): FastifyReply {
  const ending = server.endingOf(secret);
  if (!ending) {
    throw new PerchError('notFound', 'session not found');
  }
  const { reason, end } = ending;
  reply.code(410).header('Cache-Control', 'no-store');
  return reply.send({ status: 'error', error: reason, ...(end === 'final' ? { final: true } : {}) });
}
