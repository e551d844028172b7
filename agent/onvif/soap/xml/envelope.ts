import { createHash } from 'node:crypto';
import type { Credentials } from '../../../media/rtsp/digest.ts';
import { escapeXml } from './xml.ts';

export const NAMESPACES: Readonly<Record<string, string>> = {
  tds: 'http://www.onvif.org/ver10/device/wsdl',
  trt: 'http://www.onvif.org/ver10/media/wsdl',
  tr2: 'http://www.onvif.org/ver20/media/wsdl',
  tptz: 'http://www.onvif.org/ver20/ptz/wsdl',
  tev: 'http://www.onvif.org/ver10/events/wsdl',
  timg: 'http://www.onvif.org/ver20/imaging/wsdl',
  tmd: 'http://www.onvif.org/ver10/deviceIO/wsdl',
  tan: 'http://www.onvif.org/ver20/analytics/wsdl',
  trc: 'http://www.onvif.org/ver10/recording/wsdl',
  tse: 'http://www.onvif.org/ver10/search/wsdl',
  trp: 'http://www.onvif.org/ver10/replay/wsdl',
  tt: 'http://www.onvif.org/ver10/schema',
  tns1: 'http://www.onvif.org/ver10/topics',
  ter: 'http://www.onvif.org/ver10/error',
  wsnt: 'http://docs.oasis-open.org/wsn/b-2',
  wstop: 'http://docs.oasis-open.org/wsn/t-1',
  wsa: 'http://www.w3.org/2005/08/addressing',
};
const SECURITY = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const SECURITY_TIME = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
export const TOKEN_PROFILE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0';
const MESSAGE_SECURITY = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0';

export type SoapVersion = '1.1' | '1.2';
export const ENVELOPES: Record<SoapVersion, string> = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
};

/** A request or reply. Only namespaces in use are declared: small boards have small buffers. */
export function writeEnvelope(version: SoapVersion, headers: string, body: string): string {
  const used = Object.entries(NAMESPACES).filter(
    ([prefix]) => body.includes(`${prefix}:`) || headers.includes(`${prefix}:`),
  );
  const declared = used.map(([prefix, uri]) => ` xmlns:${prefix}="${uri}"`).join('');
  return (
    `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="${ENVELOPES[version]}"${declared}>` +
    `${headers === '' ? '' : `<s:Header>${headers}</s:Header>`}<s:Body>${body}</s:Body></s:Envelope>`
  );
}

/** SOAP action of a body's operation, as in ONVIF's WSDL files: its namespace and name. */
export function actionOf(body: string): string | undefined {
  const [, prefix = '', name = ''] = /^\s*<(\w+):(\w+)/.exec(body) ?? [];
  const namespace = NAMESPACES[prefix];
  return namespace === undefined ? undefined : `${namespace}/${name}`;
}

/**
 * WS-Security UsernameToken with a digest, which most cameras want.
 * @param createdMs the camera's time, Unix milliseconds: cameras reject one that is off by seconds to minutes
 * @param nonce at least 16 bytes, unique: cameras reject a second use
 */
export function usernameToken({ user, password }: Credentials, createdMs: number, nonce: Uint8Array): string {
  const created = new Date(createdMs).toISOString();
  const digest = createHash('sha1').update(nonce).update(created).update(password).digest('base64');
  return (
    `<Security s:mustUnderstand="1" xmlns="${SECURITY}"><UsernameToken><Username>${escapeXml(user)}</Username>` +
    `<Password Type="${TOKEN_PROFILE}#PasswordDigest">${digest}</Password>` +
    `<Nonce EncodingType="${MESSAGE_SECURITY}#Base64Binary">${Buffer.from(nonce).toString('base64')}</Nonce>` +
    `<Created xmlns="${SECURITY_TIME}">${created}</Created></UsernameToken></Security>`
  );
}
