import { expect, test } from 'vitest';
import { parseTyped, streamTitle } from './typed-address.ts';

const login = { user: 'eve', password: 'p@ss/#1' };

test.for([
  ['192.168.1.20', 'host', '192.168.1.20'],
  [' camera.local:8554 ', 'host', 'camera.local:8554'],
  ['[fe80::1%eth0]', 'host', '[fe80::1%eth0]'],
  ['fe80::1%eth0', 'host', 'fe80::1%eth0'],
  ['http://192.168.1.20/', 'host', '192.168.1.20'],
  ['192.168.1.0/24', 'range', '192.168.1.0/24'],
  ['192.168.1.20/live/1', 'stream', 'rtsp://192.168.1.20/live/1'],
  ['rtsp://192.168.1.20', 'stream', 'rtsp://192.168.1.20'],
  ['RTSPS://192.168.1.20:322/1?a=b', 'stream', 'RTSPS://192.168.1.20:322/1?a=b'],
  ['rtsp://192.168.1.20/1#a$b=c?d?e@f', 'stream', 'rtsp://192.168.1.20/1#a$b=c?d?e@f'],
  ['rtsp://192.168.1.20/my stream', 'stream', 'rtsp://192.168.1.20/my%20stream'],
  ['rtsp://192.168.1.20?user=a@b', 'stream', 'rtsp://192.168.1.20?user=a@b'],
  ['srt://h:1?streamid=#!::r=door,m=request', 'source', 'srt://h:1?streamid=#!::r=door,m=request'],
  ['srt://h:1?streamid=read:my door', 'source', 'srt://h:1?streamid=read:my%20door'],
  ['rtsp+http://192.168.1.20/1', 'stream', 'rtsp+http://192.168.1.20/1'],
  ['https://192.168.1.20/onvif/device_service', 'onvif', 'https://192.168.1.20/onvif/device_service'],
] as const)("'%s' is a %s", ([typed, kind, text]) => {
  expect(parseTyped(typed)).toMatchObject({ kind, text });
});

test.for(['', ' ', 'rtsp://', 'ftp://192.168.1.20/', 'srt://', 'udp+mpegts://', 'two words', 'rtsp://a:b:c/'])(
  "'%s' is no address of a camera",
  (typed) => {
    expect(parseTyped(typed)).toBeUndefined();
  },
);

test.for([
  'rtsp://eve:p%40ss%2F%231@192.168.1.20/live/1',
  'http://eve:p%40ss%2F%231@192.168.1.20/onvif/device_service',
  'eve:p@ss%2F#1@192.168.1.20',
])('the login of %s is taken out of it', (typed) => {
  const parsed = parseTyped(typed);
  expect(parsed).toMatchObject({ login });
  expect(parsed?.text).not.toContain('eve');
});

test.for([
  ['rtmp://192.168.1.20/live/garden', 'Garden', false],
  ['rtmps://eve:p%40ss@media.example/app/key', 'Key', false],
  ['srt://192.168.1.20:8890?streamid=read:front-door&passphrase=0123456789', 'Front door', false],
  ['srt://192.168.1.20:8890', '192.168.1.20', false],
  ['WHEPS://media.example/barn/whep', 'Barn', false],
  ['http://192.168.1.20/live/pond/index.m3u8?token=1', 'Pond', false],
  ['udp+mpegts://239.0.0.1:1234', 'UDP 1234', false],
  ['unix+mpegts:///run/attic.sock', 'Attic', false],
  ['udp+rtp://0.0.0.0:5004', 'UDP 5004', true],
] as const)('%s is a source called %s', ([typed, title, needsSdp]) => {
  expect(parseTyped(typed)).toEqual({ kind: 'source', text: typed, title, needsSdp });
});

test.for([
  ['/Streaming/Channels/101', 'Hikvision 1'],
  ['/Streaming/Channels/1602', 'Hikvision 16'],
  ['/cam/realmonitor?channel=2&subtype=0', 'Dahua 2'],
  ['/cam/realmonitor?subtype=0&channel=12', 'Dahua 12'],
  ['/h264Preview_04_main', 'Reolink 4'],
  ['/unicast/c3/s0/live', 'Uniview 3'],
  ['/h264/ch2/main/av_stream', '192.168.1.20 2'],
  ['/garden', 'Garden'],
  ['/front-door/stream1', 'Front door'],
  ['/live/barn.sdp', 'Barn'],
  ['/stream1', '192.168.1.20 stream1'],
  ['/live/ch0', '192.168.1.20 ch0'],
  ['/videoMain', '192.168.1.20 videoMain'],
  ['/', '192.168.1.20'],
] as const)('a camera at %s is called %s', ([path, title]) => {
  expect(streamTitle(new URL(`http://192.168.1.20:554${path}`))).toBe(title);
});
