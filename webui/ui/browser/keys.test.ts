import { expect, test } from 'vitest';
import { orderStepOf, stepOf } from './keys.ts';

const press = (keys: string) => ({
  key: keys.split('+').at(-1) ?? '',
  altKey: keys.includes('Alt+'),
  ctrlKey: keys.includes('Ctrl+'),
  metaKey: keys.includes('Meta+'),
});

test.for([
  ['ArrowLeft', -1, undefined],
  ['Alt+ArrowLeft', undefined, undefined],
  ['Alt+ArrowRight', undefined, undefined],
  ['Meta+ArrowLeft', undefined, undefined],
  ['Alt+ArrowUp', undefined, -1],
  ['Alt+ArrowDown', undefined, 1],
  ['Ctrl+Alt+ArrowDown', undefined, undefined],
  ['ArrowDown', undefined, undefined],
] as const)('%s steps by %s and moves an item by %s: the browser keeps its shortcuts', ([keys, step, order]) => {
  expect([stepOf(press(keys), { ArrowLeft: -1 }), orderStepOf(press(keys))]).toEqual([step, order]);
});
