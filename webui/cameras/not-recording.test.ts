import { expect, test } from 'vitest';
import { cinema as en } from '../words/en/cinema.ts';
import { cinema as zh } from '../words/zh-cn/cinema.ts';
import { notRecordingWords } from './not-recording.ts';

test('why a camera is not recorded is said in the language of the page, and where the box has no word for it, where to look', () => {
  expect(notRecordingWords('diskFull', en)).toBe('Recording has stopped. The live picture goes on. The disk is full.');
  expect(notRecordingWords('noRights', zh)).not.toMatch(/[a-z]/i);
  expect(notRecordingWords('disk', en)).toMatch(/Storage in the settings says why\.$/);
  expect(notRecordingWords(null, zh)).toContain('存储');
});
