import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ac3, g722, lpcm, mp3, mpegTs } from '../../../../test/support/media/audio-tracks.ts';
import { hex } from '../../../../test/support/media/units.ts';
import { av1, mjpeg, mpeg4Video, vp8, vp9 } from '../../../../test/support/media/video-tracks.ts';
import type { Track } from '../../../media/sample/track.ts';
import { chooseCodecs, noAudioReason, type OpusTranscoding } from '../../../transports/webrtc/sdp/codecs.ts';
import { parseOffer } from '../../../transports/webrtc/sdp/offer.ts';
import { sendingSections, writeAnswer } from './answer.ts';

const CHROMIUM = readFileSync('test/fixtures/offers/chromium-156-linux.sdp', 'utf8');
/** Sequence header of libaom for 64x48 with 8 bits 4:4:4. */
const AV1_444 = hex('0a0a 20000002aff79b5f2040');
const VIDEO = { kind: 'video', clockRate: 90_000, width: 640, height: 360, fps: 15 } as const;
const h264 = (profile: number): Track => ({
  ...VIDEO,
  codec: 'h264',
  sps: Uint8Array.of(0x67, profile, 0, 30),
  pps: [Uint8Array.of(0x68)],
});
const H265: Track = {
  ...VIDEO,
  codec: 'h265',
  vps: Uint8Array.of(0x40, 1),
  sps: Uint8Array.of(0x42, 1, 1, 1),
  pps: [Uint8Array.of(0x44, 1)],
};
const PCMA: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8_000, channels: 1 };
const OPUS: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const AAC: Track = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 16_000,
  channels: 1,
  config: new Uint8Array(2),
  frameSamples: 1_024,
};

const FACTS = {
  credentials: { ufrag: 'ours', password: 'ourpassword' },
  fingerprint: 'AA:BB',
  candidates: ['1 1 udp 2130706431 192.0.2.1 8189 typ host'],
  cname: 'name',
  sessionId: 7,
};

const answer = (tracks: readonly Track[], offerText = CHROMIUM): string => {
  const offer = parseOffer(offerText);
  return writeAnswer(offer, sendingSections(chooseCodecs(tracks, offer), { ssrc: 1111 }, { ssrc: 2222 }), FACTS);
};
/** The lines of each `m=` section, the session's first. */
const sections = (sdp: string): string[][] => sdp.split(/(?=^m=)/m).map((section) => section.trim().split('\r\n'));

test('reduced-size RTCP is answered in the sections that offer it', () => {
  const offered = CHROMIUM.replace('a=rtcp-rsize\r\n', '');
  expect(offered).not.toBe(CHROMIUM);
  const [, video, audio] = sections(answer([h264(0x42), PCMA], offered));
  expect([video, audio].map((section) => section?.includes('a=rtcp-rsize'))).toEqual([false, true]);
});

test('the answer has one ICE-lite transport for video and audio and rejects the rest', () => {
  const [session, video, audio, data] = sections(answer([h264(0x42), PCMA]));
  expect(session).toEqual(expect.arrayContaining(['v=0', 'a=group:BUNDLE 0 1', 'a=ice-lite']));
  expect(video?.[0]).toBe('m=video 9 UDP/TLS/RTP/SAVPF 108');
  expect(audio?.[0]).toBe('m=audio 9 UDP/TLS/RTP/SAVPF 8');
  for (const section of [video, audio]) {
    expect(section).toEqual(
      expect.arrayContaining([
        'a=ice-ufrag:ours',
        'a=ice-pwd:ourpassword',
        'a=fingerprint:sha-256 AA:BB',
        'a=setup:passive',
        'a=sendonly',
        'a=rtcp-mux',
        'a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host',
        'a=end-of-candidates',
      ]),
    );
  }
  expect(video).toEqual(
    expect.arrayContaining([
      'a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
      'a=rtcp-fb:108 nack pli',
      'a=ssrc:1111 cname:name',
    ]),
  );
  expect(audio).toContain('a=ssrc:2222 cname:name');
  expect(data?.[0]).toBe('m=application 0 UDP/DTLS/SCTP webrtc-datachannel');
});

test('the feedback that is answered is advertised, no other', () => {
  const feedback = answer([h264(0x42), OPUS]).match(/a=rtcp-fb.*/g);
  expect(feedback).toEqual(['a=rtcp-fb:108 goog-remb', 'a=rtcp-fb:108 nack', 'a=rtcp-fb:108 nack pli']);
});

test('retransmissions are offered where both sides have a format and a source for them', () => {
  const offer = parseOffer(CHROMIUM);
  const choices = chooseCodecs([h264(0x42), OPUS], offer);
  expect(choices.video?.rtx?.payloadType).toBe(109);
  const sdp = writeAnswer(offer, sendingSections(choices, { ssrc: 1111, rtxSsrc: 1112 }, { ssrc: 2222 }), FACTS);
  const [, video, audio] = sections(sdp);
  expect(video?.[0]).toBe('m=video 9 UDP/TLS/RTP/SAVPF 108 109');
  expect(video).toEqual(
    expect.arrayContaining([
      'a=rtpmap:109 rtx/90000',
      'a=fmtp:109 apt=108',
      'a=ssrc-group:FID 1111 1112',
      'a=ssrc:1112 cname:name',
      'a=ssrc:1112 msid:perch video',
    ]),
  );
  expect(audio?.some((line) => line.includes('FID'))).toBe(false);
  expect(answer([h264(0x42)])).not.toContain('rtx');
  const withoutNack = parseOffer(CHROMIUM.replace(/a=rtcp-fb:108 nack\r?\n/, ''));
  expect(chooseCodecs([h264(0x42)], withoutNack).video?.rtx).toBeUndefined();
});

test('the audio is the first that the player supports, and others are named', () => {
  const noOpus = CHROMIUM.replace('opus/48000/2', 'xopus/48000/2');
  const choose = (tracks: readonly Track[]) => chooseCodecs(tracks, parseOffer(noOpus));
  expect(choose([h264(0x42), OPUS, PCMA])).toMatchObject({
    audio: { track: 2 },
    leftOut: ['audio Opus (another audio is sent)'],
  });
  expect(choose([h264(0x42), OPUS])).toMatchObject({
    audio: { track: -1 },
    leftOut: ['audio Opus (the player does not take it)'],
  });
  const pictureOnly = CHROMIUM.slice(0, CHROMIUM.indexOf('m=audio'));
  expect(chooseCodecs([h264(0x42), OPUS], parseOffer(pictureOnly)).leftOut).toEqual([]);
});

test.for([
  ['Baseline', 0x42, 108],
  ['Main', 0x4d, 116],
  ['High, which is not offered', 0x64, 108],
  ['High 4:4:4', 0xf4, 41],
] as const)('H264 %s gets the payload type that fits best', ([, profile, payloadType]) => {
  expect(answer([h264(profile)])).toContain(`m=video 9 UDP/TLS/RTP/SAVPF ${payloadType}\r\n`);
});

test('Opus with six channels is sent only to a player that offers the same layout', () => {
  const layout = { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] };
  const six: Track = { ...OPUS, channels: 6, layout };
  const offered = (mapping: string) =>
    CHROMIUM.replace('opus/48000/2', 'multiopus/48000/6').replace(
      'minptime=10;useinbandfec=1',
      `channel_mapping=${mapping};num_streams=4;coupled_streams=2`,
    );
  expect(answer([six, h264(0x42)], offered('0,4,1,2,3,5'))).toContain('a=rtpmap:111 multiopus/48000/6\r\n');
  expect(answer([six, h264(0x42)], offered('0,1,2,3,4,5'))).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n');
  expect(answer([six, h264(0x42)])).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n');
});

test('stereo Opus is announced as such', () => {
  expect(answer([h264(0x42), OPUS])).toContain('a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\n');
});

test('a stream without usable audio still has a silent audio section', () => {
  for (const tracks of [[h264(0x42)], [h264(0x42), AAC]]) {
    expect(answer(tracks)).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n');
  }
  expect(chooseCodecs([h264(0x42), AAC], parseOffer(CHROMIUM)).leftOut).toEqual([
    'audio AAC (browsers cannot play it over WebRTC)',
  ]);
});

/** Answers as the transcoder does. */
const TURNING: OpusTranscoding = {
  whyNot: (track) => (track.codec === 'ac3' ? 'AC3 cannot be transcoded to Opus' : undefined),
};

test('audio unsupported by browsers is transcoded to Opus where possible', () => {
  const { audio, leftOut } = chooseCodecs([h264(0x42), AAC], parseOffer(CHROMIUM), TURNING);
  expect(audio).toMatchObject({ track: 1, opusPacketMs: 60, format: { encoding: 'OPUS', clockRate: 48_000 } });
  expect(audio?.format.fmtp.has('stereo')).toBe(false);
  expect(leftOut).toEqual([]);
  const stereo = chooseCodecs([{ ...AAC, channels: 2 }], parseOffer(CHROMIUM), TURNING).audio;
  expect(stereo?.format.fmtp.get('stereo')).toBe('1');
});

test.for([
  ['a=ptime:60', 60],
  ['a=ptime:20', 20],
  ['a=maxptime:40', 20],
  ['a=maxptime:120', 60],
  ['a=ptime:60\r\na=maxptime:20', 20],
  ['a=ptime:much', 60],
] as const)('the packets of transcoded sound are no longer than %j allows: %i ms', ([line, expected]) => {
  // The section of the sound.
  const offer = CHROMIUM.replace(/^(a=mid:1)/m, `${line}\r\n$1`);
  expect(chooseCodecs([AAC], parseOffer(offer), TURNING).audio?.opusPacketMs).toBe(expected);
});

test('audio without transcoding is first', () => {
  const { audio, leftOut } = chooseCodecs([h264(0x42), AAC, PCMA], parseOffer(CHROMIUM), TURNING);
  expect(audio).toMatchObject({ track: 2 });
  expect(audio?.opusPacketMs).toBeUndefined();
  expect(leftOut).toEqual(['audio AAC (another audio is sent)']);
});

test('G.711 is transcoded for players with Opus only, and dropped for those without both', () => {
  const withoutG711 = CHROMIUM.replaceAll('PCMA/8000', 'XCMA/8000');
  expect(chooseCodecs([h264(0x42), PCMA], parseOffer(withoutG711), TURNING).audio?.opusPacketMs).toBe(60);
  const withoutOpus = CHROMIUM.replaceAll('opus/48000', 'xpus/48000');
  const { audio, leftOut } = chooseCodecs([h264(0x42), AAC], parseOffer(withoutOpus), TURNING);
  expect(audio?.track).toBe(-1);
  expect(leftOut).toEqual(['audio AAC (the player does not take it)']);
});

test('audio that cannot be transcoded is a silent section, with the reason', () => {
  const tracks = [h264(0x42), ac3];
  const { audio, leftOut } = chooseCodecs(tracks, parseOffer(CHROMIUM), TURNING);
  expect(audio?.track).toBe(-1);
  const why = 'AC3 (browsers cannot play it over WebRTC: AC3 cannot be transcoded to Opus)';
  expect(leftOut).toEqual([`audio ${why}`]);
  expect(noAudioReason(tracks, TURNING)).toBe(why);
  expect([[h264(0x42)], [ac3, AAC], [ac3, OPUS]].map((some) => noAudioReason(some, TURNING))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('G.722 needs no transcoding; other audio is left out and named', () => {
  expect(answer([h264(0x42), mp3, g722])).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 9\r\n');
  const { leftOut } = chooseCodecs([mpegTs, h264(0x42), lpcm, ac3, { ...g722, channels: 2 }], parseOffer(CHROMIUM));
  expect(leftOut).toEqual(
    ['multiplex MPEG-TS', 'audio LPCM', 'audio AC3', 'audio G722'].map(
      (track) => `${track} (browsers cannot play it over WebRTC)`,
    ),
  );
});

test('an audio-only stream plays without video', () => {
  const [session, video, audio] = sections(answer([OPUS]));
  expect(session).toContain('a=group:BUNDLE 1');
  expect(video?.[0]).toMatch(/^m=video 0 /);
  expect(audio?.[0]).toBe('m=audio 9 UDP/TLS/RTP/SAVPF 111');
});

test('H265 is sent to a browser that offers its profile', () => {
  const offer = CHROMIUM.replace('a=rtpmap:102 H264/90000', 'a=rtpmap:102 H265/90000').replace(
    'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f',
    'a=fmtp:102 level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST',
  );
  const sdp = answer([H265], offer);
  expect(sdp).toContain('m=video 9 UDP/TLS/RTP/SAVPF 102\r\n');
  expect(sdp).toContain('a=fmtp:102 level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST\r\n');
});

test.for([
  ['AV1', av1, 45],
  ['AV1 of the High profile', { ...av1, sequenceHeader: AV1_444 }, 47],
  ['VP9', vp9, 98],
  ['VP9 with 10 bits', { ...vp9, profile: 2, bitDepth: 10 }, 100],
  ['VP8', vp8, 96],
] as const)('%s gets the payload type of its profile', ([, track, payloadType]) => {
  expect(answer([track])).toContain(`m=video 9 UDP/TLS/RTP/SAVPF ${payloadType}\r\n`);
});

test('the first supported video track in the order AV1, VP9, VP8, H265, H264 is sent', () => {
  const tracks = [h264(0x42), vp8, av1, vp9, mjpeg];
  const choices = (offer: string) => chooseCodecs(tracks, parseOffer(offer));
  expect(choices(CHROMIUM)).toMatchObject({
    video: { track: 2 },
    leftOut: [
      ...['H264', 'VP8', 'VP9'].map((codec) => `video ${codec} (another video is sent)`),
      'video M-JPEG (browsers cannot play it over WebRTC)',
    ],
  });
  expect(choices(CHROMIUM.replaceAll('AV1/', 'XV1/')).video?.track).toBe(3);
  expect(choices(CHROMIUM.replaceAll('AV1/', 'XV1/').replaceAll('VP9/', 'XP9/')).video?.track).toBe(1);
  expect(choices(CHROMIUM.replaceAll(/(AV1|VP8|VP9)\//g, 'X/')).video?.track).toBe(0);
});

test('an offer without a bundle gets one section', () => {
  const offer = CHROMIUM.replace('a=group:BUNDLE 0 1 2\n', '').replace('a=group:BUNDLE 0 1 2\r\n', '');
  const [session, video, audio] = sections(answer([h264(0x42), PCMA], offer));
  expect(session?.some((line) => line.startsWith('a=group'))).toBe(false);
  expect(video?.[0]).toMatch(/^m=video 9 /);
  expect(audio?.[0]).toMatch(/^m=audio 0 /);
});

test.for([
  ['H265', [H265], CHROMIUM, 'the video is H265 and this player does not offer H265'],
  ['H264', [h264(0x42)], CHROMIUM.replaceAll('H264/', 'X264/'), 'this player does not offer H264'],
  [
    'H264 in fragments',
    [h264(0x42)],
    CHROMIUM.replaceAll('packetization-mode=1', 'packetization-mode=0'),
    'packetization-mode 0 only',
  ],
  ['AV1', [av1], CHROMIUM.replaceAll('AV1/', 'XV1/'), 'the video is AV1 and this player does not offer AV1'],
  [
    'VP9 with 12 bits',
    [{ ...vp9, profile: 2 }],
    CHROMIUM.replaceAll('profile-id=2', 'profile-id=0'),
    'does not offer its profile 2',
  ],
  ['MJPEG', [mjpeg, OPUS], CHROMIUM, 'the video is M-JPEG, which no browser takes over WebRTC: set the camera to H264'],
  ['MPEG-4', [mpeg4Video], CHROMIUM, 'the video is MPEG-4 Video, which no browser takes over WebRTC'],
  [
    'AAC alone',
    [AAC],
    CHROMIUM,
    'it has AAC (browsers cannot play it over WebRTC), supported are AV1, VP9, VP8, H265, H264, Opus',
  ],
  [
    'sound for a picture-only player',
    [PCMA],
    CHROMIUM.replace('m=audio 9', 'm=audio 0'),
    'the offer takes none of it: its audio has port 0',
  ],
] as const)('%s that the browser cannot play is rejected with the reason', ([, tracks, offer, message]) => {
  expect(() => answer(tracks, offer)).toThrow(message);
});

const DATA_ONLY = CHROMIUM.replace(/^m=(video|audio) 9/gm, 'm=x$1 9');

test.for([
  ['sends', CHROMIUM.replaceAll('a=recvonly', 'a=sendonly'), ': its video is sendonly, its audio is sendonly'],
  ['holds', CHROMIUM.replaceAll('a=recvonly', 'a=inactive'), ': its video is inactive, its audio is inactive'],
  ['is over', CHROMIUM.replace(/^m=(video|audio) 9/gm, 'm=$1 0'), ': its video has port 0, its audio has port 0'],
  ['splits RTCP off', CHROMIUM.replaceAll('a=rtcp-mux', 'a=x'), ': its video has no a=rtcp-mux'],
  [
    'is not encrypted',
    CHROMIUM.replaceAll('UDP/TLS/RTP/SAVPF', 'RTP/AVP'),
    ': its video has the profile RTP/AVP instead',
  ],
  ['has but data', DATA_ONLY, ': it has no video and no audio section'],
] as const)('an offer that %s is rejected because it receives nothing', ([, offer, why]) => {
  expect(() => answer([h264(0x42), PCMA], offer)).toThrow(`the offer wants to receive nothing${why}`);
});

test('an unusable section is rejected alone, and its track has the reason', () => {
  const offer = CHROMIUM.replace('a=rtcp-mux', 'a=x');
  const [, video, audio] = sections(answer([h264(0x42), PCMA], offer));
  expect(video?.[0]).toMatch(/^m=video 0 /);
  expect(audio?.[0]).toMatch(/^m=audio 9 /);
  expect(chooseCodecs([h264(0x42), PCMA], parseOffer(offer)).leftOut).toEqual([
    "video H264 (the player's section has no a=rtcp-mux)",
  ]);
});

test('the second of two video sections is rejected', () => {
  const [, video = '', audio = ''] = CHROMIUM.split(/(?=^m=)/m);
  const text = CHROMIUM.replace(audio, video.replace(/a=mid:.*/, 'a=mid:9') + audio).replace('BUNDLE 0', 'BUNDLE 0 9');
  const lines = answer([h264(0x42), PCMA], text).match(/^m=\w+ \d+/gm);
  expect(lines).toEqual(['m=video 9', 'm=video 0', 'm=audio 9', 'm=application 0']);
});

test('a permanent rejection has Retry-After', () => {
  const refused = expect.objectContaining({ context: { retryAfterS: 15 } });
  expect(() => answer([H265])).toThrow(refused);
});
