import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../../base/errors.ts';
import { ENVELOPES, NAMESPACES, type SoapVersion, writeEnvelope } from '../../../onvif/soap/xml/envelope.ts';
import { namespaceOf, prefixOf } from '../../../onvif/soap/xml/write-xml.ts';
import { elements, escapeXml, find, findText, localName, readXml } from '../../../onvif/soap/xml/xml.ts';

/** Maximum size of a request; those of recorders have 1 to 3 kB. */
export const MAX_REQUEST_BYTES = 16 << 10;

const PREFIXES: ReadonlyMap<string, string> = new Map(Object.entries(NAMESPACES).map(([prefix, uri]) => [uri, prefix]));

export interface SoapRequest {
  readonly version: SoapVersion;
  /** Name of the operation with the usual prefix of its namespace: `trt:GetProfiles`. */
  readonly operation: string;
  readonly body: XmlElement;
  readonly header: XmlElement | undefined;
  /** MessageID of WS-Addressing, or undefined if the request has none. */
  readonly messageId: string | undefined;
}

/** @throws PerchError badInput */
export function parseRequest(bytes: Uint8Array, contentType?: string): SoapRequest {
  const root = readXml(bytes, MAX_REQUEST_BYTES, contentType);
  const [body] = elements(find(root, 'Body'));
  if (localName(root) !== 'Envelope' || !body) {
    throw new PerchError('badInput', 'not a SOAP request: it has no envelope with a body');
  }
  const prefix = PREFIXES.get(namespaceOf(body, prefixOf(body.name))) ?? '';
  const version = namespaceOf(root, prefixOf(root.name)) === ENVELOPES['1.1'] ? '1.1' : '1.2';
  const header = find(root, 'Header');
  return {
    version,
    operation: `${prefix}:${localName(body).slice(0, 60)}`,
    body,
    header,
    messageId: findText(header, 'MessageID')?.slice(0, 200),
  };
}

/** An error with the fault subcodes of ONVIF Core §5.8.2, from outer to inner. */
export const fault = (reason: string, ...codes: readonly string[]): PerchError =>
  new PerchError('badInput', reason, { codes });

export const notSupported = (what: string): PerchError =>
  new PerchError('unsupported', `${what} is not supported`, { codes: ['ActionNotSupported'] });

export interface SoapReply {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** @param headers WS-Addressing headers of the event services */
export const replyOf = (version: SoapVersion, body: string, headers = '', status = 200): SoapReply => ({
  status,
  contentType: version === '1.1' ? 'text/xml; charset=utf-8' : 'application/soap+xml; charset=utf-8',
  text: writeEnvelope(version, headers, body),
});

/** The SOAP fault of a failed request, with the HTTP status of ONVIF Core §5.8.2. */
export function faultReply(version: SoapVersion, error: PerchError): SoapReply {
  const isSender = error.code === 'badInput' || error.code === 'notFound' || error.code === 'unauthorized';
  const named = error.context['codes'];
  const codes = Array.isArray(named) ? (named as readonly string[]) : isSender ? ['InvalidArgVal'] : ['Action'];
  const reason = escapeXml(error.message);
  if (version === '1.1') {
    const code = isSender ? 'Client' : 'Server';
    const text = `<s:Fault><faultcode>s:${code}</faultcode><faultstring>${reason}</faultstring></s:Fault>`;
    return replyOf(version, text, '', 500);
  }
  const subcodes = codes.reduceRight(
    (inner, code) => `<s:Subcode><s:Value>ter:${code}</s:Value>${inner}</s:Subcode>`,
    '',
  );
  const body =
    `<s:Fault><s:Code><s:Value>s:${isSender ? 'Sender' : 'Receiver'}</s:Value>${subcodes}</s:Code>` +
    `<s:Reason><s:Text xml:lang="en">${reason}</s:Text></s:Reason></s:Fault>`;
  return replyOf(version, body, '', isSender ? 400 : 500);
}

/** `<name>text</name>` with the text escaped. */
export const tag = (name: string, value: string | number | boolean): string =>
  `<${name}>${escapeXml(String(value))}</${name}>`;
