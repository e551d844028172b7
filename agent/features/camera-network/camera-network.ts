import { join } from 'node:path';
import {
  type CameraNetworkState,
  ethernetPorts,
  LEASE_S,
  missingPackages,
  parseLeases,
  parseNetworkState,
  parseReleases,
  readOr,
  SERVICE_FOLDER,
  STATE_FILE,
} from '../../../system/camera-network.ts';
import type { HostRequests } from '../../../system/host-requests.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { systemInterfaces } from '../../base/network/interfaces.ts';
import { splitUrl } from '../../base/network/url-parts.ts';
import type { Host } from '../contract.ts';
import type { CameraNetworkAnswer, CameraNetworkControl, NetworkReason } from './routes.ts';
import { TimeServer } from './time-server.ts';

/** Slightly longer than `TimeoutStartSec` of perch-network.service. */
const PATIENCE_MS = 65_000;
const LOOK_MS = 5_000;
/** Pause before the time server is started again, after another program had its port. */
const RETRY_MS = 60_000;

/** Reasons, each with words that the service (packaging/linux/camera-network) states it with. */
export const REASONS: readonly (readonly [NetworkReason, string])[] = [
  ['wifi', 'it is a Wi-Fi port'],
  ['bridge', 'it belongs to a bridge'],
  ['defaultRoute', 'the way to the internet goes through it'],
  ['address', 'it is in use with the address'],
  ['dhcpServer', 'the DHCP server'],
  ['noPort', 'there is no such port'],
  ['otherPort', 'another port has its name now'],
  ['noInternet', 'this box has no way to the internet itself'],
  ['noCamera', 'there is no such camera'],
];

interface CameraNetworkDeps extends Pick<Host, 'log' | 'signal' | 'settings'> {
  readonly clock: Pick<Clock, 'wallMs' | 'monoMs' | 'every'>;
  readonly host: Pick<HostRequests, 'offers' | 'ask'>;
  isTrusted(): boolean;
  readonly cameras: { found(): readonly { readonly address: string; readonly manufacturer: string | null }[] };
  /** Folders in which root's service writes. */
  readonly answers?: string;
  readonly leases?: string;
  readonly missing?: () => readonly string[];
}

/** A port of the box as a network for cameras, which packaging/linux/camera-network makes; the box is its time server. */
export class CameraNetwork implements CameraNetworkControl {
  readonly #deps: CameraNetworkDeps;
  readonly #answers: string;
  #time: { readonly address: string; readonly sinceMs: number; readonly server: TimeServer } | undefined;

  constructor(deps: CameraNetworkDeps) {
    this.#deps = deps;
    this.#answers = deps.answers ?? SERVICE_FOLDER;
    const { clock, log, signal } = deps;
    if (!deps.host.offers('network')) {
      return;
    }
    const look = () => {
      this.#look().catch((error: unknown) => log.error({ err: error }, 'reading the network for cameras failed'));
    };
    const stop = clock.every(LOOK_MS, look);
    signal.addEventListener('abort', () => {
      stop();
      this.#serveTime(undefined);
    });
    look();
  }

  async state(): Promise<CameraNetworkAnswer> {
    const { host, clock, leases = '/var/lib/perch-cameras', missing = missingPackages } = this.#deps;
    const supported = host.offers('network');
    const [now, ports, given, released] = await Promise.all([
      this.#look(),
      ethernetPorts(),
      readOr(join(leases, 'leases')),
      readOr(join(this.#answers, 'camera-releases')),
    ]);
    const nowS = clock.wallMs() / 1_000;
    const releases = new Map(parseReleases(released).map(({ mac, untilS }) => [mac, untilS]));
    const names = this.#pathsByHost();
    const makers = new Map(this.#deps.cameras.found().map((camera) => [camera.address, camera.manufacturer]));
    return {
      supported,
      missing: supported ? [...missing()] : [],
      interface: now?.interface ?? null,
      address: now?.address ?? null,
      fault: now?.fault ?? null,
      faultWhy: reasonOf(now?.fault) ?? null,
      time: this.#time?.server.isServing ?? false,
      ports: ports.map(({ name, mac, isConnected, obstacle }) => ({
        name,
        mac,
        connected: isConnected,
        obstacle: obstacle ?? (name !== now?.interface && hasAddress(name) ? 'address' : null),
      })),
      cameras: (now ? parseLeases(given) : [])
        .filter(({ endsS }) => endsS > nowS)
        .map(({ mac, address, name, endsS }) => {
          const untilS = releases.get(mac) ?? 0;
          return {
            mac,
            address,
            name: name ?? null,
            lastSeen: rfc3339(endsS - LEASE_S),
            manufacturer: makers.get(address) ?? null,
            path: names.get(address) ?? null,
            releasedUntil: untilS > nowS ? rfc3339(untilS) : null,
          };
        }),
    };
  }

  /** @throws PerchError `badInput` if the port cannot be for cameras, with the reason */
  async choose(port: string | undefined, signal: AbortSignal): Promise<void> {
    await this.#ask(port === undefined ? { do: 'off' } : { do: 'on', interface: port }, signal);
  }

  async release(mac: string, signal: AbortSignal): Promise<void> {
    await this.#ask({ do: 'release', mac }, signal);
  }

  async withdraw(mac: string, signal: AbortSignal): Promise<void> {
    await this.#ask({ do: 'withdraw', mac }, signal);
  }

  async #ask(request: object, signal: AbortSignal): Promise<void> {
    const { ok, text } = await this.#deps.host.ask('network', request, PATIENCE_MS, signal);
    if (!ok) {
      throw new PerchError('badInput', text, { why: reasonOf(text) });
    }
  }

  /** Starts and ends the time server with the network. */
  async #look(): Promise<CameraNetworkState | undefined> {
    // The service may be that of another Perch on this machine.
    const text = this.#deps.host.offers('network') ? await readOr(join(this.#answers, STATE_FILE)) : '';
    const now = parseNetworkState(text);
    this.#serveTime(now?.fault === undefined ? now?.address : undefined);
    return now;
  }

  #serveTime(address: string | undefined): void {
    const { clock, signal } = this.#deps;
    const old = this.#time;
    const isFailed = old?.server.hasEnded === true && clock.monoMs() - old.sinceMs >= RETRY_MS;
    if (old?.address === address && !isFailed) {
      return;
    }
    old?.server.close();
    this.#time =
      address === undefined || signal.aborted
        ? undefined
        : { address, sinceMs: clock.monoMs(), server: new TimeServer(address, this.#deps) };
  }

  /** The main paths first: those of `camera.onvif`. */
  #pathsByHost(): ReadonlyMap<string, string> {
    const names = new Map<string, string>();
    const paths = [...this.#deps.settings().paths.values()];
    const addresses = [
      ...paths.map(({ name, settings }) => [name, settings?.camera?.onvif ?? ''] as const),
      ...paths.map(({ name, settings }) => [name, settings?.source ?? ''] as const),
    ];
    for (const [name, url] of addresses) {
      const host = splitUrl(url)?.host ?? '';
      if (host !== '' && !names.has(host)) {
        names.set(host, name);
      }
    }
    return names;
  }
}

const reasonOf = (text: string | undefined): NetworkReason | undefined =>
  REASONS.find(([, said]) => text?.includes(said))?.[0];

const rfc3339 = (seconds: number): string => new Date(seconds * 1_000).toISOString();

/** Whether the port has an IPv4 address other than a self-assigned one (169.254.0.0/16, RFC 3927). */
function hasAddress(name: string): boolean {
  const infos = systemInterfaces()[name] ?? [];
  return infos.some(({ family, address }) => family === 'IPv4' && !address.startsWith('169.254.'));
}
