import { wrongCountry } from './country.ts';

/** What the owner has written onto the boot partition, as far as it is right. */
export interface Settings {
  readonly hostname?: string;
  readonly wifi?: Wifi;
  readonly timeZone?: string;
  readonly ownerPassword?: string;
  readonly sshKeys: readonly string[];
}

export interface Wifi {
  readonly name: string;
  /** Undefined for a network without one. */
  readonly password: string | undefined;
  readonly country: string | undefined;
}

interface ReadSettings {
  readonly settings: Settings;
  /** One for each line that is wrong, with its number; never a password. */
  readonly complaints: readonly string[];
}

export const MAX_FILE_BYTES = 16_384;
const MAX_COMPLAINTS = 20;
const MAX_SSH_KEYS = 8;

/** What is wrong with the value of a key; undefined when it is right. */
const CHECKS = {
  hostname: (value) =>
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(value)
      ? undefined
      : `${quoted(value)} is not a device name: use letters, digits and hyphens, at most 63`,
  'wifi-name': (value) =>
    Buffer.byteLength(value) <= 32 ? undefined : `${quoted(value)} has more than 32 bytes, which no Wi-Fi has`,
  'wifi-password': (value) =>
    /^[\x20-\x7e]{8,63}$/.test(value) || /^[0-9a-f]{64}$/i.test(value)
      ? undefined
      : 'a Wi-Fi password has 8 to 63 letters, digits and signs, none of them with an accent',
  'wifi-country': (value) => {
    const wrong = wrongCountry(value);
    return wrong === undefined ? undefined : `${quoted(value)} ${wrong}`;
  },
  'time-zone': (value) =>
    /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,2}$/.test(value)
      ? undefined
      : `${quoted(value)} is no time zone, such as Europe/Berlin`,
  'owner-password': (value) => {
    const length = [...value].length;
    return length >= 8 && length <= 256 ? undefined : `the owner's password has 8 to 256 characters, not ${length}`;
  },
  'ssh-key': (value) =>
    isPublicKey(value) ? undefined : 'this is no public key as ssh-keygen writes it to a .pub file',
} satisfies Record<string, (value: string) => string | undefined>;
type Key = keyof typeof CHECKS;

/**
 * `key: value` in each line, `#` before comments. A wrong line is told and passed over.
 * @param bytes as editors on any system write them
 */
export function parseSettings(bytes: Uint8Array): ReadSettings {
  if (bytes.length > MAX_FILE_BYTES) {
    const wrong = `the file has more than ${MAX_FILE_BYTES} bytes, so none of it was taken`;
    return { settings: { sshKeys: [] }, complaints: [wrong] };
  }
  const lines = new Lines();
  for (const [index, line] of textOf(bytes)
    .split(/\r\n|\r|\n/)
    .entries()) {
    const wrong = lines.take(line.trim());
    if (wrong !== undefined) {
      lines.complain(`line ${index + 1}: ${wrong}`);
    }
  }
  return { settings: lines.settings(), complaints: lines.complaints };
}

class Lines {
  readonly complaints: string[] = [];
  readonly #values = new Map<Key, string>();
  readonly #seen = new Set<Key>();
  readonly #sshKeys: string[] = [];

  /** @returns what is wrong with it */
  take(line: string): string | undefined {
    if (line === '' || line.startsWith('#')) {
      return undefined;
    }
    const [, name = '', typed = ''] = /^([A-Za-z-]{1,20})\s*:\s*(.*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    if (!isKey(key)) {
      return `it begins with none of ${Object.keys(CHECKS).join(', ')} and a colon`;
    }
    const isAgain = this.#seen.has(key) && key !== 'ssh-key';
    this.#seen.add(key);
    const value = /^(["'])(.*)\1$/.exec(typed)?.[2] ?? typed;
    const wrong = isAgain
      ? `${key} stands there twice, and the first counts`
      : value === ''
        ? `${key} has no value`
        : /[\p{Cc}\ufffd]/u.test(value)
          ? `${key} has signs that cannot be read: save the file as UTF-8`
          : CHECKS[key](value);
    if (wrong !== undefined) {
      return wrong;
    }
    if (key !== 'ssh-key') {
      this.#values.set(key, value);
    } else if (this.#sshKeys.push(value) > MAX_SSH_KEYS) {
      this.#sshKeys.pop();
      return `no more than ${MAX_SSH_KEYS} keys are taken`;
    }
    return undefined;
  }

  complain(wrong: string): void {
    if (this.complaints.length < MAX_COMPLAINTS) {
      this.complaints.push(wrong);
    }
  }

  settings(): Settings {
    const hostname = this.#values.get('hostname')?.toLowerCase();
    const timeZone = this.#values.get('time-zone');
    const ownerPassword = this.#values.get('owner-password');
    const wifi = this.#wifi();
    return {
      ...(hostname !== undefined && { hostname }),
      ...(wifi && { wifi }),
      ...(timeZone !== undefined && { timeZone }),
      ...(ownerPassword !== undefined && { ownerPassword }),
      sshKeys: this.#sshKeys,
    };
  }

  #wifi(): Wifi | undefined {
    const name = this.#values.get('wifi-name');
    const password = this.#values.get('wifi-password');
    if (name === undefined) {
      if (this.#seen.has('wifi-password') || this.#seen.has('wifi-country')) {
        this.complain('wifi-password and wifi-country say nothing without a right wifi-name');
      }
      return undefined;
    }
    if (password === undefined && this.#seen.has('wifi-password')) {
      // Without it the device would join anybody's open network of that name.
      this.complain('without a right wifi-password the Wi-Fi was not taken');
      return undefined;
    }
    return { name, password, country: this.#values.get('wifi-country')?.toUpperCase() };
  }
}

const isKey = (name: string): name is Key => Object.hasOwn(CHECKS, name);

/** As short as a line on a screen. */
function quoted(value: string): string {
  const letters = [...value];
  return `"${letters.length > 40 ? `${letters.slice(0, 40).join('')}…` : value}"`;
}

/** Windows' editor writes UTF-16 when asked for "Unicode", and a mark before UTF-8. */
function textOf(bytes: Uint8Array): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}

/** RFC 4253 §6.6: the blob begins with the length of the name, and the name. */
function isPublicKey(line: string): boolean {
  const [, type = '', base64 = ''] =
    /^((?:sk-)?(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?) ([A-Za-z0-9+/]{40,2000}={0,2})(?: .{0,200})?$/.exec(
      line,
    ) ?? [];
  const blob = Buffer.from(base64, 'base64');
  return type !== '' && blob.readUInt32BE(0) === type.length && blob.toString('latin1', 4, 4 + type.length) === type;
}
