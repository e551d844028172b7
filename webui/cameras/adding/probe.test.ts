import { expect, test } from 'vitest';
import type { ProbeAnswer } from '../../api-client/api-types.ts';
import { candidateAt, streamCandidate } from './probe.ts';

const login = { user: 'admin', password: 'heron' };

test('a login in a pasted stream address is used and not shown', () => {
  const one = streamCandidate(
    ' rtsp://eve:p%40ss@192.168.1.20:554/live/1 ',
    'rtsp://eve:p%40ss@192.168.1.20:554/live/2',
    login,
  );
  expect(one).toMatchObject({
    ...{ title: '192.168.1.20 1', text: '192.168.1.20:554/live/1', address: '192.168.1.20' },
    request: {
      ...{ rtsp: 'rtsp://192.168.1.20:554/live/1', sub: 'rtsp://192.168.1.20:554/live/2' },
      ...{ user: 'eve', password: 'p@ss' },
    },
  });
  expect(one?.key).not.toContain('eve');
});

test('placeholders of user and password in an address stay', () => {
  const stream = 'rtsp://192.168.1.20/user={user}&password={password}&stream=0.sdp';
  expect(streamCandidate(stream, '', login)?.request).toMatchObject({ rtsp: stream, ...login });
});

test.for(['', 'nowhere', 'http://192.168.1.20/', 'rtsp://', '192.168.1.20'])(
  "'%s' is no address of a stream",
  (text) => {
    expect(streamCandidate(text, '', login)).toBeUndefined();
    expect(text === '' || streamCandidate('rtsp://192.168.1.20/1', text, login) === undefined).toBe(true);
  },
);

test('a probe ends with a camera, with streams, or with nothing', () => {
  const look: ProbeAnswer = {
    ...{ id: '1', target: '192.168.1.20', state: 'done', done: 3, total: 3, onvif: null, rtsp: null, sub: null },
    ...{ name: null, manufacturer: null, model: null },
    ...{ slow: false, makers: null, error: null, trouble: null, triesLeft: null, what: '' },
  };
  expect(candidateAt(look, login)).toBeUndefined();
  const onvif = 'http://192.168.1.20:8899/onvif/device_service';
  expect(candidateAt({ ...look, onvif }, login)).toMatchObject({
    ...{ key: onvif, title: '192.168.1.20', text: '' },
    request: { onvif, ...login },
  });
  const claims = { name: 'Attic', manufacturer: 'Dahua', model: 'IPC-1' };
  expect(candidateAt({ ...look, onvif, ...claims }, login)).toMatchObject({
    ...{ title: 'Attic', text: 'Dahua IPC-1 · 192.168.1.20', address: '192.168.1.20' },
  });
  const streams = { rtsp: 'rtsp://192.168.1.20/1', sub: 'rtsp://192.168.1.20/2', makers: 'Hikvision' };
  expect(candidateAt({ ...look, ...streams }, login)).toMatchObject({
    ...{ title: 'Hikvision 192.168.1.20', text: 'Hikvision' },
    request: { sub: streams.sub },
  });
});
