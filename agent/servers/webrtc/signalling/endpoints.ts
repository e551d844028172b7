import type { FastifyReply, FastifyRequest } from 'fastify';
import { explainToViewer, PerchError } from '../../../base/errors.ts';
import { hopeless } from '../sdp/refusals.ts';
import type { Answered, WebRtcServer } from '../server/server.ts';
import type { Requester } from '../session/session.ts';
import { type IceServer, iceServerLinks } from './ice-servers.ts';
import { bodyOf, type HttpAccess, queryOf, requesterOf, requireType } from './requests.ts';
import { type EndpointTarget, encodePath, type Purpose } from './signalling-url.ts';

export const METHODS = 'OPTIONS, GET, POST, PATCH, DELETE';
export const HEADERS = 'Authorization, Content-Type, If-Match';
export const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';
const SDP_TYPE = 'application/sdp';
/** Tracks of the stream that a viewer does not get, in words; Perch's own header. */
const LEFT_OUT = 'Perch-Left-Out';
/** Whether the viewer can talk here, and why not, percent-encoded: an error would stand in the console of each page that asks. */
const TALK = 'Perch-Talk';
const TALK_REASON = 'Perch-Talk-Reason';
/** Its pictures come out of their order: an offer would be rejected. */
const B_FRAMES = 'Perch-B-Frames';
const MAX_REASON_CHARACTERS = 300;
const RETRY_AFTER = 'Retry-After';
const EXPOSED = 'ETag, ID, Accept-Patch, Link, Location';

/** Talking makes the camera's place heard: more than watching it. */
const ACTION: Record<Purpose, 'read' | 'publish'> = { whep: 'read', whip: 'publish', talk: 'publish' };

export interface EndpointOptions {
  readonly server: WebRtcServer;
  readonly access: HttpAccess;
  /** Whether a path can be had at all; without it every path can. */
  readonly isConfigured?: (path: string) => boolean;
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
    const action = method === 'OPTIONS' && target.purpose === 'talk' ? 'read' : ACTION[target.purpose];
    await this.#options.access.require(request, action, target.path);
    try {
      return method === 'OPTIONS'
        ? await this.#onOptions(target, request, reply)
        : await this.#onOffer(target, request, reply);
    } catch (error) {
      return refuse(error, reply);
    }
  }

  async #onOptions(
    { purpose, path }: EndpointTarget,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { server } = this.#options;
    server.prepare();
    reply.header('Access-Control-Allow-Methods', METHODS);
    reply.header('Access-Control-Allow-Headers', HEADERS);
    if (purpose === 'talk') {
      await this.#tellTalk(path, request, reply);
    } else if (purpose === 'whep' && server.hasBFrames(path)) {
      reply.header(B_FRAMES, 'yes');
    }
    const exposed = { whep: `, ${B_FRAMES}`, whip: '', talk: `, ${TALK}, ${TALK_REASON}` }[purpose];
    reply.header('Access-Control-Expose-Headers', `Accept-Post, Link${exposed}`);
    reply.header('Accept-Post', SDP_TYPE);
    this.#setLinks(reply);
    return reply.code(204).send();
  }

  /** So that pages can hide the button where there is nobody to hear, or this viewer may only watch. */
  async #tellTalk(path: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { access, server } = this.#options;
    try {
      await access.require(request, ACTION.talk, path);
      await server.mayTalk(path);
      reply.header(TALK, 'yes');
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      const reason = explainToViewer(error).slice(0, MAX_REASON_CHARACTERS).toWellFormed();
      reply.header(TALK, 'no').header(TALK_REASON, encodeURIComponent(reason));
    }
  }

  async #onOffer(target: EndpointTarget, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    requireType(request, SDP_TYPE);
    const { access } = this.#options;
    const query = queryOf(request);
    const fallback = (target.purpose === 'whep' && new URLSearchParams(query).get('fallback')) || undefined;
    if (fallback !== undefined) {
      // A viewer on a bad network is moved there later, when nobody can be asked for a password any more.
      await access.require(request, 'read', fallback);
      if (this.#options.isConfigured?.(fallback) === false) {
        throw hopeless(`path '${fallback}' (fallback) is not configured`);
      }
    }
    if (target.purpose === 'talk') {
      // The first thing that a speaker should learn is whether anybody can hear.
      await this.#options.server.mayTalk(target.path);
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

/** Players know 400, 401, 404, 406, 500 and 503 here; the reason is in the text. */
function refuse(error: unknown, reply: FastifyReply): FastifyReply {
  if (!(error instanceof PerchError) || error.code === 'notFound' || error.code === 'unauthorized') {
    throw error;
  }
  if (error.context['isWithoutPort'] === true) {
    // Nothing that was asked is wrong.
    return reply.code(500).send({ status: 'error', error: explainToViewer(error) });
  }
  const { retryAfterS } = error.context;
  if (typeof retryAfterS === 'number') {
    reply.header(RETRY_AFTER, String(retryAfterS)).header('Access-Control-Expose-Headers', RETRY_AFTER);
    if (error.code === 'exhausted') {
      // Sent here: a crowd at the door is no failure to log for each of its heads.
      return reply.code(503).send({ status: 'error', error: explainToViewer(error) });
    }
  }
  if (error.context['isUnacceptable'] === true) {
    return reply.code(406).send({ status: 'error', error: explainToViewer(error) });
  }
  throw new PerchError('badInput', explainToViewer(error), error.context, error.cause);
}
