import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Secrets that a client may send, and could guess character by character. */
const SECRET = /\b\w*(?:password|passwd|secret|token|signature|setupcode|mac)\b/i;
const COMPARED = /([\w.?#]+) [!=]== ([\w.?#']+)/g;
/** Existence, kind or length of a secret, which do not reveal its content. */
const HARMLESS = /^(?:undefined|null|''|true|false|\d+|'[^']*'|typeof.*)$|\.length$|_CHARS$/;

/** Lines that compare such a name which is no secret of the client. */
const ALLOWED: Record<string, string> = {
  'agent/playback/index/segment-row.ts: before.signature !== row.signature': "what a file's length and time were",
  'agent/config/file/file-watch.ts: signature !== this.#signature': "what a file's length and time were",
  'agent/config/edit/kept-secrets.ts: whepBearerToken === HIDDEN': 'the public placeholder, not a secret',
  'agent/onvif/device/snapshots.ts: token === wanted': "a profile's name in ONVIF, from the camera",
  'agent/onvif/events/channels.ts: token === profile': "a profile's name in ONVIF, from the camera",
  'agent/onvif/device/media.ts: one.token === token': "a profile's name in ONVIF, from the camera",
  'agent/onvif/control/ptz-calls.ts: one.token === token': "a profile's name in ONVIF, reported by the camera",
  'agent/onvif/control/relays.ts: one.token === relay.token': "a relay's name in ONVIF, reported by the camera",
  'agent/onvif/recordings/card-services.ts: first.token !== firstOfPage':
    "a recording's name in ONVIF, reported by the camera",
  'agent/features/rules/actions.ts: token === preset': "a preset's name in ONVIF, from the camera",
  'agent/features/onvif-device/recordings/recorded-cameras.ts: one.token === token':
    "a recording's name in ONVIF, which lists show",
  'agent/features/rules/positions/preset-list.ts: token === preset': "a preset's name in ONVIF, from the camera",
  'agent/features/onvif-device/server/profiles.ts: one.token === wanted':
    "a profile's name in ONVIF, which GetProfiles lists",
  'agent/demo-camera/onvif-replies.ts: each.token === token': "a profile's name in ONVIF, from the camera",
};

function comparisons(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line) =>
    [...line.matchAll(COMPARED)]
      .filter(
        ([, left = '', right = '']) =>
          [left, right].some((side) => SECRET.test(side)) && ![left, right].some((side) => HARMLESS.test(side)),
      )
      .map(([text]) => `${file}: ${text}`),
  );
}

const files = globSync('{agent,system}/**/*.ts').filter((file) => !file.endsWith('.test.ts'));

test('timing attacks: no secret is compared character by character', () => {
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap(comparisons).filter((line) => !(line in ALLOWED))).toEqual([]);
});

test('timing attacks: comparing secrets takes the same time for any input', () => {
  const constant = files.filter((file) => /timingSafeEqual\(/.test(readFileSync(file, 'utf8')));
  expect(constant).toEqual(
    expect.arrayContaining([
      'agent/auth/passwords/credential.ts',
      'agent/auth/passwords/password-hash.ts',
      'agent/auth/accounts/secret-key.ts',
      'agent/auth/accounts/setup-code.ts',
      'agent/servers/hls/delivery/session-access.ts',
    ]),
  );
});

test('timing attacks: the search finds its targets', () => {
  const found = 'if (token === wanted || password !== stored.password) {'.match(COMPARED);
  expect(found).toHaveLength(2);
});
