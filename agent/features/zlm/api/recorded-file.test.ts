import { expect, test } from 'vitest';
import { recordBody, recordHookOf } from './recorded-file.ts';

const FILE = {
  path: 'yard/gate',
  file: '/data/recordings/yard/gate/2026-01-01_00-00-00-000007.mp4',
  startUs: 1_767_225_600_000_007,
  durationMs: 60_500,
  sizeBytes: 1_234,
};

test('a recording is reported with its file, times and download address', () => {
  expect(recordHookOf(FILE)).toBe('on_record_mp4');
  expect(recordBody(FILE)).toEqual({
    ...{ vhost: '__defaultVhost__', app: 'yard', stream: 'gate', params: '' },
    ...{ start_time: 1_767_225_600, time_len: 60.5, file_size: 1_234, file_path: FILE.file },
    ...{ file_name: '2026-01-01_00-00-00-000007.mp4', folder: '/data/recordings/yard/gate/' },
    url: 'playback/get?path=yard%2Fgate&start=2026-01-01T00%3A00%3A00.000007Z&duration=60.5',
  });
});

test('MPEG-TS has its own hook', () => {
  expect(recordHookOf({ ...FILE, file: '/data/a.ts' })).toBe('on_record_ts');
});
