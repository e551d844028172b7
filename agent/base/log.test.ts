import { expect, test } from 'vitest';
import { createLogger, redact, setLogLevel } from './log.ts';
import { textLine } from './log-text.ts';

test.for([
  ['rtsp://admin:secret@192.168.1.2:554/main', 'rtsp://192.168.1.2:554/main'],
  ['rtsp://admin:p@ss@192.168.1.2/main', 'rtsp://192.168.1.2/main'],
  ['rtsp://192.168.1.2/user=a&password=b', 'rtsp://192.168.1.2/user=a&password=***'],
  ['rtsp://admin:pa/ss@192.168.1.2/main', 'rtsp://192.168.1.2/main'],
  ['rtsp://admin:a@b/c@192.168.1.2/main', 'rtsp://192.168.1.2/main'],
  ['rtsp://admin:q"uote@192.168.1.2/main', 'rtsp://192.168.1.2/main'],
  ['rtsp://admin:my pass word@192.168.1.2/main', 'rtsp://192.168.1.2/main'],
  ['rtsp://admin:a/b"c@192.168.1.2/main', 'rtsp://192.168.1.2/main'],
  ['url="rtsp://admin:a b@192.168.1.2/main" x=1', 'url="rtsp://192.168.1.2/main" x=1'],
  ['rtsp://admin:secret@192.168.1.2:554/live@2x', 'rtsp://192.168.1.2:554/live@2x'],
  ['rtsp://me@example.org:p@ss@[fe80::1]/live@2x', 'rtsp://[fe80::1]/live@2x'],
  ['rtsp://me@example.org:pa/ss@cam/main', 'rtsp://cam/main'],
  ['rtsp://admin:1#x?@cam/main', 'rtsp://cam/main'],
  ["srt://h:1?passphrase=it's-secret&latency=9", 'srt://h:1?passphrase=***&latency=9'],
  ["srt://h:1?streamid=#!::u=tom,s=a'b,r=x", 'srt://h:1?streamid=***'],
  ['rtsp://h/user=a_password=b#c$d=e', 'rtsp://h/user=a_password=***'],
  ['rtsp://cam:554 is off, write to me@example.org', 'rtsp://cam:554 is off, write to me@example.org'],
  ['rtsp://cam/main is off, write to me@example.org', 'rtsp://cam/main is off, write to me@example.org'],
  ['http://cam/live.flv?loginuse=a&loginpas=b', 'http://cam/live.flv?loginuse=a&loginpas=***'],
  ['rtsp+http://admin:secret@192.168.1.2', 'rtsp+http://192.168.1.2'],
  ['rtsp://192.168.1.2:554/live@2x', 'rtsp://192.168.1.2:554/live@2x'],
  ['rtsp://[fe80::1]:554/live@2x', 'rtsp://[fe80::1]:554/live@2x'],
  ['{"a":"rtsp://a:b@c/","b":"d@e"}', '{"a":"rtsp://c/","b":"d@e"}'],
  ['rtsp://192.168.1.2/user=a_password=b_channel=1', 'rtsp://192.168.1.2/user=a_password=***'],
  ['http://192.168.1.2/x?usr=a&pwd=b', 'http://192.168.1.2/x?usr=a&pwd=***'],
  ['GET /hls/x?token=abc&y=1', 'GET /hls/x?token=***&y=1'],
  ['rtmp://h/app/x?key=abc&auth_key=1-2&txSign=3', 'rtmp://h/app/x?key=***&auth_key=***&txSign=3'],
  ['PATCH /a/b/whep/b1946ac9-2492-4d23-9b1f-7a0b6c0d5e11?x=1', 'PATCH /a/b/whep/***?x=1'],
  ['POST /a/whip/', 'POST /a/whip/'],
  [
    'srt://h:1?streamid=read:a:tom:secret&passphrase=words&latency=9',
    'srt://h:1?streamid=***&passphrase=***&latency=9',
  ],
  ['mail someone@example.org', 'mail someone@example.org'],
] as const)('%s is shown without its secrets', ([text, shown]) => {
  expect(redact(text)).toBe(shown);
});

test.for(['a', 'a://', 'a://b:', 'a://@', ';pass=', 'rtsp://a:b@', '/whep/b1946ac9-'])(
  'a megabyte of "%s" is redacted in linear time',
  (piece) => {
    expect(redact(piece.repeat((1 << 20) / piece.length)).length).toBeLessThanOrEqual(2 << 20);
  },
);

test('a line for people has time, level, path, event and facts, and no secret of any of them', () => {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(textLine(line)));
  log.child({ path: 'garden' }).warn({ url: 'rtsp://a:b@c/d', pauseMs: 1000, reason: 'not there' }, 'no picture');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WAR \[garden\] no picture url=rtsp:\/\/c\/d pauseMs=1000 reason="not there"\n$/,
  );
});

test('text of clients cannot control the terminal', () => {
  const lines: string[] = [];
  createLogger('info', (line) => lines.push(textLine(line))).info(
    { path: 'x\n\x1b[2J', user: '\x1b[2J\x9b2J', key: 'a\nb' },
    'reader',
  );
  expect(lines[0]).toMatch(/ \[x\\u000a\\u001b\[2J\] reader user="\\u001b\[2J\\u009b2J" key="a\\nb"\n$/);
});

test('an internal error has its stack', () => {
  const lines: string[] = [];
  createLogger('info', (line) => lines.push(textLine(line))).error({ err: new Error('broken') }, 'fault');
  expect(lines[0]).toMatch(/ERR fault\nError: broken\n {4}at /);
});

test('a changed level reaches existing children and theirs, except those with their own level', () => {
  const lines: string[] = [];
  const root = createLogger('info', (line) => lines.push(JSON.parse(line).msg));
  const path = root.child({ path: 'a' });
  const source = path.child({ source: 'rtsp' });
  const quiet = root.child({}, { level: 'warn' });
  const say = (text: string) => {
    for (const log of [root, path, source, quiet]) {
      log.debug(text);
    }
  };
  say('before');
  setLogLevel(root, 'debug');
  say('debug');
  root.child({}).debug('new child');
  setLogLevel(root, 'error');
  source.warn('too quiet now');
  quiet.warn('its own');
  expect(lines).toEqual(['debug', 'debug', 'debug', 'new child', 'its own']);
});
