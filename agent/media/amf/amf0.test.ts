import { expect, test } from 'vitest';
import { hex } from '../../../test/support/media/units.ts';
import { ecmaArray, readAmf0, writeAmf0 } from './amf0.ts';

const read = (bytes: Uint8Array) => readAmf0(bytes, 0, bytes.length);

test('a command of ffmpeg is read', () => {
  const connect = hex(
    '02 0007 636f6e6e656374 00 3ff0000000000000 03 0003 617070 02 0004 6c697665 0004 66706164 01 00 000009',
  );
  expect(read(connect)).toEqual([
    'connect',
    1,
    new Map<string, unknown>([
      ['app', 'live'],
      ['fpad', false],
    ]),
  ]);
});

test('written values are read back unchanged', () => {
  const values = writeAmf0('onMetaData', ecmaArray({ width: 640, stereo: true }), null, ['a', 2], { code: 'x' });
  expect(read(values)).toEqual([
    'onMetaData',
    new Map<string, unknown>([
      ['width', 640],
      ['stereo', true],
    ]),
    null,
    ['a', 2],
    new Map([['code', 'x']]),
  ]);
});

test('a date, a long string, undefined, a typed object, and an object whose end is missing are read', () => {
  expect(read(hex('0b 4000000000000000 0000'))).toEqual([2]);
  expect(read(hex('0c 00000002 6869 06'))).toEqual(['hi', undefined]);
  expect(read(hex('10 0001 41 0001 61 05 000009'))).toEqual([new Map([['a', null]])]);
  expect(read(hex('03 0001 61 0101'))).toEqual([new Map([['a', true]])]);
});

test.for([
  ['00 3ff0', 'AMF value of 8 bytes with 2 left'],
  ['02 00ff 61', 'AMF value of 255 bytes with 1 left'],
  ['0d', 'AMF0 value of type 13'],
  ['0a 7fffffff 05', 'AMF value of 1 bytes with 0 left'],
  [`${'0a 00000001 '.repeat(10)}`, 'AMF with more than 2000 values or 8 levels'],
  ['05 '.repeat(2_001), 'AMF with more than 2000 values or 8 levels'],
])('%s is rejected', ([bytes, message]) => {
  expect(() => read(hex(bytes ?? ''))).toThrow(message);
});
