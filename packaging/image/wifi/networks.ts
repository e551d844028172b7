import { pbkdf2Sync } from 'node:crypto';

/** A network as people type it. */
export interface Wifi {
  readonly name: string;
  /** Undefined for an open network. */
  readonly password: string | undefined;
}

/** `usr/lib/perch-image/wifi` stores no more. */
export const MAX_NETWORKS = 16;
/** IEEE 802.11 annex J.4. */
const PSK_ROUNDS = 4_096;

export const isNetworkName = (name: string): boolean =>
  // IEEE 802.11 §9.4.2.2.
  name !== '' && Buffer.byteLength(name) <= 32 && !/\p{Cc}/u.test(name);

/** A password, or its key as 64 hexadecimal digits. */
export const isWifiPassword = (password: string): boolean => /^[\x20-\x7e]{8,63}$/.test(password) || isKey(password);

const isKey = (password: string): boolean => /^[0-9a-f]{64}$/i.test(password);

/**
 * Name, key of WPA2 and password as hexadecimal digits, `-` where there is none. WPA3 needs the password itself, and
 * so cannot be joined with a key. @param hexName for a name that is not UTF-8
 */
export function networkWords({ name, password }: Wifi, hexName = Buffer.from(name).toString('hex')): string {
  if (password === undefined) {
    return `${hexName} - -`;
  }
  if (isKey(password)) {
    return `${hexName} ${password.toLowerCase()} -`;
  }
  const psk = pbkdf2Sync(password, Buffer.from(hexName, 'hex'), PSK_ROUNDS, 32, 'sha1').toString('hex');
  return `${hexName} ${psk} ${Buffer.from(password).toString('hex')}`;
}

/**
 * The file of the networks that the box knows, with more of them, which come first.
 * @param text of the file so far @param country undefined to leave it unchanged
 */
export function withNetworks(text: string, networks: readonly Wifi[], country: string | undefined): string {
  const lines = text.split('\n');
  const code = country ?? /^country ([A-Z]{2})$/m.exec(text)?.[1];
  const added = networks.map((network) => `network ${networkWords(network)}`);
  const names = new Set(added.map(nameIn));
  const others = lines.filter((line) => line.startsWith('network ') && !names.has(nameIn(line)));
  const all = [...added, ...others].slice(0, MAX_NETWORKS);
  return [...(code === undefined ? [] : [`country ${code}`]), ...all, ''].join('\n');
}

const nameIn = (line: string): string => line.split(' ')[1] ?? '';
