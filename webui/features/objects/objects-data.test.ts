import { expect, test } from 'vitest';
import {
  choiceOf,
  costText,
  heightText,
  isBlind,
  keysOf,
  kindsText,
  secondsText,
  serverOf,
  settingsOf,
} from './objects-data.ts';
import { en } from './words/en.ts';
import { zhCn } from './words/zh-cn.ts';

test('the objects of a path are three switches, and are written in one order', () => {
  const config = { objects: ['animal', 'person'], objectsMinHeight: 0.1 } as const;
  expect(settingsOf(config)).toEqual({ person: true, vehicle: false, animal: true, minHeight: 0.1 });
  expect(settingsOf({})).toEqual({ person: false, vehicle: false, animal: false, minHeight: 0 });
  expect(keysOf({ vehicle: true }, config, true)).toEqual({ objects: ['person', 'vehicle', 'animal'] });
  expect(keysOf({ person: false, animal: false }, config, true)).toEqual({ objects: [] });
  expect(keysOf({ minHeight: 0 }, config, true)).toEqual({ objectsMinHeight: 0 });
  expect(keysOf({}, config, true)).toEqual({});
});

test('switched on at a camera that reports no motion, Perch finds the motion itself', () => {
  expect(choiceOf(['person'], {}, false)).toEqual({ objects: ['person'], motionSource: 'stream' });
  expect(choiceOf(['person'], { motionSource: 'both' }, false)).toEqual({ objects: ['person'] });
  expect(choiceOf(['person'], {}, true)).toEqual({ objects: ['person'] });
  expect(choiceOf(['person'], {}, undefined)).toEqual({ objects: ['person'] });
  expect(choiceOf([], {}, false)).toEqual({ objects: [] });
  expect(keysOf({ person: true }, {}, false)).toEqual({ objects: ['person'], motionSource: 'stream' });
  expect(keysOf({ minHeight: 0.1 }, {}, false)).toEqual({ objectsMinHeight: 0.1 });
  expect([isBlind({}, false), isBlind({ motionSource: 'stream' }, false), isBlind({}, true)]).toEqual([
    true,
    false,
    false,
  ]);
});

test('what is looked for is a list of words', () => {
  expect(kindsText({ objects: ['animal', 'person'] }, en, 'en')).toBe('People, Animals');
  expect(kindsText({ objects: ['vehicle'] }, zhCn, 'zh-CN')).toBe('车辆');
  expect([kindsText({}, en, 'en'), kindsText({ objects: [] }, zhCn, 'zh-CN')]).toEqual(['Off', '关闭']);
});

test('costs are named once they are measured', () => {
  expect(costText({ pictureMs: null, memoryMb: null }, en, 'en')).toBeUndefined();
  expect(costText({ pictureMs: 187, memoryMb: 219.4 }, en, 'en')).toBe(
    'Checking a picture takes 0.19 s on this box and 219 MB of memory.',
  );
  expect(costText({ pictureMs: 640, memoryMb: null }, en, 'en')).toBe('Checking a picture takes 0.64 s.');
  expect([secondsText(2_340, 'en'), secondsText(2_340, 'de')]).toEqual(['2.3', '2,3']);
});

test('a server that looks at the pictures is told from a model', () => {
  expect(serverOf({ model: 'http://10.0.0.9:32168' })).toBe('http://10.0.0.9:32168');
  expect([serverOf({ model: 'NanoDet' }), serverOf({ model: '' })]).toEqual([undefined, undefined]);
});

test('the minimum height is a share of the picture', () => {
  expect([heightText(0, en, 'en'), heightText(0.05, en, 'en')]).toEqual(['Any', '5% of the picture']);
});
