import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { networkName, parseFound, parseState } from './state.ts';

const STATE = `box barn
point Perch-AB2C
country DE
known 686f6d65 192.168.1.20
known 63616665 
failed 686f6d65 wrongPassword
`;
const FOUND = `686f6d65 -71 [WPA2-PSK-CCMP][ESS]
686f6d65 -40 [WPA2-PSK+SAE-CCMP][ESS]
63616665 -60 [ESS]
6f7574646f6f72 -50 [WPA2-EAP-CCMP][ESS]
0000 -30 [WPA2-PSK-CCMP][ESS]
6f6c64 -65 [WEP][ESS]
6f7765 -66 [WPA2-OWE-CCMP][ESS]
736165 -67 [WPA2-SAE-CCMP][SAE-H2E][ESS]
`;

test("the state of root's service is read", () => {
  expect(parseState(STATE)).toEqual({
    box: 'barn',
    point: 'Perch-AB2C',
    country: 'DE',
    known: [
      { id: '686f6d65', address: '192.168.1.20' },
      { id: '63616665', address: undefined },
    ],
    failed: { id: '686f6d65', reason: 'wrongPassword' },
  });
});

test('before its first search there is nothing', () => {
  expect(parseState('')).toEqual({ box: 'perch', point: 'Perch', country: undefined, known: [], failed: undefined });
  expect(parseFound('')).toEqual([]);
});

test('each network is listed once, the strongest first, without hidden ones', () => {
  expect(parseFound(FOUND).map(({ id, signalDbm, kind }) => [networkName(id), signalDbm, kind])).toEqual([
    ['home', -40, 'password'],
    ['outdoor', -50, 'other'],
    ['cafe', -60, 'open'],
    ['old', -65, 'other'],
    ['owe', -66, 'other'],
    ['sae', -67, 'password'],
  ]);
});

test('any text yields at most forty networks with names of at most 32 bytes', () => {
  const next = random(32);
  for (let round = 0; round < 3_000; round += 1) {
    const found = parseFound(mutate(Buffer.from(FOUND.repeat(20)), next).toString());
    expect(found.length).toBeLessThanOrEqual(40);
    for (const { id } of found) {
      expect(Buffer.from(id, 'hex').length).toBeLessThanOrEqual(32);
    }
    const { known, box } = parseState(mutate(Buffer.from(STATE), next).toString());
    expect(known.length).toBeLessThanOrEqual(3);
    expect(box).toMatch(/^[A-Za-z0-9-]{1,63}$/);
  }
});
