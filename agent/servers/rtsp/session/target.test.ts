import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { absoluteUrl, mediaOf, parseTarget, parseTrackTarget, shownPath, withoutCredentials } from './target.ts';

test.for([
  ['a plain URL', 'rtsp://host:8554/cam', 'cam', ''],
  ['a query', 'rtsp://host/cam?a=1&b=2', 'cam', 'a=1&b=2'],
  ['a closing slash', 'rtsp://host/cam/', 'cam', ''],
  ['a name of several words', 'rtsps://host/house/door', 'house/door', ''],
  ['credentials', 'rtsp://tom:se@host/cam', 'cam', ''],
  ['an address of IPv6', 'rtsp://[fe80::1]:8554/cam', 'cam', ''],
  ['escaped letters', 'rtsp://host/T%C3%BCr%201', 'Tür 1', ''],
  ['no host', '/cam', 'cam', ''],
  ['no path', 'rtsp://host', '', ''],
  ['no path but a query', 'rtsp://host?x', '', 'x'],
  ['all of the server', '*', '*', ''],
] as const)('path and query of a URL with %s', ([, uri, name, query]) => {
  expect(parseTarget(uri)).toEqual({ name, query });
});

test.for([
  ['a track', 'rtsp://tom:secret@host/house/cam/trackID=1?a=b', 'house/cam'],
  ['a track after a query', 'rtsp://host/cam?a=b/trackID=1', 'cam'],
  ['all of the server', '*', undefined],
  ['no path', 'rtsp://host', undefined],
  ['a long name', `rtsp://host/${'x'.repeat(200)}`, 'x'.repeat(120)],
  ['what is not UTF-8', 'rtsp://host/%FF', undefined],
  ['what is too long to read', `rtsp://host/${'x'.repeat(5_000)}`, undefined],
] as const)('what the log shows of a URL of %s', ([, uri, shown]) => {
  expect(shownPath(uri)).toBe(shown);
});

test.for([
  ['without query', 'rtsp://host/cam/trackID=1', 'cam', '', 1],
  ['before the query (GStreamer)', 'rtsp://host/cam/trackID=1?a=b', 'cam', 'a=b', 1],
  ['after the query (FFmpeg)', 'rtsp://host/cam?a=b/trackID=1', 'cam', 'a=b', 1],
  ['after a query with slashes', 'rtsp://host/cam?a=/b/c/trackID=2', 'cam', 'a=/b/c', 2],
  ['with an escaped sign', 'rtsp://host/cam/trackID%3D1', 'cam', '', 1],
  ['with a closing slash', 'rtsp://host/house/cam/trackID=1/', 'house/cam', '', 1],
  ['as a bare slash', 'rtsp://host/cam/', 'cam', '', 0],
  ['as a bare slash after the query', 'rtsp://host/cam?a=b/', 'cam', 'a=b', 0],
  ['after the doubled slash of a base', 'rtsp://host/cam//trackID=1', 'cam', '', 1],
  ['as the URL of DESCRIBE (NVRs of HappyTime)', 'rtsp://host/cam', 'cam', '', 0],
  ['as the URL of DESCRIBE with its query', 'rtsp://host/cam?a=b', 'cam', 'a=b', 0],
] as const)('the track of SETUP %s', ([, uri, name, query, track]) => {
  expect(parseTrackTarget(uri)).toEqual({ name, query, track });
});

test.for([
  ['relative', 'rtsp://host/cam/streamid=1', ['streamid=0', 'streamid=1'], 1],
  ['with a leading slash', 'rtsp://host/cam/streamid=1', ['/streamid=0', '/streamid=1'], 1],
  ['of several words', 'rtsp://host/cam/video/0', ['audio/0', 'video/0'], 1],
  ['absolute, under another host name', 'rtsp://other/cam/v', ['rtsp://host:8554/cam/a', 'rtsp://host:8554/cam/v'], 1],
  ['absent, of the only media', 'rtsp://host/cam', [undefined], 0],
  ['absent, of one of two', 'rtsp://host/cam', [undefined, undefined], -1],
  ['a star, of the only media', 'rtsp://host/cam/', ['*'], 0],
  ['a bare slash', 'rtsp://host/cam/', ['a', 'b'], 0],
  ['of another path', 'rtsp://host/other/streamid=1', ['streamid=0', 'streamid=1'], -1],
  ['unknown', 'rtsp://host/cam/streamid=7', ['streamid=0', 'streamid=1'], -1],
] as const)('a publisher sets up the media whose control is %s', ([, uri, controls, media]) => {
  expect(mediaOf(uri, { name: 'cam', query: '' }, controls)).toBe(media);
});

test.for([
  ['before the query', 'rtsp://host/cam/streamid=1?token=a/b'],
  ['after the query', 'rtsp://host/cam?token=a/b/streamid=1'],
] as const)("a publisher's control is read %s", ([, uri]) => {
  expect(mediaOf(uri, { name: 'cam', query: 'token=a/b' }, ['streamid=0', 'streamid=1'])).toBe(1);
});

test('a redirect to a path names the requested host, without credentials', () => {
  expect(absoluteUrl('/other', 'rtsp://tom:x@host:8554/cam?q')).toBe('rtsp://host:8554/other');
  expect(absoluteUrl('rtsp://elsewhere/x', 'rtsp://host/cam')).toBe('rtsp://elsewhere/x');
  expect(absoluteUrl('/other', 'rtsp://tom:x@y@host:8554?q')).toBe('rtsp://host:8554/other');
  expect(withoutCredentials('rtsp://tom:x@host/cam')).toBe('rtsp://host/cam');
  expect(withoutCredentials('rtsp://tom:x@y@host/cam?mail=a@b')).toBe('rtsp://host/cam?mail=a@b');
});

test('ten thousand mutated URLs give a target or a PerchError', () => {
  const next = random(7);
  const seeds = ['rtsp://a:b@host:8554/cam/trackID=1?x=/y', 'rtsp://host/cam?x/trackID=2', '/%C3%BC/trackID%3D1'];
  const letters = "rtsp:/%?@=&*[]ÄkID0123\u0000 '";
  let targets = 0;
  for (let i = 0; i < 10_000; i += 1) {
    const text = [...(seeds[i % seeds.length] ?? '')];
    for (let change = 0; change < 4; change += 1) {
      text[Math.floor(next() * text.length)] = letters[Math.floor(next() * letters.length)] ?? '';
    }
    try {
      const uri = text.join('');
      parseTarget(uri);
      mediaOf(uri, { name: 'cam', query: 'x' }, ['trackID=1', undefined, uri]);
      parseTrackTarget(uri);
      targets += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(targets).toBeGreaterThan(1_000);
});

test('a very long URL is rejected', () => {
  expect(() => parseTarget(`rtsp://host/${'a'.repeat(5_000)}`)).toThrow('at most 4096');
});

test('a name of slashes is parsed at once', () => {
  const uri = `rtsp://host/a${'/'.repeat(4_000)}b`;
  // A search that restarts at each slash would exceed the test's time limit.
  for (let i = 0; i < 1_500; i += 1) {
    expect(parseTarget(uri).name).toHaveLength(4_002);
    expect(mediaOf(uri, { name: 'cam', query: '' }, ['/x'])).toBe(-1);
  }
});
