import { expect, test } from 'vitest';
import { parseStoredCameras } from './stored-cameras.ts';

test('stored cameras are read, invalid entries are skipped', () => {
  expect(parseStoredCameras('[["door","Front door","door_sub"],["yard","<b>Yard",null]]')).toEqual([
    ['door', 'Front door', 'door_sub'],
    ['yard', '<b>Yard', null],
  ]);
  expect(parseStoredCameras('[["door"],7,null,{"a":1},["a","b",3],["a","b",null]]')).toEqual([['a', 'b', null]]);
  expect(parseStoredCameras('[["a","b",null,["a"]],["c","d",null,"c"],["e","f",null,[1]]]')).toEqual([
    ['a', 'b', null, ['a']],
  ]);
});

test.for([null, '', '{', '{}', '7', 'null'])('invalid storage has no cameras: %s', (text) => {
  expect(parseStoredCameras(text)).toEqual([]);
});
