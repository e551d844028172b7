import { archiveFailure } from '../storage/failure.ts';

/** Work without an answer for this long is given up. Each call to a hung network disk blocks a pool thread until the disk answers. */
const STALL_MS = 60_000;

/** Number of hung pieces of work by folder. */
const hung = new Map<string, number>();

/** Progress of work at a disk. Once the work is given up, each of these methods throws. */
export interface Progress {
  /** Call this when the disk has answered. */
  answered(): void;
  /** Awaits work that does not use this disk. Its time does not count. */
  elsewhere<T>(work: Promise<T>): Promise<T>;
}

/**
 * Does work at the disk of a folder, and gives it up when the disk does not answer. The work ends when the disk answers; until then
 * no other work is begun there.
 * @throws PerchError `timeout`
 */
export async function unlessHung<T>(folder: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  if (hung.has(folder)) {
    throw silent(folder);
  }
  const givenUp = Promise.withResolvers<never>();
  let isHung = false;
  const late = (): void => {
    isHung = true;
    hung.set(folder, (hung.get(folder) ?? 0) + 1);
    givenUp.reject(silent(folder));
  };
  let timer = setTimeout(late, STALL_MS);
  const answered = (): void => {
    if (isHung) {
      throw silent(folder);
    }
    timer.refresh();
  };
  const elsewhere = async <V>(other: Promise<V>): Promise<V> => {
    clearTimeout(timer);
    try {
      return await other;
    } finally {
      timer = isHung ? timer : setTimeout(late, STALL_MS);
      answered();
    }
  };
  const done = work({ answered, elsewhere }).finally(() => {
    clearTimeout(timer);
    if (isHung) {
      const left = (hung.get(folder) ?? 1) - 1;
      left > 0 ? hung.set(folder, left) : hung.delete(folder);
    }
  });
  return Promise.race([done, givenUp.promise]);
}

const silent = (folder: string) => archiveFailure('timeout', `the disk of ${folder} does not answer`);
