import type { XmlElement } from '@rgrove/parse-xml';
import { withoutZone } from '../../base/url-zone.ts';
import { type HttpPlace, placeOf } from '../soap/http/http-exchange.ts';
import { elements, find, findText } from '../soap/xml/xml.ts';

export type ServiceName = 'device' | 'media' | 'media2' | 'ptz' | 'events' | 'imaging' | 'deviceIO' | 'analytics';

/** Where a service is, as far as the camera's word counts: the path. Host and port are a claim. */
export interface ServiceAddress {
  readonly path: string;
  readonly claimed: HttpPlace | undefined;
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
];
/** ONVIF has some thirty services in all. */
const MAX_SERVICES = 64;

/** GetServicesResponse, ONVIF Core §8.1.2. */
export function readServices(response: XmlElement): ServiceAddresses {
  const found: ServiceAddresses = new Map();
  for (const service of elements(response, 'Service').slice(0, MAX_SERVICES)) {
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
];

/** GetCapabilitiesResponse, ONVIF Core §8.1.1: what came before GetServices. It does not know Media 2. */
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
  // Its zone means something to the camera alone.
  const url = URL.parse(withoutZone(xaddr));
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) {
    found.set(name, { path: url.pathname + url.search, claimed: placeOf(url) });
  } else if (xaddr.startsWith('/')) {
    // A path alone, as a relative address.
    found.set(name, { path: xaddr, claimed: undefined });
  }
}
