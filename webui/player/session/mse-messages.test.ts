import { expect, test } from 'vitest';
import { failureOfMse, lagMs, parseMessage } from './mse-messages.ts';

test.for([
  ['codecs', 'codec'],
  ['notFound', 'absent'],
  ['ended', 'absent'],
  ['unauthorized', 'refused'],
  ['tooSlow', 'transport'],
  ['kicked', 'transport'],
  ['exhausted', 'transport'],
] as const)("the box's %s means: %s", ([code, kind]) => {
  expect(failureOfMse({ type: 'error', code, error: 'why' }).kind).toBe(kind);
});

test('codecs that the browser lacks are named', () => {
  const failure = failureOfMse({ type: 'error', code: 'codecs', error: 'nothing to play', labels: ['H265', 'G711'] });
  expect(failure).toMatchObject({ codec: 'H.265', message: 'nothing to play (H265, G711)' });
});

test('the delay depends only on the clock of the box', () => {
  const said = { type: 'clock', mediaS: 100, captureMs: 50_000, nowMs: 50_120 } as const;
  // 300 ms after that was said, the picture of 0.2 s later is shown.
  expect(lagMs(said, 300, 100.2)).toBeCloseTo(220);
});

test.for(['', 'null', '7', '[]', '{"type":1}', '{"type":'])('an invalid message is ignored: %s', (text) => {
  expect(parseMessage(text)).toEqual({ type: 'unknown' });
});
