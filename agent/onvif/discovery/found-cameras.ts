import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import type { Logger } from '../../base/log.ts';
import { Announcements } from './announcements.ts';
import { cameraKey, cameraOf, type FoundCamera, nameEachOther, sameEndpoint } from './found-camera.ts';
import type { InterfaceChoice, LocalAddress } from './interfaces.ts';
import type { DiscoveryMessage } from './probe.ts';
import { scan, sweep } from './scan.ts';
import { isLoopback, LOOPBACK_HINT, parseTargets } from './targets.ts';

/** How long a scan waits for replies; cameras answer within a second. */
const LISTEN_MS = 4_000;
/** A call this soon after the start of a scan shares it: the scan has sent its second probes by then, but not its third ones. */
const TOGETHER_MS = 300;
const TICK_MS = 60_000;
/** Interval of scans while a wanted camera is missing, and otherwise. */
const WHILE_MISSING_MS = 3 * 60_000;
const AT_REST_MS = 60 * 60_000;
/** A camera is forgotten after this many silent scans and this time. */
const FORGOTTEN_AFTER_SCANS = 3;
const FORGOTTEN_AFTER_MS = 60 * 60_000;

/** A discovered camera; nothing about it is verified. */
export interface KnownCamera extends FoundCamera {
  /** Unix milliseconds. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
}

/** `new`: first seen at this address; `again`: was silent for a while; `changed`: other name or service. */
export type Finding = 'new' | 'again' | 'changed';
export type OnFound = (camera: KnownCamera, finding: Finding) => void;

export interface FoundCamerasOptions extends InterfaceChoice {
  readonly clock: Clock;
  readonly log: Logger;
  /** A wanted camera is missing: then scans are more frequent. */
  readonly isMissing?: () => boolean;
  /** Nothing is searched for in the background, and no announcement received. Read each minute. */
  readonly isOff?: () => boolean;
  /** UDP port of the devices; default 3702, another one only in tests. */
  readonly port?: number;
  /** How long a scan waits for replies; default 4 s, less only in tests. */
  readonly listenMs?: number;
  /** Whether this Perch itself offers the camera with this endpoint or serial number: it is not a finding. */
  readonly isOwn?: (identity: string) => boolean;
}

interface ProbeOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

interface Entry {
  camera: FoundCamera;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  missedScans: number;
  /** Scans in which it was first and last seen; halves are between two. */
  readonly firstScan: number;
  lastScan: number;
}

export class FoundCameras {
  readonly #options: FoundCamerasOptions;
  readonly #announcements: Announcements;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<OnFound>();
  readonly #stop = new AbortController();
  readonly #asked = new Set<string>();
  #scanning: Promise<void> | undefined;
  #nextScan: Promise<void> | undefined;
  #scanBeganMs = Number.NEGATIVE_INFINITY;
  #isSweeping = false;
  #lastScanMs = Number.NEGATIVE_INFINITY;
  #hasLoggedLoopback = false;
  #scans = 0;

  constructor(options: FoundCamerasOptions) {
    this.#options = options;
    this.#announcements = new Announcements(options, (...heard) => this.#hear(...heard));
  }

  /** Scans now and at intervals; receives announcements. */
  start(): void {
    if (this.#options.isOff?.()) {
      void this.#keepScanning(Promise.resolve());
    } else {
      this.#announcements.refresh();
      void this.#keepScanning(this.scan());
    }
  }

  /** The box's addresses have changed: a new network is scanned at once. */
  networksChanged(): void {
    void this.#logged(this.#scanIfDue());
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#announcements.close();
    await this.#nextScan;
    await this.#scanning;
  }

  /** Scans all networks for four seconds, reporting cameras as they answer. Calls at the same time share a scan; a later call waits for the next. */
  scan(options: { readonly listenMs?: number } = {}): Promise<void> {
    const { clock } = this.#options;
    if (this.#scanning && clock.monoMs() - this.#scanBeganMs > TOGETHER_MS) {
      this.#nextScan ??= this.#scanning.then(() => {
        this.#nextScan = undefined;
        return this.scan(options);
      });
      return this.#nextScan;
    }
    if (!this.#scanning) {
      this.#scanBeganMs = clock.monoMs();
      this.#scanning = this.#scanOnce(options.listenMs ?? this.#options.listenMs ?? LISTEN_MS).finally(() => {
        this.#scanning = undefined;
      });
    }
    return this.#scanning;
  }

  get isScanning(): boolean {
    return this.#scanning !== undefined;
  }

  get isSearchingRange(): boolean {
    return this.#isSweeping;
  }

  /**
   * Probes single addresses, for networks without multicast, on request only.
   * @param range an address, or at most a /24 in a private network
   * @throws PerchError if it is neither, or while another range is being probed
   */
  async probe(range: string, options: ProbeOptions = {}): Promise<void> {
    const targets = parseTargets(range, this.#options.includeLoopback);
    if (targets.length === 1) {
      await this.#sweep(targets, options);
      return;
    }
    if (this.#isSweeping) {
      throw new PerchError('exhausted', 'another range of addresses is being searched: wait for it to end');
    }
    this.#isSweeping = true;
    try {
      await this.#sweep(targets, options);
    } finally {
      this.#isSweeping = false;
    }
  }

  /** Each camera once, also one that answers from two addresses and claims both: at the address seen first. */
  list(): KnownCamera[] {
    const all = [...this.#entries.values()].sort((a, b) => a.missedScans - b.missedScans);
    return all
      .filter(({ camera }, i) => !all.slice(0, i).some((before) => nameEachOther(camera, before.camera)))
      .map(knownOf)
      .sort((a, b) => (sortKeyOf(a) < sortKeyOf(b) ? -1 : 1));
  }

  /** All addresses with this endpoint, last seen first: boards of one make may share it. */
  find(endpoint: string): KnownCamera[] {
    const same = [...this.#entries.values()].filter(({ camera }) => sameEndpoint(camera.endpoint, endpoint));
    return same.sort((a, b) => a.missedScans - b.missedScans || b.lastSeenMs - a.lastSeenMs).map(knownOf);
  }

  /** Whether this Perch itself offers the camera with this identity to recorders. */
  isOwn(identity: string): boolean {
    return this.#options.isOwn?.(identity) === true;
  }

  onFound(listener: OnFound): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #keepScanning(first: Promise<void>): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    await this.#logged(first);
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal);
      if (!signal.aborted) {
        await this.#logged(this.#scanIfDue());
      }
    }
  }

  async #scanIfDue(): Promise<void> {
    const { clock, isMissing, isOff } = this.#options;
    if (isOff?.()) {
      this.#announcements.close();
      return;
    }
    const hasOtherNetworks = this.#announcements.refresh();
    const pauseMs = isMissing?.() ? WHILE_MISSING_MS : AT_REST_MS;
    if (hasOtherNetworks || clock.monoMs() - this.#lastScanMs >= pauseMs) {
      await this.scan();
    }
  }

  /** Logs errors of background work, so that a bug in one scan does not end later scans. */
  async #logged(work: Promise<unknown>): Promise<void> {
    await work.catch((err: unknown) => this.#options.log.error({ err }, 'searching for cameras failed'));
  }

  async #scanOnce(listenMs: number): Promise<void> {
    const { clock } = this.#options;
    const seen = new Set<Entry>();
    this.#scans += 1;
    const options = { ...this.#options, listenMs, signal: this.#stop.signal, onLoopback: this.#onLoopback };
    await scan(options, (camera) => {
      const entry = this.#take(camera, this.#scans);
      if (entry) {
        seen.add(entry);
      }
    });
    this.#lastScanMs = clock.monoMs();
    if (!this.#stop.signal.aborted) {
      this.#forget(seen);
    }
  }

  async #sweep(targets: readonly string[], { signal, onProgress }: ProbeOptions): Promise<void> {
    await withJoinedSignal(signal ? [signal, this.#stop.signal] : [this.#stop.signal], undefined, (joined) => {
      const options = { ...this.#options, signal: joined.signal, onLoopback: this.#onLoopback, onProgress };
      return sweep(targets, options, (camera) => this.#take(camera, this.#scans + 0.5));
    });
  }

  #take(camera: FoundCamera, scanNumber: number): Entry | undefined {
    if (this.isOwn(camera.endpoint)) {
      return undefined;
    }
    const nowMs = this.#options.clock.wallMs();
    const entry = this.#entryOf(camera);
    if (!entry) {
      const made: Entry = {
        camera,
        firstSeenMs: nowMs,
        lastSeenMs: nowMs,
        missedScans: 0,
        firstScan: scanNumber,
        lastScan: scanNumber,
      };
      this.#makeRoom();
      this.#entries.set(cameraKey(camera), made);
      this.#notify(made, 'new');
      this.#askFormer(made);
      return made;
    }
    const wasMissing = entry.missedScans > 0;
    const isChanged = entry.camera.url !== camera.url || entry.camera.name !== camera.name;
    entry.lastSeenMs = nowMs;
    entry.missedScans = 0;
    entry.lastScan = scanNumber;
    if (camera.address === entry.camera.address) {
      entry.camera = camera;
    }
    if (isChanged || wasMissing) {
      this.#notify(entry, isChanged ? 'changed' : 'again');
    }
    return entry;
  }

  /** A camera that answers over IPv4 and IPv6 has one service address. */
  #entryOf(camera: FoundCamera): Entry | undefined {
    return (
      this.#entries.get(cameraKey(camera)) ??
      [...this.#entries.values()].find(
        (entry) => entry.camera.endpoint === camera.endpoint && entry.camera.url === camera.url,
      )
    );
  }

  #notify(entry: Entry, finding: Finding): void {
    const known = knownOf(entry);
    for (const listener of this.#listeners) {
      listener(known, finding);
    }
  }

  /** Drops the oldest entry of the address with the most, so that a flood from one address costs no others. */
  #makeRoom(): void {
    if (this.#entries.size < 512) {
      return;
    }
    const byAddress = Map.groupBy(this.#entries, ([, { camera }]) => camera.address);
    const [most = []] = [...byAddress.values()].sort((a, b) => b.length - a.length);
    const [oldest] = most.sort(([, a], [, b]) => a.lastSeenMs - b.lastSeenMs);
    this.#entries.delete(oldest?.[0] ?? '');
  }

  /** After a scan: drops cameras that are gone or have moved. */
  #forget(seen: ReadonlySet<Entry>): void {
    const nowMs = this.#options.clock.wallMs();
    const cameBy = new Map<string, number>();
    for (const { camera, firstScan } of seen) {
      cameBy.set(identityKey(camera), Math.max(firstScan, cameBy.get(identityKey(camera)) ?? 0));
    }
    for (const [key, entry] of this.#entries) {
      if (seen.has(entry)) {
        continue;
      }
      entry.missedScans += 1;
      const isLongAgo = entry.missedScans >= FORGOTTEN_AFTER_SCANS && nowMs - entry.lastSeenMs >= FORGOTTEN_AFTER_MS;
      // Boards that share an identity were there at the same time; a moved camera came later.
      const hasMoved = (cameBy.get(identityKey(entry.camera)) ?? 0) > entry.lastScan;
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
        this.#take(camera, this.#scans + 0.5);
      } else if (match.isOnvif && match.xaddrs.length === 0) {
        void this.#logged(this.#ask(address));
      } else if (match.isOnvif && isLoopback(address)) {
        this.#onLoopback(address);
      }
    }
  }

  /** Logs the first camera on this box, which is dropped: such cameras are simulators, and usually not wanted. */
  readonly #onLoopback = (address: string): void => {
    if (!this.#hasLoggedLoopback) {
      this.#hasLoggedLoopback = true;
      this.#options.log.info({ address, hint: LOOPBACK_HINT }, 'camera on this machine is ignored');
    }
  };

  /** A camera with the same identity was at another address: it has moved if that address no longer answers. */
  #askFormer(made: Entry): void {
    for (const [key, former] of this.#entries) {
      const { lastScan, camera } = former;
      const isFormer = identityKey(camera) === identityKey(made.camera) && camera.address !== made.camera.address;
      if (isFormer && lastScan < made.firstScan) {
        const asked = this.#ask(camera.address).then((isAsked) => {
          if (isAsked && former.lastScan === lastScan && this.#entries.get(key) === former) {
            this.#entries.delete(key);
          }
        });
        void this.#logged(asked);
      }
    }
  }

  /** A Bye counts only from the camera's own address. */
  #leave(endpoint: string, address: string): void {
    for (const [key, { camera }] of this.#entries) {
      if (camera.endpoint === endpoint && camera.address === address) {
        this.#entries.delete(key);
      }
    }
  }

  /** @returns whether it was probed, and had time to answer */
  async #ask(address: string): Promise<boolean> {
    // Concurrent probes of cameras without an address or with an old one.
    if (this.#asked.has(address) || this.#asked.size >= 16) {
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
/** Cheap boards share endpoints; most differ in name or hardware. */
const identityKey = ({ endpoint, name, hardware }: FoundCamera): string => JSON.stringify([endpoint, name, hardware]);
/** 192.168.1.9 before 192.168.1.10. By hand: `Intl.Collator` keeps 3 MB. */
const sortKeyOf = ({ address, url }: KnownCamera): string =>
  `${address.replaceAll(/\d+/g, (digits) => digits.padStart(5, '0'))} ${url}`;
