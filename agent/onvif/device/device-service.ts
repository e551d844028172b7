import type { XmlElement } from '@rgrove/parse-xml';
import { withoutZone } from '../../base/network/ip-address.ts';
import { type HttpOrigin, httpOriginOf } from '../soap/http/origin.ts';
import { scopeValue } from '../soap/scopes.ts';
import { elements, find, findText, plainLine } from '../soap/xml/xml.ts';

export type ServiceName =
  | 'device'
  | 'media'
  | 'media2'
  | 'ptz'
  | 'events'
  | 'imaging'
  | 'deviceIO'
  | 'analytics'
  | 'recording'
  | 'search'
  | 'replay';

/** A service's path; host and port are only claims of the camera. */
interface ServiceAddress {
  readonly path: string;
  readonly claimed: HttpOrigin | undefined;
}

export type ServiceAddresses = Map<ServiceName, ServiceAddress>;

const NAMESPACES: readonly (readonly [RegExp, ServiceName])[] = [
  [/ver10\/device\/wsdl/i, 'device'],
  [/ver10\/media\/wsdl/i, 'media'],
  [/ver20\/media\/wsdl/i, 'media2'],
  [/ver20\/ptz\/wsdl/i, 'ptz'],
  [/ver10\/events\/wsdl/i, 'events'],
  [/ver20\/imaging\/wsdl/i, 'imaging'],
  [/ver10\/deviceio\/wsdl/i, 'deviceIO'],
  [/ver20\/analytics\/wsdl/i, 'analytics'],
  [/ver10\/recording\/wsdl/i, 'recording'],
  [/ver10\/search\/wsdl/i, 'search'],
  [/ver10\/replay\/wsdl/i, 'replay'],
];

/** GetServicesResponse, ONVIF Core §8.1.2.1. */
export function readServices(response: XmlElement): ServiceAddresses {
  const found: ServiceAddresses = new Map();
  // ONVIF has some thirty services.
  for (const service of elements(response, 'Service').slice(0, 64)) {
    const namespace = findText(service, 'Namespace') ?? '';
    const name = NAMESPACES.find(([pattern]) => pattern.test(namespace))?.[1];
    add(found, name, findText(service, 'XAddr'));
  }
  return found;
}

const CAPABILITIES: readonly (readonly [ServiceName, ...string[]])[] = [
  ['device', 'Device'],
  ['media', 'Media'],
  ['ptz', 'PTZ'],
  ['events', 'Events'],
  ['imaging', 'Imaging'],
  ['analytics', 'Analytics'],
  ['deviceIO', 'Extension', 'DeviceIO'],
  ['recording', 'Extension', 'Recording'],
  ['search', 'Extension', 'Search'],
  ['replay', 'Extension', 'Replay'],
];

/** GetCapabilitiesResponse, ONVIF Core §8.1.2.3, the predecessor of GetServices. It does not know Media 2. */
export function readCapabilities(response: XmlElement): ServiceAddresses {
  const found: ServiceAddresses = new Map();
  for (const [name, ...path] of CAPABILITIES) {
    add(found, name, findText(find(response, 'Capabilities', ...path), 'XAddr'));
  }
  return found;
}

function add(found: ServiceAddresses, name: ServiceName | undefined, xaddr: string | undefined): void {
  if (name === undefined || xaddr === undefined || found.has(name)) {
    return;
  }
  // The zone of an IPv6 address is local to the camera.
  const url = URL.parse(withoutZone(xaddr));
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) {
    found.set(name, { path: url.pathname + url.search, claimed: httpOriginOf(url) });
  } else if (xaddr.startsWith('/')) {
    // A relative address.
    found.set(name, { path: xaddr, claimed: undefined });
  }
}

/** The device's name in GetScopesResponse, ONVIF Core §8.1.2.6. */
export function readName(response: XmlElement): string | undefined {
  // ONVIF has some thirty scopes.
  const scopes = elements(response, 'Scopes').slice(0, 64);
  return scopeValue(
    scopes.map((scope) => findText(scope, 'ScopeItem')?.trim() ?? ''),
    'name/',
  );
}

/** A camera's own claims, one line each. */
export interface DeviceInformation {
  readonly manufacturer: string | undefined;
  readonly model: string | undefined;
  readonly firmware: string | undefined;
  readonly serial: string | undefined;
  readonly hardware: string | undefined;
}

export function readInformation(response: XmlElement): DeviceInformation {
  return {
    manufacturer: plainLine(findText(response, 'Manufacturer')),
    model: plainLine(findText(response, 'Model')),
    firmware: plainLine(findText(response, 'FirmwareVersion')),
    serial: plainLine(findText(response, 'SerialNumber')),
    hardware: plainLine(findText(response, 'HardwareId')),
  };
}

export interface NetworkPorts {
  readonly rtsp: readonly number[];
  readonly http: readonly number[];
}

const MAX_ENTRIES = 16;

/** GetNetworkProtocolsResponse, ONVIF Core §8.2.11, without disabled protocols. */
export function readPorts(response: XmlElement | undefined): NetworkPorts {
  const protocols = elements(response, 'NetworkProtocols').slice(0, MAX_ENTRIES);
  const enabled = protocols.filter((protocol) => findText(protocol, 'Enabled') !== 'false');
  const portsOf = (...names: readonly string[]): number[] =>
    enabled
      .filter((protocol) => names.includes(findText(protocol, 'Name')?.toUpperCase() ?? ''))
      .flatMap((protocol) => elements(protocol, 'Port').slice(0, MAX_ENTRIES))
      .map((port) => Number(findText(port)))
      .filter((port) => Number.isInteger(port) && port > 0 && port < 65_536);
  return { rtsp: portsOf('RTSP'), http: portsOf('HTTP', 'HTTPS') };
}

/** GetNetworkInterfacesResponse: identifies cameras without a usable serial number. Lower case, with colons. */
export function readHardwareAddresses(response: XmlElement | undefined): string[] {
  return elements(response, 'NetworkInterfaces')
    .slice(0, MAX_ENTRIES)
    .flatMap((one) => {
      const digits = (findText(one, 'Info', 'HwAddress') ?? '').toLowerCase().replace(/[^0-9a-f]/g, '');
      return digits.length === 12 && !/^0+$/.test(digits) ? [digits.replace(/..(?!$)/g, '$&:')] : [];
    });
}

/** GetEndpointReferenceResponse: the `urn:uuid:…` of discovery, for cameras that were not discovered. */
export function readEndpoint(response: XmlElement | undefined): string | undefined {
  const guid = (findText(response, 'GUID') ?? '').toLowerCase().replace(/^urn:uuid:|^uuid:/, '');
  return /^[0-9a-f-]{16,64}$/.test(guid) ? `urn:uuid:${guid}` : undefined;
}
