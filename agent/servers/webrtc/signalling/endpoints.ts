import { createHmac, randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { explainToViewer, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { offerError } from '../../../transports/webrtc/sdp/rejections.ts';
import type { AnsweredOffer } from '../server/server.ts';
import type { Requester } from '../session/session.ts';
import { bodyOf, type IceServer, queryOf, requesterOf, requireType, type SignallingOptions } from './requests.ts';
import { type EndpointTarget, encodePath, type Purpose } from './signalling-url.ts';

export const METHODS = 'OPTIONS, GET, POST, PATCH, DELETE';
export const HEADERS = 'Authorization, Content-Type, If-Match';
export const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';
const SDP_TYPE = 'application/sdp';
/** Tracks that the viewer does not receive, with reasons. Perch's own header. */
const LEFT_OUT = 'Perch-Left-Out';
/**
 * Whether the viewer can talk here, and why not, percent-encoded. An error status would appear in the console of each
 * page.
 */
const TALK = 'Perch-Talk';
const TALK_REASON = 'Perch-Talk-Reason';
/** The video has B-frames: an offer would be rejected. */
const B_FRAMES = 'Perch-B-Frames';
const RETRY_AFTER = 'Retry-After';
/**
 * Location is relative to the endpoint, because a proxy may serve it in another folder. OBS Studio 30 to 32 takes it for the whole path.
 */
const TAKES_LOCATION_AS_PATH = /\bOBS-Studio\b/i;
const EXPOSED = 'ETag, ID, Accept-Patch, Link, Location';

const ACTION: Record<Purpose, 'read' | 'publish'> = { whep: 'read', whip: 'publish', talk: 'publish' };

/** `/{path}/whep`, `/{path}/whip` and `/{path}/talk`: answers OPTIONS and offers. */
export class Endpoints {
  readonly #prefix: string;
  readonly #options: SignallingOptions;

  /** @param prefix without a final slash */
  constructor(prefix: string, options: SignallingOptions) {
    this.#prefix = prefix;
    this.#options = options;
  }

  async answer(target: EndpointTarget, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { method } = request;
    if (method !== 'OPTIONS' && method !== 'POST') {
      return reply.code(405).header('Allow', 'OPTIONS, POST').send({ status: 'error', error: 'method not allowed' });
    }
    if (target.purpose === 'talk' && method === 'POST') {
      await this.#requireTalk(request, target.path);
    } else {
      const action = target.purpose === 'talk' ? 'read' : ACTION[target.purpose];
      await this.#options.access.require(request, action, target.path);
    }
    try {
      return method === 'OPTIONS'
        ? await this.#onOptions(target, request, reply)
        : await this.#onOffer(target, request, reply);
    } catch (error) {
      return sendError(error, reply);
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
      await this.#setTalkHeaders(path, request, reply);
    } else if (purpose === 'whep' && server.hasBFrames(path)) {
      reply.header(B_FRAMES, 'yes');
    }
    const exposed = { whep: `, ${B_FRAMES}`, whip: '', talk: `, ${TALK}, ${TALK_REASON}` }[purpose];
    reply.header('Access-Control-Expose-Headers', `Accept-Post, Link${exposed}`);
    reply.header('Accept-Post', SDP_TYPE);
    this.#setLinks(reply);
    return reply.code(204).send();
  }

  /** Lets pages hide the talk button where there is no loudspeaker or no permission. */
  async #setTalkHeaders(path: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { server } = this.#options;
    try {
      await this.#requireTalk(request, path);
      await server.mayTalk(path);
      reply.header(TALK, 'yes');
    } catch (error) {
      rethrowUnexpected(error);
      const reason = explainToViewer(error).slice(0, 300).toWellFormed();
      reply.header(TALK, 'no').header(TALK_REASON, encodeURIComponent(reason));
    }
  }

  /** Talking affects the camera's surroundings: it needs the right to publish, or a person's right to talk. */
  async #requireTalk(request: FastifyRequest, path: string): Promise<void> {
    const { access } = this.#options;
    if (!access.limitedPerson?.(request)?.may('talk', path)) {
      await access.require(request, ACTION.talk, path);
    }
  }

  async #onOffer(target: EndpointTarget, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    requireType(request, SDP_TYPE);
    const { access } = this.#options;
    const query = queryOf(request);
    const fallback = (target.purpose === 'whep' && new URLSearchParams(query).get('fallback')) || undefined;
    if (fallback !== undefined) {
      // Checked now, because no password can be requested when the session later switches to it.
      await access.require(request, 'read', fallback);
      if (this.#options.isConfigured?.(fallback) === false) {
        throw offerError(`path '${fallback}' (fallback) is not configured`);
      }
    }
    if (target.purpose === 'talk') {
      // Fails first if the camera does not accept audio.
      await this.#options.server.mayTalk(target.path);
    }
    const requester = { ...requesterOf(request, access, target.path), fallback };
    const response = await this.#open(target.purpose, requester, bodyOf(request));
    const folder = TAKES_LOCATION_AS_PATH.test(request.headers['user-agent'] ?? '')
      ? `${this.#prefix}/${encodePath(target.path)}/`
      : '';
    const location = `${folder}${target.purpose}/${response.secret}`;
    reply.header('Location', query === '' ? location : `${location}?${query}`);
    reply.header('ETag', '*');
    reply.header('ID', response.id);
    reply.header('Accept-Patch', FRAGMENT_TYPE);
    this.#setLinks(reply);
    if (response.leftOut.length > 0) {
      reply.header(LEFT_OUT, response.leftOut.join(', '));
      reply.header('Access-Control-Expose-Headers', `${EXPOSED}, ${LEFT_OUT}`);
    } else {
      reply.header('Access-Control-Expose-Headers', EXPOSED);
    }
    return reply.code(201).type(SDP_TYPE).send(response.answer);
  }

  #open(purpose: Purpose, requester: Requester, offer: string): Promise<AnsweredOffer> {
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

/** Players handle 400, 401, 404, 406, 500 and 503; the text has the reason. */
function sendError(error: unknown, reply: FastifyReply): FastifyReply {
  if (!(error instanceof PerchError) || error.code === 'notFound' || error.code === 'unauthorized') {
    throw error;
  }
  if (error.context['isWithoutPort'] === true) {
    // The client is not at fault: 500 instead of 400.
    return reply.code(500).send({ status: 'error', error: explainToViewer(error) });
  }
  const { retryAfterS } = error.context;
  if (typeof retryAfterS === 'number') {
    reply.header(RETRY_AFTER, String(retryAfterS)).header('Access-Control-Expose-Headers', RETRY_AFTER);
    if (error.code === 'exhausted') {
      // Sent here and not logged: a crowd would fill the log.
      return reply.code(503).send({ status: 'error', error: explainToViewer(error) });
    }
  }
  if (error.context['why'] === 'away') {
    throw error;
  }
  if (error.context['isUnacceptable'] === true) {
    return reply.code(406).send({ status: 'error', error: explainToViewer(error) });
  }
  throw new PerchError('badInput', explainToViewer(error), error.context, error.cause);
}

/** With this user name the password is a shared secret for temporary credentials (TURN REST API). */
const SECRET_USER = 'AUTH_SECRET';
const CREDENTIAL_LIFE_S = 24 * 60 * 60;

/** `Link` header values, draft-ietf-wish-whep §4.6. */
function iceServerLinks(servers: readonly IceServer[], wallMs: number): string[] {
  return servers.map((server) => {
    const { username, password } = server.username === SECRET_USER ? temporary(server.password, wallMs) : server;
    const credential =
      username === ''
        ? ''
        : `; username="${quote(username)}"; credential="${quote(password)}"; credential-type="password"`;
    // Header bytes: other characters are sent as UTF-8.
    return Buffer.from(`<${server.url}>; rel="ice-server"${credential}`).toString('latin1');
  });
}

function temporary(secret: string, wallMs: number): { username: string; password: string } {
  const untilS = Math.floor(wallMs / 1000) + CREDENTIAL_LIFE_S;
  const username = `${untilS}:${randomBytes(8).toString('hex')}`;
  return { username, password: createHmac('sha1', secret).update(username).digest('base64') };
}

const quote = (text: string): string => text.replace(/["\\]/g, '\\$&');
