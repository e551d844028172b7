import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Progress, unlessHung } from './hung-disk.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
});

/** Work whose disk answers when the test says so. */
function workAt(folder: string) {
  const answer = Promise.withResolvers<void>();
  let progress: Progress | undefined;
  const done = unlessHung(folder, async (one) => {
    progress = one;
    await answer.promise;
    one.answered();
    return 'done';
  });
  return { done, answer: answer.resolve, progress: () => progress as Progress };
}

test('work whose disk answers within a minute each time is never given up', async () => {
  const { done, answer, progress } = workAt('/nas/a');
  for (let minute = 0; minute < 5; minute += 1) {
    vi.advanceTimersByTime(59_000);
    progress().answered();
  }
  answer();
  await expect(done).resolves.toBe('done');
  expect(vi.getTimerCount()).toBe(0);
});

test('work elsewhere does not count', async () => {
  const { done, answer, progress } = workAt('/nas/b');
  const paced = Promise.withResolvers<number>();
  const waiting = progress().elsewhere(paced.promise);
  vi.advanceTimersByTime(3_600_000);
  paced.resolve(7);
  await expect(waiting).resolves.toBe(7);
  answer();
  await expect(done).resolves.toBe('done');
});

test('a disk that hangs ends the work at its next step, and nothing else is begun there until then', async () => {
  const first = workAt('/nas/c');
  const second = workAt('/nas/c');
  vi.advanceTimersByTime(60_000);
  await expect(first.done).rejects.toMatchObject({ context: { why: 'timeout' } });
  await expect(second.done).rejects.toThrow('does not answer');
  const begun = vi.fn();
  const refused = () => unlessHung('/nas/c', begun);
  await expect(refused()).rejects.toThrow('does not answer');
  expect(() => first.progress().answered()).toThrow('does not answer');
  first.answer();
  await expect(refused()).rejects.toThrow('does not answer');
  expect(begun).not.toHaveBeenCalled();
  await expect(unlessHung('/nas/other', async () => 'works')).resolves.toBe('works');
  second.answer();
  for (let i = 0; i < 10; i += 1) {
    await Promise.resolve();
  }
  await expect(unlessHung('/nas/c', async () => 'again')).resolves.toBe('again');
});
