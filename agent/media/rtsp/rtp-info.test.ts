import { expect, test } from 'vitest';
import { firstSequence, parseRtpInfo } from './rtp-info.ts';

const VIDEO = 'rtsp://cam/live/track1';

test.for<[what: string, text: string, sequence: number | undefined]>([
  ['the URL of SETUP', `url=${VIDEO};seq=45;rtptime=9,url=rtsp://cam/live/track2;seq=46`, 45],
  ['the end of the URL', 'url=track2;seq=46, url=track1;seq=45', 45],
  ['another host', 'url=rtsp://10.0.0.1/live/track1;seq=45;rtptime=9;', 45],
  ['only the order', 'url=a;seq=45,url=b;seq=46', 45],
  ['a URL with commas', 'url=rtsp://cam/a,b/track1;seq=45', 45],
  ['a number that says nothing', `url=${VIDEO};seq=0`, undefined],
  ['a number that is too large', `url=${VIDEO};seq=70000`, undefined],
  ['another track', 'url=rtsp://cam/other;seq=9', undefined],
  ['nothing', '', undefined],
])('RTP-Info with %s', ([, text, sequence]) => {
  expect(firstSequence(parseRtpInfo(text), VIDEO, 0, 2)).toBe(sequence);
});
