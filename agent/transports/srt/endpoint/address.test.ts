import { expect, test } from 'vitest';
import { parseSrtUrl } from './address.ts';

const plain = {
  port: 8890,
  streamId: '',
  passphrase: '',
  keyBytes: undefined,
  latencyMs: undefined,
  maxBandwidth: undefined,
};

test.for([
  ['srt://192.0.2.1', { ...plain, host: '192.0.2.1' }],
  [
    'srt://camera.lan:9000?streamid=read:door:tom:secret',
    { ...plain, host: 'camera.lan', port: 9000, streamId: 'read:door:tom:secret' },
  ],
  ['srt://[2001:db8::1]:9000?latency=300', { ...plain, host: '2001:db8::1', port: 9000, latencyMs: 300 }],
  [
    'srt://192.0.2.1:9000?mode=caller&streamid=%23!::r=door,m=request&passphrase=long%20enough&pbkeylen=32',
    {
      ...plain,
      host: '192.0.2.1',
      port: 9000,
      streamId: '#!::r=door,m=request',
      passphrase: 'long enough',
      keyBytes: 32,
    },
  ],
  ['srt://192.0.2.1:9000?mode=listener', { ...plain, host: '192.0.2.1', port: 9000 }],
  ['srt://192.0.2.1?mode=rendezvous', { ...plain, host: '192.0.2.1' }],
  ['srt://192.0.2.1?streamid=#!::m=request,r=door', { ...plain, host: '192.0.2.1', streamId: '#!::m=request,r=door' }],
  [
    'srt://192.0.2.1?streamid=read:door:tom:p@s#s$=/?:x?y=1&passphrase=#?=@$ long enough&latency=9',
    {
      ...plain,
      host: '192.0.2.1',
      streamId: 'read:door:tom:p@s#s$=/?:x?y=1',
      passphrase: '#?=@$ long enough',
      latencyMs: 9,
    },
  ],
  ['srt://192.0.2.1/?streamid=a#feedbackplay', { ...plain, host: '192.0.2.1', streamId: 'a#feedbackplay' }],
  ['srt://192.0.2.1?maxbw=1000000', { ...plain, host: '192.0.2.1', maxBandwidth: 1_000_000 }],
  ['srt://192.0.2.1?maxbw=0&inputbw=800000', { ...plain, host: '192.0.2.1', maxBandwidth: 1_000_000 }],
  ['srt://192.0.2.1?maxbw=0&inputbw=800000&oheadbw=50', { ...plain, host: '192.0.2.1', maxBandwidth: 1_200_000 }],
  ['srt://192.0.2.1?maxbw=0', { ...plain, host: '192.0.2.1' }],
  ['srt://192.0.2.1?maxbw=-1&inputbw=800000', { ...plain, host: '192.0.2.1' }],
] as const)('%s', ([url, expected]) => {
  expect(parseSrtUrl(url, 'door')).toEqual(expected);
});

test.for([
  ['srt://192.0.2.1?passphrase=short', 'passphrase of 5 characters, expected 10 to 79'],
  ['srt://192.0.2.1?pbkeylen=20', 'pbkeylen 20, expected 16, 24 or 32'],
  ['srt://192.0.2.1?latency=1s', 'latency of the srt:// URL is not a number'],
  ['srt://192.0.2.1?latency=100000', 'latency of 100000 ms, at most 60000'],
  ['srt://192.0.2.1?inputbw=fast', 'inputbw of the srt:// URL is not a number'],
  ['srt://192.0.2.1?oheadbw=4', 'oheadbw of 4 %, expected 5 to 100'],
] as const)('%s is rejected', ([url, message]) => {
  expect(() => parseSrtUrl(url, 'door')).toThrow(`source of path 'door': ${message}`);
});
