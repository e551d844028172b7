import type { KeyObject } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, endsWithin } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import type { Environment } from '../../../config/load/environment.ts';
import { dial } from './dial.ts';
import { serveBoxEnd } from './link-session.ts';
import { type LinkStream, readLine } from './link-stream.ts';
import { isProven, newNonce, prove, readChallenge, readWelcome, writeHello } from './proof.ts';

const LEFT = Symbol('the pairing has ended');
const HANDSHAKE_MS = 10_000;
const FIRST_PAUSE_MS = 1_000;
/** A link that lasted this long was healthy: the next failure begins with the first pause again. */
const HEALTHY_MS = 60_000;
/** An ended pairing does not come back by itself, except with a restored backup of the server. */
const REFUSED_PAUSE_MS = 300_000;
/** Answers that are under way when the pairing ends. */
const ANSWERS_MS = 2_000;

/** A server that this box calls. */
export interface CalledServer {
  /** Id that this box has given to the server. */
  readonly server: string;
  readonly addresses: readonly string[];
  readonly pin?: string | undefined;
  /** Public key of the server. */
  readonly key: string;
}

interface OwnIdentity {
  /** Id of this box. */
  readonly box: string;
  readonly key: string;
  readonly privateKey: KeyObject;
}

export interface LinkState {
  readonly state: 'connecting' | 'connected' | 'away' | 'refused';
  /** Start of this state, Unix milliseconds. */
  readonly sinceMs: number;
  /** Why there is no connection. */
  readonly error: string | undefined;
  /** `host:port` of the server in use, or undefined without a connection. */
  readonly address: string | undefined;
}

export interface ServerLinkDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: Environment;
  readonly identity: OwnIdentity;
  /** Serves HTTP on a stream that the server has opened. */
  serve(socket: Socket, server: string): void;
  /** Ends the pairing, because the server has removed this box. @throws PerchError if that cannot be saved */
  removed(server: string): Promise<unknown>;
}

/** The pause before the next attempt: 1 s, doubled up to a minute, then half to one and a half of it, so that boxes do not come all at once. */
export const pauseMs = (failures: number, random = Math.random()): number =>
  Math.min(60_000, FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1)) * (0.5 + random);

interface LinkStart {
  /** Redeemed with the link. */
  readonly invitation?: { readonly secret: string; readonly name: string };
  /** Address of the former link, which is dialled first. */
  readonly former?: string | undefined;
}

/**
 * Opens a link and proves both sides.
 * @throws PerchError unavailable, timeout, unauthorized: the server refuses (`removed`: it has ended the pairing), or is another one
 */
export async function openLink(
  { server, addresses, pin, key: serverKey }: CalledServer,
  { clock, env, identity }: Pick<ServerLinkDeps, 'clock' | 'env' | 'identity'>,
  stop: AbortSignal,
  { invitation, former }: LinkStart = {},
): Promise<{ readonly stream: LinkStream; readonly address: string }> {
  const { stream, address } = await dial(addresses, { pin, env, signal: stop, clock, former });
  const over = new AbortController();
  const late = new PerchError(
    'timeout',
    `${address}: the server does not prove itself within ${HANDSHAKE_MS / 1000} s`,
  );
  void clock.sleep(HANDSHAKE_MS, over.signal).then(() => over.abort(late));
  try {
    await withJoinedSignal([stop, over.signal], undefined, async ({ signal }) => {
      const serverNonce = readChallenge(await readLine(stream, signal));
      const { box, key, privateKey } = identity;
      const facts = { serverNonce, boxNonce: newNonce(), box, server, boxKey: key, serverKey };
      const proof = prove('box', facts, privateKey);
      stream.write(writeHello({ box, server, key, nonce: facts.boxNonce, proof, ...invitation }));
      if (!isProven('server', facts, readWelcome(await readLine(stream, signal), facts))) {
        throw new PerchError('unauthorized', `${address}: another server answers: its proof is wrong`, {
          why: 'proof',
        });
      }
    });
    return { stream, address };
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    over.abort();
  }
}

/** The link of this box to one server: opened again whenever it ends. */
export class ServerLink {
  readonly called: CalledServer;
  readonly #deps: ServerLinkDeps;
  readonly #stop = new AbortController();
  /** Ends the pause, or the attempt to connect. */
  #wake = new AbortController();
  /** Set while connected. */
  #check: (() => void) | undefined;
  /** To requests of the server, under way. */
  readonly #answers = new Set<ServerResponse>();
  #isStarted = false;
  #former: string | undefined;
  #state: LinkState;
  #done: Promise<void> = Promise.resolve();

  constructor(called: CalledServer, deps: ServerLinkDeps) {
    this.called = called;
    this.#deps = deps;
    this.#state = { state: 'connecting', sinceMs: deps.clock.wallMs(), error: undefined, address: undefined };
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Once. @param opened a link that is open already */
  start(opened?: { readonly stream: LinkStream; readonly address: string }): void {
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#done = this.#run(opened);
    }
  }

  /** The network has changed: connects now, or shows whether the link still passes. */
  retry(): void {
    if (this.#check) {
      this.#check();
    } else {
      this.#wake.abort();
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  noteAnswer(answer: ServerResponse): void {
    this.#answers.add(answer);
    answer.once('close', () => this.#answers.delete(answer));
  }

  /** The pairing has ended. The server gets the answer that it waits for, and learns that it is refused. */
  async leave(): Promise<void> {
    const { clock } = this.#deps;
    const ends = [...this.#answers].map((answer) => new Promise<void>((resolve) => void answer.once('close', resolve)));
    const answered = Promise.all(ends);
    await endsWithin(clock, ANSWERS_MS, answered);
    this.#stop.abort(LEFT);
    await this.#done;
  }

  async #run(opened: { readonly stream: LinkStream; readonly address: string } | undefined): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stop;
    let [failures, link] = [0, opened];
    while (!signal.aborted) {
      const beganMs = clock.monoMs();
      this.#wake = new AbortController();
      const dialling = this.#wake.signal;
      const cause = await this.#once(link).catch((error: unknown) => error);
      link = undefined;
      if (signal.aborted) {
        break;
      }
      if (dialling.aborted && this.#state.state !== 'connected') {
        continue;
      }
      if (cause instanceof PerchError && cause.context['why'] === 'removed' && (await this.#isForgotten())) {
        return;
      }
      this.#wake = new AbortController();
      this.#miss(cause);
      failures = clock.monoMs() - beganMs >= HEALTHY_MS ? 1 : failures + 1;
      const ms = this.#state.state === 'refused' ? REFUSED_PAUSE_MS * (0.5 + Math.random()) : pauseMs(failures);
      await withJoinedSignal([signal, this.#wake.signal], undefined, (joined) => clock.sleep(ms, joined.signal));
    }
  }

  /** One link from its start to its end. @returns why it has ended @throws PerchError if none opens */
  async #once(opened: { readonly stream: LinkStream; readonly address: string } | undefined): Promise<unknown> {
    const { clock, log, serve } = this.#deps;
    const { called } = this;
    const { signal } = this.#stop;
    const { stream, address } =
      opened ??
      (await withJoinedSignal([signal, this.#wake.signal], undefined, (joined) =>
        openLink(called, this.#deps, joined.signal, { former: this.#former }),
      ));
    const { promise, resolve } = Promise.withResolvers<unknown>();
    let cause: unknown;
    stream.once('error', (error) => {
      cause = error;
    });
    stream.once('close', () => resolve(cause ?? new PerchError('unavailable', 'the connection has ended')));
    const { check, leave } = serveBoxEnd(stream, clock, (socket) => serve(socket, called.server));
    const stop = (): unknown => (signal.reason === LEFT ? leave() : stream.destroy());
    signal.addEventListener('abort', stop, { once: true });
    this.#former = address;
    this.#check = check;
    if (stream.destroyed) {
      resolve(new PerchError('unavailable', 'the connection has ended'));
    }
    this.#state = { state: 'connected', sinceMs: clock.wallMs(), error: undefined, address };
    log.info({ server: called.server, address }, 'connected to a server');
    try {
      return await promise;
    } finally {
      this.#check = undefined;
      signal.removeEventListener('abort', stop);
    }
  }

  /** Ends the pairing that the server has ended. @returns false if that cannot be saved */
  async #isForgotten(): Promise<boolean> {
    const { log, removed } = this.#deps;
    const { server } = this.called;
    try {
      log.info({ server }, 'server has removed this box');
      await removed(server);
      return true;
    } catch (error) {
      log.warn({ server, cause: explain(error) }, 'the end of a pairing cannot be saved');
      return false;
    }
  }

  #miss(cause: unknown): void {
    const { clock, log } = this.#deps;
    if (!(cause instanceof PerchError) && !(cause instanceof Error)) {
      throw cause;
    }
    const text = explain(cause);
    const why = cause instanceof PerchError && cause.code === 'unauthorized' ? cause.context['why'] : undefined;
    const state = ['unknown', 'invitation', 'removed'].includes(String(why)) ? 'refused' : 'away';
    if (this.#state.state !== state) {
      log.warn(
        { server: this.called.server, cause: text },
        state === 'away' ? 'server is away' : 'server refuses this box',
      );
      this.#state = { state, sinceMs: clock.wallMs(), error: text, address: undefined };
    } else {
      this.#state = { ...this.#state, error: text };
    }
  }
}
