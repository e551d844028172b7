import { randomUUID } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { XmlElement } from '@rgrove/parse-xml';
import type { Clock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { perchCamera } from '../onvif/device/perch-camera.ts';
import { type InterfaceChoice, type LocalAddress, networkOf, probeAddresses } from '../onvif/discovery/interfaces.ts';
import { DISCOVERY_PORT, groupOn, joinGroup } from '../onvif/discovery/probe-socket.ts';
import { elements, escapeXml, find, findText, localName, readXml } from '../onvif/soap/xml/xml.ts';
import { SERVICES } from './contract.ts';
import { scopesOf } from './device-service.ts';
import type { ServedCamera } from './server.ts';

const DISCOVERY = 'http://schemas.xmlsoap.org/ws/2005/04/discovery';
const ANONYMOUS = 'http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous';
const EVERYONE = 'urn:schemas-xmlsoap-org:ws:2005:04:discovery';
/** Probes have less than 1 kB. */
const MAX_PROBE_BYTES = 4_096;
/** Answers are larger than questions, and the sender can be forged: a scan has up to six probes. */
const MAX_PROBES_A_SECOND = 12;
/** APP_MAX_DELAY of WS-Discovery: all devices of a network answer at once. */
const MAX_DELAY_MS = 500;
const REFRESH_MS = 60_000;
const TYPES = ['NetworkVideoTransmitter', 'Device'];
const MAX_ID = 200;

export interface ResponderOptions extends InterfaceChoice {
  readonly clock: Clock;
  readonly log: Logger;
  /** Id of this Perch. */
  readonly perch: string;
  /** UDP port, default 3702; others for tests. */
  readonly port?: number;
  readonly random?: () => number;
  /** Default: those of this machine. */
  readonly interfaces?: typeof networkInterfaces;
}

interface Network {
  readonly local: LocalAddress;
  /** Bound to the address: replies and announcements leave from it. */
  readonly out: Socket;
  isReady: boolean;
}

/** A device of WS-Discovery for each camera (IPv4): answers probes, and sends Hello and Bye. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #networks = new Map<string, Network>();
  readonly #stop = new AbortController();
  readonly #instance: number;
  readonly #leave: () => void;
  #group: Socket | undefined;
  #cameras: readonly ServedCamera[] = [];
  #error: string | undefined;
  /** Of this machine at the last refresh. */
  #locals = 0;
  #secondBeganMs = 0;
  #inSecond = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#instance = Math.floor(options.clock.wallMs() / 1000);
    this.#leave = options.clock.every(REFRESH_MS, () => this.#refresh());
    this.#open();
  }

  /** Why probes are not answered. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Announces new cameras, and takes leave of others. */
  setCameras(cameras: readonly ServedCamera[]): void {
    const open = cameras.filter(({ port }) => port !== undefined);
    const isSame = (a: ServedCamera) => (b: ServedCamera) =>
      a.path === b.path && a.port === b.port && a.name === b.name;
    const gone = this.#cameras.filter(({ path }) => !open.some((other) => other.path === path));
    const added = open.filter((camera) => !this.#cameras.some(isSame(camera)));
    this.#cameras = open;
    this.#announce('Bye', gone);
    this.#announce('Hello', added);
  }

  async close(): Promise<void> {
    this.#leave();
    this.#stop.abort();
    this.#group?.close();
    await Promise.all([...this.#networks.values()].map((network) => this.#sayBye(network)));
    for (const { out } of this.#networks.values()) {
      out.close();
    }
    this.#networks.clear();
  }

  #open(): void {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    this.#group = socket;
    socket.on('error', (error) => {
      this.#fail(error.message);
      // The next refresh opens another one.
      if (this.#group === socket) {
        this.#group = undefined;
        socket.close();
      }
    });
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    socket.on('listening', () => this.#refresh());
    // To the group's address: unicast datagrams stay with other programs on this port.
    socket.bind({ port: this.#port, address: GROUP });
  }

  get #port(): number {
    return this.#options.port ?? DISCOVERY_PORT;
  }

  /** Joins the group on new addresses of this machine, and leaves those that are gone. */
  #refresh(): void {
    const { interfaces = networkInterfaces } = this.#options;
    const locals = probeAddresses(interfaces(), this.#options).filter(({ family }) => family === 'IPv4');
    this.#locals = locals.length;
    for (const network of this.#networks.values()) {
      if (!locals.some(({ address }) => address === network.local.address)) {
        this.#leaveNetwork(network);
      }
    }
    if (!this.#group) {
      this.#open();
      return;
    }
    // Those that stay as well: an address that went may have held the membership of the link for others.
    for (const local of locals) {
      if (this.#join(this.#group, local) && !this.#networks.has(local.address)) {
        this.#openOut(local);
      }
    }
    this.#recover();
  }

  #join(group: Socket, { address }: LocalAddress): boolean {
    try {
      joinGroup(group, GROUP, address);
      return true;
    } catch (error) {
      this.#fail(explain(error));
      return false;
    }
  }

  #leaveNetwork({ local: { address }, out }: Network): void {
    this.#networks.delete(address);
    out.close();
    try {
      this.#group?.dropMembership(GROUP, address);
    } catch {
      // The kernel has left the group when the address went, or another address of the link holds the membership.
    }
  }

  /** The error is over when all networks work. */
  #recover(): void {
    const networks = [...this.#networks.values()];
    if (this.#group && networks.length === this.#locals && networks.every(({ isReady }) => isReady)) {
      this.#error = undefined;
    }
  }

  #openOut(local: LocalAddress): void {
    const out = createSocket({ type: 'udp4', reuseAddr: true });
    const network = { local, out, isReady: false };
    const giveUp = (error: string): void => {
      this.#fail(error);
      if (this.#networks.get(local.address) === network) {
        this.#leaveNetwork(network);
      }
    };
    this.#networks.set(local.address, network);
    out.on('error', (error) => giveUp(error.message));
    out.bind(0, local.address, () => {
      try {
        out.setMulticastInterface(local.address);
        out.setMulticastTTL(1);
      } catch (error) {
        giveUp(explain(error));
        return;
      }
      network.isReady = true;
      this.#recover();
      for (const camera of this.#cameras) {
        this.#send(network, announcement('Hello', this.#matchOf(camera, local), this.#sequence()), this.#port, GROUP);
      }
    });
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    if (datagram.length > MAX_PROBE_BYTES || !datagram.includes('Probe') || !this.#mayRead()) {
      return;
    }
    try {
      const probe = parseProbe(datagram);
      const network = [...this.#networks.values()].find(({ local }) => networkOf(from.address, [local]));
      if (probe && network) {
        void this.#answer(probe, network, from).catch((err: unknown) =>
          this.#options.log.error({ err }, 'a probe was not answered'),
        );
      }
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#options.log.debug({ error: explain(error), address: from.address }, 'invalid probe');
    }
  }

  /** One datagram for each camera: many clients read the first match of a datagram only. */
  async #answer(probe: Probe, network: Network, { address, port }: RemoteInfo): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    await clock.sleep(random() * MAX_DELAY_MS, this.#stop.signal);
    if (this.#stop.signal.aborted || this.#networks.get(network.local.address) !== network) {
      return;
    }
    for (const camera of this.#cameras) {
      if (isWanted(probe, scopesOf(camera))) {
        const match = this.#matchOf(camera, network.local);
        this.#send(network, probeMatches(match, probe.messageId, this.#sequence()), port, address);
      }
    }
  }

  #announce(kind: 'Hello' | 'Bye', cameras: readonly ServedCamera[]): void {
    for (const network of this.#networks.values()) {
      for (const camera of cameras) {
        const match = this.#matchOf(camera, network.local);
        this.#send(network, announcement(kind, match, this.#sequence()), this.#port, GROUP);
      }
    }
  }

  async #sayBye(network: Network): Promise<void> {
    const said = this.#cameras.map((camera) => {
      const text = announcement('Bye', this.#matchOf(camera, network.local), this.#sequence());
      return new Promise<void>((resolve) => {
        network.out.send(text, this.#port, GROUP, () => resolve());
      });
    });
    await Promise.all(said);
  }

  #send({ out }: Network, text: string, port: number, address: string): void {
    out.send(text, port, address, (error) => {
      if (error) {
        this.#options.log.debug({ error: error.message, address }, 'a discovery message was not sent');
      }
    });
  }

  #matchOf(camera: ServedCamera, { address }: LocalAddress): string {
    const { endpoint } = perchCamera(this.#options.perch, camera.path);
    const xaddr = `http://${address}:${camera.port}${SERVICES.device.path}`;
    return (
      `<a:EndpointReference><a:Address>${endpoint}</a:Address></a:EndpointReference>` +
      '<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>' +
      `<d:Scopes>${scopesOf(camera).map(escapeXml).join(' ')}</d:Scopes>` +
      `<d:XAddrs>${xaddr}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>`
    );
  }

  #messages = 0;

  #sequence(): string {
    this.#messages += 1;
    return `<d:AppSequence InstanceId="${this.#instance}" MessageNumber="${this.#messages}"/>`;
  }

  #mayRead(): boolean {
    const nowMs = this.#options.clock.monoMs();
    if (nowMs - this.#secondBeganMs >= 1_000) {
      this.#secondBeganMs = nowMs;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#inSecond <= MAX_PROBES_A_SECOND;
  }

  #fail(error: string): void {
    if (error !== this.#error) {
      this.#error = error;
      this.#options.log.warn({ error }, 'recorders cannot find the cameras: add them by address');
    }
  }
}

const GROUP = groupOn({ family: 'IPv4', name: '' });

interface Probe {
  readonly messageId: string;
  /** Without prefixes; all must match. */
  readonly types: readonly string[];
  readonly scopes: readonly string[];
}

/** Undefined for a message of another kind. @throws PerchError badInput */
export function parseProbe(datagram: Uint8Array): Probe | undefined {
  const root = readXml(datagram, MAX_PROBE_BYTES);
  const probe: XmlElement | undefined = elements(find(root, 'Body'), 'Probe')[0];
  const messageId = findText(root, 'Header', 'MessageID')?.slice(0, MAX_ID);
  if (localName(root) !== 'Envelope' || !probe || messageId === undefined) {
    return undefined;
  }
  const words = (text: string | undefined) => (text ?? '').split(/\s+/, 16).filter((word) => word !== '');
  return {
    messageId,
    types: words(findText(probe, 'Types')).map((type) => type.slice(type.indexOf(':') + 1)),
    scopes: words(findText(probe, 'Scopes')),
  };
}

/** Scopes match by prefix of whole segments (WS-Discovery §5.1, the rule of RFC 3986). */
function isWanted({ types, scopes }: Probe, own: readonly string[]): boolean {
  const matches = (scope: string) => {
    const wanted = scope.replace(/\/$/, '').toLowerCase();
    return own.some((one) => one.toLowerCase() === wanted || one.toLowerCase().startsWith(`${wanted}/`));
  };
  return types.every((type) => TYPES.includes(type)) && scopes.every(matches);
}

const probeMatches = (match: string, relatesTo: string, sequence: string): string =>
  message(
    'ProbeMatches',
    `<a:RelatesTo>${escapeXml(relatesTo)}</a:RelatesTo><a:To>${ANONYMOUS}</a:To>${sequence}`,
    `<d:ProbeMatches><d:ProbeMatch>${match}</d:ProbeMatch></d:ProbeMatches>`,
  );

const announcement = (kind: 'Hello' | 'Bye', match: string, sequence: string): string =>
  message(kind, `<a:To>${EVERYONE}</a:To>${sequence}`, `<d:${kind}>${match}</d:${kind}>`);

const message = (action: string, headers: string, body: string): string =>
  '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"' +
  ` xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="${DISCOVERY}"` +
  ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">' +
  `<s:Header><a:Action>${DISCOVERY}/${action}</a:Action><a:MessageID>urn:uuid:${randomUUID()}</a:MessageID>${headers}</s:Header>` +
  `<s:Body>${body}</s:Body></s:Envelope>`;
