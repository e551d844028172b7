import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { DefaultRoute, Granted, RouterClient, WantedPort } from './contract.ts';
import { failureOf } from './find-router.ts';

/** What a router is asked for. It is renewed at half of what the router grants. */
export const LEASE_S = 3_600;
/** Interval of looks at the router, which find its restart, and at the ports that are wanted. */
export const LOOK_MS = 60_000;
/** Pause before a router without an answer is searched again. */
const SEARCH_AGAIN_MS = 300_000;
/** When the program ends, the router has this long to remove all mappings. */
const UNMAP_MS = 3_000;
/** Pause before a router that was not told to close a port is told again, until the lease ends. */
export const CLOSE_AGAIN_MS = 10_000;
/** A router that grants less would be asked all the time. */
const MIN_LEASE_S = 120;

export interface MappingItem extends WantedPort {
  readonly state: 'asking' | 'open' | 'failed';
  readonly outsidePort: number | undefined;
  /** Unix milliseconds; undefined while it is not open. */
  readonly untilMs: number | undefined;
  readonly failure: { readonly text: string; readonly why: string } | undefined;
}

interface MappingsDeps {
  readonly clock: Pick<Clock, 'monoMs' | 'wallMs' | 'sleep'>;
  readonly log: Logger;
  /** Ports that may be open now. */
  wanted(): readonly WantedPort[];
  route(): Promise<DefaultRoute | undefined>;
  /** The router's protocols, best first. */
  find(route: DefaultRoute, signal: AbortSignal): Promise<readonly RouterClient[]>;
  /** Few routers do it: a failure is no warning. */
  readonly isOptional?: boolean;
}

interface OpenPort {
  readonly client: RouterClient;
  readonly outsidePort: number;
  readonly renewMs: number;
  readonly untilMs: number;
}

interface Entry {
  readonly port: WantedPort;
  state: MappingItem['state'];
  open?: OpenPort;
  /** That this router granted last: it may have it still. */
  outsidePort?: number;
  failure?: { readonly text: string; readonly why: string };
}

interface Closing {
  readonly port: WantedPort;
  readonly open: OpenPort;
  hasFailed: boolean;
}

/** Ports that the router forwards to this box, for an hour at a time, while this is open. */
export class Mappings {
  readonly #deps: MappingsDeps;
  readonly #stop = new AbortController();
  readonly #entries = new Map<string, Entry>();
  /** No longer wanted, and the router was not told yet. */
  readonly #closing = new Map<string, Closing>();
  readonly #done: Promise<void>;
  #route: DefaultRoute | undefined;
  #clients: readonly RouterClient[] = [];
  #searchAtMs = 0;
  /** One of its protocols has answered on this route. */
  #isKnown = false;
  #outsideIp: string | undefined;
  #wake = new AbortController();

  constructor(deps: MappingsDeps) {
    this.#deps = deps;
    this.#done = this.#run();
  }

  /** As the router says it. */
  get outsideIp(): string | undefined {
    return this.#outsideIp;
  }

  get items(): readonly MappingItem[] {
    return [...this.#entries.values()].map(({ port, state, open, failure }) => ({
      ...port,
      state,
      outsidePort: open?.outsidePort,
      untilMs: open?.untilMs,
      failure,
    }));
  }

  /** Looks at once: networks or settings have changed. */
  look(): void {
    this.#searchAtMs = 0;
    this.#wake.abort();
  }

  /** Removes all mappings, as far as the router answers; those of one that does not end with their lease. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#done;
    const late = new AbortController();
    const over = new AbortController();
    void this.#deps.clock.sleep(UNMAP_MS, over.signal).then(() => late.abort());
    this.#closeAll();
    await Promise.all([...this.#closing.keys()].map((key) => this.#unmap(key, late.signal)));
    over.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      try {
        await this.#turn(signal);
      } catch (err) {
        this.#deps.log.error({ err }, 'port mapping failed');
      }
      if (!signal.aborted) {
        await this.#deps.clock.sleep(this.#closing.size > 0 ? CLOSE_AGAIN_MS : LOOK_MS, this.#wake.signal);
      }
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const wanted = new Map(this.#deps.wanted().map((port) => [keyOf(port), port]));
    this.#closeAll(wanted);
    for (const [key, port] of wanted) {
      if (!this.#entries.has(key)) {
        const outsidePort = this.#closing.get(key)?.open.outsidePort;
        this.#entries.set(key, { port, state: 'asking', ...(outsidePort !== undefined && { outsidePort }) });
        this.#closing.delete(key);
      }
    }
    for (const key of [...this.#closing.keys()]) {
      await this.#unmap(key, signal);
    }
    if (this.#entries.size === 0) {
      // The next port is asked for as if the router were new.
      this.#route = undefined;
      this.#clients = [];
      return;
    }
    await this.#follow(signal);
    for (const entry of this.#entries.values()) {
      if (!signal.aborted) {
        await this.#keep(entry, signal);
      }
    }
  }

  /** Ports that are not wanted are to be closed. @param wanted default: none */
  #closeAll(wanted?: ReadonlyMap<string, WantedPort>): void {
    for (const [key, { port, open }] of this.#entries) {
      if (!wanted?.has(key)) {
        this.#entries.delete(key);
        if (open) {
          this.#closing.set(key, { port, open, hasFailed: false });
        }
      }
    }
  }

  /** Finds the router, and its restart. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const route = await this.#deps.route();
    if (route?.gateway !== this.#route?.gateway || route?.own !== this.#route?.own) {
      if (this.#route) {
        // The former router takes no orders from this address; its leases end.
        this.#closing.clear();
        for (const entry of this.#entries.values()) {
          delete entry.outsidePort;
        }
      }
      this.#route = route;
      this.#clients = [];
      this.#searchAtMs = 0;
      this.#isKnown = false;
      this.#forget();
    }
    if (route && this.#clients.length === 0 && clock.monoMs() >= this.#searchAtMs) {
      this.#clients = await this.#deps.find(route, signal);
      this.#isKnown ||= this.#clients.length > 0;
      // One that was there is restarting.
      this.#searchAtMs = this.#isKnown ? 0 : clock.monoMs() + SEARCH_AGAIN_MS;
      if (this.#clients.length > 0) {
        this.#forget();
      }
    }
    let isOnline = this.#clients.length === 0;
    let outsideIp: string | undefined;
    for (const client of this.#clients) {
      try {
        const state = await client.check(signal);
        outsideIp ??= state.outsideIp;
        isOnline = true;
        if (state.hasRestarted) {
          log.info({ router: route?.gateway }, 'router has restarted: its ports are opened again');
          this.#forget(client);
        }
      } catch {
        // The mappings last until their lease ends; another of its protocols may answer.
      }
    }
    this.#outsideIp = outsideIp ?? (this.#clients.length > 0 ? this.#outsideIp : undefined);
    if (!isOnline) {
      this.#clients = [];
    }
  }

  /** Mappings are gone. @param client of which; undefined: all */
  #forget(client?: RouterClient): void {
    for (const entry of this.#entries.values()) {
      if (entry.open && (client === undefined || entry.open.client === client)) {
        delete entry.open;
        entry.state = 'asking';
      }
    }
  }

  async #keep(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const { open, port } = entry;
    if (open && clock.monoMs() < open.renewMs && (await stillHas(open.client, port, open.outsidePort, signal))) {
      return;
    }
    // First the protocol that has it.
    const clients = open ? [open.client, ...this.#clients.filter((one) => one !== open.client)] : this.#clients;
    let failure: unknown = this.#noClient();
    for (const client of clients) {
      try {
        this.#opened(entry, client, await client.map(port, entry.outsidePort ?? port.port, LEASE_S, signal));
        return;
      } catch (error) {
        failure = error;
      }
    }
    this.#failed(entry, failure, signal);
  }

  #noClient(): PerchError {
    const { gateway } = this.#route ?? {};
    const [why, text] =
      gateway === undefined
        ? ['noRouter', 'this box has no router (no default route of IPv4)']
        : this.#isKnown
          ? ['unanswered', `the router ${gateway} does not answer`]
          : ['noProtocol', `the router ${gateway} offers neither PCP, NAT-PMP nor UPnP`];
    return new PerchError('unavailable', text, { why });
  }

  #opened(entry: Entry, client: RouterClient, granted: Granted): void {
    const { clock, log } = this.#deps;
    const { outsidePort, outsideIp } = granted;
    // Some routers grant more than asked; a week would outlast a box that is gone.
    const leaseMs = Math.max(MIN_LEASE_S, Math.min(granted.lifetimeS, LEASE_S)) * 1_000;
    if (entry.state !== 'open' || entry.open?.outsidePort !== outsidePort) {
      const { protocol } = client;
      log.info({ port: entry.port.port, outsidePort, protocol }, 'router forwards a port to this box');
    }
    entry.state = 'open';
    entry.outsidePort = outsidePort;
    entry.open = {
      client,
      outsidePort,
      renewMs: clock.monoMs() + leaseMs / 2,
      untilMs: clock.wallMs() + leaseMs,
    };
    delete entry.failure;
    this.#outsideIp = outsideIp ?? this.#outsideIp;
  }

  #failed(entry: Entry, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) {
      return;
    }
    const failure = failureOf(error);
    if (entry.failure?.text !== failure.text) {
      const { log, isOptional } = this.#deps;
      log[isOptional ? 'debug' : 'warn'](
        { port: entry.port.port, reason: failure.text },
        'router does not forward a port',
      );
    }
    entry.failure = failure;
    if (!entry.open || this.#deps.clock.wallMs() >= entry.open.untilMs) {
      entry.state = 'failed';
      delete entry.open;
    }
  }

  async #unmap(key: string, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const closing = this.#closing.get(key);
    if (!closing) {
      return;
    }
    const { port, open } = closing;
    try {
      await open.client.unmap(port, open.outsidePort, signal);
      this.#closing.delete(key);
      log.info({ port: port.port, outsidePort: open.outsidePort }, 'router no longer forwards a port');
    } catch (error) {
      if (!closing.hasFailed) {
        const { text } = failureOf(error);
        log.warn({ port: port.port, reason: text }, 'router was not told to close a port: it is told again');
        closing.hasFailed = true;
      }
      if (clock.wallMs() >= open.untilMs) {
        this.#closing.delete(key);
      }
    }
  }
}

const keyOf = ({ transport, port }: WantedPort): string => `${transport} ${port}`;

/** A router that does not answer may still have it. */
const stillHas = (client: RouterClient, port: WantedPort, outsidePort: number, signal: AbortSignal): Promise<boolean> =>
  client.has(port, outsidePort, signal).then(
    (has) => has !== false,
    () => true,
  );
