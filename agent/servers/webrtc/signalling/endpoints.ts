import type { FastifyReply, FastifyRequest } from 'fastify';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Answered, WebRtcServer } from '../server.ts';
import type { Requester } from '../session.ts';
import { type IceServer, iceServerLinks } from './ice-servers.ts';
import { bodyOf, type HttpAccess, queryOf, requesterOf, requireType } from './requests.ts';
import { type EndpointTarget, encodePath, type Purpose } from './signalling-url.ts';

export const METHODS = 'OPTIONS, GET, POST, PATCH, DELETE';
export const HEADERS = 'Authorization, Content-Type, If-Match';
export const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';
const SDP_TYPE = 'application/sdp';
/** Tracks of the stream that a viewer does not get, in words; Perch's own header. */
const LEFT_OUT = 'Perch-Left-Out';
const EXPOSED = 'ETag, ID, Accept-Patch, Link, Location';

/** Talking makes the camera's place heard: more than watching it. */
const ACTION: Record<Purpose, 'read' | 'publish'> = { whep: 'read', whip: 'publish', talk: 'publish' };

export interface EndpointOptions {
  readonly server: WebRtcServer;
  readonly access: HttpAccess;
  /** What browsers are told to use. */
  readonly iceServers: readonly IceServer[];
}

/** `/{path}/whep`, `/{path}/whip` and `/{path}/talk`: what can be had there, and an answer for an offer. */
export class Endpoints {
  readonly #prefix: string;
  readonly #options: EndpointOptions;

  /** @param prefix where the service is mounted, without a slash at its end */
  constructor(prefix: string, options: EndpointOptions) {
    this.#prefix = prefix;
    this.#options = options;
  }

  async answer(target: EndpointTarget, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { method } = request;
    if (method !== 'OPTIONS' && method !== 'POST') {
      return reply.code(405).header('Allow', 'OPTIONS, POST').send({ status: 'error', error: 'method not allowed' });
    }
    await this.#options.access.require(request, ACTION[target.purpose], target.path);
    try {
      return method === 'OPTIONS' ? await this.#onOptions(target, reply) : await this.#onOffer(target, request, reply);
    } catch (error) {
      return refuse(error, reply);
    }
  }

  async #onOptions({ purpose, path }: EndpointTarget, reply: FastifyReply): Promise<FastifyReply> {
    const { server } = this.#options;
    server.prepare();
    if (purpose === 'talk') {
      // So that pages can hide the button where there is nobody to hear.
      await server.mayTalk(path);
    }
    reply.header('Access-Control-Allow-Methods', METHODS);
    reply.header('Access-Control-Allow-Headers', HEADERS);
    reply.header('Access-Control-Expose-Headers', 'Accept-Post, Link');
    reply.header('Accept-Post', SDP_TYPE);
    this.#setLinks(reply);
    return reply.code(204).send();
  }

  async #onOffer(target: EndpointTarget, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    requireType(request, SDP_TYPE);
    const { access } = this.#options;
    const query = queryOf(request);
    const fallback = (target.purpose === 'whep' && new URLSearchParams(query).get('fallback')) || undefined;
    if (fallback !== undefined) {
      // A viewer on a bad network is moved there later, when nobody can be asked for a password any more.
      await access.require(request, 'read', fallback);
    }
    const requester = { ...requesterOf(request, access, target.path), fallback };
    const answered = await this.#open(target.purpose, requester, bodyOf(request));
    const location = `${this.#prefix}/${encodePath(target.path)}/${target.purpose}/${answered.secret}`;
    reply.header('Location', query === '' ? location : `${location}?${query}`);
    reply.header('ETag', '*');
    reply.header('ID', answered.id);
    reply.header('Accept-Patch', FRAGMENT_TYPE);
    this.#setLinks(reply);
    if (answered.leftOut.length > 0) {
      reply.header(LEFT_OUT, answered.leftOut.join(', '));
      reply.header('Access-Control-Expose-Headers', `${EXPOSED}, ${LEFT_OUT}`);
    } else {
      reply.header('Access-Control-Expose-Headers', EXPOSED);
    }
    return reply.code(201).type(SDP_TYPE).send(answered.answer);
  }

  #open(purpose: Purpose, requester: Requester, offer: string): Promise<Answered> {
    const { server } = this.#options;
    switch (purpose) {
      case 'whep':
        return server.read(requester, offer);
      case 'whip':
        return server.publish(requester, offer);
      case 'talk':
        return server.talk(requester, offer);
    }
  }

  #setLinks(reply: FastifyReply): void {
    const { iceServers, server } = this.#options;
    const links = iceServerLinks(iceServers, server.wallMs());
    if (links.length > 0) {
      reply.header('Link', links);
    }
  }
}

/** Players know 400, 401, 404, 406 and 500 here; the reason is in the text. */
function refuse(error: unknown, reply: FastifyReply): FastifyReply {
  if (!(error instanceof PerchError) || error.code === 'notFound' || error.code === 'unauthorized') {
    throw error;
  }
  if (error.context['isWithoutPort'] === true) {
    // Nothing that was asked is wrong.
    return reply.code(500).send({ status: 'error', error: explain(error) });
  }
  if (error.context['isUnacceptable'] === true) {
    return reply.code(406).send({ status: 'error', error: explain(error) });
  }
  throw new PerchError('badInput', explain(error), error.context, error.cause);
}
