import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { pathNameFault } from '../../config/values/path-name.ts';
import { freePathName, pathNameOf } from './plan.ts';

test.for([
  ['Front door', 'front_door'],
  ['Haustür (links)', 'haustur_links'],
  ['  DS-2CD2043G2-I  ', 'ds_2cd2043g2_i'],
  ['Große Straße', 'grosse_strasse'],
  ['../../etc/passwd', 'etc_passwd'],
  ['<script>alert(1)</script>', 'script_alert_1_script'],
  ['カメラ', ''],
  ['garden_sub', 'garden'],
  ['192.168.1.20', '192_168_1_20'],
] as const)('%s is called %s', ([text, name]) => {
  expect(pathNameOf(text)).toBe(name);
});

test('any name of a camera results in a valid path name', () => {
  const next = random(20_261_121);
  for (let i = 0; i < 2_000; i += 1) {
    const text = String.fromCodePoint(
      ...Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 0xd7ff)),
    );
    const name = freePathName([text], () => false);
    expect(pathNameFault(name)).toBeUndefined();
    expect(name.length).toBeLessThanOrEqual(40);
  }
});

test('a name that is taken, by a camera or its small stream, gets a number', () => {
  const taken = new Set(['door', 'door_2_sub']);
  expect(freePathName(['Door'], (name) => taken.has(name))).toBe('door_3');
});

test('the name comes from the first usable text, else it is camera', () => {
  expect(freePathName([undefined, '門', 'Hall'], () => false)).toBe('hall');
  expect(freePathName(['門'], () => false)).toBe('camera');
});
