import type { RemoteInfo } from 'node:dgram';
import { isIP } from 'node:net';
import type { Clock } from '../../../../base/clock.ts';
import { explain, rethrowUnexpected } from '../../../../base/errors.ts';
import type { Logger } from '../../../../base/log.ts';
import { type Interfaces, systemInterfaces } from '../../../../base/network/interfaces.ts';
import { PerLink, PerSecond } from '../../../../base/network/multicast-socket.ts';
import { perchCamera } from '../../../../onvif/device/perch-camera.ts';
import {
  type InterfaceChoice,
  type LocalAddress,
  localOf,
  probeAddresses,
} from '../../../../onvif/discovery/interfaces.ts';
import { DISCOVERY_PORT, discoveryGroup } from '../../../../onvif/discovery/probe-socket.ts';
import { isPrivate } from '../../../../onvif/discovery/targets.ts';
import { escapeXml } from '../../../../onvif/soap/xml/xml.ts';
import { SERVICES } from '../contract.ts';
import { scopesOf } from '../device-service.ts';
import type { ServedCamera } from '../server.ts';
import { hostText } from '../stream-uri.ts';
import { announcement, isWanted, MAX_PROBE_BYTES, type Probe, parseProbe, probeMatches } from './discovery-messages.ts';
import { DiscoveryNetwork } from './discovery-network.ts';

const REFRESH_MS = 60_000;

export interface ResponderOptions extends InterfaceChoice {
  readonly clock: Clock;
  readonly log: Logger;
  /** Id of this Perch. */
  readonly perch: string;
  /** Host of `onvifAddress`: the devices are announced only where they listen. Undefined: everywhere. */
  readonly host?: string | undefined;
  /** UDP port; default 3702, another one only in tests. */
  readonly port?: number;
  readonly random?: () => number;
  /** Default: the network interfaces of this box. */
  readonly interfaces?: () => Interfaces;
}

/** Where a probe arrived. @param isDirect it was sent by unicast */
interface Arrival {
  readonly network: DiscoveryNetwork;
  readonly isDirect: boolean;
}

/** The WS-Discovery device of each camera, over IPv4 and IPv6: answers probes, and sends Hello and Bye. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #networks: PerLink<LocalAddress, DiscoveryNetwork>;
  /** For all networks together, because an answer is larger than its probe. */
  readonly #limit: PerSecond;
  readonly #stop = new AbortController();
  readonly #instance: number;
  readonly #leave: () => void;
  #cameras: readonly ServedCamera[] = [];
  /** Addresses of this box at the last refresh. */
  #locals: readonly LocalAddress[] = [];
  #lastError: string | undefined;
  #messages = 0;
  #probes = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#instance = Math.floor(options.clock.wallMs() / 1000);
    this.#networks = new PerLink((local) => this.#open(local));
    // Against amplification: answers are larger than probes, whose sender can be forged. A scan has up to six probes.
    this.#limit = new PerSecond(options.clock, 12);
    this.#leave = options.clock.every(REFRESH_MS, () => this.#refresh());
    this.#refresh();
  }

  /** Why probes are not answered over IPv4, or over IPv6 if the box has no IPv4 address. */
  get error(): string | undefined {
    const isBroken = (local: LocalAddress) => this.#networks.get(local)?.isReady !== true;
    const ofIpv4 = this.#locals.filter(({ family }) => family === 'IPv4');
    return (ofIpv4.length > 0 ? ofIpv4 : this.#locals).some(isBroken) ? this.#lastError : undefined;
  }

  /** Number of probes received. */
  get probes(): number {
    return this.#probes;
  }

  /** Announces new cameras (Hello) and those that are gone (Bye). */
  setCameras(cameras: readonly ServedCamera[]): void {
    const open = cameras.filter(({ port }) => port !== undefined);
    const isSame = (a: ServedCamera) => (b: ServedCamera) =>
      a.path === b.path && a.port === b.port && a.name === b.name;
    const gone = this.#cameras.filter(({ path }) => !open.some((other) => other.path === path));
    const added = open.filter((camera) => !this.#cameras.some(isSame(camera)));
    this.#cameras = open;
    for (const network of this.#networks.all) {
      this.#announce(network, 'Bye', gone);
      this.#announce(network, 'Hello', added);
    }
  }

  async close(): Promise<void> {
    this.#leave();
    this.#stop.abort();
    await Promise.all(this.#networks.all.flatMap((network) => this.#announce(network, 'Bye', this.#cameras)));
    this.#networks.close();
  }

  get #port(): number {
    return this.#options.port ?? DISCOVERY_PORT;
  }

  /** Joins the multicast groups on new addresses of this box, and leaves them on addresses that are gone. */
  #refresh(): void {
    const { interfaces = systemInterfaces, host } = this.#options;
    this.#locals = probeAddresses(interfaces(), this.#options).filter((local) => isServed(local, host));
    this.#networks.refresh(this.#locals);
  }

  #open(local: LocalAddress): DiscoveryNetwork {
    const network: DiscoveryNetwork = new DiscoveryNetwork(local, this.#port, {
      log: this.#options.log,
      onReady: () => this.#announce(network, 'Hello', this.#cameras),
      onMessage: (datagram, from, isDirect) => {
        if (datagram.length <= MAX_PROBE_BYTES && datagram.includes('Probe')) {
          this.#receive(datagram, from, { network, isDirect });
        }
      },
      onError: (error) => this.#fail(error, local.family),
    });
    return network;
  }

  #receive(datagram: Buffer, from: RemoteInfo, arrival: Arrival): void {
    const { network, isDirect } = arrival;
    try {
      // Each socket gets the multicasts of all IPv4 networks. Routers between the networks of a site forward unicast datagrams.
      const isNear = isDirect
        ? isPrivate(from.address) || localOf(from.address, [network.local])
        : localOf(from.address, this.#locals)?.address === network.local.address;
      const probe = isNear && this.#limit.take() ? parseProbe(datagram) : undefined;
      if (probe) {
        this.#probes += 1;
        void this.#answer(probe, arrival, from).catch((err: unknown) =>
          this.#options.log.error({ err }, 'a probe was not answered'),
        );
      }
    } catch (error) {
      rethrowUnexpected(error);
      this.#options.log.debug({ error: explain(error), address: from.address }, 'invalid probe');
    }
  }

  /** Sends one datagram for each camera: many clients read only the first match of a datagram. */
  async #answer(probe: Probe, { network, isDirect }: Arrival, { address, port }: RemoteInfo): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    if (!isDirect) {
      // APP_MAX_DELAY of WS-Discovery: without a random delay all devices of a network would answer at once.
      await clock.sleep(random() * 500, this.#stop.signal);
    }
    if (this.#stop.signal.aborted || network.isClosed) {
      return;
    }
    for (const camera of this.#cameras) {
      if (isWanted(probe, scopesOf(camera))) {
        const match = this.#matchOf(camera, network.local);
        void network.send(probeMatches(match, probe.messageId, this.#sequence()), port, address, isDirect);
      }
    }
  }

  #announce(
    network: DiscoveryNetwork,
    kind: 'Hello' | 'Bye',
    cameras: readonly ServedCamera[],
  ): readonly Promise<void>[] {
    return cameras.map((camera) => {
      const text = announcement(kind, this.#matchOf(camera, network.local), this.#sequence());
      return network.send(text, this.#port, discoveryGroup(network.local));
    });
  }

  #matchOf(camera: ServedCamera, local: LocalAddress): string {
    const { endpoint } = perchCamera(this.#options.perch, camera.path);
    const urls = this.#hostsAt(local).map((host) => `http://${hostText(host)}:${camera.port}${SERVICES.device.path}`);
    return (
      `<a:EndpointReference><a:Address>${endpoint}</a:Address></a:EndpointReference>` +
      '<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>' +
      `<d:Scopes>${scopesOf(camera).map(escapeXml).join(' ')}</d:Scopes>` +
      `<d:XAddrs>${urls.join(' ')}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>`
    );
  }

  /** Addresses for XAddrs. Over IPv6 the IPv4 addresses of the interface come first, because they need no zone. */
  #hostsAt({ name, address, family }: LocalAddress): readonly string[] {
    const others = this.#locals.filter((local) => family === 'IPv6' && local.family === 'IPv4' && local.name === name);
    return [...others.map((local) => local.address), address];
  }

  #sequence(): string {
    this.#messages += 1;
    return `<d:AppSequence InstanceId="${this.#instance}" MessageNumber="${this.#messages}"/>`;
  }

  #fail(error: string, family: LocalAddress['family']): void {
    if (error !== this.#lastError) {
      this.#lastError = error;
      this.#options.log.warn({ error, family }, 'recorders cannot find the cameras: add them by address');
    }
  }
}

/** Whether a device that listens at the host can be reached at the address. */
function isServed({ family, address }: LocalAddress, host: string | undefined): boolean {
  if (host === undefined || isIP(host) === 0) {
    return true;
  }
  return host === '0.0.0.0' ? family === 'IPv4' : host === '::' ? family === 'IPv6' : host === address;
}
