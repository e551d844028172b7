import { randomUUID } from 'node:crypto';
import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import { scopeValue } from '../soap/scopes.ts';
import { elements, find, findText, localName, plainLine, readCameraXml } from '../soap/xml/xml.ts';
import { manufacturerOf } from './manufacturer.ts';

const MAX_ITEM_CHARACTERS = 512;

/** A probe with several types would have to match all, so each has its own. */
export const PROBE_TYPES = ['dn:NetworkVideoTransmitter', 'tds:Device'] as const;

export interface ProbeMatch {
  /** `urn:uuid:…`, the device's identity; some cheap boards share it. */
  readonly endpoint: string;
  readonly types: readonly string[];
  readonly xaddrs: readonly string[];
  readonly name: string | undefined;
  readonly hardware: string | undefined;
  readonly location: string | undefined;
  readonly manufacturer: string | undefined;
  /** False for a printer or disk that answers every probe. */
  readonly isOnvif: boolean;
}

export interface DiscoveryMessage {
  readonly kind: 'matches' | 'hello' | 'bye' | 'other';
  /** MessageID of the probe; some devices omit it. */
  readonly relatesTo: string | undefined;
  readonly matches: readonly ProbeMatch[];
}

/** A WS-Discovery Probe (2005/04), the version that cameras speak. */
export function writeProbe(type: (typeof PROBE_TYPES)[number]): { readonly messageId: string; readonly text: string } {
  const messageId = `urn:uuid:${randomUUID()}`;
  const text =
    '<?xml version="1.0" encoding="UTF-8"?>' +
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"' +
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"' +
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"' +
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">' +
    '<s:Header><a:Action s:mustUnderstand="1">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>' +
    `<a:MessageID>${messageId}</a:MessageID>` +
    '<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>' +
    `<s:Body><d:Probe><d:Types>${type}</d:Types></d:Probe></s:Body></s:Envelope>`;
  return { messageId, text };
}

/** Well-formed messages of other kinds are `other`. */
export function parseDiscovery(datagram: Uint8Array): DiscoveryMessage {
  // Maximum of a UDP datagram; real replies have 1 to 3 kB.
  const root = readCameraXml(datagram, 65_536);
  if (localName(root) !== 'Envelope') {
    throw new PerchError('badInput', `'${localName(root).slice(0, 40)}' is not a SOAP envelope`);
  }
  const body = find(root, 'Body');
  const relatesTo = findText(root, 'Header', 'RelatesTo')?.slice(0, MAX_ITEM_CHARACTERS);
  const [first] = elements(body);
  const name = first ? localName(first) : '';
  const kind = KINDS.get(name) ?? 'other';
  // `ProbeMatches` has elements `ProbeMatch`.
  const devices = kind === 'matches' ? elements(first, name.slice(0, -2)) : elements(body, name);
  return { kind, relatesTo, matches: kind === 'other' ? [] : devices.slice(0, 64).flatMap(matchOf) };
}

const KINDS: ReadonlyMap<string, DiscoveryMessage['kind']> = new Map([
  ['ProbeMatches', 'matches'],
  ['ResolveMatches', 'matches'],
  ['Hello', 'hello'],
  ['Bye', 'bye'],
]);

function matchOf(match: XmlElement): ProbeMatch[] {
  const endpoint = plainLine(findText(match, 'EndpointReference', 'Address'));
  if (endpoint === undefined) {
    return [];
  }
  const scopes = listOf(findText(match, 'Scopes'));
  const types = listOf(findText(match, 'Types'));
  const xaddrs = listOf(findText(match, 'XAddrs'));
  return [
    {
      endpoint,
      types,
      xaddrs,
      name: scopeValue(scopes, 'name/'),
      hardware: scopeValue(scopes, 'hardware/'),
      location: scopeValue(scopes, 'location/'),
      manufacturer: manufacturerOf(scopes),
      isOnvif: [...types, ...scopes, ...xaddrs].some((text) => /onvif|NetworkVideo/i.test(text)),
    },
  ];
}

function listOf(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/, 64).filter((item) => item !== '' && item.length <= MAX_ITEM_CHARACTERS);
}
