import { expect, test } from 'vitest';
import { sentences } from './sentences.ts';

test('sentences are joined by spaces, except in Chinese', () => {
  expect(sentences(['The camera rejects this login.', undefined, 'Try again.'])).toBe(
    'The camera rejects this login. Try again.',
  );
  expect(sentences(['摄像头不接受。', '再试错 2 次，会锁定。', false])).toBe('摄像头不接受。再试错 2 次，会锁定。');
});
