import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../../../base/clock.ts';
import { PerchError } from '../../../../base/errors.ts';
import { checkStreamPath } from '../../../../config/values/path-name.ts';
import type { Answered, WebRtcServer } from '../../server/server.ts';
import { bodyOf, type HttpAccess, requesterOf } from '../requests.ts';
import { fulfil, readWishes } from './candidate-wishes.ts';
import type { Parameters } from './parameters.ts';
import { type NamedPaths, pathOf, WaitingPlayers } from './stream-path.ts';

export interface ZlmAccess extends HttpAccess {
  origin(request: FastifyRequest): { readonly baseUrl: string };
}

/** What a call is answered besides those of signalling. */
export interface MoreAnswer {
  /** Of the JSON; without `code` it is 0. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whole values of Set-Cookie. */
  readonly cookies?: readonly string[];
  /** A JPEG in place of all that. */
  readonly picture?: Uint8Array;
}

/** The calls that are not signalling. */
export interface MoreCalls {
  /** @param name in lower case @returns undefined: there is no such call */
  answer(name: string, call: Pick<ZlmCall, 'parameters' | 'request'>): Promise<MoreAnswer | undefined>;
  /**
   * A player wants what is not there.
   * @param isKnown there is such a path, and its stream may come by itself
   * @returns false: he is not to wait for it
   */
  streamNotFound(path: string, request: FastifyRequest, isKnown: boolean): Promise<boolean>;
}

export interface ZlmCallOptions {
  readonly server: WebRtcServer;
  readonly more?: MoreCalls;
  readonly access: ZlmAccess;
  readonly paths: NamedPaths;
  readonly clock: Clock;
}

type Purpose = 'play' | 'push' | 'echo';

export interface ZlmCall {
  readonly parameters: Parameters;
  readonly request: FastifyRequest;
  /** Aborts when the client has gone before its answer. */
  readonly signal: AbortSignal;
}

/** The calls of signalling. Permission is asked for as for WHEP and WHIP: they need no `secret`. */
export class ZlmCalls {
  readonly #options: ZlmCallOptions;
  readonly #waiting: WaitingPlayers;

  constructor(options: ZlmCallOptions) {
    this.#options = options;
    this.#waiting = new WaitingPlayers(options.paths, options.clock);
  }

  /** `/index/api/webrtc`. */
  async webrtc(call: ZlmCall): Promise<{ id: string; sdp: string; type: 'answer' }> {
    const { parameters } = call;
    const { type } = parameters.require('type', 'app', 'stream');
    if (type !== 'play' && type !== 'push' && type !== 'echo') {
      throw new PerchError('badInput', 'the type can not supported');
    }
    const wishes = readWishes(parameters);
    const { id, answer } = await this.#answer(type, call);
    return { id, sdp: fulfil(answer, wishes), type: 'answer' };
  }

  /** `/index/api/whip` and `/index/api/whep`. */
  async standard(name: 'whip' | 'whep', call: ZlmCall): Promise<{ answer: string; location: string }> {
    const { parameters, request } = call;
    const wishes = readWishes(parameters);
    const { id, secret, answer } = await this.#answer(name === 'whip' ? 'push' : 'play', call);
    const query = new URLSearchParams({ id, token: secret });
    const place = request.host === '' ? '' : this.#options.access.origin(request).baseUrl;
    return { answer: fulfil(answer, wishes), location: `${place}/index/api/delete_webrtc?${query}` };
  }

  /** `/index/api/delete_webrtc`. */
  end(parameters: Parameters): { status: number; text: string } {
    const { id, token } = parameters.require('id', 'token');
    const { server } = this.#options;
    if (!server.get(id)) {
      return { status: 404, text: 'id not found' };
    }
    if (server.idOf(token) !== id) {
      return { status: 401, text: 'token incorrect' };
    }
    server.end(token);
    return { status: 200, text: '' };
  }

  async #answer(purpose: Purpose, { parameters, request, signal }: ZlmCall): Promise<Answered> {
    const named = parameters.require('app', 'stream');
    checkStreamPath(`${named.app}/${named.stream}`);
    const offer = bodyOf(request);
    if (offer.trim() === '') {
      throw new PerchError('badInput', 'the body has no offer', { isEmptyOffer: true });
    }
    const { server, access, paths } = this.#options;
    if (purpose === 'play') {
      const play = async (path: string): Promise<Answered> => {
        await access.require(request, 'read', path);
        return server.read(requesterOf(request, access, path), offer);
      };
      const isAwaited = async (path: string): Promise<boolean> => {
        const isWaiting = paths.find(path) !== undefined || paths.isConfigured(path);
        return (await this.#options.more?.streamNotFound(path, request, isWaiting)) ?? isWaiting;
      };
      return this.#waiting.play(named, play, { ip: access.identify(request).ip, signal }, isAwaited);
    }
    const path = pathOf(named.app, named.stream, paths);
    // An echo goes to nobody else, but it costs as much as publishing and watching together.
    await access.require(request, 'publish', path);
    const requester = requesterOf(request, access, path);
    return purpose === 'push' ? server.publish(requester, offer) : server.echo(requester, offer);
  }
}
