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
time-zone: America/Argentina/Buenos_Aires
owner-password:  some other words
ssh-key: ${KEY}
`;
const read = (text: string) => parseSettings(Buffer.from(text));

describe('what the owner writes onto the boot partition', () => {
  test('each key is taken, a password with signs in it as it is', () => {
    expect(read(WHOLE)).toEqual({
      settings: {
        hostname: 'barn',
        wifi: { name: 'My network', password: 'secret: words #1', country: 'DE' },
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
    ['a line without a colon', 'wlan My network', 'line 1: it begins with none of hostname, wifi-name,'],
    ['an unknown key', 'wifi: x', 'line 1: it begins with none of'],
    ['a key of every object', 'constructor: x', 'line 1: it begins with none of'],
    ['no value', '\nhostname:', 'line 2: hostname has no value'],
    ['a name that is none', 'hostname: my_box', 'line 1: "my_box" is not a device name'],
    ['a name with a way out of its folder', 'hostname: ../etc', '"../etc" is not a device name'],
    ['a country by its name', 'wifi-name: a\nwifi-country: Germany', 'line 2: "Germany" is no country'],
    ['a country that there is not', 'wifi-name: a\nwifi-country: XX', 'line 2: "XX" is no country in two letters'],
    ['one for all', 'wifi-name: a\nwifi-country: 00', 'line 2: "00" is no country in two letters'],
    ['a group of countries', 'wifi-name: a\nwifi-country: EU', 'line 2: "EU" is no country in two letters'],
    ['a country that is none any more', 'wifi-name: a\nwifi-country: AN', 'line 2: "AN" is no country'],
    ['Britain by its other name', 'wifi-name: a\nwifi-country: UK', 'line 2: "UK" is no country: it is called GB here'],
    ['Greece by its other name', 'wifi-name: a\nwifi-country: el', 'line 2: "el" is no country: it is called GR here'],
    ['a Wi-Fi of 33 bytes', `wifi-name: ${'é'.repeat(16)}x`, 'more than 32 bytes'],
    ['a time zone outside of its folder', 'time-zone: ../../etc/shadow', 'is no time zone'],
    ['a short password', 'owner-password: seven77', '8 to 256 characters, not 7'],
    ['a private key', 'ssh-key: -----BEGIN OPENSSH PRIVATE KEY-----', 'this is no public key'],
    [
      'a key of another kind than it says',
      `ssh-key: ${KEY.replace('ssh-ed25519', 'ssh-rsa')}`,
      'this is no public key',
    ],
    ['the same twice', 'hostname: a\nhostname: b', 'line 2: hostname stands there twice, and the first counts'],
    ['bytes that are no text', 'hostname: a\0b', 'cannot be read'],
    ['a password without its network', 'wifi-password: eightsigns', 'say nothing without a right wifi-name'],
  ] as const)('%s is told, and nothing else is lost', ([, text, told]) => {
    const { settings, complaints } = read(`${text}\nssh-key: ${KEY}`);
    expect(complaints).toEqual([expect.stringContaining(told)]);
    expect(settings.sshKeys).toEqual([KEY]);
  });

  test('a network whose password is wrong is not joined without one', () => {
    const { settings, complaints } = read('wifi-name: home\nwifi-password: short');
    expect(settings.wifi).toBeUndefined();
    expect(complaints.join('\n')).toContain('the Wi-Fi was not taken');
    expect(complaints.join('\n')).not.toContain('short');
  });

  test('a network without a password is taken when none is named', () => {
    expect(read('wifi-name: cafe').settings.wifi).toEqual({ name: 'cafe', password: undefined, country: undefined });
  });

  test('every country of the standard is taken, and nothing else in two letters', () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz'];
    const taken = letters
      .flatMap((first) => letters.map((second) => read(`wifi-name: a\nwifi-country: ${first}${second}`)))
      .flatMap(({ settings }) => settings.wifi?.country ?? []);
    expect(taken).toHaveLength(249);
    // A second witness, which knows former ones too.
    const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
    expect(taken.filter((code) => names.of(code) === undefined)).toEqual([]);
  });

  test('of a file that is too large nothing is taken', () => {
    const { settings, complaints } = read(`hostname: barn\n${'#'.repeat(MAX_FILE_BYTES)}`);
    expect([settings, complaints.length]).toEqual([{ sshKeys: [] }, 1]);
  });

  test('whatever stands there, what is taken is harmless and complaints are few', () => {
    const next = random(20);
    for (let round = 0; round < 5_000; round += 1) {
      const { settings, complaints } = parseSettings(mutate(Buffer.from(WHOLE), next));
      expect(settings.hostname ?? 'a').toMatch(/^[a-z0-9-]{1,63}$/);
      expect(settings.timeZone ?? 'A').not.toMatch(/\.|^\//);
      expect(Buffer.byteLength(settings.wifi?.name ?? '')).toBeLessThanOrEqual(32);
      expect(settings.wifi?.country ?? 'DE').toMatch(/^[A-Z]{2}$/);
      expect(settings.sshKeys.join('')).not.toMatch(/\p{Cc}/u);
      expect(complaints.length).toBeLessThanOrEqual(20);
    }
  });
});
