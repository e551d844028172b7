import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { random } from '../../../../test/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { parseOffer } from './offer.ts';

const CHROMIUM = readFileSync('test/fixtures/offers/chromium-156-linux.sdp', 'utf8');
const CREDENTIALS = `a=ice-ufrag:abcd\na=fingerprint:sha-256 ${Array(32).fill('ab').join(':')}`;

test("Chromium's offer is read", () => {
  const offer = parseOffer(CHROMIUM);
  expect(offer).toMatchObject({ ufrag: 'wocP', setup: 'actpass', bundle: ['0', '1', '2'] });
  expect(offer.fingerprints[0]).toMatchObject({ hash: 'sha-256' });
  expect(
    offer.sections.map((section) => [section.kind, section.mid, section.receives, section.formats.length]),
  ).toEqual([
    ['video', '0', true, 34],
    ['audio', '1', true, 8],
    ['application', '2', true, 0],
  ]);
  const h264 = offer.sections[0]?.formats.find((format) => format.payloadType === 108);
  expect(h264).toMatchObject({ encoding: 'H264', clockRate: 90_000 });
  expect(h264?.fmtp.get('profile-level-id')).toBe('42e01f');
  expect(offer.sections[0]?.feedback.has('108 nack pli')).toBe(true);
});

test('credentials may stand for the whole session, and lines may end in any way', () => {
  const offer = parseOffer(`v=0\n${CREDENTIALS}\na=setup:active\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=sendonly`);
  expect(offer).toMatchObject({ ufrag: 'abcd', setup: 'active', bundle: [] });
  expect(offer.sections[0]).toMatchObject({ mid: '0', receives: false });
  expect(offer.sections[0]?.formats).toEqual([
    { payloadType: 0, encoding: 'PCMU', clockRate: 8_000, channels: 1, fmtp: new Map() },
  ]);
});

test('a section on port 0 is refused unless it is bundled', () => {
  const offer = parseOffer(`v=0\n${CREDENTIALS}\nm=audio 0 X 0\nm=video 0 X 96\na=bundle-only`);
  expect(offer.sections.map((section) => section.isRefused)).toEqual([true, false]);
});

test.for([
  ['an empty body', '', 'does not begin with v='],
  ['HTML', '<html>', 'does not begin with v='],
  ['no media', `v=0\n${CREDENTIALS}`, 'no media'],
  ['no user fragment', 'v=0\nm=audio 9 X 0', 'a=ice-ufrag'],
  ['no fingerprint', 'v=0\na=ice-ufrag:abcd\nm=audio 9 X 0', 'a=fingerprint'],
  ['a fingerprint that is none', `v=0\na=ice-ufrag:abcd\na=fingerprint:sha-256 zz\nm=audio 9 X 0`, "'sha-256 zz'"],
  ['a media line without formats', `v=0\n${CREDENTIALS}\nm=audio 9 X`, "'m=audio 9 X' is not a media line"],
  ['more sections than anybody has', `v=0\n${CREDENTIALS}\n${'m=audio 9 X 0\n'.repeat(33)}`, 'more than 32'],
  ['more lines than anybody has', `v=0\n${'a=x\n'.repeat(4_000)}`, 'at most 4000'],
] as const)('%s is refused', ([, text, message]) => {
  expect(() => parseOffer(text)).toThrow(message);
});

test('three thousand damaged offers throw nothing but PerchError', () => {
  const next = random(4);
  const pick = (limit: number): number => Math.floor(next() * limit);
  const words = ['m=', 'a=fmtp:', '\n', ';', '=', ':', ' ', '999999999999', '\0', 'a=group:BUNDLE', '/', '%'];
  let read = 0;
  for (let i = 0; i < 3_000; i += 1) {
    let text = CHROMIUM;
    for (let damage = pick(6); damage >= 0; damage -= 1) {
      const at = pick(text.length);
      text = text.slice(0, at) + (words[pick(words.length)] ?? '') + text.slice(at + pick(30));
    }
    try {
      read += parseOffer(text).sections.length > 0 ? 1 : 0;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(read).toBeGreaterThan(1_000);
});
