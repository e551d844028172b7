import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { explainToViewer, PerchError } from '../../../../base/errors.ts';
import type { WebRtcPluginOptions } from '../plugin.ts';
import { type MoreAnswer, type ZlmCallOptions, ZlmCalls } from './calls.ts';
import { Parameters } from './parameters.ts';

const OFFER_LIMIT_BYTES = 128 << 10;
const METHODS = 'GET, POST, PUT, HEAD, OPTIONS, DELETE';
/** The asterisk does not stand for the first (Fetch §3.2.4). */
const HEADERS = 'Authorization, *';
/** Codes of ZLMediaKit's answers. */
const INVALID_ARGUMENTS = -300;
const EXCEPTION = -400;

export interface ZlmPluginOptions extends ZlmCallOptions {
  readonly cors: WebRtcPluginOptions['cors'];
}

/** ZLMediaKit's signalling below `/index/api/`, for the players and publishers that are made for it. */
export const zlmPlugin: FastifyPluginAsync<ZlmPluginOptions> = async (app, options) => {
  // Offers come under any type, the customary client's as text/plain.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: OFFER_LIMIT_BYTES }, (_request, body, done) => {
    done(null, body);
  });
  app.addHook('onRequest', options.cors(METHODS, HEADERS));
  const calls = new ZlmCalls(options);
  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
    url: '/index/api/:name',
    config: { isForAnySite: true, newcomerBodyBytes: OFFER_LIMIT_BYTES },
    handler: async (request, reply) => {
      if (request.method === 'OPTIONS') {
        return reply.code(200).header('Access-Control-Allow-Methods', METHODS).send();
      }
      const name = (request.params as { name: string }).name.toLowerCase();
      try {
        return await answer(name, calls, options.more, request, reply);
      } catch (error) {
        return name === 'whip' || name === 'whep' ? refuseText(error, reply) : refuseJson(error, reply);
      }
    },
  });
};

async function answer(
  name: string,
  calls: ZlmCalls,
  more: ZlmPluginOptions['more'],
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const parameters = new Parameters(request);
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const call = { parameters, request, signal: gone.signal };
  switch (name) {
    case 'webrtc':
      return sendJson(reply, { code: 0, ...(await calls.webrtc(call)) });
    case 'whip':
    case 'whep': {
      const { answer: sdp, location } = await calls.standard(name, call);
      reply.header('Location', location).header('Access-Control-Expose-Headers', 'Location');
      return reply.code(201).type('application/sdp').send(sdp);
    }
    case 'delete_webrtc': {
      if (request.method !== 'DELETE') {
        throw new PerchError('badInput', 'http method is not DELETE');
      }
      const { status, text } = calls.end(parameters);
      return reply.code(status).type('application/json; charset=utf-8').send(text);
    }
    default: {
      const other = await more?.answer(name, { parameters, request });
      return other
        ? sendOther(other, reply)
        : reply.code(404).type('text/plain; charset=utf-8').send('404 page not found');
    }
  }
}

function sendOther({ fields, cookies = [], picture }: MoreAnswer, reply: FastifyReply): FastifyReply {
  reply.header('Cache-Control', 'no-store');
  if (picture) {
    return reply.code(200).type('image/jpeg').send(picture);
  }
  const value = { code: 0, ...fields };
  if (value.code !== 0) {
    hangUp(reply);
  }
  for (const cookie of cookies) {
    reply.header('Set-Cookie', cookie);
  }
  return sendJson(reply, value);
}

/** As ZLMediaKit does after a failure. HTTP/2 has no such header (RFC 9113 §8.2.2). */
function hangUp(reply: FastifyReply): void {
  if (reply.request.raw.httpVersionMajor < 2) {
    reply.header('Connection', 'close');
  }
}

/** Success or not, the status is 200 and the code tells. */
function sendJson(reply: FastifyReply, value: Record<string, unknown>): FastifyReply {
  return reply
    .code(200)
    .type('application/json; charset=utf-8')
    .send(`${JSON.stringify(value, undefined, 2)}\n`);
}

function refuseJson(error: unknown, reply: FastifyReply): FastifyReply {
  const { context } = expected(error);
  hangUp(reply);
  const code = context['zlmCode'] ?? (context['missing'] === undefined ? EXCEPTION : INVALID_ARGUMENTS);
  return sendJson(reply, { code, msg: reasonOf(error) });
}

function refuseText(error: unknown, reply: FastifyReply): FastifyReply {
  const { context } = expected(error);
  if (context['missing'] !== undefined || context['isEmptyOffer'] === true) {
    return refuseJson(error, reply);
  }
  return reply.code(406).type('text/plain; charset=utf-8').send(reasonOf(error));
}

/** What is a bug is answered and logged as one. */
function expected(error: unknown): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  throw error;
}

/** In the words that clients of ZLMediaKit know for it. */
function reasonOf(error: unknown): string {
  const isRefused = error instanceof PerchError && error.code === 'unauthorized';
  return isRefused ? `[auth failed]: ${explainToViewer(error)}` : explainToViewer(error);
}
