import { wrongCountry } from '../wifi/countries.ts';
import { isWifiPassword, MAX_NETWORKS, type Wifi } from '../wifi/networks.ts';

/** Valid settings from the boot partition. */
export interface Settings {
  readonly hostname?: string;
  readonly wifis: readonly Wifi[];
  readonly wifiCountry?: string;
  readonly accessPointPassword?: string;
  readonly timeZone?: string;
  readonly ownerPassword?: string;
  readonly sshKeys: readonly string[];
}

interface ReadSettings {
  readonly settings: Settings;
  /** One per invalid line, with its number; never a password. */
  readonly complaints: readonly string[];
}

export const MAX_FILE_BYTES = 16_384;
const MAX_SSH_KEYS = 8;

/** Validators by key: a message, or undefined for a valid value. */
const CHECKS = {
  hostname: (value) =>
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(value)
      ? undefined
      : `${quoted(value)} is not a device name: use letters, digits and hyphens, at most 63`,
  'wifi-name': (value) =>
    Buffer.byteLength(value) <= 32 ? undefined : `${quoted(value)} has more than 32 bytes, the limit for Wi-Fi names`,
  'wifi-password': (value) => (isWifiPassword(value) ? undefined : 'a Wi-Fi password has 8 to 63 ASCII characters'),
  'wifi-country': (value) => {
    const wrong = wrongCountry(value);
    return wrong === undefined ? undefined : `${quoted(value)} ${wrong}`;
  },
  'access-point-password': (value) =>
    /^[\x20-\x7e]{8,63}$/.test(value) ? undefined : "the access point's password has 8 to 63 ASCII characters",
  'time-zone': (value) =>
    /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,2}$/.test(value)
      ? undefined
      : `${quoted(value)} is not a time zone such as Europe/Berlin`,
  'owner-password': (value) => {
    const length = [...value].length;
    return length >= 8 && length <= 256 ? undefined : `the owner's password has 8 to 256 characters, not ${length}`;
  },
  'ssh-key': (value) => (isPublicKey(value) ? undefined : 'this is not a public key as in a .pub file of ssh-keygen'),
} satisfies Record<string, (value: string) => string | undefined>;
type Key = keyof typeof CHECKS;

/**
 * One `key: value` per line, `#` before comments. Invalid lines are reported and skipped. @param bytes in any encoding
 * that editors write
 */
export function parseSettings(bytes: Uint8Array): ReadSettings {
  if (bytes.length > MAX_FILE_BYTES) {
    const wrong = `the file has more than ${MAX_FILE_BYTES} bytes and was ignored`;
    return { settings: { wifis: [], sshKeys: [] }, complaints: [wrong] };
  }
  const lines = new Lines();
  for (const [index, line] of decodedText(bytes)
    .split(/\r\n|\r|\n/)
    .entries()) {
    const wrong = lines.take(line.trim());
    if (wrong !== undefined) {
      lines.complain(`line ${index + 1}: ${wrong}`);
    }
  }
  return { settings: lines.settings(), complaints: lines.complaints };
}

/** Lines about one network. */
interface WifiLines {
  hasName: boolean;
  hasPassword: boolean;
  name?: string;
  password?: string;
}

class Lines {
  readonly complaints: string[] = [];
  readonly #values = new Map<Key, string>();
  readonly #seen = new Set<Key>();
  readonly #sshKeys: string[] = [];
  readonly #wifis: WifiLines[] = [];

  take(line: string): string | undefined {
    if (line === '' || line.startsWith('#')) {
      return undefined;
    }
    const [, name = '', typed = ''] = /^([A-Za-z-]{1,24})\s*:\s*(.*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    if (!isKey(key)) {
      return `it does not start with one of ${Object.keys(CHECKS).join(', ')} and a colon`;
    }
    const isAgain = this.#isAgain(key);
    const value = /^(["'])(.*)\1$/.exec(typed)?.[2] ?? typed;
    const wrong = isAgain
      ? `${key} is repeated, the first one counts`
      : value === ''
        ? `${key} has no value`
        : /[\p{Cc}\ufffd]/u.test(value)
          ? `${key} has unreadable characters: save the file as UTF-8`
          : CHECKS[key](value);
    return wrong ?? this.#store(key, value);
  }

  /** Whether a key was given before. Networks and ssh keys may be several: a `wifi-name` begins the next network. */
  #isAgain(key: Key): boolean {
    const wifi = this.#wifis.at(-1);
    if (key === 'wifi-name') {
      if (!wifi || wifi.hasName) {
        this.#wifis.push({ hasName: true, hasPassword: false });
      } else {
        wifi.hasName = true;
      }
      return false;
    }
    if (key === 'wifi-password') {
      const isAgain = wifi?.hasPassword === true;
      if (wifi) {
        wifi.hasPassword = true;
      } else {
        this.#wifis.push({ hasName: false, hasPassword: true });
      }
      return isAgain;
    }
    const isAgain = this.#seen.has(key) && key !== 'ssh-key';
    this.#seen.add(key);
    return isAgain;
  }

  #store(key: Key, value: string): string | undefined {
    const wifi = this.#wifis.at(-1);
    if (key === 'wifi-name' && wifi) {
      wifi.name = value;
    } else if (key === 'wifi-password' && wifi) {
      wifi.password = value;
    } else if (key !== 'ssh-key') {
      this.#values.set(key, value);
    } else if (this.#sshKeys.push(value) > MAX_SSH_KEYS) {
      this.#sshKeys.pop();
      return `the limit is ${MAX_SSH_KEYS} keys`;
    }
    return undefined;
  }

  complain(wrong: string): void {
    if (this.complaints.length < 20) {
      this.complaints.push(wrong);
    }
  }

  settings(): Settings {
    const hostname = this.#values.get('hostname')?.toLowerCase();
    const timeZone = this.#values.get('time-zone');
    const ownerPassword = this.#values.get('owner-password');
    const wifiCountry = this.#values.get('wifi-country')?.toUpperCase();
    const accessPointPassword = this.#values.get('access-point-password');
    return {
      ...(hostname !== undefined && { hostname }),
      wifis: this.#networks(),
      ...(wifiCountry !== undefined && { wifiCountry }),
      ...(accessPointPassword !== undefined && { accessPointPassword }),
      ...(timeZone !== undefined && { timeZone }),
      ...(ownerPassword !== undefined && { ownerPassword }),
      sshKeys: this.#sshKeys,
    };
  }

  #networks(): readonly Wifi[] {
    const networks = this.#wifis.flatMap(({ hasPassword, name, password }) => {
      if (name === undefined) {
        if (hasPassword) {
          this.complain('wifi-password needs a valid wifi-name');
        }
        return [];
      }
      if (password === undefined && hasPassword) {
        // Without a password the box would join any open network of that name.
        this.complain(`the Wi-Fi ${quoted(name)} was ignored, because its wifi-password is invalid`);
        return [];
      }
      return [{ name, password }];
    });
    if (networks.length > MAX_NETWORKS) {
      this.complain(`the limit is ${MAX_NETWORKS} Wi-Fi networks: the first ones count`);
    }
    return networks.slice(0, MAX_NETWORKS);
  }
}

const isKey = (name: string): name is Key => Object.hasOwn(CHECKS, name);

/** Shortened for a line on a screen. */
function quoted(value: string): string {
  const letters = [...value];
  return `"${letters.length > 40 ? `${letters.slice(0, 40).join('')}…` : value}"`;
}

/** Editors on Windows write UTF-16 as "Unicode", and a byte order mark before UTF-8. */
function decodedText(bytes: Uint8Array): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}

/** RFC 4253 §6.6: the blob starts with the length of the name, and the name. */
function isPublicKey(line: string): boolean {
  const [, type = '', base64 = ''] =
    /^((?:sk-)?(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?) ([A-Za-z0-9+/]{40,2000}={0,2})(?: .{0,200})?$/.exec(
      line,
    ) ?? [];
  const blob = Buffer.from(base64, 'base64');
  return type !== '' && blob.readUInt32BE(0) === type.length && blob.toString('latin1', 4, 4 + type.length) === type;
}
