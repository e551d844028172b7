import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../../../base/clock.ts';
import { PerchError } from '../../../../base/errors.ts';
import { checkStreamPath } from '../../../../config/values/path-name.ts';
import type { HttpAccess, ZlmApiCalls } from '../../../../protocols/contract.ts';
import { type NamedPaths, pathOf } from '../../../../protocols/zlm-path.ts';
import type { AnsweredOffer, WebRtcServer } from '../../server/server.ts';
import { bodyOf, requesterOf } from '../requests.ts';
import { applyCandidateOverrides, readCandidateOverrides } from './candidate-overrides.ts';
import type { Parameters } from './parameters.ts';
import { WaitingPlayers } from './stream-path.ts';

export interface ZlmCallOptions {
  readonly server: WebRtcServer;
  readonly more?: ZlmApiCalls | undefined;
  readonly access: Pick<HttpAccess, 'require' | 'identify' | 'origin'>;
  readonly paths: NamedPaths;
  readonly clock: Clock;
}

type Purpose = 'play' | 'push' | 'echo';

interface ZlmCall {
  readonly parameters: Parameters;
  readonly request: FastifyRequest;
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal;
}

/** The signalling calls. They need the permissions of WHEP and WHIP, no `secret`. */
export class SignallingCalls {
  readonly #options: ZlmCallOptions;
  readonly #waiting: WaitingPlayers;

  constructor(options: ZlmCallOptions) {
    this.#options = options;
    this.#waiting = new WaitingPlayers(options.paths, options.clock);
  }

  async webrtc(call: ZlmCall): Promise<{ id: string; sdp: string; type: 'answer' }> {
    const { parameters } = call;
    const { type } = parameters.require('type', 'app', 'stream');
    if (type !== 'play' && type !== 'push' && type !== 'echo') {
      throw new PerchError('badInput', 'the type can not supported');
    }
    const overrides = readCandidateOverrides(parameters);
    const { id, answer } = await this.#answer(type, call);
    return { id, sdp: applyCandidateOverrides(answer, overrides), type: 'answer' };
  }

  async standard(name: 'whip' | 'whep', call: ZlmCall): Promise<{ answer: string; location: string }> {
    const { parameters, request } = call;
    const overrides = readCandidateOverrides(parameters);
    const { id, secret, answer } = await this.#answer(name === 'whip' ? 'push' : 'play', call);
    const query = new URLSearchParams({ id, token: secret });
    const address = request.host === '' ? '' : this.#options.access.origin(request).baseUrl;
    return {
      answer: applyCandidateOverrides(answer, overrides),
      location: `${address}/index/api/delete_webrtc?${query}`,
    };
  }

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

  async #answer(purpose: Purpose, { parameters, request, signal }: ZlmCall): Promise<AnsweredOffer> {
    const named = parameters.require('app', 'stream');
    checkStreamPath(`${named.app}/${named.stream}`);
    const offer = bodyOf(request);
    if (offer.trim() === '') {
      throw new PerchError('badInput', 'the body has no offer', { isEmptyOffer: true });
    }
    const { server, access, paths } = this.#options;
    if (purpose === 'play') {
      const play = async (path: string): Promise<AnsweredOffer> => {
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
    // An echo costs as much as publishing and reading together.
    await access.require(request, 'publish', path);
    const requester = requesterOf(request, access, path);
    return purpose === 'push' ? server.publish(requester, offer) : server.echo(requester, offer);
  }
}
