/** Valid settings from the boot partition. */
export interface Settings {
  readonly hostname?: string;
  readonly wifi?: Wifi;
  readonly timeZone?: string;
  readonly ownerPassword?: string;
  readonly sshKeys: readonly string[];
}

export interface Wifi {
  readonly name: string;
  /** undefined: an open network. */
  readonly password: string | undefined;
  readonly country: string | undefined;
}

interface ReadSettings {
  readonly settings: Settings;
  /** One per invalid line, with its number; never a password. */
  readonly complaints: readonly string[];
}

export const MAX_FILE_BYTES = 16_384;
const MAX_COMPLAINTS = 20;
const MAX_SSH_KEYS = 8;

/** Validators by key: a message, or undefined for a valid value. */
const CHECKS = {
  hostname: (value) =>
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(value)
      ? undefined
      : `${quoted(value)} is not a device name: use letters, digits and hyphens, at most 63`,
  'wifi-name': (value) =>
    Buffer.byteLength(value) <= 32 ? undefined : `${quoted(value)} has more than 32 bytes, the limit for Wi-Fi names`,
  'wifi-password': (value) =>
    /^[\x20-\x7e]{8,63}$/.test(value) || /^[0-9a-f]{64}$/i.test(value)
      ? undefined
      : 'a Wi-Fi password has 8 to 63 ASCII characters',
  'wifi-country': (value) => {
    const wrong = wrongCountry(value);
    return wrong === undefined ? undefined : `${quoted(value)} ${wrong}`;
  },
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

  take(line: string): string | undefined {
    if (line === '' || line.startsWith('#')) {
      return undefined;
    }
    const [, name = '', typed = ''] = /^([A-Za-z-]{1,20})\s*:\s*(.*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    if (!isKey(key)) {
      return `it does not start with one of ${Object.keys(CHECKS).join(', ')} and a colon`;
    }
    const isAgain = this.#seen.has(key) && key !== 'ssh-key';
    this.#seen.add(key);
    const value = /^(["'])(.*)\1$/.exec(typed)?.[2] ?? typed;
    const wrong = isAgain
      ? `${key} is repeated, the first one counts`
      : value === ''
        ? `${key} has no value`
        : /[\p{Cc}\ufffd]/u.test(value)
          ? `${key} has unreadable characters: save the file as UTF-8`
          : CHECKS[key](value);
    if (wrong !== undefined) {
      return wrong;
    }
    if (key !== 'ssh-key') {
      this.#values.set(key, value);
    } else if (this.#sshKeys.push(value) > MAX_SSH_KEYS) {
      this.#sshKeys.pop();
      return `the limit is ${MAX_SSH_KEYS} keys`;
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
        this.complain('wifi-password and wifi-country need a valid wifi-name');
      }
      return undefined;
    }
    if (password === undefined && this.#seen.has('wifi-password')) {
      // Without a password the box would join any open network of that name.
      this.complain('the Wi-Fi was ignored, because its wifi-password is invalid');
      return undefined;
    }
    return { name, password, country: this.#values.get('wifi-country')?.toUpperCase() };
  }
}

const isKey = (name: string): name is Key => Object.hasOwn(CHECKS, name);

/** Shortened for a line on a screen. */
function quoted(value: string): string {
  const letters = [...value];
  return `"${letters.length > 40 ? `${letters.slice(0, 40).join('')}…` : value}"`;
}

/** Editors on Windows write UTF-16 as "Unicode", and a byte order mark before UTF-8. */
function textOf(bytes: Uint8Array): string {
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

/** ISO 3166-1 alpha-2. Intl also knows former countries, groups of countries and UK, which no Wi-Fi driver accepts. */
const COUNTRIES = `
  AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ
  BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR
  CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
  GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU
  ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ
  LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
  MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF
  PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
  SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR
  TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
`;
const KNOWN: ReadonlySet<string> = new Set(COUNTRIES.trim().split(/\s+/));

/** Codes of the European Union and the Internet that differ from the standard. */
const MEANT: Readonly<Record<string, string>> = { UK: 'GB', EL: 'GR' };

/** @param text two letters of any case @returns the fault; undefined: none */
function wrongCountry(text: string): string | undefined {
  const code = text.toUpperCase();
  if (KNOWN.has(code)) {
    return undefined;
  }
  const meant = Object.hasOwn(MEANT, code) ? MEANT[code] : undefined;
  return meant === undefined
    ? 'is not a country code of two letters, such as DE'
    : `is not a country code: use ${meant}`;
}
