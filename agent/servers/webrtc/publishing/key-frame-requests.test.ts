import { expect, test } from 'vitest';
import { KeyFrameRequests } from '../../../transports/webrtc/receiving/sender-feedback.ts';

/** Times of the requests, checked every 10 ms; `at` has actions by time. */
function askedAt(endMs: number, at: Record<number, (requests: KeyFrameRequests, nowMs: number) => void>): number[] {
  const requests = new KeyFrameRequests(0);
  const asked: number[] = [];
  for (let nowMs = 0; nowMs <= endMs; nowMs += 10) {
    at[nowMs]?.(requests, nowMs);
    if (requests.take(nowMs)) {
      asked.push(nowMs);
    }
  }
  return asked;
}
const key = (requests: KeyFrameRequests, nowMs: number) => requests.onKeyFrame(nowMs);
const want = (requests: KeyFrameRequests) => requests.want();

test('a sender that does not start with a key frame gets requests, ever less often', () => {
  expect(askedAt(14_000, {})).toEqual([500, 1_500, 3_500, 7_500, 11_500]);
});

test('a sender gets a request when its GOP exceeds four seconds', () => {
  expect(askedAt(9_200, { 100: key, 4300: key })).toEqual([4_100, 8_300]);
});

test('after damage a key frame is requested at once', () => {
  expect(askedAt(2_000, { 100: key, 700: want, 900: key })).toEqual([700]);
});

test('requests of several readers within half a second cost one key frame', () => {
  expect(askedAt(1_600, { 100: key, 700: want, 750: key, 800: want, 850: want, 1250: key })).toEqual([700, 1_200]);
});
