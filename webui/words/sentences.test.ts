import { expect, test } from 'vitest';
import { sentences } from './sentences.ts';

test('sentences have a space between them, in Chinese none', () => {
  expect(sentences(['The camera does not accept this.', undefined, 'Try again.'])).toBe(
    'The camera does not accept this. Try again.',
  );
  expect(sentences(['摄像头不接受。', '再试错 2 次，会锁定。', false])).toBe('摄像头不接受。再试错 2 次，会锁定。');
});
