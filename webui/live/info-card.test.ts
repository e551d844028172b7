import { expect, test } from 'vitest';
import { cameraView } from '../words/en/camera-view.ts';
import { cameraView as chinese } from '../words/zh-cn/camera-view.ts';
import { undeliveredTracks, WebRtcLag } from './info-card.tsx';

const SOUND = { type: 'inbound-rtp', kind: 'audio', framesDecoded: 9, totalProcessingDelay: 9 };
const TRANSPORT = { type: 'transport', selectedCandidatePairId: 'P' };
const PAIR = { type: 'candidate-pair', currentRoundTripTime: 0.02 };
const report = (framesDecoded: number, totalProcessingDelay: number) =>
  new Map<string, { type: string }>([
    ['A', SOUND],
    ['V', { ...SOUND, kind: 'video', framesDecoded, totalProcessingDelay }],
    ['T', TRANSPORT],
    ['P', PAIR],
  ]);

test('the delay is half a round trip plus the processing time of recent frames', () => {
  const lag = new WebRtcLag();
  expect(lag.update(report(100, 5))).toBeCloseTo(60);
  expect(lag.update(report(125, 5.5))).toBeCloseTo(30);
  expect(lag.update(report(125, 5.5)), 'no new frame').toBeUndefined();
  expect(lag.update(report(10, 0.1)), 'another session').toBeCloseTo(20);
});

test('missing statistics are not shown', () => {
  expect(new WebRtcLag().update(new Map([['V', { type: 'inbound-rtp', kind: 'video' }]]))).toBeUndefined();
  expect(new WebRtcLag().update(new Map())).toBeUndefined();
});

const BROKEN = 'H264: packets of payload type 97, which its description does not have; MPEG4-GENERIC: no config';

test.for([
  [cameraView, 'H264: its packets have type 97, which the camera did not announce'],
  [chinese, 'H264：数据包类型为 97，摄像头事先没有声明'],
] as const)('tracks that the camera does not deliver are named with the reason in words', ([t, text]) => {
  expect(undeliveredTracks(BROKEN, t)).toEqual([text, 'MPEG4-GENERIC: no config']);
  expect(undeliveredTracks(null, t)).toEqual([]);
});
