import { randomUUID } from 'node:crypto';
import type { XmlElement } from '@rgrove/parse-xml';
import { elements, escapeXml, find, findText, localName, readXml } from '../../../../onvif/soap/xml/xml.ts';

const DISCOVERY = 'http://schemas.xmlsoap.org/ws/2005/04/discovery';
const ANONYMOUS = 'http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous';
const EVERYONE = 'urn:schemas-xmlsoap-org:ws:2005:04:discovery';
/** Maximum size of a received Probe; usual ones have less than 1 kB. */
export const MAX_PROBE_BYTES = 4_096;
const TYPES = ['NetworkVideoTransmitter', 'Device'];

/** A WS-Discovery Probe as received. */
export interface Probe {
  readonly messageId: string;
  /** Wanted types without prefixes; a device has to have all of them. */
  readonly types: readonly string[];
  readonly scopes: readonly string[];
}

/** The Probe, or undefined for another message. @throws PerchError badInput */
export function parseProbe(datagram: Uint8Array): Probe | undefined {
  const root = readXml(datagram, MAX_PROBE_BYTES);
  const probe: XmlElement | undefined = elements(find(root, 'Body'), 'Probe')[0];
  const messageId = findText(root, 'Header', 'MessageID')?.slice(0, 200);
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

/** Scopes match by a prefix of whole path segments (WS-Discovery §5.1, matching rule "rfc3986"). */
export function isWanted({ types, scopes }: Probe, own: readonly string[]): boolean {
  const matches = (scope: string) => {
    const wanted = scope.replace(/\/$/, '').toLowerCase();
    return own.some((one) => one.toLowerCase() === wanted || one.toLowerCase().startsWith(`${wanted}/`));
  };
  return types.every((type) => TYPES.includes(type)) && scopes.every(matches);
}

export const probeMatches = (match: string, relatesTo: string, sequence: string): string =>
  message(
    'ProbeMatches',
    `<a:RelatesTo>${escapeXml(relatesTo)}</a:RelatesTo><a:To>${ANONYMOUS}</a:To>${sequence}`,
    `<d:ProbeMatches><d:ProbeMatch>${match}</d:ProbeMatch></d:ProbeMatches>`,
  );

export const announcement = (kind: 'Hello' | 'Bye', match: string, sequence: string): string =>
  message(kind, `<a:To>${EVERYONE}</a:To>${sequence}`, `<d:${kind}>${match}</d:${kind}>`);

const message = (action: string, headers: string, body: string): string =>
  '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"' +
  ` xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="${DISCOVERY}"` +
  ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">' +
  `<s:Header><a:Action>${DISCOVERY}/${action}</a:Action><a:MessageID>urn:uuid:${randomUUID()}</a:MessageID>${headers}</s:Header>` +
  `<s:Body>${body}</s:Body></s:Envelope>`;
