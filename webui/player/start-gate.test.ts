import { expect, test } from 'vitest';
import { StartGate } from './start-gate.ts';

test('two enter at once, the others in their order as places come free', async () => {
  const gate = new StartGate(2);
  const entered: number[] = [];
  const enter = async (number: number) => {
    const leave = await gate.enter();
    entered.push(number);
    return leave;
  };
  const first = enter(1);
  const second = enter(2);
  const third = enter(3);
  const fourth = enter(4);
  const leaveFirst = await first;
  await second;
  expect(entered).toEqual([1, 2]);

  leaveFirst();
  leaveFirst();
  await third;
  expect(entered).toEqual([1, 2, 3]);

  (await second)();
  await fourth;
  expect(entered).toEqual([1, 2, 3, 4]);
});
