import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { random } from '../../../../test/support/base/random.ts';
import { g722 } from '../../../../test/support/media/audio-tracks.ts';
import { vp8 } from '../../../../test/support/media/video-tracks.ts';
import { PerchError } from '../../../base/errors.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import {
  type AnswerSection,
  receivingSections,
  sendingSections,
  writeAnswer,
} from '../../../servers/webrtc/server/answer.ts';
import { chooseCodecs } from './codecs.ts';
import { chooseEcho, chooseInbound, chooseTalk } from './inbound.ts';
import { hasFeedback, type Offer, parseOffer, rtxOf } from './offer.ts';

const OFFERS = readdirSync('test/fixtures/offers').filter((name) => name.endsWith('.sdp'));
const offerOf = (name: string): string => readFileSync(`test/fixtures/offers/${name}`, 'utf8');
const CHROMIUM = offerOf('chromium-156-linux.sdp');
const WORDS = [
  'm=',
  'a=fmtp:',
  '\n',
  ';',
  '=',
  ':',
  ' ',
  '999999999999',
  '\0',
  'a=group:BUNDLE',
  '/',
  '%',
  'a=inactive',
];
const FACTS = {
  credentials: { ufrag: 'ours', password: 'ourpassword' },
  fingerprint: 'AA:BB',
  candidates: [],
  cname: 'name',
  sessionId: 7,
};
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

test('a format that is named again is one, and of a crowd of parameters the first are read', () => {
  const parameters = Array.from({ length: 100 }, (_, i) => `p${i}=1`).join(';');
  const text = `v=0\n${CREDENTIALS}\nm=audio 9 X 0 0 111 0 111\na=rtpmap:111 opus/48000/2\na=fmtp:111 ${parameters}`;
  const [section] = parseOffer(text).sections;
  expect(section?.formats.map(({ payloadType, fmtp }) => [payloadType, fmtp.size])).toEqual([
    [0, 0],
    [111, 16],
  ]);
});

test('credentials may be at session level, with any line ending', () => {
  const offer = parseOffer(`v=0\n${CREDENTIALS}\na=setup:active\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=sendonly`);
  expect(offer).toMatchObject({ ufrag: 'abcd', setup: 'active', bundle: [] });
  expect(offer.sections[0]).toMatchObject({ mid: '0', receives: false });
  expect(offer.sections[0]?.formats).toEqual([
    { payloadType: 0, encoding: 'PCMU', clockRate: 8_000, channels: 1, fmtp: new Map() },
  ]);
});

test.for([
  ['', 'actpass'],
  ['a=setup:actpass', 'actpass'],
  ['a=setup:active', 'active'],
  ['a=setup:passive', 'passive'],
] as const)('the DTLS role for "%s"', ([line, setup]) => {
  expect(parseOffer(`v=0\n${CREDENTIALS}\n${line}\nm=audio 9 X 0`).setup).toBe(setup);
});

test.for([
  ['on port 0', 'm=audio 0 UDP/TLS/RTP/SAVPF 0\na=rtcp-mux', 'has port 0'],
  ['on port 0, but bundled', 'm=audio 0 UDP/TLS/RTP/SAVPF 0\na=rtcp-mux\na=bundle-only', undefined],
  ['without RTCP on the same port', 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'has no a=rtcp-mux'],
  ['not encrypted', 'm=audio 9 RTP/AVP 0\na=rtcp-mux', 'has the profile RTP/AVP instead of UDP/TLS/RTP/SAVPF'],
  ['of any word', 'm=audio 9 é,é 0\na=rtcp-mux', 'has the profile ??? instead of UDP/TLS/RTP/SAVPF'],
  ['over DTLS and TCP', 'm=audio 9 TCP/DTLS/RTP/SAVPF 0\na=rtcp-mux', undefined],
  ['as older clients write it', 'm=audio 9 RTP/SAVPF 0\na=rtcp-mux', undefined],
  ['without feedback', 'm=audio 9 UDP/TLS/RTP/SAVP 0\na=rtcp-mux', undefined],
  ['of data', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', undefined],
] as const)('a section %s can be used, or has its reason why not', ([, section, why]) => {
  expect(parseOffer(`v=0\n${CREDENTIALS}\n${section}`).sections[0]?.rejectReason).toBe(why);
});

test('one strong fingerprint among weak ones is enough', () => {
  const weak = `a=fingerprint:sha-1 ${Array(20).fill('ab').join(':')}`;
  expect(parseOffer(`v=0\n${weak}\n${CREDENTIALS}\nm=audio 9 X 0`).fingerprints).toHaveLength(2);
});

const LONG = 'a'.repeat(300);

test.for([
  ['an empty body', '', 'does not begin with v='],
  ['HTML', '<html>', 'does not begin with v='],
  ['no media', `v=0\n${CREDENTIALS}`, 'no media'],
  ['no user fragment', 'v=0\nm=audio 9 X 0', 'a=ice-ufrag'],
  ['no fingerprint', 'v=0\na=ice-ufrag:abcd\nm=audio 9 X 0', 'a=fingerprint'],
  [
    'a fingerprint that can be forged',
    `v=0\na=ice-ufrag:abcd\na=fingerprint:sha-1 ${Array(20).fill('ab').join(':')}\nm=audio 9 X 0`,
    'the offer has fingerprints of sha-1 only, one of sha-256 is needed',
  ],
  [
    'an unknown handshake',
    `v=0\n${CREDENTIALS}\na=setup:dance\nm=audio 9 X 0`,
    'a=setup:dance is none of actpass, active, passive',
  ],
  ['a handshake like a text', `v=0\n${CREDENTIALS}\na=setup:${LONG}\nm=audio 9 X 0`, `${'a'.repeat(40)} is none of`],
  ['a fingerprint that is none', `v=0\na=ice-ufrag:abcd\na=fingerprint:sha-256 zz\nm=audio 9 X 0`, "'sha-256 zz'"],
  ['a media line without formats', `v=0\n${CREDENTIALS}\nm=audio 9 X`, "'m=audio 9 X' is not a media line"],
  ['more sections than anybody has', `v=0\n${CREDENTIALS}\n${'m=audio 9 X 0\n'.repeat(33)}`, 'more than 32'],
  [
    'more formats than anybody has',
    `v=0\n${CREDENTIALS}\n${`m=audio 9 X${' 0'.repeat(251)}\n`.repeat(4)}`,
    '1004 formats',
  ],
  [
    'a user fragment beyond the standard',
    `v=0\n${CREDENTIALS}\nm=audio 9 X 0\na=ice-ufrag:${LONG}`,
    'ice-ufrag of 300',
  ],
  ['a name of a section like a text', `v=0\n${CREDENTIALS}\nm=audio 9 X 0\na=mid:${LONG}`, 'a=mid of 300'],
  [
    'a hash like a text',
    `v=0\na=ice-ufrag:abcd\na=fingerprint:${LONG} 00${':00'.repeat(31)}\nm=audio 9 X 0`,
    'is not a fingerprint',
  ],
  [
    'parameters like a text',
    `v=0\n${CREDENTIALS}\nm=audio 9 X 0\na=fmtp:0 a=${LONG.repeat(20)}`,
    'a=fmtp of 6002 characters, at most 4000',
  ],
  ['more lines than anybody has', `v=0\n${'a=x\n'.repeat(4_000)}`, 'at most 4000'],
] as const)('%s is refused', ([, text, message]) => {
  expect(() => parseOffer(text)).toThrow(message);
});

test("each section has a direction, else the session's", () => {
  const text = (session: string, ...own: string[]) =>
    `v=0\n${CREDENTIALS}\n${session}\n${own.map((line) => `m=audio 9 X 0\n${line}`).join('\n')}`;
  const directions = (offer: string) => parseOffer(offer).sections.map(({ sends, receives }) => [sends, receives]);
  expect(directions(text('', '', 'a=sendrecv', 'a=sendonly', 'a=recvonly', 'a=inactive'))).toEqual([
    [true, true],
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ]);
  expect(directions(text('a=recvonly', '', 'a=sendonly'))).toEqual([
    [false, true],
    [true, false],
  ]);
});

test('the retransmission format is found by its original one', () => {
  const [video] = parseOffer(CHROMIUM).sections;
  const format = (payloadType: number) => video?.formats.find((one) => one.payloadType === payloadType);
  if (!video) {
    throw new Error('no section');
  }
  expect(rtxOf(video, format(108) as RtpFormat)?.payloadType).toBe(109);
  expect(rtxOf(video, format(120) as RtpFormat)).toBeUndefined();
  expect(hasFeedback(video, format(108) as RtpFormat, 'nack pli')).toBe(true);
  expect(hasFeedback(video, format(118) as RtpFormat, 'nack')).toBe(false);
});

test('aiortc has separate credentials in each section', () => {
  const { ufrag, ufrags, bundle } = parseOffer(offerOf('aiortc-1.4-whip.sdp'));
  expect([ufrag, ufrags, bundle]).toEqual(['ISHT', ['ISHT', 'JOkd'], ['0', '1']]);
});

test.for(OFFERS)('damaged, %s leads to an answer that is well formed or to a PerchError', (name) => {
  const whole = offerOf(name);
  const next = random(4);
  const pick = (limit: number): number => Math.floor(next() * limit);
  let answered = 0;
  for (let i = 0; i < byLength(200, 600); i += 1) {
    let text = whole;
    for (let damage = pick(4); damage >= 0; damage -= 1) {
      const at = pick(text.length);
      text = text.slice(0, at) + (WORDS[pick(WORDS.length)] ?? '') + text.slice(at + pick(30));
    }
    try {
      const offer = parseOffer(text);
      const answer = writeAnswer(offer, sectionsFor(offer, i), FACTS);
      answered += 1;
      expect(answer.split('\r\n').every((line) => line === '' || /^[a-z]=[^\r\n]/.test(line))).toBe(true);
      expect(answer.match(/^m=/gm)).toHaveLength(offer.sections.length);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(answered).toBeGreaterThan(byLength(20, 60));
});

/** As every kind of session would answer, in turns. */
function sectionsFor(offer: Offer, turn: number): AnswerSection[] {
  const ssrcs = [{ ssrc: 1, rtxSsrc: 2 }, { ssrc: 3 }] as const;
  switch (turn % 4) {
    case 0:
      return sendingSections(chooseCodecs([vp8, g722], offer), ...ssrcs);
    case 1:
      return receivingSections(chooseEcho(offer), { video: ssrcs[0], audio: ssrcs[1] });
    case 2:
      return receivingSections([chooseTalk(offer, 'PCMU')]);
    default:
      return receivingSections(chooseInbound(offer));
  }
}
