import { PerchError } from '../../base/errors.ts';
import { type MikeyMessage, parseMikey, writeMikey } from './message.ts';

/** RFC 4567 §3.1: value of `a=key-mgmt`. */
export const writeKeyAttribute = (message: MikeyMessage): string => `mikey ${base64Of(message)}`;

/** @throws PerchError */
export function parseKeyAttribute(text: string): MikeyMessage {
  const match = /^mikey\s+(\S+)$/i.exec(text.trim());
  if (!match) {
    throw new PerchError('unsupported', `key management '${text.slice(0, 20)}', expected MIKEY`);
  }
  return fromBase64(match[1] as string);
}

/** RFC 4567 §4.2: the KeyMgmt header of SETUP. */
export const writeKeyMgmt = (uri: string, message: MikeyMessage): string =>
  `prot=mikey;uri="${uri}";data="${base64Of(message)}"`;

/** @throws PerchError */
export function parseKeyMgmt(header: string): MikeyMessage {
  const data = /(?:^|;)\s*data\s*=\s*"?([\w+/=]+)"?/i.exec(header)?.[1];
  if (!/(?:^|;)\s*prot\s*=\s*"?mikey"?\s*(?:;|$)/i.test(header) || data === undefined) {
    throw new PerchError('badInput', 'KeyMgmt without a MIKEY message');
  }
  return fromBase64(data);
}

const base64Of = (message: MikeyMessage): string => btoa(String.fromCharCode(...writeMikey(message)));

function fromBase64(text: string): MikeyMessage {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new PerchError('badInput', 'MIKEY message is not base64');
  }
  return parseMikey(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}
