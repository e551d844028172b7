import { expect, test } from 'vitest';
import { createLogger, redact } from './log.ts';
import { textLine } from './log-text.ts';

test.for([
  ['rtsp://admin:secret@192.168.1.2:554/main', 'rtsp://192.168.1.2:554/main'],
  ['rtsp://admin:p@ss@192.168.1.2/main', 'rtsp://192.168.1.2/main'],
  ['rtsp://192.168.1.2/user=a&password=b', 'rtsp://192.168.1.2/user=a&password=***'],
  ['GET /hls/x?token=abc&y=1', 'GET /hls/x?token=***&y=1'],
  ['mail someone@example.org', 'mail someone@example.org'],
] as const)('%s is shown without what is secret', ([text, shown]) => {
  expect(redact(text)).toBe(shown);
});

test('a line for people has time, level, path, event and facts, and no secret of any of them', () => {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(textLine(line)));
  log.child({ path: 'garden' }).warn({ url: 'rtsp://a:b@c/d', pauseMs: 1000, reason: 'not there' }, 'no picture');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WAR \[garden\] no picture url=rtsp:\/\/c\/d pauseMs=1000 reason="not there"\n$/,
  );
});

test('a fault of our own brings its stack', () => {
  const lines: string[] = [];
  createLogger('info', (line) => lines.push(textLine(line))).error({ err: new Error('broken') }, 'fault');
  expect(lines[0]).toMatch(/ERR fault\nError: broken\n {4}at /);
});
