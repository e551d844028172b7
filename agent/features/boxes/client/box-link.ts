import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { NOT_CARRIED } from '../../../auth/pairing/box-bus.ts';
import { isLinkPin, type LinkedBoxes, NO_LINK } from '../../../auth/pairing/linked-boxes.ts';
import { type Clock, endsWithin } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { mergedItems } from '../../../base/files/merged-items.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import { everyTogether } from '../../../base/time/shared-timer.ts';
import {
  BoxClient,
  type BoxOnBus,
  type BoxRequest,
  type BoxResponse,
  type BoxUpgrade,
  jsonOf,
  webSocketFields,
} from './box-client.ts';
import { type BoxFacts, boxPrivateKey, readFacts, readTime, type SharedPath, type StoredBox } from './box-file.ts';

const PING_MS = 5_000;
/** RFC 6455 §5.5.2, masked as all frames of clients; without a payload the key does not matter. */
const PING = Uint8Array.of(0x89, 0x80, 0, 0, 0, 0);

/**
 * Pings a box through a WebSocket that carries nothing else.
 * @param onLost called when a ping has no answer by the time the next one is due, or when the connection has ended
 */
export function keepPulse(socket: Socket, clock: Clock, onLost: () => void): void {
  let isAnswered = true;
  const stop = everyTogether(clock, PING_MS, () => {
    if (isAnswered) {
      isAnswered = false;
      socket.write(PING);
    } else {
      socket.destroy();
    }
  });
  socket.on('data', () => {
    isAnswered = true;
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    stop();
    onLost();
  });
}

/** Interval of the requests for what the box offers, which also show that it is reachable. */
const ASK_MS = 60_000;
const FIRST_PAUSE_MS = 2_000;
/** A box that is away this long is a warning: after a start, and after it was paired, one that connects by itself is away for a moment. */
const WARN_AFTER_MS = 15_000;
const MAX_ADDRESSES = 16;
/** Time without an answer after which the box is searched for: it may have other addresses by then. */
const SEARCH_AFTER_MS = 60_000;

export const SELF_PATH = '/v3/pairedservers/self';
const LINK_PATH = '/v3/pairedservers/link';
/** A failed request waits this long for the result of a new connection. */
const CHECKED_MS = 5_000;

/** State of the connection to a box. */
export interface BoxState {
  readonly state: 'connecting' | 'connected' | 'away' | 'refused';
  /** Start of this state, Unix milliseconds. */
  readonly sinceMs: number;
  /** Why the box is unreachable; undefined while it is connected. */
  readonly error: string | undefined;
  /** Time of the last answer, Unix milliseconds; 0: there was none yet. */
  readonly seenMs: number;
  /** See `clockOffsetMs`, or undefined if unknown. */
  readonly clockOffsetMs: number | undefined;
}

interface BoxLinkOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Connections that boxes make, and the bus of a fleet. */
  readonly boxLinks?: Pick<LinkedBoxes, 'open' | 'isConnected' | 'bus'> | undefined;
  /** Searches the local networks for the box with this id. @returns its addresses, which are not verified */
  search?(id: string): Promise<readonly string[]>;
  /** Called when the box was seen or its facts have changed. */
  changed(box: StoredBox, isWorthSaving: boolean): void;
}

/** The connection to one box: finds its address, asks once a minute what it offers, and detects within seconds that it is away. */
export class BoxLink {
  readonly #options: BoxLinkOptions;
  readonly #client: BoxClient;
  readonly #stop = new AbortController();
  /** Whether the box makes the connection. */
  readonly #isLinked: boolean;
  #box: StoredBox;
  #state: BoxState;
  #wake = new AbortController();
  #hasPulse = false;
  /** Whether the bus alone reached the box when boxes there last changed. */
  #isByBus = false;
  /** Whether the box may hang. Only a new connection shows that it is reachable. */
  #isSilent = false;
  #asking: Promise<boolean> | undefined;
  /** Monotonic time of the last answer to any request. */
  #answeredMs = Number.NEGATIVE_INFINITY;
  /** Monotonic time of the last attempt that had no answer. */
  #missedMs = 0;
  /** Monotonic time since which the box does not answer, or undefined if it does. */
  #awayMs: number | undefined;
  /** The log says that the box is away. */
  #hasWarned = false;
  #done: Promise<void> = Promise.resolve();

  constructor(box: StoredBox, options: BoxLinkOptions) {
    this.#box = box;
    this.#options = options;
    const { pin, server: id, namesBox } = box;
    const onNamesBox = (): void => {
      this.#box = { ...this.#box, namesBox: true };
      options.changed(this.#box, true);
    };
    const identity = { id, key: boxPrivateKey(box), box: box.id, namesBox, onNamesBox };
    const { clock, boxLinks } = options;
    this.#isLinked = isLinkPin(pin);
    const openStream = this.#isLinked && boxLinks ? (isLive: boolean) => boxLinks.open(box.id, isLive) : undefined;
    const bus = boxLinks && onBus(box.id, boxLinks);
    this.#client = new BoxClient({ pin, identity, clock, openStream, bus });
    this.#state = {
      state: 'connecting',
      sinceMs: options.clock.wallMs(),
      error: undefined,
      seenMs: box.seen,
      clockOffsetMs: undefined,
    };
  }

  get box(): StoredBox {
    return this.#box;
  }

  /** Name of the box, for people. */
  get name(): string {
    return this.#box.alias ?? this.#box.name;
  }

  /** Since when requests fail at once, RFC 3339; null: it answers, or was not asked yet. */
  get awaySince(): string | null {
    const { state, sinceMs } = this.#state;
    return state === 'away' || state === 'refused' ? new Date(sinceMs).toISOString() : null;
  }

  get state(): BoxState {
    return this.#state;
  }

  start(): void {
    this.#done = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#done;
    this.#client.close();
  }

  /** Replaces the addresses by those that a person has entered. */
  setAddresses(addresses: readonly string[]): void {
    const { addresses: before, entered: former = [] } = this.#box;
    const entered = addresses.filter((one) => former.includes(one) || !before.includes(one)).slice(0, MAX_ADDRESSES);
    this.#box = { ...this.#box, addresses: [...addresses].slice(0, MAX_ADDRESSES), entered };
    this.#options.changed(this.#box, true);
    this.#wake.abort();
  }

  /** The connection that the box makes has begun or ended. */
  linkChanged(): void {
    this.#isSilent = true;
    this.#wake.abort();
  }

  /** Boxes have come to the bus of a fleet, or gone. */
  busChanged(): void {
    const { isByBus } = this.#client;
    if (isByBus !== this.#isByBus) {
      this.#isByBus = isByBus;
      this.linkChanged();
    }
  }

  /** @param alias empty: the box's own name */
  rename(alias: string): void {
    const { alias: _, ...box } = this.#box;
    this.#box = alias === '' ? box : { ...box, alias };
    this.#options.changed(this.#box, true);
  }

  /** See `StoredBox.paths`. */
  setPaths(paths: readonly SharedPath[]): void {
    this.#box = { ...this.#box, paths: [...paths] };
  }

  /** Takes the name and the addresses that were entered on another server, the paths that it has added, and what the box offers it. @param former as both servers knew the box */
  take(theirs: StoredBox, former: StoredBox | undefined): void {
    if (theirs.alias !== former?.alias) {
      const { alias: _, ...box } = this.#box;
      this.#box = theirs.alias === undefined ? box : { ...box, alias: theirs.alias };
    }
    if (!isDeepStrictEqual(theirs.entered, former?.entered)) {
      this.#box = { ...this.#box, addresses: theirs.addresses, entered: theirs.entered ?? [] };
      this.#wake.abort();
    }
    if (this.#state.state !== 'connected') {
      this.#box = { ...this.#box, cameras: theirs.cameras };
    }
    if (theirs.paths) {
      const [mine, before] = [this.#box.paths ?? [], former?.paths ?? []];
      const keyOf = ({ path }: SharedPath) => path;
      this.setPaths(mergedItems({ former: before, mine, theirs: theirs.paths, keyOf, both: (_, there) => there }));
    }
  }

  /** Asks the box now; `state` has the outcome. */
  async refresh(): Promise<void> {
    // One that runs may have begun before the box was there.
    if (!(await this.#asking)) {
      await this.#ask();
    }
  }

  /** Fails at once while the box is away. @throws PerchError unavailable */
  async request(method: string, path: string, request: BoxRequest = {}): Promise<BoxResponse> {
    await this.#checkThere(request.isBackground);
    return this.#noting(request.signal, () => this.#client.request(method, path, request));
  }

  /** Like `request`, for a WebSocket. */
  async upgrade(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<BoxUpgrade> {
    await this.#checkThere();
    const upgrade = await this.#noting(signal, () => this.#client.upgrade(path, headers, signal));
    // This may be the first sign that the box has lost its power or its pairing.
    upgrade.socket.once('close', () => this.#wake.abort());
    return upgrade;
  }

  async #checkThere(isBackground = false): Promise<void> {
    if (this.#state.state === 'connecting') {
      // The first attempt is enough for all requests that wait for it.
      await this.#ask();
    }
    const since = this.awaySince;
    if (since !== null) {
      // A request is waiting, and the box may be back.
      if (!isBackground && !this.#asking && this.#options.clock.monoMs() - this.#missedMs >= FIRST_PAUSE_MS) {
        this.#wake.abort();
      }
      const isRefused = this.#state.state === 'refused';
      const words = isRefused ? 'refuses this server' : 'is away';
      // `away`: viewers that wait get the answer at once.
      const context = { why: 'away', ...(isRefused && { absence: 'boxRefuses' }) };
      throw new PerchError('unavailable', `box '${this.name}' ${words} since ${since}: ${this.#state.error}`, context);
    }
  }

  async #noting<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const sentMs = clock.monoMs();
    try {
      const answer = await work();
      this.#answeredMs = clock.monoMs();
      return answer;
    } catch (error) {
      if (isAway(error) && signal?.aborted !== true && !('why' in (error as PerchError).context)) {
        const checked = this.noteSilence(sentMs);
        // A connection that fails says soon whether the box is there.
        if (error instanceof PerchError && error.code === 'unavailable') {
          await endsWithin(clock, CHECKED_MS, checked);
        }
      }
      throw error;
    }
  }

  /**
   * A request has no answer. Unless the box has answered another one since, a new connection shows whether it is away.
   * @param sentMs when it was sent, on the monotonic clock
   */
  async noteSilence(sentMs: number): Promise<void> {
    if (this.awaySince !== null || this.#answeredMs > sentMs) {
      return;
    }
    this.#isSilent = true;
    await this.#asking;
    if (this.#isSilent && this.awaySince === null) {
      void this.#ask();
      this.#wake.abort();
    }
    await this.#asking;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const wake = this.#wake.signal;
      failures = (await this.#ask()) ? 0 : failures + 1;
      if (failures === 0) {
        await this.#beginPulse();
      }
      const pauseMs = failures === 0 ? ASK_MS : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), 30_000);
      await withJoinedSignal([signal, wake], undefined, (joined) => clock.sleep(pauseMs, joined.signal));
    }
  }

  async #beginPulse(): Promise<void> {
    // A link has pings of its own.
    if (this.#hasPulse || this.#isLinked || this.#client.isByBus) {
      return;
    }
    try {
      const { socket } = await this.#client.upgrade(LINK_PATH, webSocketFields(), this.#stop.signal);
      const { clock } = this.#options;
      const [stop, beganMs] = [this.#stop.signal, clock.monoMs()];
      const end = (): void => void socket.destroy();
      this.#hasPulse = true;
      stop.addEventListener('abort', end, { once: true });
      keepPulse(socket, clock, () => {
        stop.removeEventListener('abort', end);
        this.#hasPulse = false;
        // A box that ends each pulse at once is still asked only once a minute.
        if (clock.monoMs() - beganMs >= 5_000) {
          this.#isSilent = true;
          this.#wake.abort();
        }
      });
    } catch (error) {
      if (!(error instanceof PerchError) && !this.#stop.signal.aborted) {
        throw error;
      }
      // The next request for its facts shows whether the box is unreachable or just has no such route.
    }
  }

  #ask(): Promise<boolean> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<boolean> {
    try {
      if (this.#state.state !== 'connected' || this.#isSilent || this.#client.isByBus) {
        this.#isSilent = false;
        await this.#connect(await this.#searched());
      }
      const facts = await this.#facts().catch(async (error: unknown) => {
        if (this.#state.state !== 'connected' || !isAway(error)) {
          throw error;
        }
        // The box may have another address now.
        await this.#connect();
        return this.#facts();
      });
      this.#learn(facts);
      return true;
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#miss(error);
      }
      return false;
    }
  }

  async #connect(more: readonly string[] = []): Promise<void> {
    if (this.#isLinked) {
      this.#client.useLink();
    } else {
      const addresses = [...this.#box.addresses, ...more];
      await this.#client.connect(addresses, this.#stop.signal).catch((error: unknown) => {
        if (!this.#client.isByBus) {
          throw error;
        }
      });
    }
  }

  /** Addresses found by a search. Whatever answers there is verified as at any other address. */
  async #searched(): Promise<readonly string[]> {
    const { clock, search } = this.#options;
    const isLong = !this.#isLinked && this.#awayMs !== undefined && clock.monoMs() - this.#awayMs >= SEARCH_AFTER_MS;
    return (isLong && (await search?.(this.#box.id))) || [];
  }

  async #facts(): Promise<BoxFacts> {
    const { clock } = this.#options;
    const sentMs = clock.wallMs();
    const answer = await jsonOf(
      await this.#client.request('GET', SELF_PATH, { signal: this.#stop.signal, isShort: true }),
    );
    const offsetMs = clockOffsetMs(readTime(answer), sentMs, clock.wallMs());
    const facts = readFacts(answer);
    if (!facts) {
      throw new PerchError('badInput', 'the box sends facts of another form: update both');
    }
    if (facts.id !== this.#box.id) {
      throw new PerchError('badInput', `another box answers: its id is ${facts.id}`);
    }
    this.#state = { ...this.#state, clockOffsetMs: offsetMs };
    return facts;
  }

  #learn(facts: BoxFacts): void {
    const { clock, log } = this.#options;
    this.#awayMs = undefined;
    this.#hasWarned = false;
    this.#answeredMs = clock.monoMs();
    const nowMs = clock.wallMs();
    const before = this.#box;
    const known = [this.#client.address, ...(before.entered ?? []), ...facts.addresses].filter((one) => one !== '');
    const addresses = this.#isLinked ? [] : [...new Set(known)].slice(0, MAX_ADDRESSES);
    // A box of an earlier version does not name the rights that it does not know.
    const rights = { talk: false, turn: false, switch: false, settings: false, fleet: false };
    this.#box = { ...before, ...rights, ...facts, addresses, seen: nowMs };
    if (this.#state.state !== 'connected') {
      log.info({ box: facts.name, address: this.#client.address }, 'box is connected');
      this.#state = { ...this.#state, state: 'connected', sinceMs: nowMs, error: undefined, seenMs: nowMs };
    } else {
      this.#state = { ...this.#state, seenMs: nowMs };
    }
    const isSame = JSON.stringify({ ...before, seen: 0 }) === JSON.stringify({ ...this.#box, seen: 0 });
    this.#options.changed(this.#box, !isSame);
  }

  #miss(error: unknown): void {
    const { clock, log } = this.#options;
    if (!(error instanceof PerchError)) {
      log.error({ err: error, box: this.#box.name }, 'asking a box failed');
    }
    this.#missedMs = clock.monoMs();
    const text = explain(error);
    const { code, context } =
      error instanceof PerchError ? error : { code: undefined, context: {} as PerchError['context'] };
    // A box that has ended the pairing does not connect again, and stays the one that refuses.
    const hasLeft = context['why'] === NO_LINK && this.#state.state === 'refused';
    const isRefused = (code === 'unauthorized' && context['why'] !== 'pin') || hasLeft;
    const state = isRefused ? 'refused' : 'away';
    this.#awayMs = isRefused ? undefined : (this.#awayMs ?? clock.monoMs());
    if (this.#state.state !== state) {
      if (isRefused) {
        log.warn({ box: this.#box.name, cause: text }, 'box refuses this server');
      }
      this.#state = { ...this.#state, state, sinceMs: clock.wallMs(), error: text };
      this.#options.changed(this.#box, true);
    } else if (!hasLeft) {
      this.#state = { ...this.#state, error: text };
    }
    if (this.#awayMs === undefined) {
      this.#hasWarned = false;
    } else if (!this.#hasWarned && clock.monoMs() - this.#awayMs >= WARN_AFTER_MS) {
      this.#hasWarned = true;
      log.warn({ box: this.#box.name, since: this.awaySince, cause: text }, 'box is away');
    }
  }
}

const onBus = (box: string, links: NonNullable<BoxLinkOptions['boxLinks']>): BoxOnBus => ({
  carries: () => links.bus.carrier?.carries(box) === true,
  hasLink: () => links.isConnected(box),
  summon: async () => links.bus.carrier?.summon(box),
  ask: async (request, signal) => {
    const { carrier } = links.bus;
    if (!carrier) {
      throw new PerchError('unavailable', 'the bus has ended', { why: NOT_CARRIED });
    }
    return carrier.ask(box, request, signal);
  },
});

/**
 * How far the clock of a box is ahead of ours, at least: the time that it names is one of those between a request and its answer.
 * Undefined if unknown
 */
export function clockOffsetMs(timeMs: number | undefined, sentMs: number, answeredMs: number): number | undefined {
  if (timeMs === undefined || answeredMs < sentMs) {
    return undefined;
  }
  return timeMs > answeredMs ? timeMs - answeredMs : Math.min(0, timeMs - sentMs);
}

const isAway = (error: unknown): boolean =>
  error instanceof PerchError && (error.code === 'unavailable' || error.code === 'timeout');
