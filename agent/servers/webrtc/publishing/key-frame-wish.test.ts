import { expect, test } from 'vitest';
import { KeyFrameRequests } from '../../../transports/webrtc/receiving/sender-feedback.ts';

/** When a wish is asked, looked at every 10 ms; `at` does something at a time. */
function askedAt(endMs: number, at: Record<number, (wish: KeyFrameRequests, nowMs: number) => void>): number[] {
  const wish = new KeyFrameRequests(0);
  const asked: number[] = [];
  for (let nowMs = 0; nowMs <= endMs; nowMs += 10) {
    at[nowMs]?.(wish, nowMs);
    if (wish.take(nowMs)) {
      asked.push(nowMs);
    }
  }
  return asked;
}
const key = (wish: KeyFrameRequests, nowMs: number) => wish.onKeyFrame(nowMs);
const want = (wish: KeyFrameRequests) => wish.want();

test('a sender that does not start with a key frame is asked, ever less often', () => {
  expect(askedAt(14_000, {})).toEqual([500, 1_500, 3_500, 7_500, 11_500]);
});

test('a sender is asked for a key frame when its GOP exceeds four seconds', () => {
  expect(askedAt(9_200, { 100: key, 4300: key })).toEqual([4_100, 8_300]);
});

test('after damage a key frame is requested at once', () => {
  expect(askedAt(2_000, { 100: key, 700: want, 900: key })).toEqual([700]);
});

test('readers that want one after the other cost one key frame in half a second', () => {
  expect(askedAt(1_600, { 100: key, 700: want, 750: key, 800: want, 850: want, 1250: key })).toEqual([700, 1_200]);
});
