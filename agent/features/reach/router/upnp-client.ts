import { randomInt } from 'node:crypto';
import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import { readBody, sendRequest } from '../../../base/network/http-client.ts';
import { elements, escapeXml, find, findText, plainLine, readCameraXml } from '../../../onvif/soap/xml/xml.ts';
import type { DefaultRoute, Granted, MappingWhy, RouterClient, RouterState, WantedPort } from './contract.ts';
import { ofGateway } from './ssdp.ts';

const MAX_DOCUMENT_BYTES = 65_536;
const REQUEST_MS = 4_000;
/** Other outside ports that are tried if the wanted one is taken: IANA's dynamic ports. */
const OTHER_TRIES = 3;
const FIRST_DYNAMIC_PORT = 49_152;
const FIREWALL = /^urn:schemas-upnp-org:service:WANIPv6FirewallControl:1$/;
const SERVICE = /^urn:schemas-upnp-org:service:WAN(?:IP|PPP)Connection:[12]$/;

/** Errors of WANIPConnection:2 §2.6. */
const REASONS: Readonly<Record<number, readonly [MappingWhy, string]>> = {
  401: ['refused', 'it does not make mappings'],
  501: ['other', 'it failed'],
  606: ['refused', 'it does not permit it'],
  718: ['taken', 'another device has the port'],
  725: ['noLease', 'it forwards ports for good only, and Perch asks for an hour at a time'],
  728: ['full', 'its table is full'],
  729: ['taken', 'it needs the port itself'],
};
const NO_SUCH_ENTRY = [713, 714];
/** Begin of the description of Perch's entries. */
const OWN_DESCRIPTION = 'Perch ';
const TAKEN = 718;

/** An entry of the router's table. */
export interface ForwardedPort {
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
  readonly outsidePort: number;
  readonly description: string;
}

interface Control {
  readonly url: URL;
  readonly service: string;
}

/**
 * A service in the router's description, by default that for mappings, or undefined. Addresses at other hosts are ignored.
 * @param location of the description, to which addresses in it are relative
 */
export function controlOf(root: XmlElement, location: URL, gateway: string, wanted = SERVICE): Control | undefined {
  const devices = elements(root, 'device');
  for (let at = 0; at < devices.length && at < 16; at += 1) {
    const device = devices[at];
    for (const one of elements(find(device, 'serviceList'), 'service')) {
      const service = findText(one, 'serviceType') ?? '';
      const url = ofGateway(findText(one, 'controlURL') ?? '', gateway, location);
      if (wanted.test(service) && url) {
        return { url, service };
      }
    }
    devices.push(...elements(find(device, 'deviceList'), 'device'));
  }
  return undefined;
}

/** A router that speaks UPnP IGD, version 1 or 2. Redirects are not followed. */
export class UpnpClient implements RouterClient {
  readonly protocol = 'upnp';
  readonly #route: DefaultRoute;
  readonly #control: Control;
  readonly #firewall: Control | undefined;
  /** Entries that this has made: there are routers that hide descriptions. */
  readonly #made = new Set<string>();

  /** @throws PerchError if the description has no service for mappings */
  static async open(location: URL, route: DefaultRoute, signal: AbortSignal): Promise<UpnpClient> {
    const { status, body } = await request(location, {}, signal);
    const control = status === 200 ? controlOf(body, location, route.gateway) : undefined;
    if (!control) {
      throw new PerchError('unsupported', 'the router offers no mappings by UPnP', { why: 'noProtocol' });
    }
    return new UpnpClient(control, controlOf(body, location, route.gateway, FIREWALL), route);
  }

  private constructor(control: Control, firewall: Control | undefined, route: DefaultRoute) {
    this.#control = control;
    this.#firewall = firewall;
    this.#route = route;
  }

  /** A restart is found by `has`. */
  async check(signal: AbortSignal): Promise<RouterState> {
    const answer = await this.#call('GetExternalIPAddress', {}, signal);
    return { outsideIp: ipv4Of(findText(answer, 'NewExternalIPAddress')), hasRestarted: false };
  }

  /** An entry for the port that the owner has made by hand is left as it is. */
  async map(port: WantedPort, outsidePort: number, lifetimeS: number, signal: AbortSignal): Promise<Granted> {
    // A router that does not answer this may still map.
    const entry = await this.#specific(port, outsidePort, signal).catch(() => undefined);
    if (this.#leadsHere(entry, port) && !this.#isOwn(entry, port, outsidePort)) {
      return { outsidePort, lifetimeS };
    }
    let at = outsidePort;
    for (let tries = 0; ; tries += 1) {
      try {
        await this.#call(
          'AddPortMapping',
          {
            ...entryOf(port, at),
            NewInternalPort: `${port.port}`,
            NewInternalClient: this.#route.own,
            NewEnabled: '1',
            NewPortMappingDescription: `${OWN_DESCRIPTION}${port.name}`,
            NewLeaseDuration: `${lifetimeS}`,
          },
          signal,
        );
        this.#made.add(entryKey(port, at));
        return { outsidePort: at, lifetimeS };
      } catch (error) {
        if (tries === OTHER_TRIES || !(error instanceof PerchError) || error.context['code'] !== TAKEN) {
          throw error;
        }
        at = randomInt(FIRST_DYNAMIC_PORT, 65_536);
      }
    }
  }

  /** An entry that the owner has made by hand stays, and one that another device has made meanwhile. */
  async unmap(port: WantedPort, outsidePort: number, signal: AbortSignal): Promise<void> {
    const entry = await this.#specific(port, outsidePort, signal);
    if (this.#leadsHere(entry, port) && this.#isOwn(entry, port, outsidePort)) {
      await this.#call('DeletePortMapping', entryOf(port, outsidePort), signal);
    }
  }

  async has(port: WantedPort, outsidePort: number, signal: AbortSignal): Promise<boolean> {
    return this.#leadsHere(await this.#specific(port, outsidePort, signal), port);
  }

  #specific(port: WantedPort, outsidePort: number, signal: AbortSignal): Promise<XmlElement | undefined> {
    return this.#entry('GetSpecificPortMappingEntry', entryOf(port, outsidePort), signal);
  }

  #leadsHere(entry: XmlElement | undefined, { port }: WantedPort): boolean {
    return findText(entry, 'NewInternalClient') === this.#route.own && findText(entry, 'NewInternalPort') === `${port}`;
  }

  #isOwn(entry: XmlElement | undefined, port: WantedPort, outsidePort: number): boolean {
    const description = findText(entry, 'NewPortMappingDescription') ?? '';
    return description.startsWith(OWN_DESCRIPTION) || this.#made.has(entryKey(port, outsidePort));
  }

  /** What the router forwards to this box, for whomever. */
  async forwarded(signal: AbortSignal): Promise<readonly ForwardedPort[]> {
    const ports: ForwardedPort[] = [];
    for (let i = 0; i < 64; i += 1) {
      const entry = await this.#entry('GetGenericPortMappingEntry', { NewPortMappingIndex: `${i}` }, signal);
      if (!entry) {
        break;
      }
      const [port, outsidePort] = [findText(entry, 'NewInternalPort'), findText(entry, 'NewExternalPort')].map(portOf);
      const isOurs = findText(entry, 'NewInternalClient') === this.#route.own;
      if (isOurs && port !== undefined && outsidePort !== undefined) {
        const transport = findText(entry, 'NewProtocol')?.toUpperCase() === 'UDP' ? 'udp' : 'tcp';
        const description = plainLine(findText(entry, 'NewPortMappingDescription'))?.slice(0, 80) ?? '';
        ports.push({ transport, port, outsidePort, description });
      }
    }
    return ports;
  }

  /** Whether a firewall is on for IPv6: WANIPv6FirewallControl:1 §2.5.1. @returns undefined: it does not say it */
  async hasFirewall(signal: AbortSignal): Promise<boolean | undefined> {
    const answer = this.#firewall && (await this.#call('GetFirewallStatus', {}, signal, this.#firewall));
    const isOn = findText(answer, 'FirewallEnabled')?.trim();
    return isOn === undefined ? undefined : /^(?:1|true|yes)$/i.test(isOn);
  }

  /** @returns undefined: there is no such entry */
  async #entry(action: string, fields: Readonly<Record<string, string>>, signal: AbortSignal) {
    try {
      return await this.#call(action, fields, signal);
    } catch (error) {
      if (error instanceof PerchError && NO_SUCH_ENTRY.includes(Number(error.context['code']))) {
        return undefined;
      }
      throw error;
    }
  }

  /** @returns the element of the answer */
  async #call(
    action: string,
    fields: Readonly<Record<string, string>>,
    signal: AbortSignal,
    { url, service }: Control = this.#control,
  ): Promise<XmlElement> {
    const inner = Object.entries(fields).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
    const text =
      '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle=' +
      `"http://schemas.xmlsoap.org/soap/encoding/"><s:Body><u:${action} xmlns:u="${service}">${inner.join('')}` +
      `</u:${action}></s:Body></s:Envelope>`;
    const headers = { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: `"${service}#${action}"` };
    const { status, body } = await request(url, { headers, text }, signal);
    const answer = find(body, 'Body', `${action}Response`);
    if (status === 200 && answer) {
      return answer;
    }
    const code = Number(findText(find(body, 'Body', 'Fault', 'detail', 'UPnPError'), 'errorCode') ?? status);
    const [why, reason] = REASONS[code] ?? ['other', `its answer is the code ${code}`];
    throw new PerchError('unavailable', `the router does not forward the port: ${reason}`, { why, code });
  }
}

const entryOf = ({ transport }: WantedPort, outsidePort: number) => ({
  NewRemoteHost: '',
  NewExternalPort: `${outsidePort}`,
  NewProtocol: transport.toUpperCase(),
});

const entryKey = ({ transport }: WantedPort, outsidePort: number): string => `${transport} ${outsidePort}`;

const ipv4Of = (text: string | undefined): string | undefined =>
  text !== undefined && /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) ? text : undefined;

const portOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined;

/** @throws PerchError if the router does not answer in time, with too much, or with no XML */
async function request(
  url: URL,
  { headers = {}, text }: { readonly headers?: Readonly<Record<string, string>>; readonly text?: string },
  outer: AbortSignal,
): Promise<{ readonly status: number; readonly body: XmlElement }> {
  try {
    return await withJoinedSignal([outer], REQUEST_MS, async ({ signal }) => {
      const method = text === undefined ? 'GET' : 'POST';
      const answer = await sendRequest(url, { method, headers, body: text, signal });
      try {
        const { bytes, isCut } = await readBody(answer, MAX_DOCUMENT_BYTES);
        if (isCut) {
          throw new PerchError('badInput', `its answer has more than ${MAX_DOCUMENT_BYTES} bytes`);
        }
        return { status: answer.statusCode ?? 0, body: readCameraXml(bytes, MAX_DOCUMENT_BYTES) };
      } finally {
        answer.destroy();
      }
    });
  } catch (cause) {
    throw new PerchError('unavailable', `the router ${url.host} does not answer by UPnP`, { why: 'unanswered' }, cause);
  }
}
