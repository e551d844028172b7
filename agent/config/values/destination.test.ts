import { expect, test } from 'vitest';
import { keyRangeOf, shownDestination } from './destination.ts';

test.for([
  ['rtsp://box:8554/door', 'rtsp://box:8554/door'],
  ['rtsp://pia:secret@box:8554/door', 'rtsp://box:8554/door'],
  ['rtmps://a.rtmps.youtube.com/live2/abcd-efgh', 'rtmps://a.rtmps.youtube.com/live2/***'],
  ['rtmp://box:1935/live/door?user=a&pass=b', 'rtmp://box:1935/live/***'],
  ['rtmp://box/live', 'rtmp://box/live'],
  ['rtmp://box/live#door', 'rtmp://box/live#***'],
  ['rtmp://pia:s#cret@box/live#door?a#b', 'rtmp://box/live#***'],
  ['rtmp://box/live/one#door', 'rtmp://box/live/***'],
  ['rtmp://box/live?key=1234', 'rtmp://box/live?***'],
  ['srt://box:8890?streamid=publish:door:a:b&passphrase=1234567890', 'srt://box:8890?***'],
  ['whip://box:8889/door/whip', 'whip://box:8889/door/whip'],
  ['whips://video.example/0123456789abcdef0123/webRTC/publish', 'whips://video.example/***/webRTC/publish'],
] as const)('%s is shown as %s', ([dest, shown]) => {
  expect(shownDestination(dest)).toBe(shown);
});

test('the range of a stream key is that of its characters', () => {
  const dest = 'rtmps://live.example/app/key-1234';
  const [start, end] = keyRangeOf(dest) ?? [0, 0];
  expect(dest.slice(start, end)).toBe('key-1234');
});
