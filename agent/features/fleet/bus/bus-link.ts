import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import type { BoxSide } from './box-side.ts';
import { type BusConnection, openBus, serversOf } from './connection.ts';
import { type Credential, memberOf, readCredential } from './credential.ts';
import { type BusFailureWhy, busFailure, explainedFailure, whyOf } from './failure.ts';
import type { ServerSide } from './server-side.ts';

/** The first attempt after a connection that ended: the other servers of a cluster are up. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
/** There are few servers, and the events of all boxes wait for them. */
const SERVER_PAUSE_MS = 5_000;
/** A server that ends connections earlier is tried less and less often. */
const MIN_CONNECTED_MS = 20_000;

/** Interval of the look for another credential, which `perch fleet join` may have saved. */
const LOOK_MS = 2_000;

const noFault = () => undefined;
const faultOf = (error: unknown) => ({ error });
const readNoMore = () => faultOf(new Error('the bus no longer tells what boxes publish'));

export interface BusStatus {
  readonly state: 'connecting' | 'connected' | 'waiting';
  readonly error: string | undefined;
  readonly why: BusFailureWhy | undefined;
  /** Unix milliseconds of the last change between connected and not connected. */
  readonly sinceMs: number;
  /** Events that the bus has not stored yet. */
  readonly queued: number;
  /** Events dropped since the start. */
  readonly dropped: number;
}

export interface BusLinkOptions {
  /** `natsURL`. */
  readonly url: string;
  /** Id of this box. */
  readonly box: string;
  /** Called when the credential is that of this box. */
  readonly boxSide: () => BoxSide;
  /** Called when the credential is that of a server. */
  readonly serverSide: () => ServerSide;
  readonly folder: string;
  /** False: the server that handed it out no longer has the right. */
  readonly mayUse?: (credential: Credential) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** A float in [0, 1). */
  readonly random?: () => number;
}

/** Keeps a connection to the bus of the fleet, with the credential of this Perch. */
export class BusLink {
  readonly #options: BusLinkOptions & Required<Pick<BusLinkOptions, 'random' | 'mayUse'>>;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #stopLooking: () => void;
  /** Aborts when there is another credential than that of the last attempt. */
  #replaced = new AbortController();
  /** JWT of the last attempt. */
  #jwt: string | undefined;
  #connection: BusConnection | undefined;
  #box: BoxSide | undefined;
  #status: Pick<BusStatus, 'state' | 'error' | 'why' | 'sinceMs'>;
  #next = 0;
  #maxPauseMs = MAX_PAUSE_MS;

  constructor(options: BusLinkOptions) {
    this.#options = { random: Math.random, mayUse: () => true, ...options };
    this.#status = { state: 'connecting', error: undefined, why: undefined, sinceMs: options.clock.wallMs() };
    this.#running = this.#run();
    this.#stopLooking = options.clock.every(LOOK_MS, () => void this.#look());
  }

  get status(): BusStatus {
    return { ...this.#status, queued: this.#box?.queued ?? 0, dropped: this.#box?.dropped ?? 0 };
  }

  async close(): Promise<void> {
    this.#stopLooking();
    this.#stop.abort();
    await this.#connection?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, random } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      const replaced = new AbortController();
      this.#replaced = replaced;
      let connectedMs = Number.POSITIVE_INFINITY;
      const error = await this.#connectOnce(() => {
        connectedMs = clock.monoMs();
      });
      if (signal.aborted) {
        return;
      }
      if (replaced.signal.aborted) {
        log.info('connecting to the bus of the fleet with another credential');
        failures = 0;
        continue;
      }
      failures = clock.monoMs() - connectedMs >= MIN_CONNECTED_MS ? 1 : failures + 1;
      const why = whyOf(error);
      if (this.#status.state !== 'waiting' || this.#status.why !== why) {
        log.warn({ cause: explain(error) }, 'no connection to the bus of the fleet, retrying');
      }
      this.#enter({ state: 'waiting', error: explain(error), why });
      const pauseMs = Math.min(this.#maxPauseMs, FIRST_PAUSE_MS * 2 ** (failures - 1));
      // After an outage of the bus all boxes connect: the whole pause is spread.
      await withJoinedSignal([signal, replaced.signal], undefined, (joined) =>
        clock.sleep(Math.round(pauseMs * (0.5 + random())), joined.signal),
      );
    }
  }

  async #look(): Promise<void> {
    // One that is damaged, or removed, ends no connection.
    const { folder, mayUse } = this.#options;
    const credential = await readCredential(folder).catch(noFault);
    const isOther = credential && (credential.jwt !== this.#jwt || (this.#connection && !mayUse(credential)));
    if (isOther && !this.#stop.signal.aborted) {
      this.#replaced.abort();
      await this.#connection?.close();
    }
  }

  /** @returns why the connection ended, or could not be made */
  async #connectOnce(onConnected: () => void): Promise<unknown> {
    const { url, log } = this.#options;
    const { signal: replaced } = this.#replaced;
    try {
      const credential = await this.#credential();
      const servers = serversOf(url);
      const server = servers[this.#next % servers.length] ?? '';
      this.#next += 1;
      const member = memberOf(credential.jwt);
      const connection = await openBus(server, credential, member);
      if (this.#stop.signal.aborted || replaced.aborted) {
        await connection.close();
        return undefined;
      }
      this.#connection = connection;
      this.#enter({ state: 'connected', error: undefined, why: undefined });
      log.info({ server }, 'connected to the bus of the fleet');
      onConnected();
      const isBox = member.role === 'box';
      const side = isBox ? this.#box : this.#options.serverSide();
      // A server that no longer reads connects anew. A box sends until its connection ends, or until it is closed.
      const served = side?.serve(connection, credential).then(isBox ? noFault : readNoMore, faultOf);
      const failed = await Promise.race([served, connection.ended.then(noFault)]);
      if (failed && !connection.client.isClosed()) {
        await connection.close();
        return explainedFailure(failed.error, server);
      }
      return await connection.ended;
    } catch (error) {
      return error;
    } finally {
      this.#connection = undefined;
    }
  }

  /** Read for each attempt: the owner may have replaced it. @throws PerchError with `why` in its context */
  async #credential(): Promise<Credential> {
    const { folder, box, boxSide, mayUse } = this.#options;
    const credential = await readCredential(folder).catch((error: unknown) => {
      throw busFailure('credential', explain(error), error);
    });
    this.#jwt = credential?.jwt;
    if (!credential) {
      throw busFailure('credential', `this Perch has no credential of the fleet: perch fleet join FILE (box ${box})`);
    }
    if (!mayUse(credential)) {
      throw busFailure(
        'credential',
        'the server that gave this box its credential no longer has the right fleet: grant it to the server, or remove natsURL',
      );
    }
    const member = memberOf(credential.jwt);
    this.#maxPauseMs = member.role === 'box' ? MAX_PAUSE_MS : SERVER_PAUSE_MS;
    if (member.role === 'box' && member.id !== box) {
      throw busFailure('credential', `the credential is that of box ${member.id}, this is box ${box}`);
    }
    if (member.role === 'box') {
      // From now on events are kept, also while the bus is away.
      this.#box = boxSide();
    }
    return credential;
  }

  #enter(state: Omit<BusStatus, 'sinceMs' | 'queued' | 'dropped'>): void {
    const wasConnected = this.#status.state === 'connected';
    const isSame = wasConnected === (state.state === 'connected');
    this.#status = { ...state, sinceMs: isSame ? this.#status.sinceMs : this.#options.clock.wallMs() };
  }
}
