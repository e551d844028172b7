import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { explainToViewer, PerchError } from '../../../../base/errors.ts';
import type { ZlmAnswer } from '../../../../protocols/contract.ts';
import type { SignallingOptions } from '../requests.ts';
import { SignallingCalls, type ZlmCallOptions } from './calls.ts';
import { Parameters } from './parameters.ts';

const MAX_OFFER_BYTES = 128 << 10;
const METHODS = 'GET, POST, PUT, HEAD, OPTIONS, DELETE';
/** Access-Control-Allow-Headers: its asterisk does not cover Authorization (Fetch §3.2.4). */
const HEADERS = 'Authorization, *';
/** ZLMediaKit's codes. */
const INVALID_ARGUMENTS = -300;
const EXCEPTION = -400;

export interface ZlmPluginOptions extends ZlmCallOptions {
  readonly cors: SignallingOptions['cors'];
}

/** ZLMediaKit's signalling API below `/index/api/`. */
export const zlmPlugin: FastifyPluginAsync<ZlmPluginOptions> = async (app, options) => {
  // Offers come with any type, usually text/plain.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: MAX_OFFER_BYTES }, (_request, body, done) => {
    done(null, body);
  });
  app.addHook('onRequest', options.cors(METHODS, HEADERS));
  const calls = new SignallingCalls(options);
  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
    url: '/index/api/:name',
    config: { isForAnySite: true, preLoginBodyBytes: MAX_OFFER_BYTES },
    handler: async (request, reply) => {
      if (request.method === 'OPTIONS') {
        return reply.code(200).header('Access-Control-Allow-Methods', METHODS).send();
      }
      const name = (request.params as { name: string }).name.toLowerCase();
      try {
        return await answer(name, calls, options.more, request, reply);
      } catch (error) {
        return name === 'whip' || name === 'whep' ? sendTextError(error, reply) : sendJsonError(error, reply);
      }
    },
  });
};

async function answer(
  name: string,
  calls: SignallingCalls,
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

function sendOther({ fields, cookies = [], picture }: ZlmAnswer, reply: FastifyReply): FastifyReply {
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

/** Closes the connection, as ZLMediaKit does after a failure. HTTP/2 has no such header (RFC 9113 §8.2.2). */
function hangUp(reply: FastifyReply): void {
  if (reply.request.raw.httpVersionMajor < 2) {
    reply.header('Connection', 'close');
  }
}

/** The HTTP status is always 200; the field `code` shows success or failure. */
function sendJson(reply: FastifyReply, value: Record<string, unknown>): FastifyReply {
  return reply
    .code(200)
    .type('application/json; charset=utf-8')
    .send(`${JSON.stringify(value, undefined, 2)}\n`);
}

function sendJsonError(error: unknown, reply: FastifyReply): FastifyReply {
  const { context } = expected(error);
  hangUp(reply);
  const code = context['zlmCode'] ?? (context['missing'] === undefined ? EXCEPTION : INVALID_ARGUMENTS);
  return sendJson(reply, { code, msg: reasonOf(error) });
}

function sendTextError(error: unknown, reply: FastifyReply): FastifyReply {
  const { context } = expected(error);
  if (context['missing'] !== undefined || context['isEmptyOffer'] === true) {
    return sendJsonError(error, reply);
  }
  return reply.code(406).type('text/plain; charset=utf-8').send(reasonOf(error));
}

/** The error; bugs are thrown again. */
function expected(error: unknown): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  throw error;
}

/** The reason in ZLMediaKit's wording. */
function reasonOf(error: unknown): string {
  const isRefused = error instanceof PerchError && error.code === 'unauthorized';
  return isRefused ? `[auth failed]: ${explainToViewer(error)}` : explainToViewer(error);
}
