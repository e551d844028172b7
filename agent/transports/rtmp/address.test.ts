import { expect, test } from 'vitest';
import { parseRtmpUrl } from './address.ts';

test.for([
  ['rtmp://h/app/key', 'h', 1935, 'app', 'key'],
  ['rtmps://h/app/key', 'h', 443, 'app', 'key'],
  ['rtmp://[fe80::1%eth0]:1936/app/a/key?x=1', 'fe80::1%eth0', 1936, 'app/a', 'key?x=1'],
  ['rtmp://h/app#key', 'h', 1935, 'app', 'key'],
  ['rtmps://a:b@h/app#key/1', 'h', 443, 'app', 'key/1?user=a&pass=b'],
  ['rtmp://h/app/inst#key?x=1', 'h', 1935, 'app/inst', 'key?x=1'],
  ['rtmp://h/app#a%20b$c=d?e#f@g', 'h', 1935, 'app', 'a b$c=d?e#f@g'],
  ['rtmp://h/app#', 'h', 1935, 'app', ''],
  ['rtmp://h/app/a$c=d?e?pass=f@g#h', 'h', 1935, 'app', 'a$c=d?e?pass=f@g#h'],
  ['rtmp://h/app?pass=a#b', 'h', 1935, 'app', '?pass=a#b'],
  ['rtmp://h/app/my key', 'h', 1935, 'app', 'my key'],
  ['rtmp://a:p@#?%25s@h/app/key', 'h', 1935, 'app', 'key?user=a&pass=p%40%23%3F%25s'],
] as const)('%s', ([url, host, port, app, stream]) => {
  expect(parseRtmpUrl(url, 'source')).toMatchObject({ host, port, app, stream });
});

test.for(['rtmp://', 'rtsp://h/a', 'rtmp://a:secret@', 'rtmp://h:0/a', 'rtmp://h?x=1', 'rtmp://h/a\nb'])(
  "'%s' is none",
  (url) => {
    expect(() => parseRtmpUrl(url, 'camera of path x')).toThrow(
      'the URL of the camera of path x is not rtmp://host:port/app/stream',
    );
  },
);
