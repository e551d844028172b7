import { expect, test } from 'vitest';
import { cameraView as en } from '../words/en/camera-view.ts';
import { cameraView as zh } from '../words/zh-cn/camera-view.ts';
import { notRecordingMessage } from './trouble-text.ts';

test('the reason for not recording is in the language of the page; unknown reasons refer to Storage', () => {
  expect(notRecordingMessage('diskFull', en)).toBe('Recording has stopped. Live video continues. The disk is full.');
  expect(notRecordingMessage('noRights', zh)).not.toMatch(/[a-z]/i);
  expect(notRecordingMessage('disk', en)).toMatch(/See Storage in the settings\.$/);
  expect(notRecordingMessage(null, zh)).toContain('存储');
});
