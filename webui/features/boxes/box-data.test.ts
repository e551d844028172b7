import { expect, test } from 'vitest';
import { addressesFault, clockText, invitationIn, invitationLink, linesOf, mainCameras } from './box-data.ts';

const INVITATION = 'perch://invitation?at=192.168.1.5%3A8443&pin=key.a&secret=b';

test.for([
  INVITATION,
  `  ${INVITATION}\n`,
  `https://server.example/${invitationLink(INVITATION)}`,
  `http://192.168.1.9:8080/cameras/${invitationLink(INVITATION)}`,
])('%s brings the invitation', (text) => {
  expect(invitationIn(text)).toBe(INVITATION);
});

test.for(['', 'perch://invitation?', 'perch://other?a', 'https://server.example/', 'https://server.example/#/live'])(
  '%s is no invitation',
  (text) => {
    expect(invitationIn(text)).toBeUndefined();
  },
);

test.for([
  ['192.168.1.5:8443\nbox.example:1, [fe80::1%eth0]:65535', undefined],
  ['', 'Enter at least one address.'],
  ['box.example', 'box.example is not'],
  ['box.example:0', 'box.example:0 is not'],
  ['box.example:65536', 'box.example:65536 is not'],
  ['https://box.example:443', 'https://box.example:443 is not'],
] as const)('addresses %j: %s', ([text, fault]) => {
  if (fault === undefined) {
    expect(addressesFault(text)).toBeUndefined();
    expect(linesOf(text)).toHaveLength(3);
  } else {
    expect(addressesFault(text)).toContain(fault);
  }
});

test.for([
  [null, undefined],
  [-2, undefined],
  [40.2, /^Its clock is .*40.* fast\.$/],
  [-3_600, /^Its clock is 60 .* slow\.$/],
] as const)('a clock that is %s s ahead: %s', ([clockOffset, text]) => {
  expect(clockText({ clockOffset })).toEqual(text && expect.stringMatching(text));
});

test('a sub stream comes with its camera', () => {
  const cameras = ['door', 'door_sub', 'yard_sub'].map((path) => ({ path, name: null, codecs: [], here: null }));
  expect(mainCameras({ cameras }).map(({ path }) => path)).toEqual(['door', 'yard_sub']);
});
