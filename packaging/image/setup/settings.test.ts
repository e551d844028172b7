import { describe, expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { MAX_FILE_BYTES, parseSettings } from './settings.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1cnEyXcl3nMpmDMWMxS4Rq4ZuBNa5K3jJjwA4fGxQq me@home';
const WHOLE = `# a comment
hostname: Barn
wifi-name: "My network"
wifi-password: secret: words #1
wifi-country: de
access-point-password: letters of the card
time-zone: America/Argentina/Buenos_Aires
owner-password:  some other words
ssh-key: ${KEY}
`;
const read = (text: string) => parseSettings(Buffer.from(text));

describe('the setup file on the boot partition', () => {
  test('each key is read, a password with special characters verbatim', () => {
    expect(read(WHOLE)).toEqual({
      settings: {
        hostname: 'barn',
        wifis: [{ name: 'My network', password: 'secret: words #1' }],
        wifiCountry: 'DE',
        accessPointPassword: 'letters of the card',
        timeZone: 'America/Argentina/Buenos_Aires',
        ownerPassword: 'some other words',
        sshKeys: [KEY],
      },
      complaints: [],
    });
  });

  test.for([
    ['with lines as Windows ends them', Buffer.from(WHOLE.replaceAll('\n', '\r\n'))],
    ['with a mark before UTF-8', Buffer.from(`\ufeff${WHOLE}`)],
    ['as UTF-16', Buffer.from(`\ufeff${WHOLE}`, 'utf16le')],
  ] as const)('the same %s', ([, bytes]) => {
    expect(parseSettings(bytes)).toEqual(read(WHOLE));
  });

  test.for([
    ['a line without a colon', 'wlan My network', 'line 1: it does not start with one of hostname, wifi-name,'],
    ['an unknown key', 'wifi: x', 'line 1: it does not start with one of'],
    ['a key of every object', 'constructor: x', 'line 1: it does not start with one of'],
    ['no value', '\nhostname:', 'line 2: hostname has no value'],
    ['a name that is none', 'hostname: my_box', 'line 1: "my_box" is not a device name'],
    ['a name with a way out of its folder', 'hostname: ../etc', '"../etc" is not a device name'],
    ['a country by its name', 'wifi-name: a\nwifi-country: Germany', 'line 2: "Germany" is not a country code'],
    [
      'a country that there is not',
      'wifi-name: a\nwifi-country: XX',
      'line 2: "XX" is not a country code of two letters',
    ],
    ['one for all', 'wifi-name: a\nwifi-country: 00', 'line 2: "00" is not a country code of two letters'],
    ['a group of countries', 'wifi-name: a\nwifi-country: EU', 'line 2: "EU" is not a country code of two letters'],
    ['a country that is none any more', 'wifi-name: a\nwifi-country: AN', 'line 2: "AN" is not a country code'],
    ['Britain by its other name', 'wifi-name: a\nwifi-country: UK', 'line 2: "UK" is not a country code: use GB'],
    ['Greece by its other name', 'wifi-name: a\nwifi-country: el', 'line 2: "el" is not a country code: use GR'],
    ['a Wi-Fi of 33 bytes', `wifi-name: ${'é'.repeat(16)}x`, 'more than 32 bytes'],
    ['a time zone outside of its folder', 'time-zone: ../../etc/shadow', 'is not a time zone'],
    ['a short password', 'owner-password: seven77', '8 to 256 characters, not 7'],
    ['a private key', 'ssh-key: -----BEGIN OPENSSH PRIVATE KEY-----', 'this is not a public key'],
    [
      'a key of another kind than it says',
      `ssh-key: ${KEY.replace('ssh-ed25519', 'ssh-rsa')}`,
      'this is not a public key',
    ],
    ['the same twice', 'hostname: a\nhostname: b', 'line 2: hostname is repeated, the first one counts'],
    ['bytes that are no text', 'hostname: a\0b', 'unreadable characters'],
    ['a password without its network', 'wifi-password: eightsigns', 'needs a valid wifi-name'],
  ] as const)('%s is reported, and nothing else is lost', ([, text, complaint]) => {
    const { settings, complaints } = read(`${text}\nssh-key: ${KEY}`);
    expect(complaints).toEqual([expect.stringContaining(complaint)]);
    expect(settings.sshKeys).toEqual([KEY]);
  });

  test('a network with an invalid password is not joined as an open one', () => {
    const { settings, complaints } = read('wifi-name: home\nwifi-password: short');
    expect(settings.wifis).toEqual([]);
    expect(complaints).toEqual([
      expect.stringContaining('a Wi-Fi password has 8 to 63'),
      'the Wi-Fi "home" was ignored, because its wifi-password is invalid',
    ]);
    expect(complaints.join('\n')).not.toContain('short');
  });

  test('a network without a password is an open one', () => {
    expect(read('wifi-name: cafe').settings.wifis).toEqual([{ name: 'cafe', password: undefined }]);
  });

  test('each name begins another network, and a password before the first name belongs to it', () => {
    const three = 'wifi-password: of the first\nwifi-name: a\nwifi-name: b\nwifi-name: c\nwifi-password: of the third';
    expect(read(three)).toEqual({
      settings: {
        wifis: [
          { name: 'a', password: 'of the first' },
          { name: 'b', password: undefined },
          { name: 'c', password: 'of the third' },
        ],
        sshKeys: [],
      },
      complaints: [],
    });
  });

  test('a second password of a network is reported, and no other network gets it', () => {
    const { settings, complaints } = read(
      'wifi-name: a\nwifi-password: the first\nwifi-password: the second\nwifi-name: b',
    );
    expect(settings.wifis).toEqual([
      { name: 'a', password: 'the first' },
      { name: 'b', password: undefined },
    ]);
    expect(complaints).toEqual(['line 3: wifi-password is repeated, the first one counts']);
  });

  test('a network with an invalid name takes its password along', () => {
    const { settings, complaints } = read(`wifi-name: a\nwifi-name: ${'b'.repeat(33)}\nwifi-password: of the second`);
    expect(settings.wifis).toEqual([{ name: 'a', password: undefined }]);
    expect(complaints).toHaveLength(2);
  });

  test('more networks than the box keeps are reported', () => {
    const { settings, complaints } = read(Array.from({ length: 18 }, (_, at) => `wifi-name: ${at}`).join('\n'));
    expect(settings.wifis).toHaveLength(16);
    expect(complaints).toEqual(['the limit is 16 Wi-Fi networks: the first ones count']);
  });

  test('every country of the standard is accepted, and no other two letters', () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz'];
    const taken = letters
      .flatMap((first) => letters.map((second) => read(`wifi-name: a\nwifi-country: ${first}${second}`)))
      .flatMap(({ settings }) => settings.wifiCountry ?? []);
    expect(taken).toHaveLength(249);
    // Node's list of regions, which includes former ones.
    const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
    expect(taken.filter((code) => names.of(code) === undefined)).toEqual([]);
  });

  test('a file above the limit is ignored', () => {
    const { settings, complaints } = read(`hostname: barn\n${'#'.repeat(MAX_FILE_BYTES)}`);
    expect([settings, complaints.length]).toEqual([{ wifis: [], sshKeys: [] }, 1]);
  });

  test('any text yields harmless settings and few complaints', () => {
    const next = random(20);
    for (let round = 0; round < 5_000; round += 1) {
      const { settings, complaints } = parseSettings(mutate(Buffer.from(WHOLE), next));
      expect(settings.hostname ?? 'a').toMatch(/^[a-z0-9-]{1,63}$/);
      expect(settings.timeZone ?? 'A').not.toMatch(/\.|^\//);
      for (const { name, password } of settings.wifis) {
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(32);
        expect(password ?? 'none at all').toMatch(/^[\x20-\x7e]{8,64}$/);
      }
      expect(settings.wifis.length).toBeLessThanOrEqual(16);
      expect(settings.wifiCountry ?? 'DE').toMatch(/^[A-Z]{2}$/);
      expect(settings.sshKeys.join('')).not.toMatch(/\p{Cc}/u);
      expect(complaints.length).toBeLessThanOrEqual(20);
    }
  });
});
