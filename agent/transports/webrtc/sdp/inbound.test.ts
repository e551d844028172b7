import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PerchError } from '../../../base/errors.ts';
import { receivingSections, writeAnswer } from '../../../servers/webrtc/server/answer.ts';
import { chooseEcho, chooseInbound, chooseTalk, type Inbound } from './inbound.ts';
import { parseOffer } from './offer.ts';

const offerOf = (name: string): string => readFileSync(`test/fixtures/offers/${name}.sdp`, 'utf8');
const CHROMIUM = offerOf('chromium-156-linux-whip');
const OBS = offerOf('obs-30-whip');
const FACTS = {
  credentials: { ufrag: 'ours', password: 'ourpassword' },
  fingerprint: 'AA:BB',
  candidates: [],
  cname: 'name',
  sessionId: 7,
};

const named = ({ section, format, rtx }: Inbound): unknown[] => [
  section.kind,
  format.encoding,
  format.payloadType,
  rtx?.payloadType,
];
const chosen = (text: string): unknown[][] => chooseInbound(parseOffer(text)).map(named);
const answerTo = (text: string): string => {
  const offer = parseOffer(text);
  return writeAnswer(offer, receivingSections(chooseInbound(offer)), FACTS);
};
const codeOf = (act: () => unknown): [string, boolean] => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(PerchError);
    return [(error as PerchError).message, (error as PerchError).context['isUnacceptable'] === true];
  }
  throw new Error('nothing was refused');
};

test.for([
  ['chromium-156-linux-whip', ['audio', 'OPUS', 111, undefined], ['video', 'VP8', 96, 97]],
  ['firefox-153-linux-whip', ['audio', 'OPUS', 109, undefined], ['video', 'VP8', 120, 124]],
  ['aiortc-1.4-whip', ['audio', 'OPUS', 96, undefined], ['video', 'VP8', 97, 98]],
  ['obs-30-whip', ['audio', 'OPUS', 111, undefined], ['video', 'H264', 96, undefined]],
] as const)('%s publishes the first codec that it names of each kind', ([name, ...expected]) => {
  expect(chosen(offerOf(name))).toEqual(expected);
});

test.for([
  ['AV1', 45],
  ['VP9', 98],
  ['H264', 102],
] as const)('a publisher that prefers %s sends that', ([codec, payloadType]) => {
  const others = ['VP8', 'VP9', 'AV1', 'H264'].filter((name) => name !== codec);
  const text = others.reduce((sdp, name) => sdp.replaceAll(`${name}/90000`, `X${name}/90000`), CHROMIUM);
  expect(chosen(text)[1]?.slice(0, 3)).toEqual(['video', codec, payloadType]);
});

test.for([
  ['G722', 'a=rtpmap:111 G722/8000'],
  ['PCMA', 'a=rtpmap:111 PCMA/8000'],
  ['L16', 'a=rtpmap:111 L16/48000/2'],
] as const)('audio may arrive as %s', ([encoding, map]) => {
  expect(chosen(OBS.replace('a=rtpmap:111 opus/48000/2', map))[0]).toEqual(['audio', encoding, 111, undefined]);
});

test('Opus with six channels is accepted with the offer’s layout', () => {
  const text = OBS.replace('opus/48000/2', 'multiopus/48000/6').replace(
    /a=fmtp:111 .*/,
    'a=fmtp:111 channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2',
  );
  expect(chosen(text)[0]).toEqual(['audio', 'MULTIOPUS', 111, undefined]);
  expect(answerTo(text)).toContain(
    'a=rtpmap:111 multiopus/48000/6\r\na=fmtp:111 channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2\r\n',
  );
});

test('H264 in the interleaved mode, redundancy and comfort noise are ignored', () => {
  const text = OBS.replace('SAVPF 96', 'SAVPF 95 94 96').replace(
    'a=rtpmap:96 H264/90000',
    'a=rtpmap:95 H264/90000\na=fmtp:95 packetization-mode=2\na=rtpmap:94 red/90000\na=rtpmap:96 H264/90000',
  );
  expect(chosen(text)[1]).toEqual(['video', 'H264', 96, undefined]);
  const noise = OBS.replace('SAVPF 111', 'SAVPF 13 126 111').replace('a=mid:0', 'a=mid:0\na=rtpmap:13 CN/8000');
  expect(chosen(noise)[0]).toEqual(['audio', 'OPUS', 111, undefined]);
});

test('the answer to a publisher asks for the missing again, for two channels, and for nothing else', () => {
  const answer = answerTo(offerOf('firefox-153-linux-whip'));
  expect(answer).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 109\r\n');
  expect(answer).toContain('m=video 9 UDP/TLS/RTP/SAVPF 120 124\r\n');
  expect(answer.match(/a=recvonly/g)).toHaveLength(2);
  expect(answer.match(/a=rtcp-fb.*/g)).toEqual(['goog-remb', 'nack', 'nack pli'].map((f) => `a=rtcp-fb:120 ${f}`));
  expect(answer).toContain('a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\n');
  expect(answer).toContain('a=rtpmap:124 rtx/90000\r\na=fmtp:124 apt=120\r\n');
  expect(answer).not.toMatch(/a=(extmap|ssrc|msid:|rid|simulcast)/);
});

test("the browser's limits are not repeated in the answer", () => {
  expect(offerOf('firefox-153-linux-whip')).toContain('max-fs=12288');
  expect(answerTo(offerOf('firefox-153-linux-whip'))).not.toContain('max-f');
  expect(answerTo(offerOf('aiortc-1.4-whip'))).toContain('a=fmtp:96 stereo=1\r\n');
});

test.for(['chromium-156-linux-simulcast', 'firefox-153-linux-simulcast'])(
  '%s is answered with one encoding',
  (name) => {
    const offer = parseOffer(offerOf(name));
    expect(offer.sections[0]?.isSimulcast).toBe(true);
    const answer = writeAnswer(offer, receivingSections(chooseInbound(offer)), FACTS);
    expect(answer).toContain('a=recvonly');
    expect(answer).not.toMatch(/a=(rid|simulcast)/);
  },
);

const section = (kind: string, more = ''): string =>
  `m=${kind} 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 H264/90000\na=rtcp-mux\n${more}`;

test.for([
  ['two pictures', `${OBS}${section('video', 'a=mid:2')}`, 'the offer has 2 video sections'],
  ['two sounds', `${OBS}${section('audio', 'a=mid:2')}`, 'the offer has 2 audio sections'],
  ['a data channel', `${OBS}${section('application', 'a=mid:2')}`, "the offer has a section 'application'"],
  ['a viewer', offerOf('firefox-153-linux-whep'), 'sends neither video nor audio'],
  [
    'sections that are switched off',
    OBS.replaceAll('a=sendonly', 'a=inactive'),
    'sends neither video nor audio: its audio is inactive, its video is inactive',
  ],
  [
    'refused sections',
    OBS.replace(/m=(audio|video) 9/g, 'm=$1 0'),
    'sends neither video nor audio: its audio has port 0',
  ],
  ['RTCP on another port', OBS.replaceAll('a=rtcp-mux', 'a=x'), 'its audio has no a=rtcp-mux'],
] as const)('%s cannot be published', ([, text, message]) => {
  const [said, isUnacceptable] = codeOf(() => chooseInbound(parseOffer(text)));
  expect(said).toContain(message);
  expect(isUnacceptable).toBe(true);
});

test('video in an unknown codec is rejected with the list of supported codecs', () => {
  const [said, isUnacceptable] = codeOf(() => chooseInbound(parseOffer(OBS.replace('H264/90000', 'THEORA/90000'))));
  expect(said).toBe('codecs not supported: the video of the offer has THEORA, taken are AV1, VP9, VP8, H265, H264');
  expect(isUnacceptable).toBe(false);
});

test.for(['chromium-156-linux-talk', 'firefox-153-linux-talk', 'aiortc-1.4-whip'])(
  '%s talks in the codec of the camera',
  (name) => {
    const offer = parseOffer(offerOf(name));
    expect(named(chooseTalk(offer, 'PCMA'))).toEqual(['audio', 'PCMA', 8, undefined]);
    expect(named(chooseTalk(offer, 'PCMU'))).toEqual(['audio', 'PCMU', 0, undefined]);
    const answer = writeAnswer(offer, receivingSections([chooseTalk(offer, 'PCMU')]), FACTS);
    expect(answer).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n');
    expect(answer.match(/^m=video 0 /m)?.length ?? 0).toBe(name.startsWith('aiortc') ? 1 : 0);
  },
);

test('talk without audio, or without the camera’s codec, is rejected', () => {
  expect(codeOf(() => chooseTalk(parseOffer(offerOf('firefox-153-linux-whep')), 'PCMA'))[0]).toBe(
    'the offer sends no audio: its audio is recvonly',
  );
  expect(codeOf(() => chooseTalk(parseOffer(OBS), 'PCMA'))[0]).toContain('the camera takes PCMA');
});

test.for(['chromium-156-linux-echo', 'firefox-153-linux-echo'])('%s gets back what it sends', (name) => {
  const offer = parseOffer(offerOf(name));
  const inbound = chooseEcho(offer);
  expect(inbound.map(({ section }) => section.kind)).toEqual(['audio', 'video']);
  const answer = writeAnswer(
    offer,
    receivingSections(inbound, { video: { ssrc: 2, rtxSsrc: 3 }, audio: { ssrc: 1 } }),
    FACTS,
  );
  expect(answer.match(/a=sendrecv/g)).toHaveLength(2);
  expect(answer).toContain('a=ssrc:1 cname:name\r\n');
  expect(answer).toContain('a=ssrc-group:FID 2 3\r\n');
});

test('nothing is echoed to a peer that only sends', () => {
  expect(codeOf(() => chooseEcho(parseOffer(OBS)))[1]).toBe(true);
});
