import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import type { Logger } from '../../base/log.ts';
import { Announcements } from './announcements.ts';
import { cameraOf, type FoundCamera, keyOf, nameEachOther, sameEndpoint } from './found-camera.ts';
import type { InterfaceChoice, LocalAddress } from './interfaces.ts';
import type { DiscoveryMessage } from './probe.ts';
import { scan } from './scan.ts';
import { sweep } from './sweep.ts';
import { isLoopback, LOOPBACK_HINT, parseTargets } from './targets.ts';

const MAX_CAMERAS = 512;
/** Cameras answer within a second. */
const LISTEN_MS = 4_000;
/** The second probes of a look have gone out by then, the third ones not. */
const TOGETHER_MS = 300;
const TICK_MS = 60_000;
/** How often the networks are probed while a camera that is wanted is missing, and else. */
const WHILE_MISSING_MS = 3 * 60_000;
const AT_REST_MS = 60 * 60_000;
/** A camera that was silent in so many looks, and for so long, is forgotten. */
const FORGOTTEN_AFTER_LOOKS = 3;
const FORGOTTEN_AFTER_MS = 60 * 60_000;
/** Cameras that came without an address, or may have moved, and are asked. */
const MAX_ASKED = 16;

/** A camera as the box knows it from the networks; nothing of it has been proved yet. */
export interface KnownCamera extends FoundCamera {
  /** Unix milliseconds. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
}

/** `new`: not known at this address until now; `again`: it was silent for a while; `changed`: it says something else. */
export type Finding = 'new' | 'again' | 'changed';
export type OnFound = (camera: KnownCamera, finding: Finding) => void;

export interface FoundCamerasOptions extends InterfaceChoice {
  readonly clock: Clock;
  readonly log: Logger;
  /** A camera that is wanted has no connection: then the networks are probed more often. */
  readonly isMissing?: () => boolean;
  /** UDP port that devices listen on, 3702 but in tests. */
  readonly port?: number;
}

export interface ProbeOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

interface Entry {
  camera: FoundCamera;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  /** Looks since then. */
  missedLooks: number;
  /** Numbers of the looks in which it was first and last seen; a half for what came between two. */
  readonly firstLook: number;
  lastLook: number;
}

/** All cameras that answer or announce themselves in the networks of the box. */
export class FoundCameras {
  readonly #options: FoundCamerasOptions;
  readonly #announcements: Announcements;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<OnFound>();
  readonly #stop = new AbortController();
  readonly #asked = new Set<string>();
  #looking: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;
  #lookBeganMs = Number.NEGATIVE_INFINITY;
  #isSweeping = false;
  #lastLookMs = Number.NEGATIVE_INFINITY;
  #hasToldLoopback = false;
  #looks = 0;

  constructor(options: FoundCamerasOptions) {
    this.#options = options;
    this.#announcements = new Announcements(options, (...heard) => this.#hear(...heard));
  }

  /** Looks around now and, gently, for as long as the box runs; hears cameras that come and go. */
  start(): void {
    this.#announcements.refresh();
    void this.#keepLooking();
  }

  /** The machine has other addresses: a new network is looked at without waiting for the next look. */
  networksChanged(): void {
    void this.#logged(this.#lookIfDue());
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#announcements.close();
    await this.#nextLook;
    await this.#looking;
  }

  /**
   * Probes all networks, for four seconds. What is found is told as it comes. Those who ask at the same time look
   * together; who comes later waits for the next look, so that everything was asked after he came.
   */
  look(options: { readonly listenMs?: number } = {}): Promise<void> {
    const { clock } = this.#options;
    if (this.#looking && clock.monoMs() - this.#lookBeganMs > TOGETHER_MS) {
      this.#nextLook ??= this.#looking.then(() => {
        this.#nextLook = undefined;
        return this.look(options);
      });
      return this.#nextLook;
    }
    if (!this.#looking) {
      this.#lookBeganMs = clock.monoMs();
      this.#looking = this.#lookOnce(options.listenMs ?? LISTEN_MS).finally(() => {
        this.#looking = undefined;
      });
    }
    return this.#looking;
  }

  get isLooking(): boolean {
    return this.#looking !== undefined;
  }

  get isSearchingRange(): boolean {
    return this.#isSweeping;
  }

  /**
   * Asks single addresses, for networks that do not carry multicast: only when somebody wants it.
   * @param range an address or at most a /24 in a private network
   * @throws PerchError when it is none of these, or a range while another one is being searched
   */
  async probe(range: string, { signal, onProgress }: ProbeOptions = {}): Promise<void> {
    const targets = parseTargets(range, this.#options.includeLoopback);
    const options = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
    if (targets.length === 1) {
      await this.#sweep(targets, options);
      return;
    }
    if (this.#isSweeping) {
      throw new PerchError('exhausted', 'a range of addresses is being searched already, one at a time');
    }
    this.#isSweeping = true;
    try {
      await this.#sweep(targets, options);
    } finally {
      this.#isSweeping = false;
    }
  }

  /** Each camera once, also one that answers from two addresses and says so: at the one where it was heard first. */
  list(): KnownCamera[] {
    const all = [...this.#entries.values()].sort((a, b) => a.missedLooks - b.missedLooks);
    return all
      .filter(({ camera }, i) => !all.slice(0, i).some((before) => nameEachOther(camera, before.camera)))
      .map(knownOf)
      .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  }

  /** Those with this identity, the one that was seen last first: mostly one, more for boards that all have the same; each address counts. */
  find(endpoint: string): KnownCamera[] {
    const same = [...this.#entries.values()].filter(({ camera }) => sameEndpoint(camera.endpoint, endpoint));
    return same.sort((a, b) => a.missedLooks - b.missedLooks || b.lastSeenMs - a.lastSeenMs).map(knownOf);
  }

  /** @returns what ends it */
  onFound(listener: OnFound): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #keepLooking(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    await this.#logged(this.look());
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal);
      if (!signal.aborted) {
        await this.#logged(this.#lookIfDue());
      }
    }
  }

  async #lookIfDue(): Promise<void> {
    const { clock, isMissing } = this.#options;
    // A network that has come meanwhile is looked at once.
    const hasOtherNetworks = this.#announcements.refresh();
    const pauseMs = isMissing?.() ? WHILE_MISSING_MS : AT_REST_MS;
    if (hasOtherNetworks || clock.monoMs() - this.#lastLookMs >= pauseMs) {
      await this.look();
    }
  }

  /** What nobody waits for: a fault of one look does not end those that come after it, nor all that the box does. */
  async #logged(work: Promise<unknown>): Promise<void> {
    await work.catch((err: unknown) => this.#options.log.error({ err }, 'looking for cameras failed'));
  }

  async #lookOnce(listenMs: number): Promise<void> {
    const { clock } = this.#options;
    const seen = new Set<Entry>();
    this.#looks += 1;
    const options = { ...this.#options, listenMs, signal: this.#stop.signal, onLoopback: this.#onLoopback };
    await scan(options, (camera) => seen.add(this.#take(camera, this.#looks)));
    this.#lastLookMs = clock.monoMs();
    if (!this.#stop.signal.aborted) {
      this.#forget(seen);
    }
  }

  async #sweep(targets: readonly string[], { signal, onProgress }: ProbeOptions): Promise<void> {
    const over = joinSignals(signal ? [signal, this.#stop.signal] : [this.#stop.signal]);
    const options = {
      ...this.#options,
      signal: over.signal,
      onLoopback: this.#onLoopback,
      ...(onProgress && { onProgress }),
    };
    try {
      await sweep(targets, options, (camera) => this.#take(camera, this.#looks + 0.5));
    } finally {
      over.release();
    }
  }

  /** @param look in which it was seen */
  #take(camera: FoundCamera, look: number): Entry {
    const nowMs = this.#options.clock.wallMs();
    const entry = this.#entryOf(camera);
    if (!entry) {
      const times = { firstSeenMs: nowMs, lastSeenMs: nowMs, firstLook: look, lastLook: look };
      const made: Entry = { camera, ...times, missedLooks: 0 };
      this.#makeRoom();
      this.#entries.set(keyOf(camera), made);
      this.#tell(made, 'new');
      this.#askFormer(made);
      return made;
    }
    const wasMissing = entry.missedLooks > 0;
    const isChanged = entry.camera.url !== camera.url || entry.camera.name !== camera.name;
    entry.lastSeenMs = nowMs;
    entry.missedLooks = 0;
    entry.lastLook = look;
    if (camera.address === entry.camera.address) {
      entry.camera = camera;
    }
    if (isChanged || wasMissing) {
      this.#tell(entry, isChanged ? 'changed' : 'again');
    }
    return entry;
  }

  /** One that answers over IPv4 and IPv6 has one address of its service: it is one. */
  #entryOf(camera: FoundCamera): Entry | undefined {
    return (
      this.#entries.get(keyOf(camera)) ??
      [...this.#entries.values()].find(
        (entry) => entry.camera.endpoint === camera.endpoint && entry.camera.url === camera.url,
      )
    );
  }

  #tell(entry: Entry, finding: Finding): void {
    const known = knownOf(entry);
    for (const listener of this.#listeners) {
      listener(known, finding);
    }
  }

  /** Of the address that has most, the one that was not seen for the longest time goes: who says he is many costs the others nothing. */
  #makeRoom(): void {
    if (this.#entries.size < MAX_CAMERAS) {
      return;
    }
    const byAddress = Map.groupBy(this.#entries, ([, { camera }]) => camera.address);
    const [most = []] = [...byAddress.values()].sort((a, b) => b.length - a.length);
    const [oldest] = most.sort(([, a], [, b]) => a.lastSeenMs - b.lastSeenMs);
    this.#entries.delete(oldest?.[0] ?? '');
  }

  /** After a look: who was silent has gone, or moved. */
  #forget(seen: ReadonlySet<Entry>): void {
    const nowMs = this.#options.clock.wallMs();
    const cameBy = new Map<string, number>();
    for (const { camera, firstLook } of seen) {
      cameBy.set(sameness(camera), Math.max(firstLook, cameBy.get(sameness(camera)) ?? 0));
    }
    for (const [key, entry] of this.#entries) {
      if (seen.has(entry)) {
        continue;
      }
      entry.missedLooks += 1;
      const isLongAgo = entry.missedLooks >= FORGOTTEN_AFTER_LOOKS && nowMs - entry.lastSeenMs >= FORGOTTEN_AFTER_MS;
      // Boards with one identity for all were there at the same time; one that moved came later.
      const hasMoved = (cameBy.get(sameness(entry.camera)) ?? 0) > entry.lastLook;
      if (isLongAgo || hasMoved) {
        this.#entries.delete(key);
      }
    }
  }

  #hear(message: DiscoveryMessage, address: string, local: LocalAddress): void {
    for (const match of message.matches) {
      if (message.kind === 'bye') {
        this.#leave(match.endpoint, address);
        continue;
      }
      const camera = cameraOf(match, address, local);
      if (camera) {
        this.#take(camera, this.#looks + 0.5);
      } else if (match.isOnvif && match.xaddrs.length === 0) {
        // It says that it is there and not where its service is.
        void this.#logged(this.#ask(address));
      } else if (match.isOnvif && isLoopback(address)) {
        this.#onLoopback(address);
      }
    }
  }

  /** Cameras of this machine itself are simulators, and mostly not meant. */
  readonly #onLoopback = (address: string): void => {
    if (!this.#hasToldLoopback) {
      this.#hasToldLoopback = true;
      this.#options.log.info({ address, hint: LOOPBACK_HINT }, 'a camera on this machine itself was dropped');
    }
  };

  /** One that is called the same in every way was somewhere else before: it has moved, if nobody answers there any more. */
  #askFormer(made: Entry): void {
    for (const [key, former] of this.#entries) {
      const { lastLook, camera } = former;
      const isFormer = sameness(camera) === sameness(made.camera) && camera.address !== made.camera.address;
      if (isFormer && lastLook < made.firstLook) {
        const asked = this.#ask(camera.address).then((isAsked) => {
          if (isAsked && former.lastLook === lastLook && this.#entries.get(key) === former) {
            this.#entries.delete(key);
          }
        });
        void this.#logged(asked);
      }
    }
  }

  /** Only the camera itself says that it goes. */
  #leave(endpoint: string, address: string): void {
    for (const [key, { camera }] of this.#entries) {
      if (camera.endpoint === endpoint && camera.address === address) {
        this.#entries.delete(key);
      }
    }
  }

  /** @returns whether it was asked, and had the time to answer */
  async #ask(address: string): Promise<boolean> {
    if (this.#asked.has(address) || this.#asked.size >= MAX_ASKED) {
      return false;
    }
    this.#asked.add(address);
    try {
      await this.#sweep([address], {});
    } finally {
      this.#asked.delete(address);
    }
    return !this.#stop.signal.aborted;
  }
}

const knownOf = ({ camera, firstSeenMs, lastSeenMs }: Entry): KnownCamera => ({ ...camera, firstSeenMs, lastSeenMs });
/** Cheap boards have one identity for all; most differ in what they say besides. */
const sameness = ({ endpoint, name, hardware }: FoundCamera): string => JSON.stringify([endpoint, name, hardware]);
/** 192.168.1.9 before 192.168.1.10. By hand: what the language has for it keeps 3 MB. */
const placeOf = ({ address, url }: KnownCamera): string =>
  `${address.replaceAll(/\d+/g, (digits) => digits.padStart(5, '0'))} ${url}`;
